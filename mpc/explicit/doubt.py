"""Doubt: rows that depend on one another but for a hair: more than rounding leaves, less than the solver resolves."""

from typing import Any

import numpy as np
from scipy.linalg import qr

from mpc.explicit.errors import ProblemError
from mpc.explicit.linear import row_lengths
from mpc.explicit.mpqp import MultiparametricQP
from plants.arrays import Array

DOUBTFUL = 2e-7  # a unit row no further outside the span of others than this, and not in it
ROUNDING = 1e-13  # what float64 leaves of a unit row in the span of well separated others
SHARE = 1e-3  # a row with this share of the largest coefficient is named


def near_dependence(names: list[str], length: float) -> str:
    """Return in words what is wrong with rows that nearly depend on one another, and the mend."""
    return (
        f"rows that depend on one another but for {length:.1g} of their length ({'; '.join(names)}) are told apart "
        f"from {DOUBTFUL:g} on: thin regions between them may be missing or wrong; write the row once, or with more "
        "digits"
    )


def rounding(G: Array, T: Array) -> float:
    """Return how far rounding may move the unit rows of G T."""
    if not G.size or not T.size:
        return ROUNDING
    length = np.linalg.norm(G @ T, axis=1)
    terms = np.linalg.norm(np.abs(G) @ np.abs(T), axis=1)
    return ROUNDING * float((terms[length > 0] / length[length > 0]).max(initial=1.0))


def partners(rows: Array, row: Array) -> np.ndarray:
    """Return the places of those rows of which a row is nearly the sum, each times a number."""
    shares = np.abs(np.linalg.lstsq(rows.T, row, rcond=None)[0])
    return np.flatnonzero(shares > SHARE * shares.max(initial=0.0))


def check_independent(problem: MultiparametricQP, equalities: list[int]) -> None:
    """Raise ProblemError if rows that hold with equality nearly depend on one another, but not quite."""
    if len(equalities) < 2:
        return
    to_v = np.linalg.inv(np.linalg.cholesky(problem.H).T)
    G = problem.G[equalities]
    M = G @ to_v / row_lengths(G @ to_v)[:, None]
    factors: Any = qr(M.T, mode="r", pivoting=True)
    triangle, order = factors
    diagonal = np.abs(np.diag(triangle))
    apart = diagonal[diagonal > DOUBTFUL]
    floor = rounding(G, to_v) / apart.min(initial=1.0)
    if len(apart) == len(diagonal) or not floor < diagonal[len(apart)]:
        return
    row, before = order[len(apart)], order[: len(apart)]
    involved = np.sort([row, *before[partners(M[before], M[row])]])
    names = [problem.names.rows[equalities[i]] for i in involved]
    raise ProblemError(
        f"rows that hold with equality depend on one another but for {diagonal[len(apart)]:.1g} of their length "
        f"({'; '.join(names)}), and are told apart from {DOUBTFUL:g} on: it is not clear what they leave free; write "
        "the row once, or with more digits"
    )
