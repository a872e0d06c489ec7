"""Cells of a search tree: what lies within the band of a hyperplane belongs to both of its sides, with its reach."""

import numpy as np
import pytest

from mpc.explicit.tree_cell import Cells, height, narrow, scratch_for, write_rows

REACH, BAND = 1e-3, 1e-2


@pytest.fixture
def halves():
    """[-1, 1/4] and [1/4, 1], on a line."""
    A, b = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([0.25, 1.0, 1.0, -0.25])
    inside = np.array([[-0.5], [0.5]])
    return Cells(A, b, np.array([0, 2, 4]), np.array([0, 1, 2, 0]), inside, REACH, BAND, 1)


def test_a_point_above_a_hyperplane_has_a_positive_height(halves):
    assert height(halves, 0, np.array([1.0])) == 0.75
    assert height(halves, 3, np.array([1.0])) == -0.75


@pytest.mark.parametrize(("side", "normal", "level"), [(0, 1.0, 0.25), (1, -1.0, -0.25)])
def test_a_side_is_as_wide_as_the_points_that_are_searched_for_there(halves, side, normal, level):
    scratch = scratch_for(halves, 3)
    narrow(halves, 0, side, 1, scratch)
    assert scratch.path[1].tolist() == [normal]
    assert scratch.levels[1] == pytest.approx(level + BAND + REACH, abs=1e-15)


def test_the_rows_of_a_region_reach_beyond_it_and_those_of_the_cell_follow(halves):
    """Seen from 0.5, below the plane at 1/4."""
    scratch = scratch_for(halves, 3)
    narrow(halves, 0, 0, 0, scratch)
    assert write_rows(halves, 1, 1, np.array([0.5]), scratch) == 3
    assert scratch.near[:3, 0].tolist() == [1, -1, 1]
    assert scratch.right[:3] == pytest.approx([0.5 + REACH, 0.25 + REACH, -0.25 + BAND + REACH], abs=1e-15)
