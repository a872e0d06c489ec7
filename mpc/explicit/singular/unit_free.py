"""UnitFree: a multiparametric QP in variables without units, so that every tolerance means the same for all users."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import qr

from mpc.explicit.conflict import conflict
from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.frame import Frame, frame_of, in_frame
from mpc.explicit.linear import balanced, linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.hull import RANK, Hull, affine_hull, null_space
from mpc.explicit.singular.metric import variable_scale
from mpc.explicit.singular.slice import Slice, sliced
from plants.arrays import Array, Indices

SHARE = 1e-7  # a coefficient smaller than this beside the largest is not named
FLAT = 1e-10  # a row of G shorter than this beside its row of S holds theta alone


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
    def push(self) -> float:
        """Return the largest slope along directions without curvature, at most 1, or 1 where the objective has none.

        What decides along these directions is this large: other coefficients may be 1e6 times that, those of a slack
        in other units, say.
        """
        along = self.free_directions.T @ np.c_[self.f, self.F]
        size = float(np.abs(along).max(initial=0.0))
        return min(size, 1.0) if size > RANK else 1.0

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
    def slice(self) -> Slice:
        """Return what the rows of `fixed` leave of y."""
        return sliced(self.G, self.w, self.S, self.fixed)

    def support(self, direction: Array) -> tuple[float, Array]:
        """Return the largest value of direction'p over all p that have a solution, and such a p."""
        inside = self.slice
        k = inside.along.shape[1]
        A = np.vstack([np.c_[inside.G, -inside.S], np.c_[np.zeros((len(self.E), k)), self.E]])
        result = linear_program(np.r_[np.zeros(k), -direction], A, np.r_[inside.w, self.e])
        if not result.success:
            raise NumericalError(f"the extent of the feasible parameters was not found: {result.message}")
        return -float(result.fun), result.x[k:]


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
    length = np.where(length > 0, length, np.where(w != 0, np.abs(w), 1.0))
    G, w, S = G / length[:, None], w / length, S / length[:, None]
    fixed = _fixed_rows(problem, frame, np.c_[G, -S], w, np.c_[np.zeros((len(e), len(f))), E], e)
    return UnitFree(H / size, f / size, F / size, G, w, S, E, e, middle, scale, frame, fixed)


def _all_rows(problem: MultiparametricQP, frame: Frame, E: Array, e: Array) -> tuple[Array, Array]:
    """Return all inequalities over (z, p)."""
    rows = np.c_[problem.G, -problem.S @ frame.directions]
    levels, fixed = problem.w + problem.S @ frame.centre, list(problem.equality_rows)
    A = np.vstack([rows, -rows[fixed], np.c_[np.zeros((len(e), problem.n)), E]])
    return A, np.concatenate([levels, -levels[fixed], e])


def _fixed_rows(
    problem: MultiparametricQP, frame: Frame, rows: Array, levels: Array, below: Array, e: Array
) -> Indices:
    """Return the rows that hold with equality in all of {rows (y, p) <= levels, below (y, p) <= e}."""
    A = np.vstack([rows, below])
    hull = affine_hull(A, np.r_[levels, e], np.array(problem.equality_rows, dtype=np.intp))
    if hull is None:
        raise conflict(problem, list(problem.equality_rows))
    _check_parameters_move(problem, frame, hull, A)
    return hull.tight[hull.tight < len(levels)]


def _check_parameters_move(problem: MultiparametricQP, frame: Frame, hull: Hull, A: Array) -> None:
    """Raise ProblemError if rows of A that hold with equality leave theta fewer directions than its set has."""
    n, t = problem.n, frame.directions.shape[1]
    left, sizes, _ = np.linalg.svd(np.c_[hull.along[n:], np.zeros((t, 1))])
    if sizes.min() > RANK:
        return
    held = left[:, -1]
    shares = np.linalg.lstsq(A[hull.tight].T, np.r_[np.zeros(n), held], rcond=RANK)[0]
    involved = hull.tight[np.abs(shares) > SHARE * np.abs(shares).max()]
    own = involved[involved < len(problem.w)]
    rows = "; ".join(problem.names.rows[row] for row in (own if len(own) else hull.tight[hull.tight < len(problem.w)]))
    raise ProblemError(
        f"rows that hold with equality for every solution ({rows}) fix a parameter: "
        f"{_fixed_value(problem, frame, held, float(held @ hull.start[n:]))}; no theta set with an interior satisfies "
        "that. Remove or widen one of these rows, or put the value in for the parameter"
    )


def _fixed_value(problem: MultiparametricQP, frame: Frame, held: Array, level: float) -> str:
    """Return held'p = level in words, over theta."""
    normal = held @ frame.inverse
    level += float(normal @ frame.centre)
    size = np.abs(normal) * np.abs(frame.directions).max(axis=1)
    unit = normal[size.argmax()]
    names, first = problem.names.parameters, int(size.argmax())
    others = [f"{normal[j] / unit:+.4g} {names[j]}" for j in np.flatnonzero(size > SHARE * size.max()) if j != first]
    value = level / unit if abs(level) > RANK * (np.abs(level - normal @ frame.centre) + size.max()) else 0.0
    return f"{' '.join([names[first], *others])} = {value:.6g}"
