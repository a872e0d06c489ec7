"""Linear programs by HiGHS, made safe: tight tolerances, a second method where the first gives up, balanced units."""

import numpy as np
from scipy.optimize import OptimizeResult, linprog

from plants.arrays import Array

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
GAVE_UP = 4  # scipy's status for numerical trouble
BALANCING = 10  # rounds; each halves the exponents of what is left to balance


def linear_program(
    cost: Array, A: Array, b: Array, last: tuple[float | None, float | None] = (None, None)
) -> OptimizeResult:
    """Return scipy's result of min cost'x s.t. A x <= b, with bounds for the last component only."""
    bounds = [(None, None)] * (len(cost) - 1) + [last]
    result = linprog(cost, A, b, bounds=bounds, options=TIGHT)
    return linprog(cost, A, b, bounds=bounds, method="highs-ipm") if result.status == GAVE_UP else result


def balanced(A: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return (A, b, unit) of {A x <= b} in x / unit, all entries near 1: linear programs take tiny ones for 0."""
    unit = np.ones(A.shape[1])
    for _ in range(BALANCING):
        row, column = (np.sqrt(np.abs(A).max(axis=axis, initial=0.0)) for axis in (1, 0))
        row, column = np.where(row > 0, row, 1.0), np.where(column > 0, column, 1.0)
        A, b, unit = A / np.outer(row, column), b / row, unit / column
    size = np.abs(b).max(initial=0.0) or 1.0
    return A, b / size, unit * size


def row_lengths(rows: Array) -> Array:
    """Return the length of every row; 1 for a row of zeros."""
    length = np.linalg.norm(rows, axis=1)
    return np.where(length > 0, length, 1.0)
