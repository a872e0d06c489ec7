"""Dependence: regions on which rows nearly depend on one another, so that thin ones beside them are lost; compiled.

Copies of a row that were rounded to a few digits meet in regions as thin as the rounding. Below `solution.DEPENDENT`
they count as dependent, though they are not; a little above, their multipliers carry rounding 1e8 times and more.
"""

import numpy as np

from mpc.explicit.compiled import compiled, lean
from mpc.explicit.doubt import DOUBTFUL, near_dependence, partners, rounding
from mpc.explicit.explore import Exploration
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.presolve import LeastDistanceProblem
from plants.arrays import Array

RESOLVED = 1e-11  # rows this close to the span of others count as in it: no law changes by more than its precision
NEAR = 1e-7  # a slack this small beside the terms of its row: the row may be tight there


def dependence(problem: MultiparametricQP, ldp: LeastDistanceProblem, found: Exploration, solution: Array) -> str:
    """Return, in words, which rows nearly depend on one another where some region meets them; empty if none do.

    `solution` (p, n, s + 1) is that of the regions over scaled parameters, level first.
    """
    M, noise = np.ascontiguousarray(ldp.M), rounding(problem.G[ldp.rows], ldp.T)
    least, row = _least_outside(found.active, _asked(problem, ldp, found, solution), M, noise)
    worst = int(least.argmin())
    if least[worst] >= DOUBTFUL:
        return ""
    others = np.setdiff1d(np.flatnonzero(found.active[worst]), row[worst])
    involved = ldp.rows[[row[worst], *others[partners(M[others], M[row[worst]])]]]
    return near_dependence([problem.names.rows[i] for i in np.sort(involved)], least[worst])


def _asked(problem: MultiparametricQP, ldp: LeastDistanceProblem, found: Exploration, solution: Array) -> np.ndarray:
    """Return which rows (p, q) are tight, or nearly so, at the centre of each region, or on a facet of it."""
    G, S = problem.G[ldp.rows], problem.S[ldp.rows]
    z = solution[:, :, 0] + np.einsum("pns,ps->pn", solution[:, :, 1:], found.centre)
    right = problem.w[ldp.rows] + ldp.frame.point(found.centre) @ S.T
    asked = right - z @ G.T <= NEAR * (np.abs(z) @ np.abs(G.T) + np.abs(right))
    owner, row = np.repeat(np.arange(len(asked)), found.facet_count), found.facets - len(G)
    slack = (row >= 0) & (row < len(G))
    asked[owner[slack], row[slack]] = True
    return asked


@compiled
def _least_outside(active: np.ndarray, asked: np.ndarray, M: Array, noise: float) -> tuple[Array, np.ndarray]:
    """Return for each region how far outside the span of its other rows the least one is, and its number.

    Looked at are the rows of the active set and those `asked` for; of the latter, rows in the span are not.
    """
    q, n = M.shape
    Q, R, along, left = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    least, row = np.ones(len(active)), np.zeros(len(active), np.int64)
    for s in range(len(active)):
        k = 0
        for i in range(q):
            if active[s, i]:
                length = _outside(M, i, Q, k, along, left)
                Q[k], R[: k + 1, k] = left / length, along[: k + 1]
                R[k, k], k = length, k + 1
                if length < least[s]:
                    least[s], row[s] = length, i
        floor = max(RESOLVED, noise / (least[s] * least[s]))
        for i in range(q):
            if asked[s, i] and not active[s, i]:
                length = _outside(M, i, Q, k, along, left)
                length = length if k < n else _least_share(R, along, floor)
                if floor < length < least[s]:
                    least[s], row[s] = length, i
    return least, row


@lean
def _outside(M: Array, row: int, Q: Array, k: int, along: Array, left: Array) -> float:
    """Split a row into its parts along the first k rows of Q and what is left; return the length of that."""
    length = 0.0
    for c in range(M.shape[1]):
        left[c], along[c] = M[row, c], 0.0
    for _ in range(2):
        for j in range(k):
            part = 0.0
            for c in range(len(left)):
                part += Q[j, c] * left[c]
            along[j] += part
            for c in range(len(left)):
                left[c] -= part * Q[j, c]
    for c in range(len(left)):
        length += left[c] * left[c]
    return np.sqrt(length)


@lean
def _least_share(R: Array, along: Array, floor: float) -> float:
    """Return the least share, more than `floor`, of an active row in a row that all n of them span."""
    least = 1.0
    for i in range(len(along) - 1, -1, -1):
        for j in range(i + 1, len(along)):
            along[i] -= R[i, j] * along[j]
        along[i] /= R[i, i]
        if floor < abs(along[i]) < least:
            least = abs(along[i])
    return least
