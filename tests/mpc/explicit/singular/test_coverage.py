"""The search's own look at its cells, and what becomes of single active sets in the limit."""

from dataclasses import replace

import numpy as np
import pytest

from mpc.explicit.singular.coverage import coverage
from mpc.explicit.singular.expansion import cell, limit_cell
from mpc.explicit.singular.interior import ball_in, holds_ball
from mpc.explicit.singular.joining import joined
from mpc.explicit.singular.selection import regularised
from mpc.explicit.singular.unit_free import unit_free


@pytest.fixture(scope="module")
def found(singular, explored):
    problem = singular("semidefinite")
    program = unit_free(problem)
    sets = explored(regularised(program, 1e-3, problem))
    return program, joined([c for c in (limit_cell(program, rows) for rows in sets.active) if c is not None])


def test_whole_laws_have_neither_hole_nor_overlap(found):
    assert coverage(*found)[::2] == (0, 0)
    assert coverage(*found).jump <= 1e-12


@pytest.mark.parametrize("lost", range(7))
def test_every_lost_cell_leaves_a_hole(lost, found):
    program, cells = found
    assert coverage(program, cells[:lost] + cells[lost + 1 :]).holes > 0


@pytest.mark.parametrize("changed", range(7))
def test_a_shrunk_cell_leaves_a_hole_a_changed_one_jumps_a_grown_one_overlaps(changed, found):
    program, cells = found
    one = cells[changed]
    rest = cells[:changed] + cells[changed + 1 :]
    assert coverage(program, [*rest, replace(one, b=one.b - 1e-6)]).holes > 0
    assert coverage(program, [*rest, replace(one, solution=one.solution + 1e-6)]).jump == pytest.approx(3e-6, rel=1)
    assert coverage(program, [*rest, replace(one, b=one.b + 1.0)]).overlaps > 0


def test_a_band_that_closes_in_the_limit_is_no_cell(boxed):
    """min theta'z over a box: with a weight, all of 9 sets have regions; without, the corners keep them."""
    box = np.vstack([np.eye(2), -np.eye(2)])
    program = unit_free(boxed(np.zeros((2, 2)), [0, 0], np.eye(2), box, np.ones(4), np.zeros((4, 2))))
    assert limit_cell(program, ()) is None
    assert all(limit_cell(program, (row,)) is None for row in range(4))
    corner = limit_cell(program, (0, 1))
    assert corner is not None
    assert corner.solution == pytest.approx(np.array([[1, 0, 0], [1, 0, 0]]))
    assert corner.radius == pytest.approx(0.5)


def test_a_multiplier_that_vanishes_is_judged_by_the_next_order(boxed):
    """1/2 z0^2 - theta z0 with |z1| <= 2 and z0 + z1 <= 1: which way z1 is pushed decides where that row is active."""
    G = np.vstack([np.eye(2), -np.eye(2), [[1, 1]]])
    program = unit_free(boxed(np.diag([1.0, 0]), [0, 0], [[-1], [0]], G, [3, 2, 3, 2, 1], np.zeros((5, 1)), 2.0))
    free, pushed = limit_cell(program, ()), limit_cell(program, (4,))
    assert free is not None
    assert pushed is not None
    ends = [sorted(2 * (c.b / c.A[:, 0])) for c in (free, pushed)]
    assert ends[0] == pytest.approx([-2, 1])
    assert ends[1] == pytest.approx([1, 2])


def test_dependent_rows_of_a_set_are_left_out(found):
    program, cells = found
    doubled = replace(
        program,
        G=np.vstack([program.G, program.G[:1]]),
        w=np.r_[program.w, program.w[0]],
        S=np.vstack([program.S, program.S[:1]]),
    )
    one = next(c for c in cells if 0 in c.active)
    same = limit_cell(doubled, (*one.active, len(program.w)))
    assert same is not None
    assert same.active == one.active
    assert same.tight == (*one.tight, len(program.w))
    assert same.solution == pytest.approx(one.solution)


def test_a_thin_wedge_far_from_the_origin_is_not_empty():
    """Two rows 1e-4 off the diagonal that meet at 0.8 of the way to (1, 1): the ball lies in that corner."""
    slope, corner, across = 1e-4, np.array([1, 1]) / np.sqrt(2), np.array([1, -1]) / np.sqrt(2)
    A = np.vstack([across - slope * corner, -across - slope * corner, np.eye(2), -np.eye(2)])
    length = np.linalg.norm(A, axis=1, keepdims=True)
    A, b = A / length, np.array([-0.8 * slope, -0.8 * slope, 1, 1, 1, 1]) / length.ravel()
    assert holds_ball(A, b, 6e-5)
    assert not holds_ball(A, b, 6.2e-5)
    radius, centre = ball_in(A, b, 1e-5)
    assert radius == pytest.approx(6.141e-5, rel=1e-3)
    assert (A @ centre <= b - 0.999 * radius).all()


def test_a_steep_law_behind_a_narrow_strip_is_no_jump(boxed):
    """Slopes 0, 1e3 and 2e3, the second on 5e-8 half widths: what lies just beyond the strip is not its neighbour."""
    program = unit_free(boxed([[0]], [1], [[0]], [[-1]], [0], [[0]]))
    ends, laws = [(-1, 0), (0, 5e-8), (5e-8, 1)], [(0, 0), (0, 1e3), (-5e-5, 2e3)]
    made = [
        cell((), (), np.array([law], dtype=float), np.array([[-1.0], [1.0]]), np.array([-low, high]))
        for (low, high), law in zip(ends, laws, strict=True)
    ]
    cells = [one for one in made if one is not None]
    assert len(cells) == 3
    assert coverage(program, cells)[:3] == (0, pytest.approx(0, abs=1e-9), 0)
    moved = replace(cells[2], solution=cells[2].solution + np.array([[1e-5, 0]]))
    assert coverage(program, [*cells[:2], moved]).jump == pytest.approx(1e-5, rel=1e-3)
