"""The largest ball: beside HiGHS, beside exact radii of boxes, simplices and thin triangles, in empty sets, capped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc.explicit.ball import clearance, largest_ball

SEEDS = st.integers(0, 2**32 - 1)
EXACT = 1e-6  # relative to the radius
ROUNDING = 1e-13  # of a radius; rows hold to this
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def chebyshev(A: np.ndarray, b: np.ndarray) -> float:
    cost = np.r_[np.zeros(A.shape[1]), -1.0]
    bounds = [(None, None)] * A.shape[1] + [(None, 1e9)]
    return -linprog(cost, np.c_[A, np.ones(len(A))], b, bounds=bounds, options=TIGHT).fun


def in_box(generator: np.random.Generator, q: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of unit length at random places, within the box [-1, 1]."""
    A = generator.normal(size=(q, n))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    b = A @ generator.uniform(-0.7, 0.7, n) + generator.uniform(-0.3, 1.0, q)
    return np.vstack([A, np.eye(n), -np.eye(n)]), np.r_[b, np.ones(2 * n)]


def rotation(generator: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(generator.normal(size=(n, n)))[0]


def check_ball(A: np.ndarray, b: np.ndarray, expected: float) -> None:
    radius, centre = largest_ball(np.ascontiguousarray(A), b)
    assert radius == pytest.approx(expected, rel=EXACT)
    assert (b - A @ centre).min() == pytest.approx(radius, rel=EXACT)


@given(SEEDS)
def test_the_radius_is_that_of_a_linear_program(seed):
    generator = np.random.default_rng(seed)
    A, b = in_box(generator, int(generator.integers(0, 30)), int(generator.integers(1, 7)))
    expected = chebyshev(A, b)
    if expected > 1e-3:
        check_ball(A, b, expected)
    elif expected < -1e-8:
        assert largest_ball(A, b)[0] < 0


def test_drawn_sets_are_of_all_kinds():
    radii = [chebyshev(*in_box(np.random.default_rng(seed), 8, 3)) for seed in range(100)]
    assert sum(radius > 1e-3 for radius in radii) > 20
    assert sum(radius < 0 for radius in radii) > 5


@given(SEEDS)
def test_the_ball_of_a_turned_box_has_its_least_half_width(seed):
    """Boxes of half widths from 1e-9 to 1: the ball touches two sides only."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 6))
    half = 10.0 ** generator.uniform(-9, 0, n)
    turn, centre = rotation(generator, n), generator.uniform(-0.3, 0.3, n)
    A = np.vstack([turn, -turn])
    radius, found = largest_ball(A, np.r_[half, half] + A @ centre)
    assert radius == pytest.approx(half.min(), rel=EXACT, abs=ROUNDING)
    assert (np.abs(turn @ (found - centre)) <= half - radius + 1e-14).all()


@pytest.mark.parametrize("slope", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_a_thin_triangle_has_its_incircle_at_the_wide_end(slope, angle):
    """(0, 0), (1, slope), (1, -slope): the radius is area over half the circumference."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    length = np.hypot(1, slope)
    A, b = np.array([[-slope, 1], [-slope, -1], [length, 0]]) / length, np.array([0.0, 0.0, 1.0])
    expected = slope / (slope + length)
    for start in ([0.0, 0.0], [0.3, -0.4], [-0.5, 0.0], [-0.99, 0.0]):
        shifted = b + A @ np.array(start)
        radius, centre = largest_ball(A @ turn, shifted)
        assert radius == pytest.approx(expected, rel=EXACT, abs=ROUNDING)
        assert turn @ centre - start == pytest.approx([1 - expected, 0], abs=1e-5)


@pytest.mark.parametrize("slope", [1e-8, 1e-9, 1e-10])
def test_the_ball_of_a_sharp_needle_is_found_from_anywhere(slope):
    length = np.hypot(1, slope)
    A, b = np.array([[-slope, 1], [-slope, -1], [length, 0]]) / length, np.array([0.0, 0.0, 1.0])
    for start in ([0.0, 0.0], [0.3, -0.4], [0.5, 0.0], [-0.5, 0.0], [-0.9, 0.0], [-2.0, 0.0]):
        assert largest_ball(A, b + A @ start)[0] == pytest.approx(slope / (slope + length), rel=EXACT, abs=ROUNDING)


@pytest.mark.parametrize("thin", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_needle_in_many_dimensions(thin, n):
    """The cone of |x_i| <= thin x_0 up to x_0 = 1, all i > 0: the ball touches the lid and all sides."""
    sides = np.vstack([np.eye(n)[1:], -np.eye(n)[1:]])
    sides[:, 0] = -thin
    A = np.vstack([sides / np.hypot(1, thin), np.eye(n)[:1]])
    b = np.r_[np.zeros(len(sides)), 1.0]
    A = A @ rotation(np.random.default_rng(n), n)
    radius, centre = largest_ball(A, b)
    assert radius == pytest.approx(thin / (thin + np.hypot(1, thin)), rel=EXACT)
    assert (b - A @ centre).min() == pytest.approx(radius, rel=EXACT)


@given(SEEDS, st.floats(0.0, 0.3))
def test_the_radius_of_an_empty_set_is_negative(seed, extra):
    """Two rows that face each other with a gap, and others."""
    generator = np.random.default_rng(seed)
    A, b = in_box(generator, int(generator.integers(0, 10)), int(generator.integers(1, 6)))
    normal = rotation(generator, A.shape[1])[:1]
    A, b = np.vstack([A, normal, -normal]), np.r_[b, 0.1, -0.1 - 1e-9 - extra]
    assert largest_ball(A, b)[0] < 0


@pytest.mark.parametrize("gap", [1e-6, 1e-9, 1e-11])
def test_a_gap_is_told_from_a_sliver(gap):
    A, b = np.array([[0.6, 0.8], [-0.6, -0.8], [1, 0], [-1, 0]]), np.array([0.3, -0.3, 1, 1])
    offset = np.array([0, gap, 0, 0])
    assert largest_ball(A, b - offset)[0] < 0
    assert largest_ball(A, b + offset)[0] == pytest.approx(gap / 2, rel=EXACT, abs=ROUNDING)


@given(SEEDS, st.floats(1e-6, 0.9))
def test_no_ball_is_larger_than_asked_for(seed, share):
    """From a start less deep in the set than the cap, or deeper."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 5))
    half, turn = generator.uniform(0.1, 1.0, n), rotation(generator, n)
    A, b = np.vstack([turn, -turn]), np.r_[half, half]
    largest = share * half.min()
    for depth in (0.5 * largest, half[0]):
        shifted = b + A @ (turn[0] * (half[0] - depth))
        radius, centre = largest_ball(A, shifted, largest)
        assert radius == pytest.approx(largest, rel=EXACT)
        assert (shifted - A @ centre).min() >= largest * (1 - EXACT)


def test_an_unbounded_set_holds_the_largest_ball_that_is_asked_for():
    radius, centre = largest_ball(np.array([[-1.0, 0.0]]), np.array([-3.0]), 1.0)
    assert radius == pytest.approx(1, rel=EXACT)
    assert centre[0] >= 4 - 1e-6


def test_one_dimension():
    radius, centre = largest_ball(np.array([[1.0], [-1.0], [1.0]]), np.array([0.75, -0.25, 5.0]))
    assert radius == pytest.approx(0.25, rel=1e-12)
    assert centre == pytest.approx([0.5], abs=1e-12)


def test_clearance_counts_the_first_rows_only():
    A, b = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 2.0, -3.0])
    assert clearance(A, b, 3, np.array([0.5, 0.5])) == -2.5
    assert clearance(A, b, 2, np.array([0.5, 0.5])) == 0.5
