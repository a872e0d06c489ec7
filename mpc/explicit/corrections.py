"""Corrections: the KKT conditions of one region after another, solved again from the problem's own numbers; compiled.

The factors of the scaled problem solve, and correct; what is left to correct is computed in double-double arithmetic,
so that the digits that the factors lose come back (iterative refinement: Wilkinson, Rounding Errors, 1963).
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled, inlined
from mpc.explicit.double_double import Pair, add_product, two_sum, zeros
from mpc.explicit.solution import Solution, factor, solution_memory, solve_active
from plants.arrays import Array

MOST = 6  # corrections
DONE = 1e-9  # a correction this small beside what it corrects is the last: the next would be as small beside it


class Program(NamedTuple):
    """min over z of 1/2 z'Hz + linear'z s.t. G z <= limit, over columns c of (1, phi), and the maps to v and back.

    z = base + T v, where T'HT = curvature I, turns the inequality `rows` into M v <= right, and T into G T of the given
    lengths; `back` takes a residual of the equality rows off z. Of pairs (c, ...) and arrays (..., c).
    """

    H: Array
    G: Array
    linear: Pair
    limit: Pair
    M: Array
    right: Array
    base: Array
    T: Array
    lengths: Array
    back: Array
    parameter_rows: Array
    rows: np.ndarray
    equalities: np.ndarray
    curvature: float


class Work(NamedTuple):
    """Memory for one region: its factors, z (c, n), prices (c, k) of its active rows, and vectors of one column.

    `place` tells where the price of a row of M is; `inner` is of the size of v, `moved` tells how far z went.
    """

    factors: Solution
    z: Pair
    prices: Pair
    gradient: Pair
    missed: Array
    inner: Array
    equal: Array
    moved: Array
    place: np.ndarray


@compiled
def corrected(
    active: np.ndarray, facet_count: np.ndarray, codes: np.ndarray, program: Program
) -> tuple[Array, Array, Array]:
    """Return z (p, n, c) of all active sets (p, q), and A and b of their facets with these codes, of unit length."""
    n, columns = program.base.shape
    solution, A, b = np.zeros((len(active), n, columns)), np.zeros((len(codes), columns - 1)), np.zeros(len(codes))
    work, facet = _memory(program), 0
    for region in range(len(active)):
        k = _members(active[region], work)
        _solve(k, program, work)
        for _ in range(MOST):
            if _settled(k, program, work):
                break
        for i in range(n):
            for c in range(columns):
                solution[region, i, c] = work.z.high[c, i]
        for f in range(facet, facet + facet_count[region]):
            b[f] = _facet(codes[f], A[f], program, work)
        facet += facet_count[region]
    return solution, A, b


@compiled
def _memory(program: Program) -> Work:
    (n, columns), (q, free), equal = program.base.shape, program.M.shape, len(program.equalities)
    return Work(
        solution_memory(q, free, np.zeros((0, columns - 1))),
        zeros(columns, n),
        zeros(columns, free),
        zeros(1, n),
        np.zeros(free),
        np.zeros(free),
        np.zeros(equal),
        np.zeros(n),
        np.zeros(q, np.int64),
    )


@inlined
def _members(active: np.ndarray, work: Work) -> int:
    """List the active rows; return how many there are."""
    k = 0
    for row in range(len(active)):
        if active[row]:
            work.factors.rows[k] = row
            work.place[row] = k
            k += 1
    return k


@inlined
def _solve(k: int, program: Program, work: Work) -> None:
    """Solve in v, in float64; the exploration had the same rows factored, so that they are independent."""
    T, factors = program.T, work.factors
    factor(program.M, k, factors)
    solve_active(program.right, k, factors)
    for c in range(program.base.shape[1]):
        for i in range(len(T)):
            value = program.base[i, c]
            for j in range(T.shape[1]):
                value += T[i, j] * factors.v[j, c]
            work.z.high[c, i], work.z.low[c, i] = value, 0.0
        for i in range(k):
            price = factors.multipliers[i, c] * program.curvature / program.lengths[factors.rows[i]]
            work.prices.high[c, i], work.prices.low[c, i] = price, 0.0


@inlined
def _settled(k: int, program: Program, work: Work) -> bool:
    """Correct z and prices once; return whether that was the last time that they need it."""
    highest, raised = 0.0, 0.0
    for i in range(len(work.moved)):
        work.moved[i] = 0.0
    for c in range(program.base.shape[1]):
        _meet_equalities(c, program, work)
        _gradient(c, k, program, work)
        _missed(c, k, program, work)
        _step(k, work)
        _move(c, program, work)
        for i in range(k):
            step = work.missed[i] * program.curvature / program.lengths[work.factors.rows[i]]
            _add(work.prices, c, i, step)
            highest, raised = max(highest, abs(work.prices.high[c, i])), max(raised, abs(step))
    settled = raised <= DONE * highest
    for i in range(len(work.moved)):
        size = 0.0
        for c in range(program.base.shape[1]):
            size += abs(work.z.high[c, i])
        settled = settled and work.moved[i] <= DONE * size
    return settled


@inlined
def _add(pairs: Pair, c: int, i: int, step: float) -> None:
    """Add a step to one number."""
    pairs.high[c, i], pairs.low[c, i] = two_sum(pairs.high[c, i], pairs.low[c, i] + step)


@inlined
def _gradient(c: int, k: int, program: Program, work: Work) -> None:
    """Write what the prices leave of the gradient along v into `inner`, in units of v."""
    H, G, T, z, prices, left = program.H, program.G, program.T, work.z, work.prices, work.gradient
    for i in range(len(H)):
        high, low = program.linear.high[c, i], program.linear.low[c, i]
        for j in range(len(H)):
            high, low = add_product(high, low, H[i, j], z.high[c, j], z.low[c, j])
        for a in range(k):
            row = program.rows[work.factors.rows[a]]
            high, low = add_product(high, low, G[row, i], prices.high[c, a], prices.low[c, a])
        left.high[0, i], left.low[0, i] = two_sum(high, low)
    _take_off_equalities(program, work)
    for j in range(T.shape[1]):
        work.inner[j] = 0.0
    for i in range(len(H)):
        share = left.high[0, i] / program.curvature
        for j in range(T.shape[1]):
            work.inner[j] -= share * T[i, j]


@inlined
def _take_off_equalities(program: Program, work: Work) -> None:
    """Take off the gradient the part that prices of the equality rows explain; T would leave its rounding."""
    back, left = program.back, work.gradient
    for e in range(len(program.equalities)):
        work.equal[e] = 0.0
        for i in range(len(back)):
            work.equal[e] -= back[i, e] * left.high[0, i]
    for e in range(len(program.equalities)):
        for i in range(len(back)):
            high, low = left.high[0, i], left.low[0, i]
            high, low = add_product(high, low, program.G[program.equalities[e], i], work.equal[e], 0.0)
            left.high[0, i], left.low[0, i] = two_sum(high, low)


@inlined
def _missed(c: int, k: int, program: Program, work: Work) -> None:
    """Write how far the active rows are from being met, in units of v."""
    for i in range(k):
        row = work.factors.rows[i]
        work.missed[i] = _slack(program.rows[row], c, program, work) / program.lengths[row]


@inlined
def _slack(row: int, c: int, program: Program, work: Work) -> float:
    """Return one component of the slack of a row of the problem."""
    high, low = program.limit.high[c, row], program.limit.low[c, row]
    for j in range(program.G.shape[1]):
        high, low = add_product(high, low, -program.G[row, j], work.z.high[c, j], work.z.low[c, j])
    return high + low


@inlined
def _step(k: int, work: Work) -> None:
    """Turn what is left of the conditions into steps: `inner` into that of v, `missed` into that of the prices."""
    Q, R, inner, missed = work.factors.Q, work.factors.R, work.inner, work.missed
    for i in range(k):
        value = missed[i]
        for j in range(i):
            value -= R[j, i] * missed[j]
        missed[i] = value / R[i, i]
    for i in range(k):
        value = -missed[i]
        for j in range(len(Q)):
            value += Q[j, i] * inner[j]
        missed[i] = value
    for j in range(len(Q)):
        for i in range(k):
            inner[j] -= Q[j, i] * missed[i]
    for i in range(k - 1, -1, -1):
        value = missed[i]
        for j in range(i + 1, k):
            value -= R[i, j] * missed[j]
        missed[i] = value / R[i, i]


@inlined
def _move(c: int, program: Program, work: Work) -> None:
    """Move z by the step of v."""
    T = program.T
    for i in range(len(T)):
        step = 0.0
        for j in range(T.shape[1]):
            step += T[i, j] * work.inner[j]
        _add(work.z, c, i, step)
        work.moved[i] = max(work.moved[i], abs(step))


@inlined
def _meet_equalities(c: int, program: Program, work: Work) -> None:
    """Move z onto the equality rows."""
    for e in range(len(program.equalities)):
        work.equal[e] = _slack(program.equalities[e], c, program, work)
    for e in range(len(program.equalities)):
        for i in range(len(program.back)):
            _add(work.z, c, i, program.back[i, e] * work.equal[e])


@inlined
def _facet(code: int, slope: Array, program: Program, work: Work) -> float:
    """Write the row of a facet, of unit length, and return its level: slope phi <= level."""
    q, level, length = len(program.M), 0.0, 0.0
    for c in range(len(slope) + 1):
        if code < q:
            value = work.prices.high[c, work.place[code]]
        elif code < 2 * q:
            value = _slack(program.rows[code - q], c, program, work)
        else:
            value = program.parameter_rows[code - 2 * q, c]
        if c == 0:
            level = value
        else:
            slope[c - 1] = -value
            length += value * value
    length = np.sqrt(length)
    for j in range(len(slope)):
        slope[j] /= length
    return level / length
