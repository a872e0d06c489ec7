"""Minimal rows: the same polyhedron with none to spare, of equal rows the first, and judged only where asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc.explicit.ball import largest_ball
from mpc.explicit.minimal import PASSED, minimal_rows

SEEDS = st.integers(0, 2**32 - 1)
SURE = 1e-8  # of a linear program
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows around the origin of a turned frame, equal ones and looser copies among them, and a point inside."""
    generator = np.random.default_rng(seed)
    n, q = int(generator.integers(1, 6)), int(generator.integers(1, 25))
    A = generator.normal(size=(q, n))
    A = np.vstack([A / np.linalg.norm(A, axis=1, keepdims=True), np.eye(n), -np.eye(n)])
    b = np.r_[generator.uniform(0.1, 1.2, q), np.ones(2 * n)]
    copies = generator.integers(0, len(b), 4)
    A, b = np.vstack([A, A[copies]]), np.r_[b, b[copies] + [0, 0, 1e-3, 0.1]]
    order, centre = generator.permutation(len(b)), generator.uniform(-3, 3, n)
    A, b = A[order], b[order] + A[order] @ centre
    return A, b, centre + 0.05 * generator.uniform(-1, 1, n) / np.sqrt(n)


def reach(A: np.ndarray, b: np.ndarray, row: np.ndarray) -> float:
    """How far the set goes along a row; nan: without limit."""
    result = linprog(-row, A, b, bounds=(None, None), options=TIGHT)
    return -result.fun if result.success else np.nan


def needed(A, b, inside, judged=None, passed=PASSED) -> np.ndarray:
    return minimal_rows(A, b, inside, len(b) if judged is None else judged, passed)


@given(SEEDS)
def test_the_polyhedron_stays_and_every_row_left_cuts_something_off(seed):
    A, b, inside = drawn(seed)
    kept = needed(A, b, inside)
    for row in np.flatnonzero(~kept):
        assert reach(A[kept], b[kept], A[row]) <= b[row] + SURE
    for row in np.flatnonzero(kept):
        others = kept & (np.arange(len(b)) != row)
        assert not reach(A[others], b[others], A[row]) <= b[row] - SURE + PASSED


@given(SEEDS)
def test_asked_again_it_drops_nothing(seed):
    A, b, inside = drawn(seed)
    kept = needed(A, b, inside)
    assert needed(A[kept], b[kept], inside).all()


@given(SEEDS)
def test_any_point_inside_serves(seed):
    A, b, inside = drawn(seed)
    assert (needed(A, b, inside) == needed(A, b, largest_ball(A, b)[1])).all()


def test_of_equal_rows_the_first_stays():
    A, b = np.repeat([[1.0], [-1.0]], 3, axis=0), np.ones(6)
    assert needed(A, b, np.zeros(1)).tolist() == [True, False, False, True, False, False]
    b[1] = 0.9
    assert needed(A, b, np.zeros(1)).tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize(("passed", "expected"), [(1e-11, True), (1e-9, True), (1e-6, False)])
def test_a_corner_that_is_cut_off_by_less_than_asked_for_stays_on(passed, expected):
    """x + y <= 2 - 1e-8 within the unit box."""
    A = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [np.sqrt(0.5), np.sqrt(0.5)]])
    b = np.array([1, 1, 1, 1, (2 - 1e-8) / np.sqrt(2)])
    assert needed(A, b, np.zeros(2), passed=passed).tolist() == [True] * 4 + [expected]


def test_a_row_through_a_vertex_is_not_needed():
    A = np.array([[np.sqrt(0.5), np.sqrt(0.5)], [1, 0], [0, 1], [-1, 0], [0, -1]])
    assert needed(A, np.array([np.sqrt(2.0), 1, 1, 1, 1]), np.zeros(2)).tolist() == [False, True, True, True, True]


def test_only_the_first_rows_are_judged():
    A, b = np.repeat([[1.0], [-1.0]], 3, axis=0), np.ones(6)
    assert needed(A, b, np.zeros(1), judged=2).tolist() == [False, False, True, True, True, True]
    assert needed(A, b, np.zeros(1), judged=0).all()


def test_an_unbounded_set_keeps_its_rows():
    assert needed(np.array([[-1.0, 0.0], [0.0, -1.0]]), np.zeros(2), np.ones(2)).all()
    assert needed(np.array([[-1.0, 0.0]]), np.zeros(1), np.ones(2)).all()


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9])
def test_a_sliver_keeps_both_its_sides(width):
    """Two planes this close within a box, leaning against one another by as much again."""
    normal = np.array([[0.6, 0.8], [0.6 + 0.8 * width, 0.8 - 0.6 * width]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    A = np.vstack([normal[0], -normal[1], np.eye(2), -np.eye(2)])
    b = np.r_[0.0, 2 * width, np.ones(4)]
    radius, centre = largest_ball(A, b)
    assert radius > 0
    kept = needed(A, b, centre)
    assert kept[:2].all()
    for row in np.flatnonzero(~kept):
        assert reach(A[kept], b[kept], A[row]) <= b[row] + SURE
