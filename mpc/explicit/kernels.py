"""The kernel of exploration: for a batch of active sets the region of each, its facets and its neighbours.

Pure in its arguments and free of the interpreter's lock, so that batches may run on any number of threads.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.active_sets import members, with_bit, without_bit
from mpc.explicit.compiled import compiled
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.least_distance import EMPTY, FEASIBLE, UNSURE, Workspace, nearest, nearest_again, resumed, workspace
from plants.arrays import Array

TOUCH = 1e-8  # scaled theta: sets this close count as touching, so that no stepping stone is lost
SLIVER = TOLERANCE  # scaled theta: where no larger ball fits, the neighbours answer; a stepping stone, not a region
PASSED = 1e-11  # scaled theta: a row that the others let theta pass by less than this is redundant
DEPENDENT = 1e-8  # a unit row this close to the span of the active rows breaks LICQ
ZERO = 1e-10  # a row of theta of smaller norm, beside its terms, has no direction and is judged by its sign
NOISE = 1e-13  # the same for rows whose terms are rounding noise; right-hand sides are about 1
ACCURACY = 1e-13  # scaled theta: the least-distance kernel's
FAR = 100.0  # how far above the ball's radius its centre is pulled from; a linear program in the limit
PULLS = 6  # pulls before the ball is looked for in another way
CLEAR = 1e-7  # of two rows that a ray meets at distances this much apart, relatively, the first is a facet

NOTHING, STEPPING_STONE, REGION = 0, 1, 2


class Solution(NamedTuple):
    """An active set's factors, and the rows {A theta <= b} of its region with the codes of where they come from.

    Code i < q: the multiplier of row i; q + i: the slack of row i; 2 q + i: row i of the parameter set.
    `flat_multipliers` and `flat_slacks` list the rows whose multiplier or slack is 0 for every theta.
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
    counts: np.ndarray  # of A, flat_multipliers, flat_slacks


class Batch(NamedTuple):
    """What `expand` found: per set the kind, the largest ball and all tight rows; facets and neighbours one after another."""

    kind: np.ndarray
    radius: Array
    centre: Array
    tight: np.ndarray
    facet_count: np.ndarray
    facets: np.ndarray
    neighbours: np.ndarray


class Scratch(NamedTuple):
    """Memory for the rows of one region: distances from its centre, which are touched, needed or clearly facets."""

    levels: Array
    order: np.ndarray
    listed: np.ndarray
    touched: np.ndarray
    needed: np.ndarray
    clear: np.ndarray
    flat: Workspace
    lifted: Workspace


@compiled
def expand(masks: np.ndarray, M: Array, right: Array, E: Array, e: Array) -> Batch:
    """Return the kind, ball, facets and neighbours of every active set of a batch of masks (b, words).

    The program is min 1/2 |v|^2 s.t. M v <= right (1, theta) for theta in {E theta <= e}; see LeastDistanceProblem.
    """
    q, t = len(M), E.shape[1]
    solution, scratch = _solution(q, M.shape[1], E), _scratch(q + len(E), t)
    kind, facet_count = np.zeros(len(masks), np.int8), np.zeros(len(masks), np.int64)
    radius, centre, tight = np.zeros(len(masks)), np.zeros((len(masks), t)), masks.copy()
    facets, neighbours = np.zeros(64 * len(masks), np.int64), np.zeros((64 * len(masks), masks.shape[1]), np.uint64)
    found, met = 0, 0
    for s in range(len(masks)):
        k = members(masks[s], solution.rows)
        if k > M.shape[1] or not _solve(M, right, E, e, k, solution):
            continue
        kind[s], radius[s] = _locate(solution, scratch, centre[s])
        if kind[s] == NOTHING:
            continue
        _touched_rows(solution, scratch, centre[s], kind[s] == REGION)
        if kind[s] == REGION:
            for i in range(solution.counts[2]):
                with_bit(tight[s], solution.flat_slacks[i])
            facets = _longer(facets, found + solution.counts[0])
            facet_count[s] = _write_facets(solution, scratch, facets[found:])
            found += facet_count[s]
        neighbours = _taller(neighbours, met, met + (len(scratch.order) + q) * (k + 1))
        met = _neighbours(masks[s], M, k, solution, scratch.touched, neighbours, met)
    return Batch(kind, radius, centre, tight, facet_count, facets[:found].copy(), neighbours[:met].copy())


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
        needed[row] = nearest(A, levels, order, kept, 0.0, row, beyond, np.inf, ACCURACY, work) != EMPTY
    return needed


@compiled
def largest_ball(A: Array, b: Array, largest: float = np.inf) -> tuple[float, Array]:
    """Return radius (at most `largest`) and centre of a largest ball in {A x <= b}, unit rows; radius < 0: empty."""
    centre = np.zeros(A.shape[1])
    work = workspace(A.shape[1] + 1), workspace(A.shape[1])
    radius = _largest_ball(A, b, np.arange(len(b) + 1), len(b), largest, centre, work[0], work[1])
    return radius, centre


@compiled
def _solution(q: int, n: int, E: Array) -> Solution:
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
        np.zeros(3, np.int64),
    )


@compiled
def _scratch(rows: int, t: int) -> Scratch:
    """Return memory for the region of one active set after another."""
    return Scratch(
        np.zeros(rows),
        np.arange(rows + 1),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.bool_),
        np.zeros(rows, np.bool_),
        np.zeros(rows, np.bool_),
        workspace(t),
        workspace(t + 1),
    )


@compiled
def _longer(values: np.ndarray, needed: int) -> np.ndarray:
    if needed <= len(values):
        return values
    grown = np.zeros(2 * needed, np.int64)
    grown[: len(values)] = values
    return grown


@compiled
def _taller(masks: np.ndarray, used: int, needed: int) -> np.ndarray:
    if needed <= len(masks):
        return masks
    grown = np.zeros((2 * needed, masks.shape[1]), np.uint64)
    grown[:used] = masks[:used]
    return grown


@compiled
def _solve(M: Array, right: Array, E: Array, e: Array, k: int, solution: Solution) -> bool:
    """Fill in the solution of the active rows; False if they depend on one another or some row is never met."""
    if not _factor(M, k, solution):
        return False
    n, columns = M.shape[1], right.shape[1]
    rows, Q, R, v, multipliers = solution.rows, solution.Q, solution.R, solution.v, solution.multipliers
    for i in range(k):  # R' y = right, kept in `multipliers`
        for c in range(columns):
            value = right[rows[i], c]
            for j in range(i):
                value -= R[j, i] * multipliers[j, c]
            multipliers[i, c] = value / R[i, i]
    for i in range(n):
        for c in range(columns):
            value = 0.0
            for j in range(k):
                value += Q[i, j] * multipliers[j, c]
            v[i, c] = value
    for i in range(k - 1, -1, -1):  # R l = -y
        for c in range(columns):
            value = -multipliers[i, c]
            for j in range(i + 1, k):
                value -= R[i, j] * multipliers[j, c]
            multipliers[i, c] = value / R[i, i]
    return _rows_of_region(M, right, E, e, k, solution)


@compiled
def _factor(M: Array, k: int, solution: Solution) -> bool:
    """Orthonormalise the active rows, twice for accuracy; False if one depends on those before."""
    n, Q, R = M.shape[1], solution.Q, solution.R
    for i in range(k):
        for j in range(n):
            Q[j, i] = M[solution.rows[i], j]
        for j in range(i):
            R[j, i] = 0.0
        for _ in range(2):
            for j in range(i):
                part = 0.0
                for c in range(n):
                    part += Q[c, j] * Q[c, i]
                R[j, i] += part
                for c in range(n):
                    Q[c, i] -= part * Q[c, j]
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


@compiled
def _rows_of_region(M: Array, right: Array, E: Array, e: Array, k: int, solution: Solution) -> bool:
    """Write the rows of the region, of unit length; False if a row without a direction is never met."""
    q, t = len(M), E.shape[1]
    n = M.shape[1]
    rows, counts = solution.rows, solution.counts
    counts[:] = 0
    position = 0
    for i in range(q):
        if position < k and rows[position] == i:
            size = 0.0
            for c in range(t + 1):
                size = max(size, abs(solution.multipliers[position, c]))
            for c in range(t):
                solution.A[counts[0], c] = -solution.multipliers[position, c + 1]
            flat = _keep(solution, solution.multipliers[position, 0], size, i)
            if flat == 0:
                solution.flat_multipliers[counts[1]] = i
                counts[1] += 1
            position += 1
        else:
            size, level = 0.0, 0.0
            for c in range(t + 1):
                used = 0.0
                for j in range(n):
                    used += M[i, j] * solution.v[j, c]
                size = max(size, abs(used), abs(right[i, c]))
                if c == 0:
                    level = right[i, 0] - used
                else:
                    solution.A[counts[0], c - 1] = used - right[i, c]
            flat = _keep(solution, level, size, q + i)
            if flat == 0:
                solution.flat_slacks[counts[2]] = i
                counts[2] += 1
        if flat < 0:
            return False
    for i in range(len(E)):
        solution.A[counts[0]] = E[i]
        solution.b[counts[0]] = e[i]
        solution.code[counts[0]] = 2 * q + i
        counts[0] += 1
    return True


@compiled
def _keep(solution: Solution, level: float, size: float, code: int) -> int:
    """Scale the last row written to unit length and keep it: 2; without a direction: 1 met, 0 met with equality, -1 never."""
    row = solution.counts[0]
    t = solution.A.shape[1]
    length = 0.0
    for c in range(t):
        length += solution.A[row, c] * solution.A[row, c]
    length = np.sqrt(length)
    if length <= max(ZERO * size, NOISE):
        close = max(TOUCH * size, NOISE)
        return -1 if level < -close else (0 if level <= close else 1)
    for c in range(t):
        solution.A[row, c] /= length
    solution.b[row] = level / length
    solution.code[row] = code
    solution.counts[0] += 1
    return 2


@compiled
def _largest_ball(
    A: Array, b: Array, order: np.ndarray, count: int, largest: float, centre: Array, lifted: Workspace, flat: Workspace
) -> float:
    """Move the centre to that of a largest ball in {A x <= b} and return its radius; negative: there is none.

    On a long thin set, where the radius grows too slowly to be pulled up, it is found by bisection.
    """
    radius, settled = _pulled_up(A, b, order, count, largest, centre, lifted)
    if settled:
        return radius
    low, high = max(radius, 0.1 * SLIVER), min(largest, 1.0)
    if nearest(A, b, order, count, -low, -1, 0.0, np.inf, ACCURACY, flat) != FEASIBLE:
        return radius
    centre[:] = flat.x
    while high > (1.0 + 1e-6) * low:
        middle = np.sqrt(low * high)
        if nearest(A, b, order, count, -middle, -1, 0.0, np.inf, ACCURACY, flat) == FEASIBLE:
            low = middle
            centre[:] = flat.x
        else:
            high = middle
    return _clearance(A, b, count, centre)


@compiled
def _pulled_up(
    A: Array, b: Array, order: np.ndarray, count: int, largest: float, centre: Array, work: Workspace
) -> tuple[float, bool]:
    """Return the radius that a proximal-point method reaches, with its centre, and whether it is the largest.

    Each step finds the ball (x, r) nearest to (centre, r + FAR), r <= largest; steps end where the radius stays.
    """
    t = A.shape[1]
    rows, levels = np.zeros((count + 1, t + 1)), np.zeros(count + 1)
    rows[:count, :t], rows[:count, t], rows[count, t] = np.sqrt(0.5) * A[:count], np.sqrt(0.5), 1.0
    radius, trial = _clearance(A, b, count, centre), np.zeros(t)
    for pull in range(PULLS):
        for i in range(count):
            level = b[i] - radius - FAR
            for j in range(t):
                level -= A[i, j] * centre[j]
            levels[i] = np.sqrt(0.5) * level
        levels[count] = largest - radius - FAR
        if pull == 0:
            state = nearest(rows, levels, order, count + 1, 0.0, -1, 0.0, np.inf, ACCURACY, work)
        else:
            state = nearest_again(rows, levels, order, count + 1, np.inf, ACCURACY, work)
        if state != FEASIBLE:
            return radius, False
        for j in range(t):
            trial[j] = centre[j] + work.x[j]
        gained = min(_clearance(A, b, count, trial), largest) - radius
        if gained > 0.0:
            radius += gained
            centre[:] = trial
        if gained <= 1e-9 * radius:
            return radius, radius > SLIVER
    return radius, False


@compiled
def _clearance(A: Array, b: Array, count: int, x: Array) -> float:
    """Return the distance from x to the nearest row, negative outside."""
    least = np.inf
    for i in range(count):
        value = b[i]
        for j in range(len(x)):
            value -= A[i, j] * x[j]
        least = min(least, value)
    return least


@compiled
def _locate(solution: Solution, scratch: Scratch, centre: Array) -> tuple[int, float]:
    """Return the kind of the set {A theta <= b} and its radius, with a point of it in `centre`."""
    count, reach = solution.counts[0], np.sqrt(len(centre)) + 1.0
    A, b, order, work = solution.A, solution.b, scratch.order, scratch.flat
    if nearest(A, b, order, count, TOUCH, -1, 0.0, reach, ACCURACY, work) == EMPTY:
        return NOTHING, 0.0
    centre[:] = work.x
    if solution.counts[1] > 0:
        return STEPPING_STONE, 0.0
    radius = _largest_ball(A, b, order, count, np.inf, centre, scratch.lifted, work)
    return (REGION if radius > SLIVER else STEPPING_STONE), radius


@compiled
def _touched_rows(solution: Solution, scratch: Scratch, centre: Array, solid: bool) -> None:
    """Tell for each row whether the set, widened by TOUCH, has a point on it; `clear` ones are certainly facets."""
    A, count, levels = solution.A, solution.counts[0], scratch.levels
    for i in range(count):
        levels[i] = solution.b[i]
        for j in range(len(centre)):
            levels[i] -= A[i, j] * centre[j]
    scratch.touched[:count] = False
    scratch.clear[:count] = False
    reach, work, listed = 2.0 * np.sqrt(len(centre)) + 1.0, scratch.flat, 0
    for i in range(count):
        if scratch.touched[i]:
            continue
        low, state = levels[i] - TOUCH, UNSURE
        if solid:
            state = nearest(A, levels, scratch.listed, listed, TOUCH, i, low, reach, ACCURACY, work)
        while state == FEASIBLE and not scratch.touched[i]:
            first = _met_first(A, count, work.x, scratch)
            if first < 0 or scratch.touched[first]:
                break
            scratch.touched[first] = True
            scratch.listed[listed] = first
            listed += 1
            if first != i:
                state = resumed(A, levels, scratch.listed, listed, TOUCH, i, low, reach, ACCURACY, work)
        if state != EMPTY and not scratch.touched[i]:
            state = nearest(A, levels, scratch.order, count, TOUCH, i, low, reach, ACCURACY, work)
            scratch.touched[i] = state != EMPTY


@compiled
def _met_first(A: Array, count: int, x: Array, scratch: Scratch) -> int:
    """Return the row that the ray from the centre to x meets first, marked clear if it does so clearly."""
    most, second, row = 0.0, 0.0, -1
    for i in range(count):
        speed = 0.0
        for j in range(len(x)):
            speed += A[i, j] * x[j]
        if speed > second * scratch.levels[i]:
            share = speed / scratch.levels[i]
            if share > most:
                most, second, row = share, most, i
            else:
                second = share
    if row >= 0 and most - second > CLEAR * most:
        scratch.clear[row] = True
    return row


@compiled
def _write_facets(solution: Solution, scratch: Scratch, facets: np.ndarray) -> int:
    """Write the codes of the rows that the region needs, of equal rows the first; return how many."""
    A, count, levels, needed = solution.A, solution.counts[0], scratch.levels, scratch.needed
    needed[:count] = scratch.touched[:count]
    reach, work = 2.0 * np.sqrt(A.shape[1]) + 1.0, scratch.flat
    for row in range(count - 1, -1, -1):
        if scratch.clear[row] or not needed[row]:
            continue
        kept = 0
        for i in range(count):
            if needed[i] and i != row:
                scratch.listed[kept] = i
                kept += 1
        beyond = levels[row] + PASSED
        needed[row] = nearest(A, levels, scratch.listed, kept, 0.0, row, beyond, reach, ACCURACY, work) != EMPTY
    found = 0
    for i in range(count):
        if needed[i]:
            facets[found] = solution.code[i]
            found += 1
    return found


@compiled
def _neighbours(
    mask: np.ndarray, M: Array, k: int, solution: Solution, touched: np.ndarray, out: np.ndarray, met: int
) -> int:
    """Append the active sets one step away over a touched row or one that is met everywhere; return the new count."""
    q = len(M)
    for i in range(solution.counts[0]):
        code = solution.code[i]
        if touched[i] and code < q:
            out[met] = mask
            without_bit(out[met], code)
            met += 1
        elif touched[i] and code < 2 * q:
            met = _with_row(mask, M, k, code - q, solution, out, met)
    for i in range(solution.counts[1]):
        out[met] = mask
        without_bit(out[met], solution.flat_multipliers[i])
        met += 1
    for i in range(solution.counts[2]):
        met = _with_row(mask, M, k, solution.flat_slacks[i], solution, out, met)
    return met


@compiled
def _with_row(mask: np.ndarray, M: Array, k: int, row: int, solution: Solution, out: np.ndarray, met: int) -> int:
    """Append A with `row`, or, if that row depends on A, the exchanges that keep the multipliers positive."""
    n, Q, R = M.shape[1], solution.Q, solution.R
    along, left = np.zeros(k), M[row].copy()
    for i in range(k):
        for c in range(n):
            along[i] += Q[c, i] * M[row, c]
        for c in range(n):
            left[c] -= along[i] * Q[c, i]
    outside = 0.0
    for c in range(n):
        outside += left[c] * left[c]
    if k < n and outside >= DEPENDENT * DEPENDENT:
        out[met] = mask
        with_bit(out[met], row)
        return met + 1
    for i in range(k - 1, -1, -1):
        for j in range(i + 1, k):
            along[i] -= R[i, j] * along[j]
        along[i] /= R[i, i]
        if along[i] > ZERO:
            out[met] = mask
            without_bit(out[met], solution.rows[i])
            with_bit(out[met], row)
            met += 1
    return met
