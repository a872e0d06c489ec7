"""Coverage: what lies beyond the facets of a set of cells, looked at in points of every facet.

Beyond a facet lies another cell, or the border of the feasible parameters: then no feasible parameter passes the
facet's plane. This is the search's own check; it samples facets, and proves nothing between its points.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mpc.explicit.expansion import Cell
from mpc.explicit.least_distance import FEASIBLE, nearest, workspace
from mpc.explicit.unit_free import UnitFree
from plants.arrays import Array

STEP = 1e-7  # half widths: how far beyond a facet the neighbour is looked for
INSIDE = 1e-11  # half widths: how far outside a cell a point may lie that it answers for
BORDER = 1e-8  # half widths: feasible parameters pass the plane of a border by less
OVERLAP = 1e-9  # half widths: a point this deep in two cells shows that they overlap
ROUNDS = 3  # directions from the centre of a cell for each parameter
CHUNK = 4_000_000  # entries of the (points, rows) matrix that is built at once


class Coverage(NamedTuple):
    """Facets with a point beyond which nothing answers, the largest jump between neighbours, pairs that overlap."""

    holes: int
    jump: float
    overlaps: int


def coverage(program: UnitFree, cells: Sequence[Cell]) -> Coverage:
    """Return what a look at points of every facet, and at the centres of all cells, finds."""
    points, owner, row = _facet_points(cells)
    A, b = np.vstack([c.A for c in cells]), np.concatenate([c.b for c in cells])
    starts = np.cumsum([0, *(len(c.b) for c in cells[:-1])])
    answered, jump = np.zeros(len(points), dtype=bool), 0.0
    solutions = np.stack([c.solution for c in cells])
    size = max(1, CHUNK // len(b))
    for start in range(0, len(points), size):
        part = slice(start, start + size)
        inside = np.maximum.reduceat((points[part] + STEP * A[row[part]]) @ A.T - b, starts, axis=1) <= INSIDE
        inside[np.arange(len(inside)), owner[part]] = False
        answered[part] = inside.any(axis=1)
        jump = max(jump, _jump(solutions, points[part], owner[part], inside))
    centres = np.array([c.centre for c in cells])
    deep = np.maximum.reduceat(centres @ A.T - b, starts, axis=1) < -OVERLAP
    suspects = np.unique(row[~answered])
    holes = sum(1 for i in suspects if program.support(A[i])[0] > b[i] + BORDER)
    return Coverage(holes, jump, int(deep.sum()) - len(cells))


def _jump(solutions: Array, points: Array, owner: np.ndarray, inside: np.ndarray) -> float:
    """Return the largest difference, in excess of what slopes make of STEP, of the laws on two sides of a facet."""
    point, other = np.nonzero(inside)
    if not len(point):
        return 0.0
    ours, theirs = solutions[owner[point]], solutions[other]
    lifted = np.c_[np.ones(len(point)), points[point]]
    return float(np.abs(np.einsum("knt,kt->kn", ours - theirs, lifted)).max())


def _facet_points(cells: Sequence[Cell]) -> tuple[Array, np.ndarray, np.ndarray]:
    """Return points in the relative interior of all facets, and the cell and the row (of all rows) of each."""
    t = cells[0].A.shape[1]
    spread = np.random.default_rng(0).standard_normal((ROUNDS * t, t))
    points, owner, rows, first = [], [], [], 0
    for index, one in enumerate(cells):
        starts = _spread(one, spread)
        for row in range(len(one.b)):
            found = _on_facet(one, row, starts)
            points.append(found)
            owner += [index] * len(found)
            rows += [first + row] * len(found)
        first += len(one.b)
    return np.concatenate(points), np.array(owner), np.array(rows)


def _spread(one: Cell, directions: Array) -> Array:
    """Return points well inside the cell, most of the way from its centre to its border."""
    room, speed = one.b - one.A @ one.centre, directions @ one.A.T
    reach = np.where(speed > 0, room / np.where(speed > 0, speed, 1.0), np.inf).min(axis=1)
    return one.centre + 0.9 * reach[:, None] * directions


def _on_facet(one: Cell, row: int, starts: Array) -> Array:
    """Return points of one facet: those nearest to the starts, drawn a little towards their mean."""
    order, work, found = np.arange(len(one.b)), workspace(one.A.shape[1]), []
    for start in starts:
        levels = one.b - one.A @ start
        if nearest(one.A, levels, order, len(order), 0.0, row, levels[row], np.inf, 1e-13, work) == FEASIBLE:
            found.append(start + work.x)
    nearby = np.array(found).reshape(-1, one.A.shape[1])
    mean = nearby.mean(axis=0) if len(nearby) else one.centre
    return np.vstack([mean, mean + 0.9 * (nearby - mean)]) if len(nearby) else nearby
