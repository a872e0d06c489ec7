"""Residuals per first move, of a trainable law, and continuous ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.merge import first_moves
from yann import Continuous, NetworkError, PerMove, PerRegion, Shared, TrainableLaw, YannActor, compile_actor, verify
from yann.probes import probe

FORMS = (PerMove(8), TrainableLaw(), TrainableLaw(PerRegion(8)), Continuous(PerMove(8)), Continuous(Shared(8), 1.0))


def at_centres(law, actor):
    """Residual (p, m) of every region at its own centre."""
    return residual(actor, np.stack([region.centre for region in law.regions]), np.arange(len(law.regions)))


def residual(actor, points, region):
    with torch.no_grad():
        return actor.residual(torch.tensor(points)[None], torch.as_tensor(region)[None])[0].numpy()


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_new_actor_is_its_law_and_learns(law, form, draw_points, shake):
    actor = YannActor.from_law(law, residual=form)
    assert not at_centres(law, actor).any()
    assert verify(actor, law, points=50).passed
    points = torch.tensor(draw_points(law))[None]
    actor.rows(points).sum().backward()
    assert max(float(p.grad.abs().max()) for p in actor.parameters()) > 0
    assert at_centres(law, shake(actor)).any(axis=1).all()


@pytest.mark.parametrize("form", [PerRegion(8), *FORMS[:4]], ids=repr)
def test_training_touches_the_weights_of_visited_regions_alone(pendulum, form, shake):
    """Here two regions of different moves; a step of Adam on them leaves the rest of the law to the last bit."""
    actor = shake(YannActor.from_law(pendulum, residual=form))
    move, _ = first_moves(pendulum)
    visited = np.array([0, int(np.flatnonzero(move != move[0])[0])])
    untouched = ~np.isin(move, move[visited])
    assert untouched.any()
    before = at_centres(pendulum, actor)
    optimiser = torch.optim.Adam(actor.parameters(), lr=0.1)
    points = np.stack([pendulum.regions[i].centre for i in visited])
    for _ in range(3):
        optimiser.zero_grad()
        actor.unclipped(torch.tensor(points)[None], torch.tensor(visited)[None]).sum().backward()
        optimiser.step()
    after = at_centres(pendulum, actor)
    assert (after[visited] != before[visited]).any(axis=1).all()
    assert np.array_equal(after[untouched], before[untouched])


def test_regions_of_one_move_share_a_network(laws, shake):
    law = laws["reactor"]
    actor = shake(YannActor.from_law(law, residual=PerMove(8)))
    move, count = first_moves(law)
    assert count < len(law.regions)
    assert actor.trainable == count * (8 * (law.t + 1) + 8 * 8)
    point = np.tile(law.regions[0].centre, (len(law.regions), 1))
    values = residual(actor, point, np.arange(len(law.regions)))
    for one in range(count):
        assert (values[move == one] == values[move == one][0]).all()
    assert len(np.unique(values, axis=0)) == count


def test_a_changed_law_is_affine_with_the_pieces_that_it_says(law, shake):
    actor = shake(YannActor.from_law(law, residual=TrainableLaw()), 0.05)
    gain, offset = (part.detach().numpy()[0] for part in actor.residual.pieces())
    centres = np.stack([region.centre for region in law.regions])
    wanted = np.einsum("pmt,pt->pm", gain, centres) + offset
    scale = np.abs(gain).max() * np.abs(centres).max() + np.abs(offset).max()
    np.testing.assert_allclose(at_centres(law, actor), wanted, rtol=0, atol=1e-14 * scale)
    assert actor.trainable == law.gains.size + law.offsets.size


def test_what_is_beside_the_changed_law_is_added(pendulum, shake):
    actor = shake(YannActor.from_law(pendulum, residual=TrainableLaw(PerRegion(8))))
    rows, region = torch.tensor(pendulum.regions[2].centre)[None, None], torch.tensor([[2]])
    both, beside = actor.residual(rows, region), actor.residual.beside(rows, region)
    actor.residual.beside = None
    alone = actor.residual(rows, region)
    assert beside.any()
    assert alone.any()
    assert torch.equal(both, alone + beside)


def jumps(law, actor):
    """Largest difference, in input ranges, of the inputs that regions give at facet points which both hold."""
    points = np.concatenate([probe(law, 10, np.random.default_rng(0)).points[kind] for kind in ("facet", "vertex")])
    A, b, owner = law.halfspaces
    starts = np.searchsorted(owner, np.arange(len(law.regions)))
    violation = np.maximum.reduceat(points @ A.T - b, starts, axis=1)
    place, region = np.nonzero(violation <= TOLERANCE)
    with torch.no_grad():
        given = actor.unclipped(torch.tensor(points[place])[None], torch.tensor(region)[None])[0].numpy()
    given = given / (actor.upper - actor.lower).numpy()
    first = np.searchsorted(place, np.arange(len(points)))
    return (np.maximum.reduceat(given, first) - np.minimum.reduceat(given, first)).max()


@pytest.mark.parametrize("form", [PerRegion(8), PerMove(8), Shared(8), TrainableLaw()], ids=repr)
def test_a_continuous_residual_does_not_jump_at_any_facet(law, form, shake):
    assert jumps(law, shake(YannActor.from_law(law, residual=Continuous(form)))) <= 1e-9
    assert jumps(law, shake(YannActor.from_law(law, residual=form))) > 1e-3


def test_a_bound_keeps_it_continuous(pendulum, shake):
    assert jumps(pendulum, shake(YannActor.from_law(pendulum, residual=Continuous(PerRegion(8)), bound=0.1))) <= 1e-9


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_the_factor_is_one_deep_inside_and_zero_beyond_the_border(law, share):
    actor = YannActor.from_law(law, residual=Continuous(PerRegion(8), share))
    p = len(law.regions)
    centres = torch.tensor(np.stack([region.centre for region in law.regions]))[None]
    np.testing.assert_allclose(actor.residual.factor(centres, torch.arange(p)[None]), 1.0, atol=1e-9)
    for other in range(1, p):
        assert not actor.residual.factor(centres, (torch.arange(p) + other)[None] % p).any()


def test_at_the_end_of_the_parameter_box_it_does_not_fade(laws, draw_points):
    """The domain of this law is its whole box."""
    law = laws["two inputs"]
    actor = YannActor.from_law(law, residual=Continuous(PerRegion(8)))
    points = draw_points(law)
    points[:, 0] = law.parameter_bounds[1][0]
    rows = torch.tensor(points)[None]
    region, _ = actor.selector(rows)
    assert (actor.residual.factor(rows, region) > 0).double().mean() > 0.95
    assert (actor.residual.factor(rows, region) == 1).double().mean() > 0.3


@pytest.mark.parametrize("form", [FORMS[2], FORMS[3]], ids=repr)
def test_stacks_and_members_of_them_are_alike(laws, form, shake, draw_points):
    law = laws["two inputs"]
    stack = shake(YannActor.from_law(law, residual=form).replicate([1, 2]))
    points = draw_points(law, (2, 30))
    for i in range(2):
        np.testing.assert_allclose(stack(points)[i], stack.member(i)(points[i]), rtol=0, atol=1e-12)
    assert not np.array_equal(stack.member(0)(points[0]), stack.member(1)(points[0]))


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_they_come_back_from_files(pendulum, form, shake, draw_points, tmp_path):
    actor = shake(YannActor.from_law(pendulum, residual=form))
    actor.save(tmp_path / "actor.npz")
    points = draw_points(pendulum)
    assert np.array_equal(YannActor.load(tmp_path / "actor.npz")(points), actor(points))


def test_forms_without_five_layers_say_so(pendulum):
    for form in (PerMove(8), Shared(8), Continuous(TrainableLaw()), TrainableLaw(PerMove(8))):
        with pytest.raises(
            NetworkError, match="only an unbounded PerRegion, AsPrinted or TrainableLaw has the five-layer"
        ):
            compile_actor(YannActor.from_law(pendulum, residual=form), pendulum)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Continuous("all"), r"`form` is a str, but a Residual is needed; pass a form such as PerRegion\(\)"),
        (lambda: Continuous(PerRegion(), 1.5), r"`share` is 1.5, but it must be at most 1; pass a number in \(0, 1\]"),
        (lambda: Continuous(PerRegion(), 0.0), "`share` is 0, but it must be positive"),
        (lambda: TrainableLaw(8), r"`beside` is a int, but a Residual is needed; pass a form such as PerRegion\(\)"),
        (lambda: PerMove(0), "`hidden` is 0, but it must be at least 1"),
    ],
)
def test_wrong_settings_are_named(make, words):
    with pytest.raises(NetworkError, match=words):
        make()


def test_widths_that_do_not_fit_are_named(pendulum):
    for form in (PerMove(5), Continuous(PerRegion(5)), TrainableLaw(PerRegion(5))):
        with pytest.raises(NetworkError, match=r"`hidden` is 5, but 1 input needs a multiple of 2.*; pass 4"):
            YannActor.from_law(pendulum, residual=form)


def test_forms_are_frozen():
    assert replace(Continuous(PerRegion(8)), share=0.25) == Continuous(PerRegion(8), 0.25)
