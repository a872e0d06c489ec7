from dataclasses import replace

import numpy as np
import pytest
import torch

from mpc import LinearModel, MoveWeight, MPCProblem, ProblemError, Setpoint, solve_explicit
from plants import PlantError, clipped_pendulum, simulate
from yann import AsPrinted, Continuous, NetworkError, PerRegion, Shared, TrainableLaw, YannActor, verify

FORMS = (PerRegion(), Shared(), AsPrinted())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", [(), (256,)])
def test_a_new_actor_is_its_law(law, form, batch):
    generator = np.random.default_rng(0)
    centres = np.stack([region.centre for region in law.regions])
    points = centres[generator.integers(len(centres), size=batch)]
    actor = YannActor.from_law(law, residual=form)
    assert actor(points).shape == (*batch, law.m)
    lower, upper = law.input_bounds
    assert (np.abs(actor(points) - law(points)) <= 1e-13 * (upper - lower)).all()


def test_outside_it_uses_the_nearest_region_within_the_bounds_and_says_so(law, draw_points, shake):
    actor = shake(YannActor.from_law(law))
    points = draw_points(law, (2000,), 2.0)
    nearest, region, inside = law.nearest(points)
    given, chosen, valid = actor.evaluate(points)
    assert (~valid).any()
    assert np.array_equal(valid, inside)
    assert np.array_equal(chosen, region)
    lower, upper = law.input_bounds
    assert ((given >= lower) & (given <= upper)).all()
    fresh = YannActor.from_law(law)(points)
    assert (np.abs(fresh - nearest.clip(lower, upper)) <= 1e-12 * (upper - lower)).all()
    assert np.array_equal(actor(points), given)


@pytest.mark.parametrize("batch", [(), (7,), (2, 3)])
def test_evaluate_answers_in_kind(pendulum, batch):
    actor = YannActor.from_law(pendulum)
    for points, kind in ((np.zeros((*batch, 2)), np.ndarray), (torch.zeros(*batch, 2), torch.Tensor)):
        given, region, valid = actor.evaluate(points)
        assert all(isinstance(part, kind) for part in (given, region, valid))
        assert tuple(given.shape) == (*batch, 1)
        assert tuple(region.shape) == tuple(valid.shape) == batch


def test_training_leaves_the_law_alone(pendulum, draw_points):
    actor = YannActor.from_law(pendulum)
    frozen = {name: value.clone() for name, value in actor.named_buffers()}
    optimiser = torch.optim.Adam(actor.parameters(), lr=0.1)
    (actor(torch.tensor(draw_points(pendulum))) ** 2).mean().backward()
    optimiser.step()
    assert all(torch.equal(value, frozen[name]) for name, value in actor.named_buffers())
    assert {name.split(".")[0] for name, _ in actor.named_parameters()} == {"residual"}


def test_gradients_reach_the_state(law):
    actor = YannActor.from_law(law)
    inner = [i for i, r in enumerate(law.regions) if np.abs(r.gain).min() > 0]
    for index in inner:
        region = law.regions[index]
        point = torch.tensor(region.centre, requires_grad=True)
        for i in range(law.m):
            (gradient,) = torch.autograd.grad(actor(point)[i], point)
            assert np.allclose(gradient, region.gain[i], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("form", FORMS)
def test_a_stack_of_three_is_three_singles(law, draw_points, shake, form):
    points = draw_points(law, (3, 40), 1.2)
    singles = [shake(YannActor.from_law(law, residual=form).replicate([seed])) for seed in (4, 5, 6)]
    stack = YannActor.from_law(law, residual=form).replicate([4, 5, 6])
    with torch.no_grad():
        for parameter, *own in zip(stack.parameters(), *(s.parameters() for s in singles), strict=True):
            parameter.copy_(torch.cat(own))
    scale = law.input_bounds[1] - law.input_bounds[0]
    for i, single in enumerate(singles):
        assert (np.abs(stack(points)[i] - single(points[i])) <= 1e-12 * scale).all()
        assert np.array_equal(stack.member(i)(points[i]), single(points[i]))


@pytest.mark.parametrize("bound", [0.5, [0.5, 0.1]])
def test_a_bound_keeps_the_residual_small(laws, draw_points, shake, bound):
    law = laws["two inputs"]
    actor = shake(YannActor.from_law(law, bound=bound), 5.0)
    points = draw_points(law)
    clipped = law.nearest(points)[0].clip(*law.input_bounds)
    difference = np.abs(actor(points) - clipped)
    assert (difference <= np.asarray(bound) + 1e-12).all()
    assert difference.max() > 0.3
    states = torch.tensor(points)[None]
    region, _ = actor.selector(states)
    free, held = actor.residual(states, region), actor.addition(states, region)
    np.testing.assert_allclose(held.detach(), np.multiply(bound, np.tanh(free.detach().numpy() / bound)), rtol=1e-12)
    assert np.array_equal(YannActor.from_law(law, bound=bound)(points), YannActor.from_law(law)(points))


def test_hidden_is_short_for_a_residual_per_region(pendulum):
    short, full = YannActor.from_law(pendulum, hidden=4), YannActor.from_law(pendulum, residual=PerRegion(4))
    assert [p.shape for p in short.parameters()] == [p.shape for p in full.parameters()]


def test_printing_tells_the_sizes(pendulum):
    text = str(YannActor.from_law(pendulum).replicate(range(10)))
    assert "2 -> 1, regions=7, members=10, trainable=2128" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hidden": 8, "residual": Shared()}, "both `hidden` .8. and `residual` .Shared.* are given; pass one"),
        (
            {"residual": "shared"},
            r"`residual` is a str, but a Residual is needed; pass PerRegion\(\), Shared\(\) or AsPrinted\(\)",
        ),
        ({"residual": PerRegion}, r"`residual` is .*; pass PerRegion\(\)"),
        ({"hidden": -1}, "`hidden` is -1, but it must be at least 1"),
        ({"hidden": 5}, "`hidden` is 5, but 1 input needs a multiple of 2"),
        ({"bound": 0.0}, "`bound` is 0, but it must be positive"),
        ({"bound": [1.0, 1.0]}, r"`bound` has shape \(2,\), but the law has 1 input"),
        ({"bound": np.nan}, "`bound` is NaN"),
    ],
)
def test_wrong_settings_are_named(pendulum, arguments, words):
    with pytest.raises(NetworkError, match=words):
        YannActor.from_law(pendulum, **arguments)


def test_laws_that_no_network_can_be_are_named(pendulum, problems):
    with pytest.raises(NetworkError, match="`law` is MPCProblem; pass the PiecewiseAffineLaw"):
        YannActor.from_law(problems["pendulum"](1.0))
    with pytest.raises(NetworkError, match="`law` has no input bounds; give the problem finite `input_bounds`"):
        YannActor.from_law(replace(pendulum, input_bounds=None))
    endless = (np.array([-np.inf]), np.array([2.0]))
    with pytest.raises(NetworkError, match="`law` bounds the input torque by -inf and 2"):
        YannActor.from_law(replace(pendulum, input_bounds=endless))
    broken = replace(pendulum.regions[1], gain=np.full((1, 2), np.nan))
    with pytest.raises(ProblemError, match="array `gain` holds NaN"):
        YannActor.from_law(replace(pendulum, regions=(pendulum.regions[0], broken)))


def test_states_that_are_none_are_named(pendulum):
    actor = YannActor.from_law(pendulum)
    for call in (actor, actor.evaluate):
        with pytest.raises(NetworkError, match=r"`state` is NaN at \[1, 0\]"):
            call([[0.0, 0.0], [np.nan, 0.0]])
        with pytest.raises(NetworkError, match=r"`state` has shape \(3,\), but its last axis must be 2 long"):
            call(np.zeros(3))


@pytest.mark.parametrize("residual", [PerRegion(10**6), Shared(10**6), AsPrinted(10**6)])
def test_widths_beyond_any_memory_are_refused(pendulum, residual):
    with pytest.raises(NetworkError, match=r"`hidden` makes a layer [\d,]+ wide .* need [\d,]+ bytes, but the limit"):
        YannActor.from_law(pendulum, residual=residual)


@pytest.mark.parametrize("changes", [{"costs": (MoveWeight(0.1),)}, {"parameters": (Setpoint(-0.1, 0.1),)}])
def test_a_law_of_more_than_the_states_is_an_actor_too(changes):
    motion = [[1.02, 0.05], [0.75, 1.02]], [0.004, 0.15]
    model = LinearModel(*motion, sample_time=0.05, C=[[1, 0]], state_names=("angle", "rate"), input_names=("torque",))
    law = solve_explicit(MPCProblem(model, np.diag([1, 0.1]), 0.001, 2, ([-2, -8], [2, 8]), (-2, 2), **changes))
    actor = YannActor.from_law(law)
    assert (law.t, actor.t) == (3, 3)
    assert verify(actor, law).passed
    for controller in (law, actor):
        with pytest.raises(PlantError, match=r"takes 3 numbers, but the plant .* has 2 states: .*MPCController"):
            simulate(clipped_pendulum(), controller, [[0.1, 0.0]], steps=1)


@pytest.mark.parametrize("residual", [PerRegion(8), AsPrinted(8), Continuous(TrainableLaw())])
def test_the_largest_numbers_get_an_input_too(residual, shake):
    model = LinearModel(A=[[1, 0.1], [0, 1]], B=[[0.005], [0.1]], sample_time=0.1)
    box = ([-0.1, -0.1], [0.1, 0.1])
    law = solve_explicit(MPCProblem(model, np.eye(2), 0.1, 2, state_bounds=box, input_bounds=(-1, 1)))
    actor = YannActor.from_law(law, residual=residual)
    states = np.stack(np.meshgrid(*[[-1.7e308, -1e308, 0.0, 1e308, 1.7e308]] * 2), axis=-1)
    for inputs, _, valid in (actor.evaluate(states), shake(actor).evaluate(states)):
        assert (np.abs(inputs) <= 1).all()
        assert valid.sum() == 1
