"""An oracle for the exploration: the same search over neighbouring active sets in plain numpy, with DAQP and HiGHS.

It shares the tolerances with the compiled kernels, and no code: solutions come from numpy's QR factors, every question
about a set of theta is a least-distance problem of DAQP, or a linear program where DAQP cycles.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import daqp
import numpy as np
from scipy.linalg import solve_triangular

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from mpc.explicit.presolve import LeastDistanceProblem
from plants.arrays import Array, Indices

TOUCH = 1e-8  # scaled theta: sets this close count as touching, so that no stepping stone is lost
SLIVER = TOLERANCE  # scaled theta: where no larger ball fits, the neighbours answer; a stepping stone, not a region
PASSED = 1e-11  # scaled theta: a row that the others let theta pass by less than this is redundant
DEPENDENT = 1e-8  # a unit row this close to the span of the active rows breaks LICQ
UNSURE = 1e-10  # scaled theta: the accuracy of a linear program
ZERO = 1e-10  # a row of theta of smaller norm, beside its terms, has no direction and is judged by its sign
NOISE = 1e-13  # the same for rows whose terms are rounding noise; right-hand sides are about 1

ActiveSet = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Multipliers l0 + L theta of the active rows, v = v0 + V theta, and the region {A theta <= b}, unit rows.

    `origin` says where each row of the region comes from: k < len(active) the k-th multiplier, then the
    slacks of the other rows of M in `others`, then the parameter set. `weak` marks a multiplier that is 0 everywhere.
    """

    active: ActiveSet
    Q: Array
    R: Array
    v0: Array
    V: Array
    A: Array
    b: Array
    origin: Indices
    weak: bool


def explore(ldp: LeastDistanceProblem) -> list[Candidate]:
    """Return all candidates whose region has an interior, those of fewer active rows first."""
    start = optimal_set(ldp, ldp.inside)
    waiting, seen, found = deque([start]), {start}, []
    while waiting:
        candidate = candidate_of(ldp, waiting.popleft())
        if candidate is not None and touches(candidate.A, candidate.b):
            if not candidate.weak and has_interior(candidate.A, candidate.b):
                found.append(candidate)
            for neighbour in _neighbours(ldp, candidate):
                if neighbour not in seen:
                    seen.add(neighbour)
                    waiting.append(neighbour)
    return sorted(found, key=lambda c: (len(c.active), c.active))


def candidate_of(ldp: LeastDistanceProblem, active: ActiveSet) -> Candidate | None:
    """Return the affine solution of an active set; None if its rows depend or a row of its region is never met."""
    rows = list(active)
    Q, R = np.linalg.qr(ldp.M[rows].T)
    if len(rows) > ldp.M.shape[1] or (np.abs(np.diag(R)) < DEPENDENT).any():
        return None
    right = np.c_[ldp.d, ldp.D]
    v = Q @ solve_triangular(R.T, right[rows], lower=True) if rows else np.zeros((len(Q), right.shape[1]))
    multipliers = -solve_triangular(R, Q.T @ v) if rows else np.zeros((0, v.shape[1]))
    others = np.setdiff1d(np.arange(len(ldp.d)), rows)
    used = ldp.M[others] @ v
    parts = np.vstack([multipliers, right[others] - used])
    largest = np.abs(np.vstack([multipliers, np.maximum(np.abs(right[others]), np.abs(used))])).max(axis=1, initial=0.0)
    size = np.concatenate([largest, np.ones(len(ldp.e))])
    A, b = np.vstack([-parts[:, 1:], ldp.E]), np.concatenate([parts[:, 0], ldp.e])
    norm = np.linalg.norm(A, axis=1)
    flat, close = norm <= np.maximum(ZERO * size, NOISE), np.maximum(TOUCH * size, NOISE)
    if (flat & (b < -close)).any():
        return None
    weak = bool((flat & (b <= close))[: len(rows)].any())
    real = ~flat
    return Candidate(
        active, Q, R, v[:, 0], v[:, 1:], A[real] / norm[real, None], b[real] / norm[real], np.flatnonzero(real), weak
    )


def touches(A: Array, b: Array) -> bool:
    """Return whether {A theta <= b}, unit rows, holds a point when widened by TOUCH."""
    return _feasible(A, b + TOUCH)


def has_interior(A: Array, b: Array) -> bool:
    """Return whether {A theta <= b}, unit rows, holds a ball of radius SLIVER."""
    return _feasible(A, b - SLIVER)


def minimal_rows(A: Array, b: Array) -> Indices:
    """Return the indices of the rows that {A theta <= b}, unit rows, needs; of equal rows the first."""
    keep = np.ones(len(b), dtype=bool)
    for row in range(len(b) - 1, -1, -1):
        keep[row] = False
        keep[row] = _feasible(np.vstack([A[keep], -A[row]]), np.r_[b[keep], -b[row] - PASSED])
    return np.flatnonzero(keep)


def _neighbours(ldp: LeastDistanceProblem, candidate: Candidate) -> Iterator[ActiveSet]:
    active, k = candidate.active, len(candidate.active)
    others = np.setdiff1d(np.arange(len(ldp.d)), active)
    for row, origin in enumerate(candidate.origin):
        if origin >= k + len(others) or not _tight(candidate.A, candidate.b, row):
            continue
        if origin < k:
            yield active[:origin] + active[origin + 1 :]
        else:
            yield from _with_row(ldp, candidate, int(others[origin - k]))


def _with_row(ldp: LeastDistanceProblem, candidate: Candidate, row: int) -> Iterator[ActiveSet]:
    """Return A with `row` added, or, if that row depends on A, the exchanges that keep the multipliers positive."""
    active = candidate.active
    along = candidate.Q.T @ ldp.M[row]
    if np.linalg.norm(ldp.M[row] - candidate.Q @ along) >= DEPENDENT and len(active) < ldp.M.shape[1]:
        yield tuple(sorted((*active, row)))
        return
    weights = solve_triangular(candidate.R, along)
    for leaving in np.flatnonzero(weights > ZERO):
        yield tuple(sorted((*active[:leaving], *active[leaving + 1 :], row)))


def _tight(A: Array, b: Array, row: int) -> bool:
    """Return whether the set, widened by TOUCH, has a point on that row."""
    return _feasible(np.vstack([A, -A[row]]), np.r_[b + TOUCH, TOUCH - b[row]])


def _feasible(A: Array, b: Array) -> bool:
    """Return whether {A theta <= b}, unit rows, holds a point; where DAQP cycles, a linear program decides."""
    if not len(A):
        return True
    t = A.shape[1]
    *_, flag, _ = daqp.solve(
        np.eye(t), np.zeros(t), np.ascontiguousarray(A), b, np.full(len(b), -1e30), np.zeros(len(b), np.int32),
        primal_tol=1e-13, iter_limit=10_000,
    )  # fmt: skip
    return least_violation(A, b) <= UNSURE if flag not in (1, -1) else flag == 1


def least_violation(A: Array, b: Array) -> float:
    """Return the least s, at least -1, for which {A theta <= b + s} holds a point."""
    rows = np.c_[A, -np.ones(len(A))]
    result = linear_program(np.r_[np.zeros(A.shape[1]), 1.0], rows, b, last=(-1.0, None))
    if not result.success:
        raise NumericalError(f"neither DAQP nor HiGHS could tell whether a region of theta is empty: {result.message}")
    return float(result.fun)


def optimal_set(ldp: LeastDistanceProblem, theta: Array) -> ActiveSet:
    """Return an active set of independent rows that is optimal at `theta`."""
    n, right = ldp.M.shape[1], ldp.d + ldp.D @ theta
    if not n or not len(right):
        return ()
    _, _, flag, info = daqp.solve(
        np.eye(n), np.zeros(n), np.ascontiguousarray(ldp.M), right, np.full(len(right), -1e30),
        np.zeros(len(right), np.int32), primal_tol=1e-13, iter_limit=10_000,
    )  # fmt: skip
    if flag != 1:
        raise NumericalError(f"the QP at the interior point theta = {theta} was not solved (DAQP flag {flag})")
    return tuple(int(i) for i in np.flatnonzero(np.asarray(info["lam"]) > ZERO))
