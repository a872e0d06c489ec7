"""Explanations of trained actors: against the actor itself, its law, and differences of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mpc import OutsideDomain
from yann import AsPrinted, Continuous, NetworkError, PerMove, PerRegion, Shared, TrainableLaw, YannActor

FORMS = (PerRegion(8), Shared(8), AsPrinted(8), PerMove(8), Continuous(TrainableLaw(), share=0.25))


def differences(actor, theta, step):
    """The actor's slope (m, t) by central differences, one parameter at a time."""
    moves = np.diag(step)
    return np.stack([(actor(theta + h) - actor(theta - h)) / (2 * s) for h, s in zip(moves, step, strict=True)], axis=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [None, 0.1])
def test_it_says_what_the_actor_does(law, form, share, shake):
    bound = None if share is None else share * (law.input_bounds[1] - law.input_bounds[0])
    actor = shake(YannActor.from_law(law, residual=form, bound=bound), 0.1)
    for index, region in enumerate(law.regions):
        said = actor.explain(region.centre)
        learned, chosen, valid = actor.evaluate(region.centre)
        assert (said.region, said.inside, said.active) == (index, True, region.active)
        assert (int(chosen), bool(valid)) == (index, True)
        assert np.array_equal(said.learned, learned)
        assert said.nominal == pytest.approx(law(region.centre), rel=1e-12, abs=1e-12)
        assert said.margin == pytest.approx(law.locate(region.centre).margin)
        inner = np.array([side == 0 for side in said.held])
        assert (said.residual + said.nominal)[inner] == pytest.approx(said.learned[inner], abs=1e-9)
        if bound is not None:
            assert (np.abs(said.residual) <= said.bound + 1e-12).all()


@pytest.mark.parametrize("form", FORMS)
def test_slopes_are_those_of_the_actor_and_the_law(law, form, shake):
    actor = shake(YannActor.from_law(law, residual=form, bound=law.input_bounds[1] - law.input_bounds[0]), 0.1)
    for region in law.regions:
        if region.radius < 1e-3:
            continue
        said = actor.explain(region.centre)
        step = 1e-3 * region.radius * law.half_width
        scale = (law.input_bounds[1] - law.input_bounds[0])[:, None]
        seen = differences(actor, region.centre, step)
        assert (np.abs(seen - said.slope) * law.half_width <= 1e-4 * scale).all()
        assert np.array_equal(said.gain, region.gain)


def test_a_newborn_is_its_law(pendulum):
    said = YannActor.from_law(pendulum).explain([0.02, 0.1])
    assert np.array_equal(said.residual, [0.0])
    assert np.array_equal(said.slope, said.gain)
    assert said.bound is None
    assert said.held == (0,)


def test_held_inputs_and_points_outside_say_so(pendulum):
    actor = YannActor.from_law(pendulum, residual=Shared(4), bound=1.5)
    for name, parameter in actor.named_parameters():
        parameter.data.fill_(9.0 if name == "residual.bias" else 0.0)
    said = actor.explain([-0.4, 0.0])
    assert said.held == (1,)
    assert said.residual == pytest.approx([1.5], abs=1e-6)
    assert said.slope.tolist() == [[0.0, 0.0]]
    assert said.learned.tolist() == [2.0]
    assert "held at its upper limit 2" in str(said)
    outside = actor.explain([3.0, 9.0])
    nearest = pendulum.locate([3.0, 9.0])
    assert not outside.inside
    assert (outside.region, outside.margin) == (nearest.region, pytest.approx(nearest.margin))
    assert f"outside the domain; nearest is region {nearest.region}, {-nearest.margin:.3g} half widths" in str(outside)
    assert outside.to_dict()["inside"] is False


def test_text_and_dict_have_names_units_and_limits(problems, laws, shake):
    actor = shake(YannActor.from_law(laws["pendulum"], bound=0.25))
    said = actor.explain([0.4, 0.0])
    text = str(said)
    for words in ("at angle = 0.4, rate = 0", "region 6, 0.08", "active: torque at its lower limit", "torque = "):
        assert words in text
    assert "(law -2, learned " in text
    assert "of at most 0.25 (" in text
    assert "slope: per angle " in text
    plain = json.loads(json.dumps(said.to_dict(), allow_nan=False))
    assert plain["theta"] == {"angle": 0.4, "rate": 0.0}
    assert plain["inputs"]["torque"]["learned"] == said.learned[0]
    assert plain["inputs"]["torque"]["law_slope"] == {"angle": 0.0, "rate": 0.0}
    assert plain["active"] == list(laws["pendulum"].explain([0.4, 0.0]).active)


def test_a_member_of_a_stack_and_a_loaded_one(pendulum, shake, tmp_path):
    stack = shake(YannActor.from_law(pendulum).replicate([0, 1, 2]))
    stack.save(tmp_path / "actor.npz")
    for source in (stack, YannActor.load(tmp_path / "actor.npz")):
        assert str(source.explain([0.1, 0.2], member=2)) == str(stack.member(2).explain([0.1, 0.2]))
    with pytest.raises(NetworkError, match="`actor` is a stack of 3; say which one, as in member=0"):
        stack.explain([0.1, 0.2])
    with pytest.raises(NetworkError, match="`index` is 3, but the stack has 3 members"):
        stack.explain([0.1, 0.2], member=3)


@pytest.mark.parametrize(
    ("state", "words"),
    [([0.1], "`state` has shape"), ([[0.1, 0.2]], "`state` has shape"), ([np.nan, 0.0], "`state` is NaN")],
)
def test_states_that_are_none_are_named(pendulum, state, words):
    with pytest.raises(NetworkError, match=words):
        YannActor.from_law(pendulum).explain(state)


def test_a_border_is_0_half_widths_away(pendulum):
    explanation = replace(YannActor.from_law(pendulum).explain([0.0, 0.0]), margin=-0.0)
    assert explanation.place == "region 0, 0 half widths from its border"


def test_minus_zero_is_zero_in_words(pendulum):
    actor, state = YannActor.from_law(pendulum), [-0.0, 0.1]
    assert str(actor.explain(state)).startswith("at angle = 0, rate = 0.1\n")
    assert str(pendulum.explain(state)).startswith("at angle = 0, rate = 0.1\n")
    with pytest.raises(OutsideDomain, match=r"theta \(angle = 0, rate = 9\)"):
        pendulum([-0.0, 9.0])
