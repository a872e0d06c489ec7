"""Unions: one region for every set of tight rows, though many independent subsets describe it where LICQ fails."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.ball import largest_ball
from mpc.explicit.explore import Exploration, explore
from mpc.explicit.minimal import PASSED, minimal_rows
from mpc.explicit.presolve import presolve
from mpc.explicit.refine import Solutions, refined
from mpc.explicit.unions import united

SEEDS = st.integers(0, 2**32 - 1)
OVERLAP = 1e-9  # half widths


def nearest_in(G: np.ndarray, w: np.ndarray, width: float) -> MultiparametricQP:
    """The point of {G z <= w} nearest to theta, for theta in a box around 0."""
    q, n = G.shape
    box = np.vstack([np.eye(n), -np.eye(n)])
    return MultiparametricQP(np.eye(n), np.zeros(n), -np.eye(n), G, w, np.zeros((q, n)), box, np.full(2 * n, width))


def octahedron(n: int = 3, width: float = 2.0) -> MultiparametricQP:
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=n)))
    return nearest_in(signs, np.ones(2**n), width)


def pyramid(sides: int, turn: float = 0.3) -> MultiparametricQP:
    """A cone of that many sides over the floor z3 >= -1, tip at (0, 0, 1)."""
    angle = turn + 2 * np.pi * np.arange(sides) / sides
    G = np.vstack([np.c_[np.cos(angle), np.sin(angle), np.ones(sides)], [[0, 0, -1]]])
    return nearest_in(G, np.ones(sides + 1), 8.0)


def tight_rows(problem: MultiparametricQP, z: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(np.abs(problem.G @ z - problem.w) < 1e-9).tolist())


def assert_partition(law, oracle, points: int) -> None:
    """One region for each set of tight rows, none overlaps another, and their rows are tight at random points."""
    problem, reference = law.problem, oracle(law.problem)
    needed = set(presolve(problem).rows.tolist())
    assert len({region.active_rows for region in law.regions}) == len(law.regions)
    rows = [(r.A * law.half_width, r.b - r.A @ law.centre) for r in law.regions]
    for (A, b), (C, d) in itertools.combinations(rows, 2):
        assert largest_ball(np.vstack([A, C]), np.r_[b, d])[0] < OVERLAP
    for (A, b), region in zip(rows, law.regions, strict=True):
        inside = (region.centre - law.centre) / law.half_width
        assert minimal_rows(np.ascontiguousarray(A), b, inside, len(b), PASSED).all(), region
    theta = law.centre + np.random.default_rng(0).uniform(-1, 1, (points, law.t)) * law.half_width
    region = np.asarray(law.locate(theta).region)
    for point, i in zip(theta, region, strict=True):
        z = reference(point)
        assert law.solution(point) == pytest.approx(z, abs=1e-9)
        assert tuple(row for row in tight_rows(problem, z) if row in needed) == law.regions[int(i)].active_rows


def test_the_octahedron_has_a_region_for_every_face(oracle):
    """1 inside, 8 faces, 12 edges, 6 vertices with 4 rows each in 3 variables."""
    law = solve_explicit(octahedron())
    sizes = [len(region.active_rows) for region in law.regions]
    assert sorted(sizes) == [0] + [1] * 8 + [2] * 12 + [4] * 6
    assert_partition(law, oracle, 300)
    for region in law.regions:
        if len(region.active_rows) == 4:
            assert np.abs(region.gain).max() <= 1e-12
            assert np.sort(np.abs(region.offset)) == pytest.approx([0, 0, 1], abs=1e-12)


def test_the_stored_octahedron(solved):
    assert len(solved("deg_octahedron").regions) == 27


@pytest.fixture(scope="module")
def octahedral(problem):
    """What the search finds of the stored octahedron, and the same united."""
    ldp = presolve(problem("deg_octahedron"))
    found = explore(ldp)
    return found, united(found, refined(problem("deg_octahedron"), ldp, found))


def test_before_they_are_united_its_regions_overlap(octahedral):
    found, pieces = octahedral
    assert len(found.active) == 45
    assert len(pieces.tight) == 27
    assert pieces.facet_count.sum() == len(pieces.b) == len(pieces.A)


@pytest.mark.parametrize("sides", [3, 4, 5, 6, 9])
def test_a_pyramid_has_one_region_at_its_tip(sides, oracle):
    """1 inside, sides + floor, edges on both, the tip, and as many corners at the floor."""
    law = solve_explicit(pyramid(sides))
    tips = [r for r in law.regions if set(range(sides)) <= set(r.active_rows)]
    assert len(tips) == 1
    assert tips[0].active_rows == tuple(range(sides))
    assert tips[0].offset == pytest.approx([0, 0, 1], abs=1e-12)
    assert len(law.regions) == 1 + (sides + 1) + 2 * sides + 1 + sides
    assert_partition(law, oracle, 200)


def test_a_pyramid_that_leans_and_has_unlike_sides(oracle):
    angle = np.array([0.0, 0.4, 1.7, 3.0, 4.1, 5.5])
    slope = np.array([1.0, 1.5, 0.7, 2.0, 1.2, 0.9])
    G = np.vstack([np.c_[slope * np.cos(angle) + 0.2, slope * np.sin(angle) - 0.1, np.ones(6)], [[0, 0, -1]]])
    law = solve_explicit(nearest_in(G, np.r_[np.ones(6), 1.0], 2.0))
    assert_partition(law, oracle, 200)
    assert max(len(region.active_rows) for region in law.regions) > 3


def test_four_dimensions(oracle):
    """The cross-polytope's vertices have 8 rows in 4 variables."""
    law = solve_explicit(octahedron(4, 1.5))
    assert len(law.regions) == 81
    assert_partition(law, oracle, 100)


@given(SEEDS)
def test_drawn_cones_have_one_region_at_their_tip(oracle, seed):
    """Rows through one point, more of them than variables."""
    generator = np.random.default_rng(seed)
    q = int(generator.integers(3, 8))
    G = generator.normal(size=(q, 2)) if seed % 2 else generator.normal(size=(q, 3))
    G[:, 0] = np.abs(G[:, 0]) + 0.2
    tip = generator.uniform(-0.3, 0.3, G.shape[1])
    law = solve_explicit(nearest_in(G, G @ tip, 2.0))
    at_tip = [region for region in law.regions if np.abs(region.gain).max() <= 1e-9]
    assert len(at_tip) == 1
    assert at_tip[0].offset == pytest.approx(tip, abs=1e-9)
    assert_partition(law, oracle, 30)


def test_a_row_that_only_some_parts_keep_is_no_border():
    """Two halves of a square and a strip between them: x <= 0 is a row of the left half, x <= 1 of the right one."""
    rows = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    levels = np.array([[0.0, 1, 1, 1], [0.5, 0.5, 1, 1], [1, 0, 1, 1]])
    found = Exploration(
        active=np.zeros((3, 2), bool), tight=np.ones((3, 2), bool), radius=np.full(3, 0.5), centre=np.zeros((3, 2)),
        facet_count=np.full(3, 4), facets=np.zeros(12, np.int64), explored=3, partial="",
    )  # fmt: skip
    pieces = united(found, Solutions(np.zeros((3, 1, 3)), np.tile(rows, (3, 1)), levels.ravel()))
    assert sorted(np.c_[pieces.A, pieces.b].tolist()) == sorted(np.c_[rows, np.ones(4)].tolist())
    assert pieces.radius == pytest.approx([1])
    assert pieces.centre == pytest.approx(np.zeros((1, 2)), abs=1e-6)


def test_laws_without_such_rows_are_left_as_they_are(problem):
    ldp = presolve(problem("pend_N4"))
    found = explore(ldp)
    solutions = refined(problem("pend_N4"), ldp, found)
    pieces = united(found, solutions)
    assert pieces.A is solutions.A
    assert pieces.solution is solutions.solution
    assert pieces.radius is found.radius


def test_regions_keep_the_order_in_which_they_were_found(octahedral):
    found, pieces = octahedral
    keys = [tuple(np.flatnonzero(row)) for row in found.tight]
    assert [tuple(np.flatnonzero(row)) for row in pieces.tight] == list(dict.fromkeys(keys))


def test_the_ball_of_a_union_is_its_own(octahedral):
    _, pieces = octahedral
    ends = np.cumsum(pieces.facet_count)
    for end, count, radius, centre in zip(ends, pieces.facet_count, pieces.radius, pieces.centre, strict=True):
        A, b = pieces.A[end - count : end], pieces.b[end - count : end]
        assert (b - A @ centre).min() == pytest.approx(radius, rel=1e-6)
        assert largest_ball(np.ascontiguousarray(A), b)[0] == pytest.approx(radius, rel=1e-6)
