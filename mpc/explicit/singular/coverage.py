"""Coverage: what lies beyond the facets of a set of cells, looked at in points of every facet.

Beyond a facet lies another cell, or the border of the feasible parameters: then no feasible parameter passes the
facet's plane. This is the search's own check; it samples facets, and proves nothing between its points.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mpc.explicit.singular.expansion import Cell
from mpc.explicit.singular.interior import ball_in, holds_ball
from mpc.explicit.singular.minimiser import feasible_at
from mpc.explicit.singular.unit_free import UnitFree
from plants.arrays import Array

STEP = 1e-7  # half widths: how far beyond a facet the neighbour is looked for
INSIDE = 1e-11  # half widths: how far outside a cell a point may lie that it answers for
BORDER = 1e-8  # half widths: feasible parameters pass the plane of a border by less
OVERLAP = 1e-9  # half widths: a point this deep in two cells shows that they overlap
RAYS = 3  # directions from the centre of a facet for each parameter
PARALLEL = 1e-9  # a row that turns away from a facet's plane by less is parallel to it
CHUNK = 4_000_000  # entries of the (points, rows) matrix that is built at once


class Coverage(NamedTuple):
    """Facets with a point beyond which nothing answers, the largest jump between neighbours, pairs that overlap.

    `beyond` (k, t) are the points beyond open facets that nothing answers for.
    """

    holes: int
    jump: float
    overlaps: int
    beyond: Array


def coverage(program: UnitFree, cells: Sequence[Cell]) -> Coverage:
    """Return what a look at points of every facet, and at the centres of all cells, finds."""
    points, owner, row = _facet_points(cells)
    A, b = np.vstack([c.A for c in cells]), np.concatenate([c.b for c in cells])
    starts = np.cumsum([0, *(len(c.b) for c in cells[:-1])])
    answered, jump = np.zeros(len(points), dtype=bool), 0.0
    size = max(1, CHUNK // len(b))
    for start in range(0, len(points), size):
        part = slice(start, start + size)
        inside = np.maximum.reduceat((points[part] + STEP * A[row[part]]) @ A.T - b, starts, axis=1) <= INSIDE
        inside[np.arange(len(inside)), owner[part]] = False
        answered[part] = inside.any(axis=1)
        jump = max(jump, _jump(cells, points[part], owner[part], inside))
    centres = np.array([c.centre for c in cells])
    deep = np.maximum.reduceat(centres @ A.T - b, starts, axis=1) < -OVERLAP
    suspects = np.unique(row[~answered])
    passed = [i for i in suspects if program.support(A[i])[0] > b[i] + BORDER]
    missed = np.flatnonzero(~answered & np.isin(row, passed))
    beyond = points[missed] + STEP * A[row[missed]]
    open_ = np.array([_feasible(program, p) for p in beyond], dtype=bool)
    return Coverage(len(np.unique(row[missed[open_]])), jump, int(deep.sum() - np.trace(deep)), beyond[open_])


def _feasible(program: UnitFree, p: Array) -> bool:
    """Return whether a parameter has a solution: beside a border, a point beyond another facet may have none."""
    return bool((program.E @ p <= program.e).all()) and feasible_at(program, program.w + program.S @ p)


def _jump(cells: Sequence[Cell], points: Array, owner: np.ndarray, inside: np.ndarray) -> float:
    """Return the largest difference of the laws on two sides of a facet, in points of it.

    A cell that answers beyond the facet may begin a little behind the point, where a corner or a sliver lies between:
    what the steepest law makes of that distance is no jump.
    """
    steepest = max(float(np.linalg.norm(c.solution[:, 1:], axis=1).max(initial=0.0)) for c in cells)
    worst = 0.0
    for point, other in np.argwhere(inside).tolist():
        one, lifted = cells[other], np.r_[1.0, points[point]]
        apart = np.abs((cells[owner[point]].solution - one.solution) @ lifted).max()
        behind = max(float((one.A @ points[point] - one.b).max()), 0.0)
        worst = max(worst, float(apart) - 2 * steepest * behind)
    return worst


def _facet_points(cells: Sequence[Cell]) -> tuple[Array, np.ndarray, np.ndarray]:
    """Return points in the relative interior of all facets, and the cell and the row (of all rows) of each."""
    t = cells[0].A.shape[1]
    directions = np.random.default_rng(0).standard_normal((RAYS * t, t - 1))
    points, owner, rows, first = [], [], [], 0
    for index, one in enumerate(cells):
        for row in range(len(one.b)):
            found = _on_facet(one, row, directions)
            points.append(found)
            owner += [index] * len(found)
            rows += [first + row] * len(found)
        first += len(one.b)
    return np.concatenate(points), np.array(owner), np.array(rows)


def _on_facet(one: Cell, row: int, directions: Array) -> Array:
    """Return points of one facet: the centre of a ball in it, and points most of the way from there to its edges."""
    normal = one.A[row]
    foot = one.centre + (one.b[row] - normal @ one.centre) * normal
    if len(normal) == 1:
        return foot[None]
    along = np.linalg.svd(normal[None])[2][1:].T
    others = np.arange(len(one.b)) != row
    A, b = one.A[others] @ along, one.b[others] - one.A[others] @ foot
    length = np.linalg.norm(A, axis=1)
    real = length > PARALLEL
    A, b = np.ascontiguousarray(A[real] / length[real, None]), b[real] / length[real]
    if not holds_ball(A, b, 2 * STEP):
        return np.zeros((0, len(normal)))
    _, centre = ball_in(A, b, 2 * STEP)
    speed, room = directions @ A.T, b - A @ centre
    reach = np.where(speed > 0, room / np.where(speed > 0, speed, 1.0), np.inf).min(axis=1)
    return foot + np.vstack([centre, centre + 0.9 * reach[:, None] * directions]) @ along.T
