"""Hull: the affine hull of a polyhedron, and the rows that hold with equality everywhere on it.

A ball is looked for among what the known equalities leave. Where only a point fits, the multipliers of that linear
program name rows that always hold with equality; they join the known ones, and what is left has fewer dimensions.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from plants.arrays import Array, Indices

RANK = 1e-9  # a direction that is shorter than this after multiplication counts as 0
THIN = 1e-9  # a set that holds no larger ball has no interior
ROOMY = 1e-6  # a ball this large, by the kernel, leaves no doubt
NAMED = 1e-3  # rows with this share of the largest multiplier hold with equality; others wait for the next round


class Hull(NamedTuple):
    """x = start + along u, and the numbers of the rows that hold with equality on all of the set."""

    tight: Indices
    start: Array
    along: Array


def null_space(matrix: Array) -> Array:
    """Return an orthonormal basis (n, k) of the directions that the matrix (rows about 1 long) takes to 0."""
    _, values, right = np.linalg.svd(matrix)
    return right[int((values > RANK).sum()) :].T


def affine_hull(A: Array, b: Array, equalities: Indices) -> Hull | None:
    """Return the hull of {A x <= b, with equality in some rows}; None if that set is empty. Rows are about 1 long.

    Raises NumericalError where the linear program for the ball has no answer.
    """
    tight = np.zeros(len(b), dtype=bool)
    tight[equalities] = True
    while True:
        along = null_space(A[tight]) if tight.any() else np.eye(A.shape[1])
        start: Array = np.linalg.lstsq(A[tight], b[tight], rcond=RANK)[0].astype(np.float64)
        room, rows = b - A @ start, A @ along
        length = np.linalg.norm(rows, axis=1)
        level = tight | (length <= RANK)
        if (np.abs(room[tight]) > 10 * THIN).any() or (room[level] < -10 * THIN).any():
            return None
        free = np.flatnonzero(~level)
        radius, named = _ball(rows[free] / length[free, None], room[free] / length[free])
        if radius > THIN:
            return Hull(np.flatnonzero(tight | (level & (room <= THIN))), start, along)
        if radius < -THIN:
            return None
        tight[free[named]] = True


def _ball(A: Array, b: Array) -> tuple[float, Indices]:
    """Return the radius, at most 1, of a largest ball in {A x <= b}, unit rows, and rows that keep it from growing."""
    if not len(b):
        return 1.0, np.zeros(0, dtype=np.intp)
    radius = largest_ball(np.ascontiguousarray(A), b, 1.0)[0]
    if radius > ROOMY:
        return radius, np.zeros(0, dtype=np.intp)
    result = linear_program(np.r_[np.zeros(A.shape[1]), -1.0], np.c_[A, np.ones(len(A))], b, last=(None, 1.0))
    if not result.success:
        raise NumericalError(f"the rows that always hold with equality were not found: {result.message}")
    multipliers = -result.ineqlin.marginals
    return -float(result.fun), np.flatnonzero(multipliers > NAMED * multipliers.max())
