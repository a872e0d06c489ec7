"""ImplicitMPC: the same problem solved online, one program per state. Controller, and oracle of the explicit law."""

from typing import Any

import daqp
import numpy as np
from numpy.typing import ArrayLike

from mpc.condense import condense
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import NumericalError, OutsideDomain, ProblemError
from mpc.explicit.mpqp import MultiparametricQP
from mpc.least import LeastMinimiser
from mpc.problem import MPCProblem
from plants.arrays import Array, real_points

ROUNDING = 1e-5  # of the free solution: a limit this much smaller drowns in the rounding of z, times FEASIBLE
FEASIBLE = 1e-9  # largest scaled violation of a row, a multiplier's sign or stationarity that passes as solved


class ImplicitMPC:
    """Solves an MPC problem (or a raw multiparametric QP) by DAQP for each state; states (..., n) -> inputs (..., m).

    Every answer is polished on its active set and checked against the KKT conditions; no solver flag is trusted.
    Of several minimisers (1-norm, infinity-norm, singular H) the shortest is taken, in variables without units: see
    LeastMinimiser.
    Raises OutsideDomain where the state leaves the parameter set or no input keeps all limits.
    """

    def __init__(self, problem: MPCProblem | MultiparametricQP) -> None:
        if not isinstance(problem, MPCProblem | MultiparametricQP):
            raise ProblemError(f"`problem` is a {type(problem).__name__}; pass an MPCProblem or a MultiparametricQP")
        self.problem = problem
        self._qp = condense(problem) if isinstance(problem, MPCProblem) else problem
        self._inputs = problem.model.m if isinstance(problem, MPCProblem) else self._qp.n
        self._least = None if self._qp.strictly_convex else LeastMinimiser(self._qp)
        if self._least is not None:
            return
        self._scale = 1 / np.sqrt(np.diag(self._qp.H))
        G = self._qp.G * self._scale
        norm = np.linalg.norm(G, axis=1)
        self._row_scale = 1 / np.where(norm > 0, norm, 1.0)
        self._G = np.ascontiguousarray(G * self._row_scale[:, None])
        self._H = np.ascontiguousarray(self._qp.H * np.outer(self._scale, self._scale))
        self._sense = np.zeros(len(G), np.int32)
        self._sense[list(self._qp.equality_rows)] = 5

    def __call__(self, x: ArrayLike) -> Array:
        """Return the first input(s) (..., m) at the state(s) x (..., n)."""
        return self.solution(x)[..., : self._inputs]

    def solution(self, theta: ArrayLike) -> Array:
        """Return the whole minimiser z (..., n) at theta (..., t)."""
        points = real_points(theta, "theta", self._qp.names.parameters, ProblemError)
        rows = points.reshape(-1, self._qp.t)
        answers = [self._solve(row, i if len(rows) > 1 else None) for i, row in enumerate(rows)]
        return np.array(answers).reshape(*points.shape[:-1], self._qp.n)

    def __repr__(self) -> str:
        """Return one line with the problem."""
        return f"ImplicitMPC({self.problem!r})"

    def _solve(self, theta: Array, number: int | None) -> Array:
        """Return z at one theta; errors name its number in a batch."""
        try:
            self._check_parameter_set(theta)
            return self._minimiser(theta)
        except (OutsideDomain, NumericalError) as error:
            if number is None:
                raise
            words = f"row {number} of the batch: {error}"
            if isinstance(error, OutsideDomain):
                raise OutsideDomain(error.theta, error.row, error.distance, words) from None
            raise NumericalError(words) from None

    def _minimiser(self, theta: Array) -> Array:
        if self._least is not None:
            z = self._least(theta)
            if z is None:
                row = self._qp.names.rows[self._least.worst_row(theta)]
                raise self._outside(theta, row, "no solution keeps all limits")
            return z
        linear = (self._qp.f + self._qp.F @ theta) * self._scale
        right = (self._qp.w + self._qp.S @ theta) * self._row_scale
        if not len(right):
            return -np.linalg.solve(self._H, linear) * self._scale
        z, _, flag, info = daqp.solve(
            self._H,
            linear,
            self._G,
            right,
            np.where(self._sense == 5, right, -1e30),
            self._sense.copy(),
            primal_tol=1e-11,
        )
        if flag == -1:
            row = int((self._G @ np.asarray(z) - right).argmax())
            raise self._outside(theta, self._qp.names.rows[row], "no solution keeps all limits")
        polished = self._polish(linear, right, np.asarray(info["lam"]))
        residual = self._residual(polished, linear, right, self._room(theta))
        if not residual <= FEASIBLE:
            raise NumericalError(
                f"the QP at theta = {theta} was not solved: KKT residual {residual:.2g} (DAQP flag {flag})"
            )
        return polished[0] * self._scale

    def _polish(self, linear: Array, right: Array, multipliers: Array) -> tuple[Array, Array]:
        """Return z and its multipliers from the equations of the active set that DAQP ended in."""
        active = np.abs(multipliers) > 1e-12 * max(1.0, np.abs(multipliers).max(initial=0.0))
        rows, k = self._G[active], int(active.sum())
        system = np.block([[self._H, rows.T], [rows, np.zeros((k, k))]])
        both: Any = np.linalg.lstsq(system, np.concatenate([-linear, right[active]]), rcond=None)[0]
        z, full = both[: len(linear)], np.zeros(len(right))
        full[active] = both[len(linear) :]
        return z + np.linalg.lstsq(rows, right[active] - rows @ z, rcond=None)[0], full

    def _room(self, theta: Array) -> Array:
        """Return how large the terms of each right-hand side are: a limit may be far smaller than the free solution."""
        return (np.abs(self._qp.w) + np.abs(self._qp.S) @ np.abs(theta)) * self._row_scale

    def _residual(self, polished: tuple[Array, Array], linear: Array, right: Array, room: Array) -> float:
        z, multipliers = polished
        inequality = self._sense != 5
        size = np.abs(linear).max() + np.abs(z).max() + np.finfo(float).tiny
        stationarity = np.abs(self._H @ z + linear + self._G.T @ multipliers).max()
        beyond = np.where(inequality, self._G @ z - right, np.abs(self._G @ z - right))
        least_room = max(1e-2 * np.abs(z).max(), ROUNDING * np.abs(linear).max()) + np.finfo(float).tiny
        violation = (beyond / np.maximum(room, least_room)).max()
        return float(max(stationarity / size, violation, -multipliers[inequality].min(initial=0.0) / size))

    def _check_parameter_set(self, theta: Array) -> None:
        box = self._qp.parameter_set
        norm = np.linalg.norm(box.A, axis=1)
        excess = (box.A @ theta - box.b) / np.where(norm > 0, norm, 1.0)
        row = int(excess.argmax())
        if excess[row] > TOLERANCE * (1 + np.abs(theta).max()):
            limit, over = self._parameter_limit(row), float(excess[row])
            raise self._outside(theta, limit, f"it leaves the parameter set by {over:.3g} ({limit})", over)

    def _parameter_limit(self, row: int) -> str:
        """Return what a row of the parameter set says: a limit of one parameter, or its number."""
        A, b = self._qp.parameter_set.A[row], self._qp.parameter_set.b[row]
        which = np.flatnonzero(A)
        if len(which) != 1:
            return f"row {row} of the parameter set"
        name, side = self._qp.names.parameters[which[0]], "upper" if A[which[0]] > 0 else "lower"
        return f"{name} at its {side} limit {b / A[which[0]]:g}"

    def _outside(self, theta: Array, row: str, why: str, distance: float = float("nan")) -> OutsideDomain:
        named = zip(self._qp.names.parameters, theta, strict=True)
        point = ", ".join(f"{name} = {value:g}" for name, value in named)
        return OutsideDomain(
            theta,
            row,
            distance,
            f"theta ({point}) is outside the domain: {why}; start inside it, or soften a limit",
        )
