"""UnitFree: a multiparametric QP in variables without units, so that every tolerance means the same for all users."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import qr

from mpc.explicit.conflict import conflict
from mpc.explicit.errors import NumericalError
from mpc.explicit.frame import Frame, frame_of, in_frame
from mpc.explicit.linear import balanced, linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.metric import variable_scale
from plants.arrays import Array, Indices

RANK = 1e-9  # a direction that is shorter than this after multiplication counts as 0
FLAT = 1e-10  # a row of G shorter than this beside its row of S holds theta alone
ROOM = 1e9  # a row whose room is this much smaller than the largest is an equality


@dataclass(frozen=True, eq=False)
class UnitFree:
    """min over y of 1/2 y'Hy + (f + F p)'y s.t. G y <= w + S p, for p in {E p <= e}.

    z = middle + scale y, and `frame` gives theta at p. The objective's largest coefficient is 1, rows have unit
    length. `fixed` lists the rows that hold with equality, those that inequalities imply included. y is about -1 to 1:
    in this metric the least minimiser is taken.
    """

    H: Array
    f: Array
    F: Array
    G: Array
    w: Array
    S: Array
    E: Array
    e: Array
    middle: Array
    scale: Array
    frame: Frame
    fixed: Indices

    @cached_property
    def free_directions(self) -> Array:
        """Return an orthonormal basis (n, k) of the directions without curvature."""
        return null_space(self.H)

    @cached_property
    def settled(self) -> bool:
        """Return whether theta changes no slope along directions without curvature: minimisers move without jump."""
        return bool(np.abs(self.free_directions.T @ self.F).max(initial=0.0) <= RANK)

    @cached_property
    def fixed_basis(self) -> Indices:
        """Return rows of `fixed` that are linearly independent and span all of them."""
        if not len(self.fixed):
            return self.fixed
        factors: Any = qr(self.G[self.fixed].T, mode="r", pivoting=True)
        diagonal = np.abs(np.diag(factors[0]))
        return np.sort(self.fixed[factors[1][: int((diagonal > RANK).sum())]])

    @cached_property
    def rows(self) -> tuple[Array, Array]:
        """Return all inequalities A (y, p) <= b, the rows of equalities in both senses."""
        fixed = np.c_[self.G, -self.S][self.fixed]
        below = np.c_[np.zeros((len(self.E), len(self.f))), self.E]
        A = np.vstack([np.c_[self.G, -self.S], -fixed, below])
        return A, np.concatenate([self.w, -self.w[self.fixed], self.e])

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the largest value of direction'p over all p that have a solution, and such a p."""
        A, b = self.rows
        result = linear_program(np.r_[np.zeros(len(self.f)), -direction], A, b)
        if not result.success:
            raise NumericalError(f"the extent of the feasible parameters was not found: {result.message}")
        return -float(result.fun), result.x[len(self.f) :]


def unit_free(problem: MultiparametricQP) -> UnitFree:
    """Return the problem without units; raises Infeasible, or ProblemError for an unbounded or empty parameter set."""
    frame = frame_of(problem)
    E, e = in_frame(problem, frame)
    A, b = _all_rows(problem, frame, E, e)
    rows, levels, _ = balanced(A, b)
    if linear_program(np.zeros(A.shape[1]), rows, levels).status == 2:
        raise conflict(problem, list(problem.equality_rows))
    middle, scale = variable_scale(A, b, problem.n)
    H, F = problem.H * np.outer(scale, scale), scale[:, None] * (problem.F @ frame.directions)
    f = scale * (problem.f + problem.H @ middle + problem.F @ frame.centre)
    size = max(np.abs(H).max(), np.abs(np.c_[f, F]).max()) or 1.0
    G, S = problem.G * scale, problem.S @ frame.directions
    w = problem.w + problem.S @ frame.centre - problem.G @ middle
    length, whole = np.linalg.norm(G, axis=1), np.linalg.norm(np.c_[G, S], axis=1)
    G, length = np.where((length > FLAT * whole)[:, None], G, 0.0), np.where(length > FLAT * whole, length, whole)
    length = np.where(length > 0, length, 1.0)
    G, w, S = G / length[:, None], w / length, S / length[:, None]
    given = np.array(problem.equality_rows, dtype=np.intp)
    fixed = np.union1d(
        given, _implied(np.vstack([np.c_[G, -S], np.c_[np.zeros((len(e), len(f))), E]]), np.r_[w, e], given)
    )
    fixed = fixed[fixed < len(w)]
    return UnitFree(H / size, f / size, F / size, G, w, S, E, e, middle, scale, frame, fixed)


def null_space(matrix: Array) -> Array:
    """Return an orthonormal basis (n, k) of the directions that the matrix (rows about 1 long) takes to 0."""
    _, values, right = np.linalg.svd(matrix)
    return right[int((values > RANK).sum()) :].T


def _all_rows(problem: MultiparametricQP, frame: Frame, E: Array, e: Array) -> tuple[Array, Array]:
    """Return all inequalities over (z, p)."""
    rows = np.c_[problem.G, -problem.S @ frame.directions]
    levels, fixed = problem.w + problem.S @ frame.centre, list(problem.equality_rows)
    A = np.vstack([rows, -rows[fixed], np.c_[np.zeros((len(e), problem.n)), E]])
    return A, np.concatenate([levels, -levels[fixed], e])


def _implied(A: Array, b: Array, equalities: Indices) -> Indices:
    """Return the rows of {A x <= b} that hold with equality at all of its points (Freund, Roundy & Todd 1985).

    One linear program: the largest sum of slacks, each at most 1, over the cone of the set.
    """
    inequalities = np.setdiff1d(np.arange(len(b)), equalities)
    m, n = len(inequalities), A.shape[1]
    slacks = np.zeros((len(b), m))
    slacks[inequalities, np.arange(m)] = 1.0
    rows = np.c_[A, slacks, -b]
    box = np.zeros((2 * m + 2, n + m + 1))
    box[:m, n : n + m], box[m : 2 * m, n : n + m] = np.eye(m), -np.eye(m)
    box[2 * m :, -1] = (-1.0, 1.0)
    levels = np.concatenate([np.zeros(len(b) + len(equalities)), np.ones(m), np.zeros(m), [-1.0, ROOM]])
    cost = np.concatenate([np.zeros(n), -np.ones(m), [0.0]])
    result = linear_program(cost, np.vstack([rows, -rows[equalities], box]), levels)
    if not result.success:
        raise NumericalError(f"the rows that always hold with equality were not found: {result.message}")
    return inequalities[result.x[n : n + m] < 0.5]
