"""The size of a variable: half its range, or what its coefficients say; it follows the units of everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.explicit.singular.metric import variable_scale

BOX = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


def test_a_bounded_variable_is_measured_from_the_middle_of_its_range():
    middle, scale = variable_scale(BOX, np.array([3.0, 1, 0.5, 0.1, 1, 1]), 2)
    assert middle == pytest.approx([1, 0.2])
    assert scale == pytest.approx([2, 0.3])


def test_a_range_counts_what_parameters_allow():
    """0 <= z <= 2 + p, p from -1 to 1."""
    rows, levels = np.array([[1.0, -1], [-1, 0], [0, 1], [0, -1]]), np.array([2.0, 0, 1, 1])
    assert [float(part[0]) for part in variable_scale(rows, levels, 1)] == pytest.approx([1.5, 1.5])


def test_a_variable_with_one_limit_starts_there():
    """z >= 5 + 2 p: as large as what its row weighs it against."""
    rows, levels = np.array([[-1.0, 2], [0, 1], [0, -1]]), np.array([-5.0, 1, 1])
    middle, scale = variable_scale(rows, levels, 1)
    assert middle[0] == pytest.approx(3.0)
    assert scale[0] == pytest.approx(np.sqrt(10))


def test_a_variable_that_is_one_number_has_a_size_too():
    _, scale = variable_scale(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), np.array([4.0, -4, 1, 1]), 1)
    assert scale[0] == pytest.approx(4.0)


def test_rounding_in_a_level_decides_nothing():
    rows = np.array([[-1.0, 2], [-1, -2], [0, 1], [0, -1]])
    exact, rounded = (variable_scale(rows, np.array([0, level, 1, 1]), 1)[1] for level in (0.0, 1e-17))
    assert rounded == pytest.approx(exact)


@given(st.integers(0, 10_000))
def test_sizes_follow_the_units_of_variables_and_rows(seed):
    draw = np.random.default_rng(seed)
    A = np.vstack([draw.standard_normal((6, 4)) * (draw.random((6, 4)) < 0.7), np.eye(4)[2:], -np.eye(4)[2:]])
    b = np.r_[draw.uniform(0.1, 2, 6), np.ones(4)]
    unit, row = 10.0 ** draw.uniform(-6, 6, 2), 10.0 ** draw.uniform(-6, 6, len(b))
    middle, scale = variable_scale(A, b, 2)
    other_middle, other_scale = variable_scale(A * np.r_[unit, 1, 1] * row[:, None], b * row, 2)
    assert other_scale * unit == pytest.approx(scale, rel=1e-6)
    assert other_middle * unit == pytest.approx(middle, rel=1e-6, abs=1e-9 * scale.max())
