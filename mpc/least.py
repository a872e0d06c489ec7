"""LeastMinimiser: of all minimisers of a program that is not strictly convex, the shortest, one theta at a time."""

import daqp
import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.unbounded import check_bounded
from mpc.explicit.singular.unit_free import UnitFree, null_space, unit_free
from plants.arrays import Array

SOLVED = (
    1e-9  # largest violation, wrong multiplier or slope left over, in variables without units, that passes as solved
)
PUSHES = 1e-8  # a multiplier smaller than this beside the largest may be what DAQP's tolerance leaves
FORCE = 1e-10  # a smaller multiplier pushes nothing
TIGHT = 1e-8  # a row with less slack is made to hold exactly
HAIR = 1e-12  # room for the rounding of the first minimiser
PROXIMAL = 1e-5  # curvature that DAQP's proximal steps add and take off again


class LeastMinimiser:
    """Solves 1/2 z'Hz + (f + F theta)'z with singular H, or H = 0, in variables y without units; the least |y| wins.

    y = (z - middle) / scale is about -1 to 1 over all feasible z: as in the explicit law, so both give the same z.
    A linear program goes to HiGHS, a quadratic one to DAQP; both answers are checked against the KKT conditions.
    Raises Unbounded or Infeasible, for all theta at once, when it is made.
    """

    def __init__(self, problem: MultiparametricQP) -> None:
        self._one: UnitFree = unit_free(problem)
        check_bounded(problem, self._one)
        self._curved = bool(problem.H.any())

    def __call__(self, theta: Array) -> Array | None:
        """Return z (n,) at theta (t,), None where no z keeps all rows; raises NumericalError if unsolved."""
        one = self._one
        p = self._parameter(theta)
        linear, right = one.f + one.F @ p, one.w + one.S @ p
        first = (self._quadratic if self._curved else self._linear)(linear, right)
        if first is None:
            return None
        y = self._least(first[0], first[1], right)
        residual = self._residual(y, first[1], linear, right)
        if not residual <= SOLVED:
            raise NumericalError(f"the program at theta = {theta} was not solved: KKT residual {residual:.2g}")
        return one.middle + one.scale * y

    def worst_row(self, theta: Array) -> int:
        """Return a row that takes part in the conflict at a theta without solution."""
        one = self._one
        right = one.w + one.S @ self._parameter(theta)
        rows, levels = np.vstack([one.G, -one.G[one.fixed]]), np.concatenate([right, -right[one.fixed]])
        result = linear_program(np.r_[np.zeros(len(one.f)), 1.0], np.c_[rows, -np.ones(len(rows))], levels)
        worst = int(result.ineqlin.marginals.argmin())
        return worst if worst < len(right) else int(one.fixed[worst - len(right)])

    def _parameter(self, theta: Array) -> Array:
        frame = self._one.frame
        return frame.inverse @ (theta - frame.centre)

    def _linear(self, linear: Array, right: Array) -> tuple[Array, Array] | None:
        """Return a vertex that minimises linear'y, and the multipliers of all rows."""
        one = self._one
        rows, levels = np.vstack([one.G, -one.G[one.fixed]]), np.concatenate([right, -right[one.fixed]])
        result = linear_program(linear, rows, levels)
        if result.status == 2:
            return None
        if not result.success:
            raise NumericalError(f"HiGHS gave no answer: {result.message}")
        multipliers = -result.ineqlin.marginals[: len(right)]
        multipliers[one.fixed] += result.ineqlin.marginals[len(right) :]
        return result.x, multipliers

    def _quadratic(self, linear: Array, right: Array) -> tuple[Array, Array] | None:
        one = self._one
        sense = np.zeros(len(right), np.int32)
        sense[one.fixed] = 5
        lower = np.where(sense == 5, right, -1e30)
        y, _, flag, info = daqp.solve(one.H, linear, one.G, right, lower, sense, primal_tol=1e-12, eps_prox=PROXIMAL)
        if flag == -1:
            return None
        return self._polished(np.array(y), np.array(info["lam"]), linear, right)

    def _polished(self, y: Array, multipliers: Array, linear: Array, right: Array) -> tuple[Array, Array]:
        """Return y and multipliers after the least step onto the equations of the active rows."""
        one, n = self._one, len(y)
        held = np.abs(multipliers) > PUSHES * np.abs(multipliers).max(initial=0.0)
        held[one.fixed] = True
        rows, zero = one.G[held], np.zeros((held.sum(), held.sum()))
        both = np.r_[-linear - one.H @ y - rows.T @ multipliers[held], right[held] - rows @ y]
        step = np.linalg.lstsq(np.block([[one.H, rows.T], [rows, zero]]), both, rcond=None)[0]
        full = np.zeros(len(right))
        full[held] = multipliers[held] + step[n:]
        return y + step[:n], full

    def _least(self, y: Array, multipliers: Array, right: Array) -> Array:
        """Return the point of least length on the face of all minimisers, which y and its multipliers describe."""
        G = self._one.G
        held = np.abs(multipliers) > FORCE
        held[self._one.fixed] = True
        free = null_space(np.vstack([self._one.H, G[held]]))
        if free.shape[1]:
            y = self._shortened(y, free, G[~held], right[~held])
        tight = held | (right - G @ y <= TIGHT)
        return y + np.linalg.lstsq(G[tight], right[tight] - G[tight] @ y, rcond=None)[0]

    def _shortened(self, y: Array, free: Array, G: Array, right: Array) -> Array:
        """Return the least y + free s that keeps the rows {G y <= right}; y itself does, but for rounding."""
        rows, room = G @ free, np.maximum(right - G @ y, 0.0) + HAIR
        real = np.linalg.norm(rows, axis=1) > FORCE
        rows, room, k = np.ascontiguousarray(rows[real]), room[real], free.shape[1]
        if not len(rows):
            return y - free @ (free.T @ y)
        lower, sense = np.full(len(room), -1e30), np.zeros(len(room), np.int32)
        s, _, flag, _ = daqp.solve(np.eye(k), free.T @ y, rows, room, lower, sense, primal_tol=1e-13)
        return y + free @ np.array(s) if flag == 1 else y

    def _residual(self, y: Array, multipliers: Array, linear: Array, right: Array) -> float:
        one, slack = self._one, right - self._one.G @ y
        inequality = np.ones(len(right), dtype=bool)
        inequality[one.fixed] = False
        size = max(np.abs(linear).max(initial=0.0), np.abs(multipliers).max(initial=0.0), np.finfo(float).tiny)
        stationarity = np.abs(one.H @ y + linear + one.G.T @ multipliers).max() / size
        sign = -multipliers[inequality].min(initial=0.0) / size
        both = np.abs(multipliers[inequality] * slack[inequality]).max(initial=0.0) / size
        violation = max(-slack.min(initial=0.0), np.abs(slack[one.fixed]).max(initial=0.0))
        return float(max(stationarity, sign, both, violation))
