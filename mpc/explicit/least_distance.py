"""The least-distance kernel: the point of {A x <= b} nearest to the origin, or the proof that there is none.

Dual active-set method (Goldfarb & Idnani 1983) for H = I: the active rows are kept as a QR factorisation that is
rotated when a row enters or leaves. Nothing is allocated inside. Rows of A have unit length.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled, inlined, lean
from plants.arrays import Array

FEASIBLE, EMPTY, UNSURE = 1, 0, -1
ACCURACY = 1e-13  # a row passed by no more than this holds
DEPENDENT = 1e-12  # a row whose part outside the span of the active rows is shorter than this depends on them
POSITIVE = 1e-12  # a weight below this neither bounds a dual step nor hinders a proof of emptiness
ROUNDS = 40  # steps for each row and component before the kernel gives up


class Workspace(NamedTuple):
    """Memory of the kernel for x with n components: factors, multipliers, directions, the point and the active rows.

    `size` holds how many of the rows in `active` (and of their multipliers) count, and, after EMPTY, the row that
    contradicts them (-1: the set is out of reach).
    """

    Q: Array
    R: Array
    multipliers: Array
    along: Array
    weights: Array
    x: Array
    active: np.ndarray
    size: np.ndarray


@compiled
def workspace(n: int) -> Workspace:
    """Return memory for problems of n components."""
    vectors = np.zeros((3, n))
    rows = np.zeros(n, np.int64), np.zeros(2, np.int64)
    return Workspace(np.eye(n), np.zeros((n, n)), np.zeros(n + 1), vectors[0], vectors[1], vectors[2], *rows)


@lean
def nearest(
    A: Array,
    b: Array,
    rows: np.ndarray,
    count: int,
    widen: float,
    turned: int,
    level: float,
    reach: float,
    work: Workspace,
) -> int:
    """Find the point nearest to the origin with A x <= b + widen in the first `count` of `rows`.

    With `turned` >= 0 that row asks for A x >= level instead. Every point of the set is known to lie within
    `reach` of the origin. Returns FEASIBLE (the point is in work.x), EMPTY (proved) or UNSURE.
    """
    for i in range(A.shape[1]):
        work.x[i] = 0.0
        for j in range(A.shape[1]):
            work.Q[i, j] = 1.0 if i == j else 0.0
    work.size[0] = 0
    return resumed(A, b, rows, count, widen, turned, level, reach, work)


@inlined
def take_point(work: Workspace, x: Array) -> None:
    """Write the point that the last call found into x."""
    for i in range(len(x)):
        x[i] = work.x[i]


@lean
def nearest_again(A: Array, b: Array, rows: np.ndarray, count: int, reach: float, work: Workspace) -> int:
    """Do as `nearest` does for other right-hand sides, from the active rows of the last call if they still serve."""
    _at_active_rows(A, b, 0.0, -1, 0.0, work)
    k, serves = work.size[0], True
    for i in range(k - 1, -1, -1):
        value = -work.weights[i]
        for j in range(i + 1, k):
            value -= work.R[i, j] * work.multipliers[j]
        work.multipliers[i] = value / work.R[i, i]
        serves = serves and work.multipliers[i] >= 0.0
    if serves:
        return resumed(A, b, rows, count, 0.0, -1, 0.0, reach, work)
    return nearest(A, b, rows, count, 0.0, -1, 0.0, reach, work)


@lean
def resumed(
    A: Array,
    b: Array,
    rows: np.ndarray,
    count: int,
    widen: float,
    turned: int,
    level: float,
    reach: float,
    work: Workspace,
) -> int:
    """Go on where the last call ended, with rows added to the list; arguments and result as for `nearest`."""
    fresh = False  # x is no sum of many steps
    for _ in range(ROUNDS * (count + A.shape[1] + 1)):
        entering = _most_violated(A, b, rows, count, widen, turned, level, work.x)
        if entering < 0 and (fresh or work.size[0] == 0):
            return FEASIBLE
        if entering < 0 or _is_active(work, entering):
            if fresh:
                return UNSURE
            _at_active_rows(A, b, widen, turned, level, work)
            fresh = True
            continue
        fresh = False
        work.size[1] = entering
        if not _enter(A, b, widen, turned, level, entering, work):
            return EMPTY
        work.size[1] = -1
        distance = 0.0
        for i in range(A.shape[1]):
            distance += work.x[i] * work.x[i]
        if not distance <= reach * reach:
            return EMPTY if distance > reach * reach else UNSURE
    return UNSURE


@inlined
def _is_active(work: Workspace, row: int) -> bool:
    found = False
    for i in range(work.size[0]):
        found = found or work.active[i] == row
    return found


@inlined
def _most_violated(
    A: Array,
    b: Array,
    rows: np.ndarray,
    count: int,
    widen: float,
    turned: int,
    level: float,
    x: Array,
) -> int:
    """Return the row that x violates most, by more than ACCURACY; -1 if there is none."""
    n = A.shape[1]
    worst, entering = ACCURACY, -1
    if turned >= 0:
        value = level
        for j in range(n):
            value -= A[turned, j] * x[j]
        if value > worst:
            worst, entering = value, turned
    for position in range(count):
        i = rows[position]
        if i == turned:
            continue
        value = -b[i] - widen
        for j in range(n):
            value += A[i, j] * x[j]
        if value > worst:
            worst, entering = value, i
    return entering


@inlined
def _enter(A: Array, b: Array, widen: float, turned: int, level: float, entering: int, work: Workspace) -> bool:
    """Take steps until the entering row holds, dropping rows whose multiplier falls to 0; False if it never can."""
    n = A.shape[1]
    sign = -1.0 if entering == turned else 1.0
    right = -level if entering == turned else b[entering] + widen
    multiplier = 0.0
    while True:
        k = work.size[0]
        outside = _split(A, sign, entering, k, work)
        step, leaving = _longest_step(k, work)
        full = np.inf
        if outside > DEPENDENT * DEPENDENT and k < n:
            violation = -right
            for j in range(n):
                violation += sign * A[entering, j] * work.x[j]
            full = max(violation, 0.0) / outside
        taken = min(step, full)
        if taken == np.inf:
            return False
        multiplier += taken
        for i in range(k):
            work.multipliers[i] -= taken * work.weights[i]
        if full < np.inf:
            _move(n, k, taken, work)
        if full <= step:
            _append(n, k, work)
            work.active[k] = entering
            work.multipliers[k] = multiplier
            work.size[0] = k + 1
            return True
        _remove(n, k, leaving, work)
        work.size[0] = k - 1


@inlined
def _longest_step(k: int, work: Workspace) -> tuple[float, int]:
    """Return how far the multipliers may go before the first of them is 0, and which one that is."""
    step, leaving = np.inf, -1
    for i in range(k):
        if work.weights[i] > POSITIVE and work.multipliers[i] < step * work.weights[i]:
            step, leaving = work.multipliers[i] / work.weights[i], i
    return step, leaving


@inlined
def _move(n: int, k: int, step: float, work: Workspace) -> None:
    """Move x against the part of the entering row that lies outside the span of the active rows."""
    for i in range(n):
        part = 0.0
        for j in range(k, n):
            part += work.Q[i, j] * work.along[j]
        work.x[i] -= step * part


@inlined
def _split(A: Array, sign: float, row: int, k: int, work: Workspace) -> float:
    """Write the row as Q along, with weights on the active rows; return its squared length outside their span."""
    n = A.shape[1]
    outside = 0.0
    for j in range(n):
        value = 0.0
        for i in range(n):
            value += work.Q[i, j] * A[row, i]
        work.along[j] = sign * value
        if j >= k:
            outside += value * value
    for i in range(k - 1, -1, -1):
        value = work.along[i]
        for j in range(i + 1, k):
            value -= work.R[i, j] * work.weights[j]
        work.weights[i] = value / work.R[i, i]
    return outside


@inlined
def _append(n: int, k: int, work: Workspace) -> None:
    """Rotate the free columns of Q until the row that `along` describes needs only the first of them."""
    Q, along = work.Q, work.along
    for j in range(n - 1, k, -1):
        length = np.sqrt(along[j - 1] * along[j - 1] + along[j] * along[j])
        if length > 0.0:
            c, s = along[j - 1] / length, along[j] / length
            along[j - 1], along[j] = length, 0.0
            for i in range(n):
                first, second = Q[i, j - 1], Q[i, j]
                Q[i, j - 1], Q[i, j] = c * first + s * second, c * second - s * first
    for i in range(k + 1):
        work.R[i, k] = along[i]


@inlined
def _remove(n: int, k: int, leaving: int, work: Workspace) -> None:
    """Take one active row out of the factors and the lists."""
    Q, R = work.Q, work.R
    for column in range(leaving, k - 1):
        work.active[column] = work.active[column + 1]
        work.multipliers[column] = work.multipliers[column + 1]
        for i in range(column + 2):
            R[i, column] = R[i, column + 1]
        length = np.sqrt(R[column, column] * R[column, column] + R[column + 1, column] * R[column + 1, column])
        c, s = R[column, column] / length, R[column + 1, column] / length
        R[column, column], R[column + 1, column] = length, 0.0
        for j in range(column + 2, k):
            first, second = R[column, j], R[column + 1, j]
            R[column, j], R[column + 1, j] = c * first + s * second, c * second - s * first
        for i in range(n):
            first, second = Q[i, column], Q[i, column + 1]
            Q[i, column], Q[i, column + 1] = c * first + s * second, c * second - s * first


@inlined
def _at_active_rows(A: Array, b: Array, widen: float, turned: int, level: float, work: Workspace) -> None:
    """Compute x afresh as the nearest point of the active rows, so that steps leave no rounding behind."""
    n, k = A.shape[1], work.size[0]
    for i in range(k):
        row = work.active[i]
        value = -level if row == turned else b[row] + widen
        for j in range(i):
            value -= work.R[j, i] * work.weights[j]
        work.weights[i] = value / work.R[i, i]
    for i in range(n):
        work.x[i] = 0.0
        for j in range(k):
            work.x[i] += work.Q[i, j] * work.weights[j]
