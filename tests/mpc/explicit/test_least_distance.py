"""The least-distance kernel: beside HiGHS and Lawson and Hanson, with turned, added and moved rows, in thin wedges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, nnls

from mpc.explicit.least_distance import ACCURACY, EMPTY, FEASIBLE, nearest, nearest_again, resumed, workspace

SEEDS = st.integers(0, 2**32 - 1)
CLEAR = 1e-8  # HiGHS decides where all rows of unit length have at least this much room, or lack it
HOLDS = 1.1 * ACCURACY
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def unit_rows(generator: np.random.Generator, q: int, n: int) -> np.ndarray:
    A = generator.normal(size=(q, n))
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows around a point near which they meet: some sets are empty, some a hair wide, some roomy."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 8))
    q = int(generator.integers(1, 30))
    A = unit_rows(generator, q, n)
    shift = 10.0 ** generator.uniform(-6, 0.5)
    return A, A @ generator.normal(size=n) + generator.uniform(-0.3, 1.0, q) * shift


def solved(A, b, rows=None, widen=0.0, turned=-1, level=0.0, reach=np.inf, work=None):
    rows = np.arange(len(b)) if rows is None else np.array(rows, dtype=np.int64)
    work = workspace(A.shape[1]) if work is None else work
    state = nearest(np.ascontiguousarray(A), b, rows, len(rows), widen, turned, level, reach, work)
    return state, work.x.copy()


def least_violation(A: np.ndarray, b: np.ndarray) -> float:
    cost = np.r_[np.zeros(A.shape[1]), 1.0]
    bounds = [(None, None)] * A.shape[1] + [(-1, None)]
    return linprog(cost, np.c_[A, -np.ones(len(A))], b, bounds=bounds, options=TIGHT).fun


def lawson_hanson(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The point of {A x <= b} nearest to 0 by non-negative least squares (Solving Least Squares Problems, ch. 23)."""
    columns = -np.vstack([A.T, b])
    target = np.r_[np.zeros(A.shape[1]), 1.0]
    residual = columns @ nnls(columns, target, maxiter=1000)[0] - target
    return -residual[:-1] / residual[-1]


def is_right(state: int, x: np.ndarray, A: np.ndarray, b: np.ndarray) -> bool:
    """Whether HiGHS lets the set be empty, or have points and x be the one that Lawson and Hanson find."""
    violation = least_violation(A, b)
    if state == EMPTY:
        return violation > -CLEAR
    if state != FEASIBLE or (A @ x - b).max(initial=-1) > HOLDS or violation >= CLEAR:
        return False
    return violation >= -CLEAR or bool(np.abs(x - lawson_hanson(A, b)).max() <= 1e-6 * (1 + np.abs(x).max()))


@given(SEEDS)
def test_the_point_is_lawson_and_hansons_and_only_empty_sets_are_called_empty(seed):
    A, b = drawn(seed)
    assert is_right(*solved(A, b), A, b)


def test_many_drawn_sets_are_decided_in_both_ways():
    states = [solved(*drawn(seed))[0] for seed in range(2000)]
    assert set(states) == {EMPTY, FEASIBLE}
    assert 200 < states.count(EMPTY) < 1800


@given(SEEDS)
def test_the_point_is_optimal_its_active_rows_pull_it_back(seed):
    """x = -sum of multipliers times active rows, multipliers of 0 or more, active rows tight: the KKT conditions."""
    A, b = drawn(seed)
    work = workspace(A.shape[1])
    state, x = solved(A, b, work=work)
    if state == FEASIBLE:
        used = slice(0, int(work.size[0]))
        rows, multipliers = work.active[used], work.multipliers[used]
        assert (multipliers >= 0).all()
        assert -multipliers @ A[rows] == pytest.approx(x, abs=1e-9 * (1 + np.abs(multipliers).sum()))
        assert A[rows] @ x == pytest.approx(b[rows], abs=1e-14 * (1 + np.abs(x).max()))


@given(SEEDS, st.floats(-1.0, 1.0))
def test_a_turned_row_is_a_row_the_other_way_round(seed, level):
    A, b = drawn(seed)
    row = seed % len(b)
    others = np.arange(len(b)) != row
    stacked = np.vstack([A[others], -A[row]]), np.append(b[others], -level)
    for rows in (np.arange(len(b)), np.flatnonzero(others)):
        state, x = solved(A, b, rows, turned=row, level=level)
        assert is_right(state, x, *stacked)
        expected, point = solved(*stacked)
        assert state == expected
        assert state == EMPTY or x == pytest.approx(point, abs=1e-9)


@given(SEEDS, st.sampled_from([-0.1, -1e-3, 1e-8, 1e-3, 0.1]))
def test_widening_moves_all_right_hand_sides_but_that_of_the_turned_row(seed, widen):
    A, b = drawn(seed)
    state, x = solved(A, b, widen=widen)
    expected, point = solved(A, b + widen)
    assert state == expected
    assert state == EMPTY or x == pytest.approx(point, abs=1e-11)
    row = seed % len(b)
    moved = np.where(np.arange(len(b)) == row, b, b + widen)
    state, x = solved(A, b, widen=widen, turned=row, level=b[row] - 0.1)
    expected, point = solved(A, moved, turned=row, level=b[row] - 0.1)
    assert state == expected
    assert state == EMPTY or x == pytest.approx(point, abs=1e-11)


@given(SEEDS)
def test_rows_off_the_list_do_not_count(seed):
    A, b = drawn(seed)
    listed = np.random.default_rng(seed).permutation(len(b))[: (len(b) + 1) // 2]
    state, x = solved(A, b, listed)
    expected, point = solved(A[listed], b[listed])
    assert state == expected
    assert state == EMPTY or x == pytest.approx(point, abs=1e-9)


@given(SEEDS, st.floats(1e-9, 1.0))
def test_other_right_hand_sides_are_met_from_the_last_active_rows(seed, move):
    A, b = drawn(seed)
    moved = b + move * np.random.default_rng(seed).normal(size=len(b))
    work, rows = workspace(A.shape[1]), np.arange(len(b))
    solved(A, b, work=work)
    state = nearest_again(A, moved, rows, len(rows), np.inf, work)
    assert is_right(state, work.x, A, moved)
    expected, point = solved(A, moved)
    assert state == expected
    assert state == EMPTY or work.x == pytest.approx(point, abs=1e-9)


@given(SEEDS)
def test_rows_added_to_the_list_one_by_one_lead_to_the_same_point(seed):
    A, b = drawn(seed)
    work, rows = workspace(A.shape[1]), np.random.default_rng(seed).permutation(len(b))
    turned, level = int(rows[0]), float(b[rows[0]]) - 0.05
    state = nearest(A, b, rows, 1, 1e-8, turned, level, np.inf, work)
    for count in range(2, len(rows) + 1):
        if state == FEASIBLE:
            state = resumed(A, b, rows, count, 1e-8, turned, level, np.inf, work)
    expected, point = solved(A, b, widen=1e-8, turned=turned, level=level)
    assert state == expected
    assert state == EMPTY or work.x == pytest.approx(point, abs=1e-9)


@pytest.mark.parametrize("slope", [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10])
@pytest.mark.parametrize("angle", [0.0, 0.3, 1.0, 2.5])
def test_a_thin_wedge_has_its_tip_and_is_empty_only_before_it(slope, angle):
    """|y| <= slope (x - 1): nearest is the tip (1, 0), and no point has x <= 1 - 1e-3."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    A = np.array([[-slope, 1], [-slope, -1], [1, 0]]) / np.array([[np.hypot(1, slope)], [np.hypot(1, slope)], [1]])
    b = np.array([-slope, -slope, 0]) / np.hypot(1, slope)
    rounding = 1e-15 / slope
    for limit, expected in ((2.0, FEASIBLE), (1.0 + 10 * rounding, FEASIBLE), (0.999, EMPTY), (-1.0, EMPTY)):
        b[2] = limit
        state, x = solved(A @ turn, b)
        assert state == expected
        assert state == EMPTY or turn @ x == pytest.approx([1, 0], abs=10 * rounding)


@given(SEEDS, st.floats(-10, -3))
def test_a_wedge_of_many_dimensions_is_not_empty(seed, exponent):
    """Rows through one point with normals within 10^exponent of a plane: the point and more satisfy them."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 6))
    A = unit_rows(generator, 2 * n, n)
    A[:, 0] *= 10.0**exponent
    A = A / np.linalg.norm(A, axis=1, keepdims=True)
    tip = generator.normal(size=n)
    state, x = solved(A, A @ tip + 1e-12)
    assert state == FEASIBLE
    assert (A @ x - A @ tip).max() <= 1e-12 + HOLDS
    assert np.linalg.norm(x) <= np.linalg.norm(tip) * (1 + 1e-9)


@pytest.mark.parametrize(("gap", "expected"), [(0.5, EMPTY), (1e-12, EMPTY), (0.0, FEASIBLE), (-0.5, FEASIBLE)])
def test_opposite_rows_leave_a_slab_a_plane_or_nothing(gap, expected):
    normal = np.array([0.6, 0.0, 0.8])
    state, x = solved(np.array([normal, -normal, normal]), np.array([1.0, -1.0 - gap, 1.0]))
    assert state == expected
    assert state == EMPTY or x == pytest.approx((1 + gap) * normal, abs=1e-12)


def test_equal_and_redundant_rows_change_nothing():
    A, b = np.repeat(np.array([[-1.0, 0.0], [0.0, -1.0]]), 5, axis=0), np.repeat([-1.0, -2.0], 5)
    assert solved(A, b)[1] == pytest.approx([1, 2], abs=1e-15)
    assert solved(A, b - np.tile(np.arange(5) * 1e-12, 2))[1] == pytest.approx([1, 2], abs=1e-11)


def test_without_rows_the_origin_is_nearest():
    for n in (1, 4):
        state, x = solved(np.zeros((0, n)), np.zeros(0))
        assert (state, x.tolist()) == (FEASIBLE, [0.0] * n)


@pytest.mark.parametrize(("level", "expected"), [(1.0, FEASIBLE), (0.0, FEASIBLE), (-1.0, EMPTY)])
def test_rows_without_components_hold_or_not(level, expected):
    assert solved(np.zeros((2, 0)), np.array([1.0, level]))[0] == expected


def test_what_lies_beyond_the_reach_is_empty():
    A, b = np.array([[-1.0, 0.0]]), np.array([-3.0])
    assert solved(A, b, reach=3.1)[0] == FEASIBLE
    assert solved(A, b, reach=2.9)[0] == EMPTY
