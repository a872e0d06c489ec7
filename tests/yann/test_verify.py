from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import QhullError

from mpc import LinearModel, MPCProblem, solve_explicit
from yann import AsPrinted, NetworkError, PerRegion, Shared, YannActor, compile_law, verify
from yann import probes as probes_module
from yann.probes import HAIRS, probe

KINDS = ["random", "interior", "facet", "side", "vertex", "outside"]


@st.composite
def problems(draw) -> MPCProblem:
    """Small problems of any kind: stable or not, one to three states, one or two inputs, uneven bounds and units."""
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    unit = 10.0 ** generator.uniform(-2, 2, n)
    A = unit[:, None] * generator.uniform(-0.8, 0.8, (n, n)) / unit
    B = unit[:, None] * generator.normal(size=(n, m))
    point, steady = unit * generator.normal(size=n), generator.normal(size=m)
    model = LinearModel(A, B, 1.0, state=point, input=steady)
    half, low, high = unit * generator.uniform(2, 8, n), generator.uniform(0.2, 2, m), generator.uniform(0.2, 2, m)
    return MPCProblem(
        model,
        np.diag(1 / unit**2),
        np.eye(m) * 10.0 ** generator.uniform(-3, 0),
        draw(st.integers(1, 2)),
        input_bounds=(steady - low, steady + high),
        parameter_bounds=(point - half, point + half),
    )


@pytest.mark.parametrize("form", [PerRegion(), Shared(), AsPrinted()])
def test_new_actors_are_exact(law, form):
    found = verify(YannActor.from_law(law, residual=form), law, points=1000)
    assert found.passed, str(found)
    assert found.max_error <= 1e-11  # a vertex is known to about 1e-13, and the law is up to 24 input ranges steep
    assert found.facets == found.half_spaces == len(law.halfspaces[1])
    assert list(found.counts) == KINDS
    assert found.counts["random"] == found.counts["outside"] == 1000
    assert found.counts["vertex"] >= len(law.regions) * (law.t + 1)


def test_the_dense_form_is_exact(law):
    network = compile_law(law)
    found = verify(network, law, points=1000)
    assert found.passed, str(found)
    assert found.max_error <= network.accuracy


@settings(max_examples=15)
@given(problems())
def test_any_law_can_be_a_network(problem):
    law = solve_explicit(problem)
    for network in (YannActor.from_law(law, hidden=4), compile_law(law)):
        found = verify(network, law, points=300)
        assert found.passed, str(found)
        assert found.facets == found.half_spaces


def test_every_member_of_a_stack_is_checked(pendulum):
    stack = YannActor.from_law(pendulum).replicate([1, 2, 3])
    assert verify(stack, pendulum, points=100).passed
    with torch.no_grad():
        stack.residual.plus[2, 4] += 1e-6
    found = verify(stack, pendulum, points=100)
    assert not found.passed
    assert found.region == 4


@pytest.mark.parametrize("region", range(7))
def test_a_damaged_gain_is_found_and_its_region_named(pendulum, region):
    actor, network = YannActor.from_law(pendulum), compile_law(pendulum)
    actor.law.gains[region, 0, 0] += 1e-6
    network.laws.weight[2 * region : 2 * region + 2, 0] += torch.tensor([1e-6, -1e-6])
    for damaged in (actor, network):
        found = verify(damaged, pendulum, points=500)
        assert not found.passed
        assert found.region == region
        assert f"of region {region}" in str(found)
        assert str(found).startswith("NOT EXACT")


def reselected(actor, **arrays):
    """The actor with other arrays in its search tree."""
    actor.selector.tree = replace(actor.selector.tree, **arrays)
    return actor


@pytest.mark.parametrize("move", [1e-6, 1e-8, 1e-10, -1e-6, -1e-8, -1e-10])
def test_any_facet_that_moved_is_found_and_a_region_beside_it_named(pendulum, move):
    """But for a move of the domain's own border that is too small for flags, and changes no input."""
    _, b, owner = pendulum.halfspaces
    probes = probe(pendulum, 10, np.random.default_rng(0)).points["side"].reshape(len(b), -1, 2)
    border = (np.asarray(pendulum.locate(probes).margin) < -1e-7).any(axis=1)
    for row in range(len(b)):
        levels = b.copy()
        levels[row] += move
        found = verify(reselected(YannActor.from_law(pendulum), b=levels), pendulum, points=20)
        assert not found.passed or (border[row] and move == 1e-10), f"row {row} moved by {move:g}"
        assert found.passed or owner[row] in (found.region, found.law_region), str(found)


def test_any_facet_that_turned_is_found(pendulum):
    A, _, owner = pendulum.halfspaces
    for row, column in np.ndindex(A.shape):
        turned = A.copy()
        turned[row, column] += 1e-8
        found = verify(reselected(YannActor.from_law(pendulum), A=turned), pendulum, points=20)
        assert not found.passed
        assert owner[row] in (found.region, found.law_region)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from(["normals", "offsets", "band"]))
def test_a_damaged_tree_is_found_or_changes_nothing(laws, seed, name):
    """A region that the tree answers must hold the point: what is listed in the wrong leaf is found by the scan."""
    law = laws["two inputs"]
    generator, actor = np.random.default_rng(seed), YannActor.from_law(law)
    value = np.array(getattr(actor.selector.tree, name), dtype=float)
    damage = 10.0 ** generator.uniform(-12, 1, value.shape) * generator.normal(size=value.shape)
    reselected(actor, **{name: value + damage})
    points = law.centre + generator.uniform(-1.2, 1.2, (5000, law.t)) * law.half_width
    points = np.concatenate([points, *probe(law, 100, generator).points.values()])
    change = np.abs(actor(points) - YannActor.from_law(law)(points)).max()
    assert change <= 1e-8 or not verify(actor, law, points=200).passed


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_moved_input_bound_is_found(pendulum, side):
    for move in (2e-8, -2e-8):
        actor = YannActor.from_law(pendulum)
        getattr(actor, side).add_(move)
        assert not verify(actor, pendulum, points=300).passed


def test_cracks_and_lost_borders_are_counted(pendulum):
    network = compile_law(pendulum)
    network.step.bias -= 1.001 * network.tolerance
    assert verify(network, pendulum, points=100).refused > 0
    network.step.bias += 10
    found = verify(network, pendulum, points=100)
    assert found.missed > 0
    assert not found.passed


def test_an_input_beyond_its_bound_is_counted(pendulum):
    actor = YannActor.from_law(pendulum)
    actor.upper.fill_(5.0)
    found = verify(actor, pendulum, points=100)
    assert found.unbounded > 0
    assert not found.passed


def test_nan_is_not_exact(pendulum):
    actor = YannActor.from_law(pendulum)
    actor.law.offsets[2] = torch.nan
    assert not verify(actor, pendulum, points=100).passed


def test_points_lie_where_they_say(law):
    probes = probe(law, 500, np.random.default_rng(3))
    A, b, _ = law.halfspaces
    for kind in ("facet", "vertex"):
        gaps = np.abs(probes.points[kind] @ A.T - b).min(axis=1)
        assert gaps.max() <= 1e-12
    assert (np.asarray(law.locate(probes.points["interior"]).margin) >= 0).all()
    assert (np.asarray(law.locate(probes.points["outside"]).margin) < 0).all()


def test_sides_lie_a_hair_inside_and_outside_of_every_half_space(law):
    """Every half-space of every region has points beside it on both of its sides, at each distance."""
    for region in law.regions:
        corner = probes_module._vertices(region, law.half_width)
        for row in range(len(region.b)):
            normal = region.A[row]
            on = probes_module._on_facet(region, row, corner, law.half_width, np.random.default_rng(0))
            sides = probes_module._sides(on, normal, law.half_width).reshape(len(HAIRS), 2, len(on), law.t)
            gaps = sides @ normal - region.b[row]
            length = np.linalg.norm(normal * law.half_width)
            for k, hair in enumerate(HAIRS):
                np.testing.assert_allclose(gaps[k, 0], hair * length, rtol=1e-3, atol=2e-13)
                np.testing.assert_allclose(gaps[k, 1], -hair * length, rtol=1e-3, atol=2e-13)


def test_facets_that_no_point_reached_are_not_passed(pendulum, monkeypatch):
    found = verify(YannActor.from_law(pendulum), pendulum, points=50)
    short = replace(found, facets=found.half_spaces - 2)
    assert not short.passed
    assert str(short).startswith("NOT TESTED EVERYWHERE")
    assert "2 too small to be reached" in str(short)
    assert found.passed
    assert "too small" not in str(found)
    monkeypatch.setattr(probes_module, "_on_facet", lambda region, *_: np.empty((0, 2)))
    assert not verify(YannActor.from_law(pendulum), pendulum, points=50).passed


def test_vertices_are_those_of_the_regions(laws):
    law = laws["line"]
    ends = np.unique(probe(law, 10, np.random.default_rng(0)).points["vertex"].round(9))
    assert len(ends) == len(law.regions) + 1
    assert np.allclose(law.locate(ends[:, None]).margin, 0, atol=1e-8)
    assert (np.asarray(law.locate(ends[[0, -1], None] * 1.001).margin) < -1e-6).all()


def test_a_law_that_its_box_hardly_meets_still_gets_its_points(pendulum):
    lower, upper = pendulum.parameter_bounds
    sparse = replace(pendulum, regions=pendulum.regions[:1], parameter_bounds=(50 * lower, 50 * upper))
    generator = np.random.default_rng(0)
    points = probe(sparse, 400, generator).points["random"]
    assert points.shape == (400, 2)
    assert (np.asarray(sparse.locate(points).margin) >= 0).all()


def test_it_repeats_itself(reactor):
    network = compile_law(reactor)
    first, second = (verify(network, reactor, points=200, seed=5) for _ in range(2))
    assert first.max_error == second.max_error
    assert np.array_equal(first.point, second.point)


def test_the_table_reads_well(pendulum):
    lines = str(verify(YannActor.from_law(pendulum), pendulum, points=1500)).splitlines()
    assert lines[0].startswith("exact: largest difference ")
    assert "1,500 random, 112 interior, 256 facet, 1,536 side, 32 vertex, 1,500 outside; on 32 of 32 facets" in lines[2]
    assert lines[3] == "  flags   0 inside refused, 0 outside accepted, 0 inputs out of bounds, 0 in another region"


def test_wrong_arguments_are_named(pendulum, reactor):
    actor = YannActor.from_law(pendulum)
    with pytest.raises(NetworkError, match="`network` takes 2 numbers, but `law` has 4 parameters"):
        verify(actor, reactor)
    with pytest.raises(NetworkError, match="`points` is 0, but it must be at least 1"):
        verify(actor, pendulum, points=0)
    with pytest.raises(NetworkError, match="`law` is YannActor"):
        verify(actor, actor)


def test_facets_are_found_without_vertices_too(reactor, monkeypatch):
    def refuse(*_):
        raise QhullError("flat")

    monkeypatch.setattr(probes_module, "HalfspaceIntersection", refuse)
    found = verify(compile_law(reactor), reactor, points=100)
    assert found.passed, str(found)
    assert "vertex" not in found.counts
    assert found.counts["facet"] == 8 * 56
    assert found.facets == found.half_spaces


def test_more_points_than_memory_holds_are_refused(pendulum):
    with pytest.raises(NetworkError, match=r"`points` = 1,000,000,000,000 asks for 2000000000000 numbers.*pass fewer"):
        verify(YannActor.from_law(pendulum), pendulum, points=10**12)
