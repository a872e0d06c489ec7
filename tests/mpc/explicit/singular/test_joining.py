"""Cells of one law are joined exactly where their union is convex."""

import numpy as np
import pytest

from mpc.explicit.singular.expansion import Cell, cell
from mpc.explicit.singular.joining import joined

LAW = np.array([[1.0, 2.0, 3.0]])


def box(low, high, solution=LAW, tight=(0,), active=(0,)) -> Cell:
    rows = np.vstack([np.eye(2), -np.eye(2)])
    made = cell(active, tight, solution, rows, np.concatenate([high, np.negative(low)]))
    assert made is not None
    return made


def test_neighbours_become_one_with_all_their_active_rows():
    (whole,) = joined([box([0, 0], [1, 1], active=(0,)), box([1, 0], [3, 1], active=(2,))])
    assert sorted(whole.b) == pytest.approx([0, 0, 1, 3])
    assert whole.active == (0, 2)
    assert whole.radius == pytest.approx(0.5)


def test_cells_that_overlap_become_one():
    cells = [box([0, 0], [2, 1], active=(i,)) for i in range(3)] + [box([1, 0], [3, 1]), box([0, 0], [3, 0.5])]
    (whole,) = joined(cells)
    assert sorted(whole.b) == pytest.approx([0, 0, 1, 3])
    assert whole.active == (0, 1, 2)


def test_four_quarters_become_one():
    (whole,) = joined([box([i, j], [i + 1, j + 1]) for i in (0, 1) for j in (0, 1)])
    assert sorted(whole.b) == pytest.approx([0, 0, 2, 2])


def test_an_angle_stays_two_cells():
    """Three quarters: two of them have a convex union, all three have not."""
    left = joined([box([0, 0], [1, 1]), box([1, 0], [2, 1]), box([0, 1], [1, 2])])
    assert len(left) == 2
    assert sum(c.radius for c in left) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "other",
    [
        box([1, 0], [2, 1], solution=LAW + np.array([0, 1e-6, 0])),
        box([1, 0], [2, 1], tight=(0, 1)),
        box([1 + 1e-6, 0], [2, 1]),
    ],
)
def test_another_law_other_tight_rows_or_a_gap_keep_cells_apart(other):
    assert len(joined([box([0, 0], [1, 1]), other])) == 2
