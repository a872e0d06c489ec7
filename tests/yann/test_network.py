from dataclasses import replace

import numpy as np
import pytest
import torch

from mpc import LinearModel, MPCProblem, OutsideDomain, solve_explicit
from yann import AsPrinted, NetworkError, PerRegion, Shared, TrainableLaw, YannActor, compile_actor, compile_law
from yann.dense import dense_layers


def inside(law, points):
    return np.asarray(law.locate(points).margin) >= 0


def test_the_layers_are_the_law_and_exactly_one_region_is_active(law, draw_points):
    network = compile_law(law)
    points = draw_points(law, (2000,))
    points = points[inside(law, points)]
    spread = law.input_bounds[1] - law.input_bounds[0]
    assert (np.abs(network(points) - law(points)) <= 1e-12 * spread).all()
    active = network.active(torch.tensor(points)[None])
    assert (active.sum(-1) == 1).all()
    assert np.array_equal(active[0].argmax(-1), law.locate(points).region)


@pytest.mark.paper
def test_big_m_comes_from_the_data(reactor, draw_points):
    """The reactor's inactive pieces reach 3,352 where the authors' network has M = 500."""
    big_m = dense_layers(reactor).big_m
    corners = np.stack(np.meshgrid(*zip(*reactor.parameter_bounds, strict=True)), -1).reshape(-1, 4)
    pieces = corners @ reactor.gains[:, 0].T + reactor.offsets[:, 0]
    assert np.isclose(np.abs(pieces).max(), 3352, atol=1)
    signed = np.stack([pieces.max(0), (-pieces).max(0)], axis=1).ravel()
    assert (big_m >= np.maximum(signed, 0)).all()
    assert big_m.max() <= 1.02 * 3352
    network = compile_law(reactor)
    hidden = network.laws(torch.tensor(draw_points(reactor)))
    leak = torch.relu(network.suppression(torch.cat([torch.zeros(len(hidden), 7).double(), hidden], -1)))
    assert not leak.any()


@pytest.mark.paper
@pytest.mark.parametrize(
    ("name", "hidden", "weights"), [("pendulum", 16, (15188, 12880)), ("reactor", 8, (5320, 3416))]
)
def test_it_has_the_papers_number_of_weights(laws, name, hidden, weights):
    actor = YannActor.from_law(laws[name], residual=AsPrinted(hidden))
    assert compile_actor(actor, laws[name]).weights == weights
    assert compile_law(laws[name]).weights == (weights[0] - weights[1] - 14 * 7 * hidden, 0)


@pytest.mark.parametrize("form", [AsPrinted(), PerRegion()])
def test_a_trained_actor_has_a_dense_twin(law, draw_points, shake, form):
    actor = shake(YannActor.from_law(law, residual=form).replicate([1, 2]))
    network = compile_actor(actor, law)
    points = draw_points(law, (2, 500))
    mine, _, valid = actor.evaluate(points)
    dense, _, flag = network.evaluate(points)
    spread = law.input_bounds[1] - law.input_bounds[0]
    assert np.array_equal(valid, flag)
    assert (np.abs(mine - dense)[valid] <= 1e-12 * spread).all()
    assert np.abs(mine - YannActor.from_law(law)(points)).max() > 1e-3


def test_outside_it_raises_when_called_and_flags_when_evaluated(law):
    network = compile_law(law)
    point = law.centre + 1.5 * law.half_width
    given, region, valid = network.evaluate(np.stack([law.regions[0].centre, point]))
    assert valid.tolist() == [True, False]
    assert region.tolist() == [0, -1]
    assert ((given >= law.input_bounds[0]) & (given <= law.input_bounds[1])).all()
    with pytest.raises(OutsideDomain, match=r"at \[1\] is in no region: the nearest is .* half widths away") as caught:
        network(np.stack([law.regions[0].centre, point]))
    assert np.array_equal(caught.value.theta, point)
    assert np.isclose(caught.value.distance, -law.locate(point).margin, rtol=1e-12)
    with pytest.raises(OutsideDomain, match=r"\) is in no region"):
        network(torch.tensor(point, requires_grad=True))


@pytest.mark.parametrize("size", [1e9, 1e308])
def test_far_outside_the_layers_make_nothing_moved_into_the_bounds(law, size):
    sign = np.array([1.0, -1.0])[:, None]
    given, region, valid = compile_law(law).evaluate(sign * np.full(law.t, size))
    assert np.array_equal(given, np.broadcast_to(np.clip(0.0, *law.input_bounds), given.shape))
    assert region.tolist() == [-1, -1]
    assert not valid.any()


def test_points_of_any_layout_are_named_outside(pendulum):
    with pytest.raises(OutsideDomain, match=r"theta \(16, 4\) at \[0\]"):
        compile_law(pendulum)(np.array([[0.0, 0.0], [4.0, 16.0]])[::-1, ::-1].astype(">f8"))


def test_without_a_tolerance_facets_have_cracks(pendulum):
    """Why the step layer has one: in float64 some points on facets lie outside both of their regions."""
    network = compile_law(pendulum)
    corners = np.concatenate([region.centre + 0 * region.A[:1] for region in pendulum.regions])
    ends = np.random.default_rng(0).uniform(-1, 1, (4000, 2)) * pendulum.half_width
    on = []
    for region in pendulum.regions:
        step = (region.b - region.A @ region.centre) / np.maximum((ends - region.centre) @ region.A.T, 1e-300)
        on.append(region.centre + step.min(-1, keepdims=True) * (ends - region.centre))
    points = np.concatenate([*on, corners])
    points = points[(np.abs(points) < pendulum.half_width * (1 - 1e-9)).all(-1)]
    points = points[np.asarray(pendulum.locate(points * (1 + 1e-6)).margin) >= -1e-12]
    assert network.evaluate(points)[2].all()
    network.step.bias -= network.tolerance
    assert not network.evaluate(points)[2].all()


def test_laws_too_steep_for_float64_are_refused(pendulum):
    regions = tuple(replace(r, gain=1e9 * r.gain, offset=1e9 * r.offset) for r in pendulum.regions)
    with pytest.raises(NetworkError, match=r"need M = .* against an input range of 4: .* use YannActor"):
        compile_law(replace(pendulum, regions=regions))
    assert YannActor.from_law(replace(pendulum, regions=regions)).trainable == 2128


def test_huge_gains_are_exact(draw_points):
    model = LinearModel(A=[[1.0, 1.0], [0.0, 1.0]], B=[[0.0], [1.0]], sample_time=1.0)
    law = solve_explicit(
        MPCProblem(model, 1e6 * np.eye(2), 1e-6, 2, input_bounds=(-1, 1), parameter_bounds=([-1e3] * 2, [1e3] * 2))
    )
    assert dense_layers(law).big_m.max() > 1e3
    points = draw_points(law)
    assert (np.abs(compile_law(law)(points) - law(points)) <= 1e-9).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"residual": Shared()}, "has a SharedResidual; only an unbounded PerRegion, AsPrinted or TrainableLaw"),
        ({"bound": 1.0}, "has a PerRegionResidual with a bound; only an unbounded"),
    ],
)
def test_actors_without_a_dense_form_are_named(pendulum, arguments, words):
    with pytest.raises(NetworkError, match=words):
        compile_actor(YannActor.from_law(pendulum, **arguments), pendulum)


@pytest.mark.parametrize("form", [TrainableLaw(), TrainableLaw(PerRegion(8))])
def test_trained_laws_have_five_layers(law, shake, draw_points, form):
    actor = shake(YannActor.from_law(law, residual=form), 0.05)
    network = compile_actor(actor, law)
    points = draw_points(law, (2000,))
    points = points[np.asarray(law.locate(points).margin) > 1e-9]
    spread = law.input_bounds[1] - law.input_bounds[0]
    assert (np.abs(network(points) - actor(points)) <= 1e-9 * spread).all()
    assert np.abs(network(points) - law(points)).max() > 1e-3 * spread.min()


def test_stacks_of_trained_laws_are_refused(pendulum):
    stack = YannActor.from_law(pendulum, residual=TrainableLaw()).replicate([0, 1])
    with pytest.raises(NetworkError, match=r"stack of 2 trained laws, but five layers hold one; take .member\(i\)"):
        compile_actor(stack, pendulum)


def test_an_actor_of_another_law_is_named(pendulum, reactor):
    with pytest.raises(NetworkError, match="was built from another law"):
        compile_actor(YannActor.from_law(pendulum), reactor)
    moved = (replace(r, offset=r.offset + 0.1, solution_offset=r.solution_offset + 0.1) for r in pendulum.regions)
    elsewhere = replace(pendulum, regions=tuple(moved))
    assert np.array_equal(elsewhere.gains, pendulum.gains)
    with pytest.raises(NetworkError, match=f"another law .{pendulum.digest[:12]}. than `law` .{elsewhere.digest[:12]}"):
        compile_actor(YannActor.from_law(pendulum).replicate([1]), elsewhere)
    with pytest.raises(NetworkError, match="`law` is YannActor"):
        compile_law(YannActor.from_law(pendulum))


def test_printing_shows_the_layers(pendulum):
    text = str(compile_law(pendulum))
    for line in (
        "(step): FrozenLinear(2 -> 32, bias=True)",
        "(priority): FrozenLinear(7 -> 7, bias=False)",
        "weights=740",
    ):
        assert line in text
