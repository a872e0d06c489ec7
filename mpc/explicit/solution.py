"""The solution of one active set over all parameters, and the rows of the region where it is optimal; compiled.

An active set A of independent rows holds with equality: v(theta) and multipliers lambda(theta) are affine, and its
region is where all multipliers and all other rows' slacks are 0 or more.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled, inlined, lean
from plants.arrays import Array

TOUCH = 1e-8  # scaled theta: sets this close count as touching, so that no stepping stone is lost
DEPENDENT = 1e-8  # a unit row this close to the span of the active rows breaks LICQ
ZERO = 1e-10  # a row of theta of smaller norm, beside its terms, has no direction and is judged by its sign
NOISE = 1e-13  # the same for rows whose terms are rounding noise; right-hand sides are about 1

SAME = 1e-10  # a slack without direction that is smaller, beside its terms, is 0: the row is tight for every theta

KEPT, MET, NEAR, TIGHT, NEVER = (
    3,
    2,
    1,
    0,
    -1,
)  # a row with a direction; without: met, met with less than TOUCH, tight, not


class Solution(NamedTuple):
    """An active set's factors, and the rows {A theta <= b} of its region with the codes of where they come from.

    Code i < q: the multiplier of row i; q + i: the slack of row i; 2 q + i: row i of the parameter set.
    `flat_multipliers` and `flat_slacks` list the rows whose multiplier or slack is 0 for every theta; `near_slacks`
    those whose slack is one small number for all. `along` and `left` are memory for the parts of one more row.
    """

    rows: np.ndarray
    Q: Array
    R: Array
    v: Array
    multipliers: Array
    A: Array
    b: Array
    code: np.ndarray
    flat_multipliers: np.ndarray
    flat_slacks: np.ndarray
    near_slacks: np.ndarray
    counts: np.ndarray  # of A, flat_multipliers, flat_slacks, near_slacks
    along: Array
    left: Array


@compiled
def solution_memory(q: int, n: int, E: Array) -> Solution:
    """Return memory for the solution of one active set after another."""
    t, rows = E.shape[1], q + len(E)
    return Solution(
        np.zeros(64 * (q // 64 + 1), np.int64),
        np.zeros((n, n)),
        np.zeros((n, n)),
        np.zeros((n, t + 1)),
        np.zeros((n, t + 1)),
        np.zeros((rows, t)),
        np.zeros(rows),
        np.zeros(rows, np.int64),
        np.zeros(n, np.int64),
        np.zeros(q, np.int64),
        np.zeros(q, np.int64),
        np.zeros(4, np.int64),
        np.zeros(n),
        np.zeros(n),
    )


@lean
def solve(M: Array, right: Array, E: Array, e: Array, k: int, solution: Solution) -> bool:
    """Fill in the solution of the active rows; False if they depend on one another or some row is never met."""
    if not factor(M, k, solution):
        return False
    solve_active(right, k, solution)
    solution.counts[:] = 0
    position = 0
    for i in range(len(M)):
        if position < k and solution.rows[position] == i:
            met = _multiplier_row(i, position, solution)
            position += 1
        else:
            met = _slack_row(M, right, i, len(M) + i, solution)
        if not met:
            return False
    for i in range(len(E)):
        last = solution.counts[0]
        for c in range(E.shape[1]):
            solution.A[last, c] = E[i, c]
        solution.b[last] = e[i]
        solution.code[last] = 2 * len(M) + i
        solution.counts[0] += 1
    return True


@lean
def factor(M: Array, k: int, solution: Solution) -> bool:
    """Orthonormalise the active rows, twice for accuracy; False if one depends on those before."""
    n, Q, R = M.shape[1], solution.Q, solution.R
    for i in range(k):
        for c in range(n):
            Q[c, i] = M[solution.rows[i], c]
        for j in range(i):
            R[j, i] = 0.0
        for _ in range(2):
            _take_off(n, i, Q, R)
        length = 0.0
        for c in range(n):
            length += Q[c, i] * Q[c, i]
        length = np.sqrt(length)
        if length < DEPENDENT:
            return False
        R[i, i] = length
        for c in range(n):
            Q[c, i] /= length
    return True


@inlined
def _take_off(n: int, i: int, Q: Array, R: Array) -> None:
    """Take off column i what the columns before it span."""
    for j in range(i):
        part = 0.0
        for c in range(n):
            part += Q[c, j] * Q[c, i]
        R[j, i] += part
        for c in range(n):
            Q[c, i] -= part * Q[c, j]


@lean
def solve_active(right: Array, k: int, solution: Solution) -> None:
    """Solve R'y = right, v = Q y, R l = -y for all columns of the right-hand side."""
    Q, R, v, multipliers = solution.Q, solution.R, solution.v, solution.multipliers
    for c in range(right.shape[1]):
        for i in range(k):
            value = right[solution.rows[i], c]
            for j in range(i):
                value -= R[j, i] * multipliers[j, c]
            multipliers[i, c] = value / R[i, i]
        for i in range(len(Q)):
            v[i, c] = 0.0
            for j in range(k):
                v[i, c] += Q[i, j] * multipliers[j, c]
        for i in range(k - 1, -1, -1):
            value = -multipliers[i, c]
            for j in range(i + 1, k):
                value -= R[i, j] * multipliers[j, c]
            multipliers[i, c] = value / R[i, i]


@inlined
def _multiplier_row(row: int, position: int, solution: Solution) -> bool:
    """Write where the multiplier of an active row is 0 or more; False if that is nowhere."""
    size, last = 0.0, solution.counts[0]
    for c in range(solution.multipliers.shape[1]):
        size = max(size, abs(solution.multipliers[position, c]))
    for c in range(solution.A.shape[1]):
        solution.A[last, c] = -solution.multipliers[position, c + 1]
    state = _keep(solution, solution.multipliers[position, 0], size, row)
    if state in (TIGHT, NEAR):
        solution.flat_multipliers[solution.counts[1]] = row
        solution.counts[1] += 1
    return state != NEVER


@inlined
def _slack_row(M: Array, right: Array, row: int, code: int, solution: Solution) -> bool:
    """Write where the slack of another row is 0 or more; False if that is nowhere."""
    size, level, last = 0.0, 0.0, solution.counts[0]
    for c in range(right.shape[1]):
        used = 0.0
        for j in range(M.shape[1]):
            used += M[row, j] * solution.v[j, c]
        size = max(size, abs(used), abs(right[row, c]))
        if c == 0:
            level = right[row, 0] - used
        else:
            solution.A[last, c - 1] = used - right[row, c]
    state = _keep(solution, level, size, code)
    if state == TIGHT:
        solution.flat_slacks[solution.counts[2]] = row
        solution.counts[2] += 1
    elif state == NEAR:
        solution.near_slacks[solution.counts[3]] = row
        solution.counts[3] += 1
    return state != NEVER


@inlined
def _keep(solution: Solution, level: float, size: float, code: int) -> int:
    """Scale the row written last to unit length and keep it; one without a direction is met by all theta or by none."""
    row, t = solution.counts[0], solution.A.shape[1]
    length = 0.0
    for c in range(t):
        length += solution.A[row, c] * solution.A[row, c]
    length = np.sqrt(length)
    if length <= max(ZERO * size, NOISE):
        close = max(TOUCH * size, NOISE)
        if abs(level) <= max(SAME * size, NOISE):
            return TIGHT
        return NEVER if level < -close else (NEAR if level <= close else MET)
    for c in range(t):
        solution.A[row, c] /= length
    solution.b[row] = level / length
    solution.code[row] = code
    solution.counts[0] += 1
    return KEPT
