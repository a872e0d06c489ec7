"""What training changed: counted again by hand, region by region."""

import json

import numpy as np
import pytest
import torch

from yann import NetworkError, PerRegion, YannActor, YannCritic, changes


@pytest.fixture(scope="module")
def trained(pendulum):
    """An actor whose residual has changed in regions 0 and 3 alone."""
    actor = YannActor.from_law(pendulum, residual=PerRegion(4))
    generator = torch.Generator().manual_seed(3)
    for parameter in actor.parameters():
        parameter.data[:, [0, 3]] += 0.3 * torch.randn(parameter[:, [0, 3]].shape, generator=generator)
    return actor


def test_counts_and_changes_are_those_seen_by_hand(pendulum, trained, draw_points):
    before, states = YannActor.from_law(pendulum), draw_points(pendulum, (30, 20), 1.2)
    found = changes(before, trained, states)
    points = states.reshape(-1, 2)
    moved, place = trained(points) - before(points), pendulum.locate(points)
    assert found.visits == len(points) == sum(np.bincount(place.region))
    assert [one.visits for one in found.regions] == sorted((one.visits for one in found.regions), reverse=True)
    for one in found.regions:
        here = place.region == one.region
        assert one.visits == here.sum()
        assert one.outside == (here & (place.margin < -1e-8)).sum()
        assert one.mean == pytest.approx(moved[here].mean(axis=0))
        assert np.abs(one.largest) == pytest.approx(np.abs(moved[here]).max(axis=0))
        assert one.largest[0] in moved[here]
        assert np.any(one.largest) == (one.region in (0, 3))
        assert one.active == pendulum.regions[one.region].active
    assert found.cost is None
    assert all(one.cost is None for one in found.regions)


def test_a_critic_prices_the_change(pendulum, problems, trained, draw_points):
    before, states = YannActor.from_law(pendulum), draw_points(pendulum, (200,))
    critic = YannCritic.from_problem(problems["pendulum"](1.0))
    found = changes(before, trained, states, cost=critic)
    dearer = critic(states, trained(states)) - critic(states, before(states))
    assert found.cost == pytest.approx(dearer.mean())
    region = pendulum.locate(states).region
    assert all(one.cost == pytest.approx(dearer[region == one.region].mean()) for one in found.regions)
    assert f"; cost {found.cost:+.4g} a state" in str(found)


def test_regions_without_a_visit_are_looked_at_too(pendulum, trained):
    before, centres = YannActor.from_law(pendulum), np.stack([region.centre for region in pendulum.regions])
    one = changes(before, trained, centres[1])
    moved = trained(centres) - before(centres)
    assert [r.region for r in one.regions] == [1]
    assert one.elsewhere == pytest.approx(moved[np.abs(moved).argmax()])
    assert "not visited: 6 regions, at their centres at most torque " in str(one)
    assert str(one).startswith("1 state in 1 of 7 regions\nregion 1 (")
    assert ": 1 visit; torque " in str(one)
    six = changes(before, trained, np.delete(centres, 2, axis=0))
    assert "not visited: 1 region, at their centres" in str(six)
    every = changes(before, trained, centres)
    assert every.elsewhere.tolist() == [0.0]
    assert "not visited" not in str(every)


def test_text_and_dict(pendulum, trained, draw_points):
    found = changes(YannActor.from_law(pendulum), trained, draw_points(pendulum, (50,), 1.3))
    first = found.regions[0]
    assert str(found).startswith(f"50 states in {len(found.regions)} of 7 regions\nregion {first.region} (")
    assert f": {first.visits} visits, {first.outside} outside the domain; torque " in str(found)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["regions"][0]["visits"] == first.visits
    assert plain["regions"][0]["largest"] == {"torque": first.largest[0]}
    assert plain["units"] == {"torque": ""}


def test_members_of_stacks(pendulum, shake, draw_points):
    single, states = YannActor.from_law(pendulum), draw_points(pendulum, (40,))
    stack = shake(single.replicate([1, 2]))
    wanted = str(changes(single, stack.member(1), states))
    assert str(changes(single, stack, states, member=1)) == wanted
    assert str(changes(single.replicate([1, 2]), stack, states, member=1)) == wanted
    with pytest.raises(NetworkError, match="`after` is a stack of 2; say which one"):
        changes(single, stack, states)


def test_what_does_not_fit_is_named(pendulum, reactor):
    one, other = YannActor.from_law(pendulum), YannActor.from_law(reactor)
    with pytest.raises(
        NetworkError, match=r"`before` was born of the law .*, `after` of .*; pass two actors of one law"
    ):
        changes(one, other, [[0.0, 0.0]])
    with pytest.raises(NetworkError, match="`before` is a PiecewiseAffineLaw, but a YannActor is needed"):
        changes(pendulum, one, [[0.0, 0.0]])
    with pytest.raises(NetworkError, match=r"`states` has shape \(1, 3\), but \(..., 2\) with at least 1 state"):
        changes(one, one, [[0.0, 0.0, 0.0]])
    with pytest.raises(NetworkError, match="with at least 1 state is needed"):
        changes(one, one, np.zeros((0, 2)))
    with pytest.raises(NetworkError, match="`states` is NaN"):
        changes(one, one, [[np.nan, 0.0]])
    with pytest.raises(NetworkError, match=r"`cost\(states, inputs\)` has shape"):
        changes(one, one, [[0.0, 0.0]], cost=lambda x, u: np.zeros(3))
    with pytest.raises(NetworkError, match=r"`cost\(states, inputs\)` is NaN"):
        changes(one, one, [[0.0, 0.0]], cost=lambda x, u: np.full(1, np.nan))


def test_a_cost_that_cannot_be_called_is_refused(pendulum):
    actor = YannActor.from_law(pendulum)
    with pytest.raises(NetworkError, match="`cost` is a int; pass a critic or a function"):
        changes(actor, actor, [[0.0, 0.0]], cost=5)  # type: ignore[arg-type]
