"""The scan beside numpy: whole batches and what is left of them, ties, and points that compare with nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.explicit.scan import LANES, along, better, scan, scan_point


def by_numpy(A, b, starts, points):
    violation = np.maximum.reduceat(points @ A.T - b, starts[:-1], axis=1)
    return violation.argmin(axis=1), -violation.min(axis=1)


@given(st.integers(0, 2**32 - 1), st.integers(0, 3 * LANES + 1))
def test_the_region_of_least_violation_answers(seed, count):
    """Whole numbers, so that sums have no rounding and ties are many."""
    draw = np.random.default_rng(seed)
    t, sizes = int(draw.integers(1, 4)), draw.integers(1, 6, int(draw.integers(1, 8)))
    starts = np.r_[0, np.cumsum(sizes)]
    A, b = draw.integers(-2, 3, (starts[-1], t)).astype(float), draw.integers(-2, 3, starts[-1]).astype(float)
    points = draw.integers(-3, 4, (count, t)).astype(float)
    region, margin = scan(A, b, starts, points)
    if count:
        expected = by_numpy(A, b, starts, points)
        assert region.tolist() == expected[0].tolist()
        assert margin.tolist() == expected[1].tolist()
    assert len(region) == len(margin) == count


LINE = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([1.0, 0.0, 2.0, -1.0]), np.array([0, 2, 4])


def test_what_is_known_beforehand_stays_unless_it_is_beaten():
    """[0, 1] and [1, 2], at 1: both have violation 0."""
    A, b, starts = LINE
    one = np.array([1.0])
    assert scan_point(A, b, starts, one, -1, np.inf) == (0, 0.0)
    assert scan_point(A, b, starts, one, 1, 0.0) == (0, 0.0)
    assert scan_point(A, b, starts, one, 1, -0.5) == (1, -0.5)


def test_of_equals_the_lower_number_is_better_whichever_comes_first():
    A, b, starts = LINE
    one = np.array([1.0])
    assert better(A, b, starts, one, 1, 0, 0.0) == (0, 0.0)
    assert better(A, b, starts, one, 0, 1, 0.0) == (0, 0.0)
    assert better(A, b, starts, np.array([1.5]), 1, 0, 0.5) == (1, -0.5)
    assert better(A, b, starts, np.array([1.5]), 0, 1, -0.5) == (1, -0.5)


def test_a_product_is_summed_in_order_of_components():
    row = np.array([[1e16, 1.0, -1e16]])
    assert along(row, 0, np.ones(3)) == (1e16 + 1.0) - 1e16 == pytest.approx(0.0)
    assert along(row, 0, np.array([0.0, 3.0, 0.0])) == 3.0
