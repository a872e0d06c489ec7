"""The kernel of exploration: for a batch of active sets the region of each, its facets and its neighbours.

Pure in its arguments and free of the interpreter's lock, so that batches may run on any number of threads.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.active_sets import copy_mask, members, with_bit, without_bit
from mpc.explicit.ball import SLIVER, Lift, ball_in, lift
from mpc.explicit.compiled import compiled, inlined, lean
from mpc.explicit.cones import Cones, excluded, keep_cone, no_cones
from mpc.explicit.least_distance import EMPTY, FEASIBLE, UNSURE, Workspace, nearest, resumed, take_point, workspace
from mpc.explicit.minimal import PASSED
from mpc.explicit.solution import DEPENDENT, TOUCH, ZERO, Solution, solution_memory, solve
from plants.arrays import Array

CLEAR = 1e-7  # of two rows that a ray meets at distances this much apart, relatively, the first is a facet

NOTHING, STEPPING_STONE, REGION = 0, 1, 2


class Batch(NamedTuple):
    """What `expand` found: per set its kind, largest ball and tight rows; facets and neighbours one after another."""

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
    kept: Cones
    flat: Workspace
    lifted: Lift


@compiled
def expand(masks: np.ndarray, M: Array, right: Array, E: Array, e: Array) -> tuple[np.ndarray, ...]:
    """Return the parts of a Batch for a batch of masks (b, words): as a plain tuple, which no signal can interrupt.

    The program is min 1/2 |v|^2 s.t. M v <= right (1, theta) for theta in {E theta <= e}; see LeastDistanceProblem.
    """
    q, t = len(M), E.shape[1]
    solution, scratch = solution_memory(q, M.shape[1], E), _scratch(q + len(E), t)
    kind, facet_count = np.zeros(len(masks), np.int8), np.zeros(len(masks), np.int64)
    radius, centre, tight = np.zeros(len(masks)), np.zeros((len(masks), t)), masks.copy()
    facets, neighbours = np.zeros(64 * len(masks), np.int64), np.zeros((64 * len(masks), masks.shape[1]), np.uint64)
    found, met = 0, 0
    for s in range(len(masks)):
        k = members(masks[s], solution.rows)
        if k > M.shape[1] or not solve(M, right, E, e, k, solution):
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
    return kind, radius, centre, tight, facet_count, facets[:found].copy(), neighbours[:met].copy()


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
        no_cones(t),
        workspace(t),
        lift(rows, t),
    )


@lean
def _locate(solution: Solution, scratch: Scratch, centre: Array) -> tuple[int, float]:
    """Return the kind of the set {A theta <= b} and its radius, with a point of it in `centre`."""
    count, reach = solution.counts[0], np.sqrt(len(centre)) + 1.0
    A, b, order, work = solution.A, solution.b, scratch.order, scratch.flat
    if nearest(A, b, order, count, TOUCH, -1, 0.0, reach, work) == EMPTY:
        return NOTHING, 0.0
    take_point(work, centre)
    if solution.counts[1] > 0:
        return STEPPING_STONE, 0.0
    radius = ball_in(A, b, order, count, np.inf, centre, scratch.lifted, work)
    return (REGION if radius > SLIVER else STEPPING_STONE), radius


@lean
def _touched_rows(solution: Solution, scratch: Scratch, centre: Array, solid: bool) -> None:
    """Tell for each row whether the set, widened by TOUCH, has a point on it; `clear` ones are certainly facets."""
    A, count, levels = solution.A, solution.counts[0], scratch.levels
    for i in range(count):
        levels[i] = solution.b[i]
        for j in range(len(centre)):
            levels[i] -= A[i, j] * centre[j]
    scratch.touched[:count] = False
    scratch.clear[:count] = False
    scratch.kept.cones[0] = 0
    listed = 0
    for i in range(count):
        if not scratch.touched[i] and not (solid and excluded(A[i], levels[i] - TOUCH, scratch.kept)):
            listed = _ask(A, i, count, listed, solid, scratch)


@lean
def _ask(A: Array, row: int, count: int, listed: int, solid: bool, scratch: Scratch) -> int:
    """Tell whether a row is touched, and find other touched rows on the way; return how many are listed then.

    A solid set is asked with the rows listed so far only; a ray to a point that these allow meets the next one to list.
    """
    levels, work, state = scratch.levels, scratch.flat, UNSURE
    low, reach = levels[row] - TOUCH, 2.0 * np.sqrt(A.shape[1]) + 1.0
    if solid:
        state = nearest(A, levels, scratch.listed, listed, TOUCH, row, low, reach, work)
    while state == FEASIBLE and not scratch.touched[row]:
        first = _met_first(A, count, work.x, scratch)
        if first < 0 or scratch.touched[first]:
            break
        scratch.touched[first] = True
        scratch.listed[listed] = first
        listed += 1
        if first != row:
            state = resumed(A, levels, scratch.listed, listed, TOUCH, row, low, reach, work)
    if state == EMPTY:
        keep_cone(A, levels, TOUCH, row, work, scratch.kept)
    elif not scratch.touched[row]:
        state = nearest(A, levels, scratch.order, count, TOUCH, row, low, reach, work)
        scratch.touched[row] = state != EMPTY
    return listed


@inlined
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


@lean
def _write_facets(solution: Solution, scratch: Scratch, facets: np.ndarray) -> int:
    """Write the codes of the rows that the region needs, of equal rows the first; return how many."""
    A, count, levels, needed = solution.A, solution.counts[0], scratch.levels, scratch.needed
    reach, work = 2.0 * np.sqrt(A.shape[1]) + 1.0, scratch.flat
    for i in range(count):
        needed[i] = scratch.touched[i]
    for row in range(count - 1, -1, -1):
        if scratch.clear[row] or not needed[row]:
            continue
        kept = 0
        for i in range(count):
            if needed[i] and i != row:
                scratch.listed[kept] = i
                kept += 1
        beyond = levels[row] + PASSED
        needed[row] = nearest(A, levels, scratch.listed, kept, 0.0, row, beyond, reach, work) != EMPTY
    found = 0
    for i in range(count):
        if needed[i]:
            facets[found] = solution.code[i]
            found += 1
    return found


@lean
def _neighbours(
    mask: np.ndarray, M: Array, k: int, solution: Solution, touched: np.ndarray, out: np.ndarray, met: int
) -> int:
    """Append the active sets one step away over a touched row or one that is met everywhere; return the new count."""
    q = len(M)
    for i in range(solution.counts[0]):
        code = solution.code[i]
        if touched[i] and code < q:
            copy_mask(mask, out[met])
            without_bit(out[met], code)
            met += 1
        elif touched[i] and code < 2 * q:
            met = _with_row(mask, M, k, code - q, solution, out, met)
    for i in range(solution.counts[1]):
        copy_mask(mask, out[met])
        without_bit(out[met], solution.flat_multipliers[i])
        met += 1
    for i in range(solution.counts[2]):
        met = _with_row(mask, M, k, solution.flat_slacks[i], solution, out, met)
    for i in range(solution.counts[3]):
        met = _with_row(mask, M, k, solution.near_slacks[i], solution, out, met)
    return met


@lean
def _with_row(mask: np.ndarray, M: Array, k: int, row: int, solution: Solution, out: np.ndarray, met: int) -> int:
    """Append A with `row`, or, if that row depends on A, the exchanges that keep the multipliers positive."""
    n, R, along = M.shape[1], solution.R, solution.along
    outside = _along_rows(M, row, k, solution)
    if k < n and outside >= DEPENDENT * DEPENDENT:
        copy_mask(mask, out[met])
        with_bit(out[met], row)
        return met + 1
    for i in range(k - 1, -1, -1):
        for j in range(i + 1, k):
            along[i] -= R[i, j] * along[j]
        along[i] /= R[i, i]
        if along[i] > ZERO:
            copy_mask(mask, out[met])
            without_bit(out[met], solution.rows[i])
            with_bit(out[met], row)
            met += 1
    return met


@lean
def _along_rows(M: Array, row: int, k: int, solution: Solution) -> float:
    """Write the row's parts along the factor's columns; return the square of what is left of it."""
    n, Q, along, left = M.shape[1], solution.Q, solution.along, solution.left
    for c in range(n):
        left[c] = M[row, c]
    for i in range(k):
        along[i] = 0.0
        for c in range(n):
            along[i] += Q[c, i] * M[row, c]
        for c in range(n):
            left[c] -= along[i] * Q[c, i]
    outside = 0.0
    for c in range(n):
        outside += left[c] * left[c]
    return outside


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
