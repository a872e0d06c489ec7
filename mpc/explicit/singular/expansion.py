"""Limit: what the region of an active set becomes when the weight of the regularisation goes to 0.

With H + eps I the solution of an active set A is y = y0 + eps y1 + ..., lambda = l0 + eps l1 + ..., where

    H y0 + f + F p + G_A' l0 = 0,  G_A y0 = w_A + S_A p,    H y_k + y_(k-1) + G_A' l_k = 0,  G_A y_k = 0,

and every y_k is orthogonal to the null space N of (H, G_A). A multiplier or slack that vanishes for all p in one
order is judged by the next. All orders share one matrix, made regular by N N'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.minimal import PASSED, minimal_rows
from mpc.explicit.singular.hull import RANK, null_space
from mpc.explicit.singular.interior import ball_in, holds_ball
from mpc.explicit.singular.unit_free import UnitFree
from plants.arrays import Array

ORDERS = 4  # terms of the expansion; what vanishes in all of them holds with equality
VANISHING = 1e-9  # a term of this size beside what it is the difference of is 0
LEAST = 1e-3  # terms are taken to be at least this large: below are differences of zeros
CLOSE = 1e-8  # a row without direction may miss by this
DEPENDENT = 1e-8  # a row this close to the span of others depends on them


@dataclass(frozen=True, eq=False)
class Cell:
    """y = solution (1, p) on {A p <= b}, unit rows, all needed.

    `active` rows have multipliers, `tight` are all rows that hold with equality.
    """

    active: tuple[int, ...]
    tight: tuple[int, ...]
    solution: Array
    A: Array
    b: Array
    radius: float
    centre: Array


def limit_cell(program: UnitFree, active: Sequence[int]) -> Cell | None:
    """Return the cell of an active set (row numbers) in the limit; None if it has no solution or no interior there."""
    rows = _basis(program, active)
    terms = _expansion(program, rows)
    if terms is None:
        return None
    forced = len(program.fixed_basis)
    others = np.setdiff1d(np.arange(len(program.w)), np.r_[rows, program.fixed])
    right = np.c_[program.w, program.S]
    sizes = np.abs(right[others]) + np.abs(program.G[others]) @ np.abs(terms[0][0])
    multipliers = [lam[forced:] for _, lam in terms]
    slacks = [right[others] - program.G[others] @ terms[0][0], *(-program.G[others] @ y for y, _ in terms[1:])]
    least = [max(1.0, np.abs(lam).max(initial=0.0)) * np.ones(len(lam)) for lam in multipliers]
    spans = [sizes.max(axis=1, initial=0.0), *(np.abs(program.G[others]) @ np.abs(y).max(axis=1) for y, _ in terms[1:])]
    spans = [np.maximum(span, LEAST) for span in spans]
    found = [_leading(multipliers, least), _leading(slacks, spans)]
    if any(parts is None for parts in found):
        return None
    (L, l0, _), (R, r0, still) = (parts for parts in found if parts is not None)
    A, b = np.vstack([-L, -R, program.E]), np.concatenate([l0, r0, program.e])
    tight = np.sort(np.r_[rows[forced:], others[still & program.G[others].any(axis=1)]])
    return cell(tuple(rows[forced:].tolist()), tuple(tight.tolist()), terms[0][0], A, b)


def cell(active: tuple[int, ...], tight: tuple[int, ...], solution: Array, A: Array, b: Array) -> Cell | None:
    """Return the cell on {A p <= b}, unit rows, with those that it needs; None if it has no interior."""
    A, b = np.ascontiguousarray(A), np.ascontiguousarray(b)
    if not holds_ball(A, b, TOLERANCE):
        return None
    radius, centre = ball_in(A, b, TOLERANCE)
    needed = minimal_rows(A, b, centre, len(b), PASSED)
    return Cell(active, tight, solution, A[needed], b[needed], float(radius), centre)


def _basis(program: UnitFree, active: Sequence[int]) -> np.ndarray:
    """Return independent rows: those always fixed, then the active ones that add a direction."""
    rows = [*program.fixed_basis, *np.setdiff1d(np.asarray(active, dtype=np.intp), program.fixed)]
    if not rows or np.abs(np.diag(np.linalg.qr(program.G[rows].T, mode="r"))).min() > DEPENDENT:
        return np.array(rows, dtype=np.intp)[: len(program.f)]
    kept, span = rows[:0], np.zeros((len(program.f), 0))
    for row in rows:
        beyond = program.G[row] - span @ (span.T @ program.G[row])
        beyond -= span @ (span.T @ beyond)
        length = np.linalg.norm(beyond)
        if length > DEPENDENT:
            span, kept = np.c_[span, beyond / length], [*kept, row]
    return np.array(kept, dtype=np.intp)


def _expansion(program: UnitFree, rows: np.ndarray) -> list[tuple[Array, Array]] | None:
    """Return (y_k, l_k) as arrays over (1, p); None where the objective asks for a move along N."""
    H, G, n = program.H, program.G[rows], len(program.f)
    slope = np.c_[program.f, program.F]
    N = null_space(np.vstack([H, G]))
    if np.abs(N.T @ slope).max(initial=0.0) > RANK:
        return None
    matrix = np.block([[H + N @ N.T, G.T], [G, np.zeros((len(G), len(G)))]])
    inverse = np.linalg.inv(matrix).astype(np.float64)
    terms: list[tuple[Array, Array]] = []
    right = np.vstack([-slope, np.c_[program.w, program.S][rows]])
    for _ in range(ORDERS):
        both = inverse @ right
        both += inverse @ (right - matrix @ both)
        terms.append((both[:n], both[n:]))
        right = np.vstack([-both[:n], np.zeros((len(G), slope.shape[1]))])
    return terms


def _leading(terms: Sequence[Array], sizes: Sequence[Array]) -> tuple[Array, Array, np.ndarray] | None:
    """Return unit rows (A, b) of the first terms that do not vanish, A p + b >= 0, and which rows vanish at first.

    None if a row without direction is negative.
    """
    left = np.ones(len(terms[0]), dtype=bool)
    A, b = [], []
    for term, size in zip(terms, sizes, strict=True):
        length = np.linalg.norm(term[:, 1:], axis=1)
        steep = left & (length > VANISHING * size)
        A.append(term[steep, 1:] / length[steep, None])
        b.append(term[steep, 0] / length[steep])
        level = left & ~steep
        if (term[level, 0] < -CLOSE * size[level]).any():
            return None
        left = level & (np.abs(term[:, 0]) <= CLOSE * size)
    first = np.abs(terms[0]).max(axis=1, initial=0.0) <= CLOSE * sizes[0]
    return np.vstack(A), np.concatenate(b), first
