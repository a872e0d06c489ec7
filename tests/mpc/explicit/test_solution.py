"""The solution of an active set beside least squares: v, multipliers, region rows, and rows without direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.explicit.solution import solution_memory, solve

SEEDS = st.integers(0, 2**32 - 1)
BOX = np.vstack([np.eye(2), -np.eye(2)]), np.ones(4)


def unit(rows) -> np.ndarray:
    rows = np.array(rows, dtype=float)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def solved(M, right, active, E=BOX[0], e=BOX[1]):
    M, right = np.array(M, dtype=float), np.array(right, dtype=float)
    memory = solution_memory(len(M), M.shape[1], E)
    memory.rows[: len(active)] = active
    return solve(M, right, E, e, len(active), memory), memory


def region(solution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = solution.counts[0]
    return solution.A[:count], solution.b[:count], solution.code[:count]


def drawn(seed: int):
    generator = np.random.default_rng(seed)
    n, t = int(generator.integers(1, 7)), int(generator.integers(1, 5))
    q = int(generator.integers(1, 90))
    k = int(generator.integers(0, min(n, q) + 1))
    E = np.vstack([np.eye(t), -np.eye(t)])
    M, right = unit(generator.normal(size=(q, n))), generator.normal(size=(q, t + 1))
    return M, right, np.sort(generator.permutation(q)[:k]), E, np.ones(2 * t)


@given(SEEDS)
def test_v_and_multipliers_are_those_of_least_squares(seed):
    M, right, active, E, e = drawn(seed)
    met, solution = solved(M, right, active, E, e)
    assert met
    v = np.linalg.lstsq(M[active], right[active], rcond=None)[0] if len(active) else np.zeros_like(solution.v)
    multipliers = -np.linalg.lstsq(M[active].T, v, rcond=None)[0]
    size = np.linalg.cond(M[active]) ** 2 if len(active) else 1.0
    assert solution.v == pytest.approx(v, rel=1e-13 * size, abs=1e-13 * size)
    assert solution.multipliers[: len(active)] == pytest.approx(multipliers, rel=1e-12 * size, abs=1e-12 * size)


@given(SEEDS)
def test_the_region_is_where_multipliers_and_slacks_are_not_negative(seed):
    """Each row, of unit length, is its multiplier or slack over theta, times one positive number."""
    M, right, active, E, e = drawn(seed)
    _, solution = solved(M, right, active, E, e)
    A, b, code = region(solution)
    q = len(M)
    assert sorted(c for c in code if c < q) == active.tolist()
    assert sorted(c - q for c in code if q <= c < 2 * q) == sorted(set(range(q)) - set(active.tolist()))
    assert [c - 2 * q for c in code if c >= 2 * q] == list(range(len(E)))
    assert np.linalg.norm(A, axis=1) == pytest.approx(np.ones(len(A)), abs=1e-14)
    place = {row: position for position, row in enumerate(active.tolist())}
    slack = right - M @ solution.v
    for row, level, origin in zip(A, b, code, strict=True):
        if origin >= 2 * q:
            assert (row == E[origin - 2 * q]).all()
            assert level == e[origin - 2 * q]
            continue
        source = solution.multipliers[place[origin]] if origin < q else slack[origin - q]
        length = np.linalg.norm(source[1:])
        assert np.r_[level, -row] * length == pytest.approx(source, abs=1e-12 * (1 + np.abs(source).max()))


@given(SEEDS, st.floats(-12, -2))
def test_rows_that_depend_on_one_another_are_refused(seed, exponent):
    """A third row this far from the span of two: refused below 1e-8 only."""
    generator = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    first, second, third = Q[:3]
    share, apart = generator.uniform(-1, 1, 2), 10.0**exponent
    lean = unit(share[0] * first + share[1] * second) * np.sqrt(1 - apart**2) + apart * third
    met, _ = solved([first, second, lean], generator.normal(size=(3, 3)), [0, 1, 2])
    assert met == (exponent > -8) or abs(exponent + 8) < 1e-6


def test_twice_the_same_row_is_refused():
    assert not solved([[1, 0], [1, 0]], np.ones((2, 3)), [0, 1])[0]
    assert not solved([[1, 0], [-1, 0]], np.ones((2, 3)), [0, 1])[0]


def test_nearly_dependent_rows_are_solved_as_well_as_their_condition_allows():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    M = unit([[1, 0, 0], [1, 1e-6, 0], [1, 0, 1e-6]]) @ turn
    right = np.array([[1.0, 0.5, 0.0], [1.0, 0.0, 0.5], [1.0, 0.2, 0.2]])
    _, solution = solved(M, right, [0, 1, 2])
    assert M @ solution.v == pytest.approx(right, abs=1e-14 * np.abs(solution.v).max())
    between = solution.Q.T @ solution.Q
    assert between == pytest.approx(np.eye(3), abs=1e-14)
    assert solution.Q @ np.triu(solution.R) == pytest.approx(M.T, abs=1e-15)


def test_a_multiplier_that_is_zero_for_all_theta_is_listed():
    """v1 <= 0 touches the free solution; v2 <= -1 + theta does not."""
    met, solution = solved(np.eye(2), [[0, 0, 0], [-1, 1, 0]], [0, 1])
    assert met
    assert solution.counts[:3].tolist() == [5, 1, 0]
    assert solution.flat_multipliers[0] == 0
    assert region(solution)[2].tolist() == [1, 4, 5, 6, 7]


def test_a_slack_that_is_zero_for_all_theta_is_listed():
    """Three rows meet in one moving point of the plane; the third is met with equality wherever two are."""
    M = unit([[1, 0], [0, 1], [1, 1]])
    right = np.array([[-1, 1, 0], [-1, 0, 1], [-2 / np.sqrt(2), 1 / np.sqrt(2), 1 / np.sqrt(2)]])
    met, solution = solved(M, right, [0, 1])
    assert met
    assert solution.counts[1:3].tolist() == [0, 1]
    assert solution.flat_slacks[0] == 2
    assert 5 not in region(solution)[2]


@pytest.mark.parametrize(
    ("level", "met", "flat", "near"),
    [
        (0.5, True, 0, 0),
        (1e-7, True, 0, 0),
        (1e-9, True, 0, 1),
        (1e-12, True, 1, 0),
        (0.0, True, 1, 0),
        (-1e-12, True, 1, 0),
        (-1e-9, True, 0, 1),
        (-1e-7, False, 0, 0),
    ],
)
def test_a_row_without_a_direction_is_judged_by_its_level(level, met, flat, near):
    """v1 = -1 - theta1 beside v1 <= -1 - theta1 + level: met, nearly met with equality, met with equality, or never."""
    found, solution = solved([[1.0, 0.0], [1.0, 0.0]], [[-1, -1, 0], [level - 1, -1, 0]], [0])
    assert found == met
    if met:
        assert solution.counts[2:].tolist() == [flat, near]
        assert solution.flat_slacks[0] == flat
        assert solution.near_slacks[0] == near
        assert 3 not in region(solution)[2]


def test_a_multiplier_that_is_negative_for_all_theta_ends_it():
    assert not solved([[1.0, 0.0]], [[1, 0, 0]], [0])[0]
    assert solved([[1.0, 0.0]], [[-1, 0, 0]], [0])[0]


def test_small_directions_count_beside_small_terms():
    """A slope of 1e-6 of the multiplier is a direction, one of 1e-12 is rounding."""
    for slope, rows in ((1e-6, 6), (1e-12, 5)):
        _, solution = solved(np.eye(2), [[-1, slope, 0], [1, 1, 0]], [0])
        assert solution.counts[0] == rows


def test_memory_is_used_again_without_traces():
    memory = solution_memory(3, 2, BOX[0])
    M, right = unit([[1, 0], [0, 1], [1, 1]]), np.random.default_rng(0).normal(size=(3, 3))
    fresh = solution_memory(3, 2, BOX[0])
    memory.rows[:2] = [0, 2]
    assert solve(M, right, *BOX, 2, memory)
    memory.rows[:2] = fresh.rows[:2] = [1, 2]
    assert solve(M, right, *BOX, 2, memory)
    assert solve(M, right, *BOX, 2, fresh)
    for ours, theirs in zip(region(memory), region(fresh), strict=True):
        assert (ours == theirs).all()
    assert (memory.v == fresh.v).all()


def test_without_active_rows_the_free_solution_stands():
    met, solution = solved([[1.0, 0.0]], [[1, 0.5, 0]], [])
    assert met
    assert not solution.v.any()
    A, b, code = region(solution)
    assert code.tolist() == [1, 2, 3, 4, 5]
    assert A[0].tolist() == [-1, 0]
    assert b[0] == pytest.approx(2)
