"""The rows that a polyhedron needs, and no others; compiled."""

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.least_distance import EMPTY, nearest, workspace
from plants.arrays import Array

PASSED = 1e-11  # scaled theta: a row that the others let theta pass by less than this is redundant


@compiled
def minimal_rows(A: Array, b: Array, inside: Array, judged: int, passed: float) -> np.ndarray:
    """Return which of the unit rows {A x <= b} are needed, (q,) bool; of equal rows the first.

    Only the first `judged` rows are asked: one that the others let x pass by less than `passed` is not needed.
    `inside` is a point of the set.
    """
    needed, order = np.ones(len(b), np.bool_), np.zeros(len(b), np.int64)
    levels, work = b - A @ inside, workspace(A.shape[1])
    for row in range(judged - 1, -1, -1):
        kept = 0
        for i in range(len(b)):
            if needed[i] and i != row:
                order[kept] = i
                kept += 1
        beyond = levels[row] + passed
        needed[row] = nearest(A, levels, order, kept, 0.0, row, beyond, np.inf, work) != EMPTY
    return needed
