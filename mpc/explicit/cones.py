"""Proofs kept for later: the cones of rows that showed one row to be redundant often show it of others too; compiled.

A row a x <= level whose a = sum w_i a_i with w >= 0 of rows a_i x <= b_i can never be passed if sum w_i b_i < level.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled, lean
from mpc.explicit.least_distance import Workspace
from plants.arrays import Array

ROOM = 12  # cones kept; the oldest gives way
ROUNDING = 1e-10  # scaled theta: what a proof must spare, for weights of -1e-12 and sums of rounded products
FLAT = 1e-7  # rows this close to depending on one another make no cone


class Cones(NamedTuple):
    """Inverses (c, t, t) of matrices whose columns are the rows of each cone, their levels (c, t), and how many.

    `work` (t, 2 t) is memory for an inversion.
    """

    inverses: Array
    levels: Array
    cones: np.ndarray
    work: Array


@compiled
def no_cones(t: int) -> Cones:
    """Return memory for cones of t rows."""
    return Cones(np.zeros((ROOM, t, t)), np.zeros((ROOM, t)), np.zeros(1, np.int64), np.zeros((t, 2 * t)))


@lean
def excluded(row: Array, level: float, kept: Cones) -> bool:
    """Return whether some cone proves that no point of the set reaches row x = level."""
    t = len(row)
    for c in range(min(kept.cones[0], ROOM)):
        most, inside = 0.0, True
        for i in range(t):
            weight = 0.0
            for j in range(t):
                weight += kept.inverses[c, i, j] * row[j]
            if weight < -1e-12:
                inside = False
                break
            most += weight * kept.levels[c, i]
        if inside and most + ROUNDING < level:
            return True
    return False


@lean
def keep_cone(A: Array, b: Array, widen: float, turned: int, work: Workspace, kept: Cones) -> None:
    """Keep the cone of rows behind the last proof of `nearest` that no point of the set reaches the turned row."""
    t, entering = A.shape[1], work.size[1]
    if work.size[0] != t or entering < 0:
        return
    place = kept.cones[0] % ROOM
    inverse, position, seen = kept.work, 0, False
    inverse[:] = 0.0
    for i in range(t + 1):
        row = work.active[i] if i < t else entering
        if row == turned:
            seen = True
            continue
        if position == t:
            return
        for j in range(t):
            inverse[j, position] = A[row, j]
        kept.levels[place, position] = b[row] + widen
        inverse[position, t + position] = 1.0
        position += 1
    if seen and _inverted(inverse):
        for i in range(t):
            for j in range(t):
                kept.inverses[place, i, j] = inverse[i, t + j]
        kept.cones[0] += 1


@lean
def _inverted(matrix: Array) -> bool:
    """Turn (B, I) into (I, inverse of B) by elimination with pivots; False if B is nearly singular."""
    t = len(matrix)
    for column in range(t):
        pivot = column
        for i in range(column + 1, t):
            if abs(matrix[i, column]) > abs(matrix[pivot, column]):
                pivot = i
        if abs(matrix[pivot, column]) < FLAT:
            return False
        for j in range(2 * t):
            value = matrix[pivot, j]
            matrix[pivot, j] = matrix[column, j]
            matrix[column, j] = value
        scale = matrix[column, column]
        for j in range(2 * t):
            matrix[column, j] /= scale
        for i in range(t):
            factor = matrix[i, column]
            if i != column and factor != 0.0:
                for j in range(2 * t):
                    matrix[i, j] -= factor * matrix[column, j]
    return True
