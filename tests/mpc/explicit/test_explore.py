"""Exploration finds every region once: counts, no hole, no overlap, no jump; slivers, exchanges, few rows or none."""

import itertools

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from mpc import LinearModel, MPCProblem, MultiparametricQP, NumericalError, solve_explicit
from mpc.explicit import explore as module
from mpc.explicit.ball import largest_ball
from mpc.explicit.least_distance import UNSURE
from mpc.explicit.presolve import presolve

ROUNDING = 1e-8  # of a volume that Qhull adds up
TOUCHING = 1e-9  # half widths: cells that overlap by less than this touch
MEETING = 1e-11  # half widths: a region this close to a point meets it


def test_as_many_regions_as_trusted(name, solved, trusted):
    assert len(solved(name).regions) == trusted[name]["regions"]


def test_regions_fill_a_convex_set_without_overlap(name, cells):
    """The feasible set is convex: the hull of all vertices. Volumes of regions add up to its volume."""
    vertices = cells(name).vertices
    if vertices[0].shape[1] > 4:
        pytest.skip("Qhull loses its precision; facets and pairs are tested below")
    whole = ConvexHull(np.unique(np.concatenate(vertices).round(9), axis=0)).volume
    assert sum(ConvexHull(corners).volume for corners in vertices) == pytest.approx(whole, rel=ROUNDING)


def test_interiors_are_disjoint(name, cells):
    partition = cells(name)
    for i, j in itertools.combinations(range(len(partition.rows)), 2):
        if not (_separates(partition, i, j) or _separates(partition, j, i)):
            rows = [np.concatenate(parts) for parts in zip(partition.rows[i], partition.rows[j], strict=True)]
            assert largest_ball(*rows)[0] < TOUCHING, f"regions {i} and {j} overlap"


def _separates(partition, i, j) -> bool:
    """Whether one of the rows of region i has all vertices of region j on its far side."""
    A, b = partition.rows[i]
    return bool(((partition.vertices[j] @ A.T - b).min(axis=0) >= -TOUCHING).any())


@pytest.mark.parametrize("step", [1e-9, 1e-6])
def test_beyond_every_facet_lies_a_region_or_nothing_feasible(name, step, cells, problem, oracle):
    if not problem(name).strictly_convex:
        pytest.skip("the oracle needs a definite H")
    partition = cells(name)
    beyond = partition.across(step)
    left = beyond[partition.violations(beyond).min(axis=1) > 1e-12]
    theta = partition.physical(left)
    parameter_set = problem(name).parameter_set
    room = 1e-12 * np.abs(parameter_set.A * partition.law.half_width).max()
    reference = oracle(problem(name))
    for point in theta[parameter_set.contains(theta, tolerance=-room)]:
        assert reference.violation(point) > 0, f"hole at {point!r}"


def test_the_solution_has_no_jump(name, cells):
    """Wherever regions meet, all of them give the same solution, up to their slopes over the distance to the point."""
    partition = cells(name)
    law, points = partition.law, np.concatenate([partition.across(0.0), *partition.vertices])
    gains = np.stack([r.solution_gain * law.half_width for r in law.regions])
    levels = np.stack([r.solution_gain @ law.centre + r.solution_offset for r in law.regions])
    slopes = np.abs(gains).sum(axis=(1, 2))
    for point, regions in zip(points, partition.violations(points) <= MEETING, strict=True):
        values = gains[regions] @ point + levels[regions]
        allowed = 1e-9 * (1 + np.abs(values).max(initial=0.0)) + 2 * MEETING * slopes[regions].max(initial=0.0)
        assert np.ptp(values, axis=0).max(initial=0.0) <= allowed


def test_every_half_space_is_a_facet(name, cells):
    """Building the partition fails for a row on which the region has no facet."""
    assert len(cells(name).facets) == len(cells(name).law.halfspaces[1])


def test_the_fewest_active_rows_come_first(name, problem):
    if not problem(name).strictly_convex:
        pytest.skip("a problem with a singular H is explored through its twins")
    active = module.explore(presolve(problem(name))).active
    sets = [(int(row.sum()), np.flatnonzero(row).tolist()) for row in active]
    assert sets == sorted(sets)


def test_a_start_that_is_not_solved_is_an_error(problem, monkeypatch):
    monkeypatch.setattr(module, "nearest", lambda *_: UNSURE)
    with pytest.raises(NumericalError, match=r"interior point theta = .* was not solved \(state -1\)"):
        solve_explicit(problem("pend_N2"))


@pytest.mark.parametrize("width", [1e-4, 1e-6, 1e-8, 1e-10, 1e-11, 1e-12])
def test_slivers_are_regions_until_their_neighbours_answer_inside_them(width):
    """Two limits that differ by a hair: between them lies a strip of that width, along 0.3 of the other parameter."""
    mixed, box = np.array([[1, 0.3], [1, 0.3]]), np.vstack([np.eye(2), -np.eye(2)])
    law = solve_explicit(
        MultiparametricQP(np.eye(2), [0, 0], -mixed, np.eye(2), [0.5, 0.5 + width], np.zeros((2, 2)), box, np.ones(4))
    )
    assert len(law.regions) == (3 if width > 3e-11 else 2)
    generator = np.random.default_rng(0)
    second = generator.uniform(-0.9, 0.9, 500)
    theta = np.c_[0.5 - 0.3 * second + width * generator.uniform(-1, 2, 500), second]
    assert law(theta) == pytest.approx(np.minimum(theta @ mixed.T, [0.5, 0.5 + width]), abs=1e-11)


@pytest.mark.parametrize("slope", [1e-3, 1e-5, 1e-7, 1e-8])
def test_a_long_thin_region_between_two_limits_is_found(slope):
    """z1 and z2 meet their limits along lines that lean by twice the slope: between them a wedge, up to theta2 = 1."""
    free = np.array([[1, slope], [1, -slope]])
    box = np.vstack([np.eye(2), -np.eye(2)])
    law = solve_explicit(MultiparametricQP(np.eye(2), [0, 0], -free, np.eye(2), [0, 0], np.zeros((2, 2)), box, [1] * 4))
    assert {r.active_rows for r in law.regions} == {(), (0,), (1,), (0, 1)}
    theta = np.random.default_rng(0).uniform(-1, 1, (1000, 2)) * [2 * slope, 1]
    assert law(theta) == pytest.approx(np.minimum(theta @ free.T, 0), abs=1e-11)


@pytest.mark.parametrize("slope", [1e2, 1e6, 1e8, 3e8, 5e8])
def test_limits_that_are_narrow_beside_the_free_solution_are_still_two(slope):
    """z = clip(slope theta, -1, 1)."""
    law = solve_explicit(
        MultiparametricQP([[1]], [0], [[-slope]], [[1], [-1]], [1, 1], [[0], [0]], [[1], [-1]], [1, 1])
    )
    assert [r.active_rows for r in law.regions] == [(), (0,), (1,)]
    assert law([[-1.0], [-0.3], [0.0], [0.3], [1.0]]).ravel() == pytest.approx([-1, -1, 0, 1, 1], abs=1e-7)


def test_an_exchange_leads_where_no_single_step_does():
    """z wants 10 but z <= 1 and z <= theta: one of the rows is always active, both never, none never."""
    law = solve_explicit(
        MultiparametricQP([[1]], [-10], [[0]], [[1], [1]], [1, 0], [[0], [1]], A_theta=[[1], [-1]], b_theta=[2, 0])
    )
    assert {r.active_rows for r in law.regions} == {(0,), (1,)}
    assert law([[0.3], [1.0], [1.7]]).ravel() == pytest.approx([0.3, 1, 1])


def test_a_row_that_is_active_without_force_makes_no_region_of_its_own():
    """z1 <= theta1 touches the free solution everywhere, and gets a multiplier only where z2 <= 1 pushes it."""
    H = np.array([[1.0, 0.5], [0.5, 1.0]])
    box = np.vstack([np.eye(2), -np.eye(2)])
    law = solve_explicit(MultiparametricQP(H, [0, 0], -H, np.eye(2), [0, 1], [[1, 0], [0, 0]], box, 2 * np.ones(4)))
    assert [r.active_rows for r in law.regions] == [(0,), (0, 1)]
    theta = np.random.default_rng(0).uniform(-2, 2, (300, 2))
    assert law(theta) == pytest.approx(np.minimum(theta, [np.inf, 1]), abs=1e-12)


@pytest.mark.parametrize("w", [[], [5.0]])
def test_without_rows_that_bind_the_law_is_one_affine_function(w):
    """z = -H^-1 (f + F theta) on the whole parameter set, which is a triangle."""
    H, f, F = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([0.3, -0.2]), np.array([[1.0, 0.0], [0.4, -1.0]])
    triangle = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]]), np.array([0.0, 0.0, 1.0])
    q = len(w)
    law = solve_explicit(MultiparametricQP(H, f, F, np.ones((q, 2)), w, np.zeros((q, 2)), *triangle))
    assert len(law.regions) == 1
    assert law.regions[0].active_rows == ()
    assert law.regions[0].gain == pytest.approx(-np.linalg.solve(H, F), abs=1e-15)
    assert law.regions[0].offset == pytest.approx(-np.linalg.solve(H, f), abs=1e-15)
    assert len(law.regions[0].b) == 3


def test_one_parameter_gives_intervals_in_which_all_is_monotone():
    """Ten limits on one variable that follows theta: eleven pieces if limits move, here nested ones: three."""
    law = solve_explicit(
        MultiparametricQP(
            [[1]], [0], [[-1]], [[1]] * 5 + [[-1]] * 5, [5, 4, 3, 2, 1] * 2, np.zeros((10, 1)), [[1], [-1]], [9, 9]
        )
    )
    assert sorted(r.active_rows for r in law.regions) == [(), (4,), (9,)]
    theta = np.linspace(-9, 9, 101)[:, None]
    assert law(theta) == pytest.approx(np.clip(theta, -1, 1), abs=1e-14)


def test_a_horizon_of_more_than_64_rows_is_the_online_controller(oracle):
    model = LinearModel([[1, 0.3], [0, 1]], [[0.045], [0.3]], 0.3)
    bounds = {"state_bounds": ([-3, -1.5], [3, 1.5]), "input_bounds": (-1, 1)}
    problem = MPCProblem(model, np.eye(2), 0.5, 20, **bounds)
    law, reference = solve_explicit(problem), oracle(problem)
    assert len(presolve(law.problem).d) > 64
    theta = np.random.default_rng(0).uniform([-3, -1.5], [3, 1.5], (60, 2))
    inside = law.nearest(theta)[2]
    assert set(inside.tolist()) == {True, False}
    for point, expected in zip(theta, inside, strict=True):
        z = reference(point)
        assert (z is not None) == expected
        assert z is None or law.solution(point) == pytest.approx(z, abs=1e-8)
