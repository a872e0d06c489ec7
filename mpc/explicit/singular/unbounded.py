"""Unbounded objectives, found before any exploration, for every theta of the parameter set.

A direction d without curvature (H d = 0) that no row stops (G d <= 0) makes the objective fall without limit where
(f + F theta)'d < 0. The steepest such slope is concave in theta, so it is least at a vertex of the feasible
parameters, seen along those of their directions that change slopes at all; these vertices are found by supports.
"""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import ConvexHull

from mpc.explicit.errors import NumericalError, Unbounded
from mpc.explicit.linear import linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.hull import RANK
from mpc.explicit.singular.unit_free import UnitFree
from plants.arrays import Array

FALL = 1e-8  # a slope of the objective, in the unit-free problem, that counts as falling
NEW = 1e-7  # a support point this far beyond the known ones is a new vertex


def check_bounded(problem: MultiparametricQP, program: UnitFree) -> None:
    """Raise Unbounded if some theta that has a solution lets the objective fall without limit; name the direction."""
    basis = program.free_directions
    if not basis.shape[1] or not _open(program):
        return
    _, values, right = np.linalg.svd(basis.T @ program.F)
    moving = right[: int((values > RANK).sum())]
    for p in _vertices(program, moving):
        direction = _falling(program, p)
        if direction is not None:
            raise _refusal(problem, program, p, direction)


def _open(program: UnitFree) -> bool:
    """Return whether any direction but 0 has neither curvature nor a row that stops it."""
    rows = _stopping_rows(program)
    if np.linalg.matrix_rank(rows, tol=RANK) < rows.shape[1]:
        return True
    total = rows.sum(axis=0)
    result = linear_program(total, np.vstack([rows, -rows]), np.r_[np.zeros(len(rows)), np.ones(len(rows))])
    return not result.success or result.fun < -FALL


def _stopping_rows(program: UnitFree) -> Array:
    rows = np.vstack([program.G, -program.G[program.fixed]]) @ program.free_directions
    return np.where(np.abs(rows) > RANK, rows, 0.0)


def _falling(program: UnitFree, p: Array) -> Array | None:
    """Return a direction (n,) of unit size along which the objective falls for ever at p; None if there is none."""
    basis, rows = program.free_directions, _stopping_rows(program)
    slope, k = basis.T @ (program.f + program.F @ p), basis.shape[1]
    box = np.vstack([np.eye(k), -np.eye(k)])
    result = linear_program(slope, np.vstack([rows, box]), np.r_[np.zeros(len(rows)), np.ones(2 * k)])
    if not result.success:
        raise NumericalError(f"the steepest free direction at a vertex was not found: {result.message}")
    if result.fun >= -FALL:
        return None
    direction = basis @ result.x
    return direction / np.abs(direction).max()


def _vertices(program: UnitFree, moving: Array) -> Iterator[Array]:
    """Return feasible parameters whose images under `moving` (r, t) have all vertices of the image among them."""
    points = [program.support(np.zeros(program.E.shape[1]))[1]]
    axes = []
    for axis in np.eye(len(moving)):
        ends = [program.support(sign * axis @ moving)[1] for sign in (1.0, -1.0)]
        points += ends
        if axis @ moving @ (ends[0] - ends[1]) > NEW:
            axes.append(axis)
    yield from points
    if len(axes) > 1:
        yield from _pushed_out(program, np.array(axes) @ moving, points)


def _pushed_out(program: UnitFree, moving: Array, points: list[Array]) -> Iterator[Array]:
    """Return points that the facets of the hull are pushed out to, until none moves."""
    points, settled = list(points), set()
    while True:
        hull = ConvexHull(np.array(points) @ moving.T, qhull_options="QJ")
        grown = False
        for row in hull.equations:
            key = tuple(row.round(7))
            if key in settled:
                continue
            settled.add(key)
            reach, p = program.support(row[:-1] @ moving)
            if reach > NEW - row[-1]:
                yield p
                points.append(p)
                grown = True
        if not grown:
            return


def _refusal(problem: MultiparametricQP, program: UnitFree, p: Array, direction: Array) -> Unbounded:
    physical = direction * program.scale
    theta = program.frame.point(p)
    names = problem.names
    point = ", ".join(f"{name} = {value:.6g}" for name, value in zip(names.parameters, theta, strict=True))
    moved = np.flatnonzero(np.abs(direction) > 1e-7)
    way = ", ".join(f"{names.variables[j]} by {physical[j]:+.4g}" for j in moved)
    return Unbounded(physical, theta, way, point)
