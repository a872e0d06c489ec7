"""Conflict: which rows of a problem cannot hold together, and rows that only look as if they left no room."""

import numpy as np

from mpc.explicit.errors import Infeasible, ProblemError
from mpc.explicit.linear import balanced, linear_program, row_lengths
from mpc.explicit.mpqp import MultiparametricQP
from plants.arrays import Array, Indices

NO_ROOM = 1e-9  # a row with less room than this, beside its own right-hand side, is an equality


def conflict(problem: MultiparametricQP, equalities: list[int]) -> Infeasible:
    """Return the error with the rows that conflict and the least relaxation of all of them, rows of unit norm.

    Where there is more than one conflict, the rows of the largest come first; moving all that are named is enough.
    """
    A, b = _rows_over_all(problem)
    weight = np.concatenate([row_lengths(problem.G), np.zeros(len(problem.b_theta))])
    A, b, weight = np.vstack([A, -A[equalities]]), np.r_[b, -b[equalities]], np.r_[weight, weight[equalities]]
    numbers = np.r_[np.arange(len(problem.w) + len(problem.b_theta)), equalities].astype(int)
    units = problem.names.row_units or ("",) * len(problem.w)
    named: dict[str, str] = {}
    least, tight = _least_relaxation(A, b, weight)
    needed = least
    while needed > 1e-9 * least and weight[tight].any():
        for k in tight[numbers[tight] < len(problem.w)]:
            i = int(numbers[k])
            named[problem.names.rows[i]] = f"{least * weight[k]:.3g} {units[i]}".rstrip()
        b[tight] += least * weight[tight]
        weight[tight] = 0.0
        needed, tight = _least_relaxation(A, b, weight)
    moves = list(named.values()) if problem.names.row_units else []
    return Infeasible(list(named) or ["all rows together"], least, moves)


def _least_relaxation(A: Array, b: Array, weight: Array) -> tuple[float, Indices]:
    """Return the least s for which {A x <= b + s weight} holds a point, and the rows that keep it from being less."""
    rows, levels, unit = balanced(np.c_[A, -weight], b)
    cost = np.r_[np.zeros(A.shape[1]), 1.0] * unit
    result = linear_program(cost / cost[-1], rows, levels)
    if not result.success:
        return float("nan"), np.zeros(0, dtype=np.intp)
    return float(result.x[-1] * unit[-1]), np.flatnonzero(result.ineqlin.marginals < -1e-9)


def check_equality(problem: MultiparametricQP, row: int) -> None:
    """Raise ProblemError if a row that looks like an equality has room, measured by its own size."""
    G, w, S = problem.G[row], problem.w[row], problem.S[row]
    rows, levels, unit = balanced(*_rows_over_all(problem))
    result = linear_program(np.concatenate([G, -S]) * unit, rows, levels)
    size = np.abs(w) + np.abs(S).sum()
    room = w - result.fun if result.success else np.inf
    if room > NO_ROOM * (size if size > 0 else 1.0):
        free = np.abs(G @ np.linalg.solve(problem.H, np.c_[problem.f, problem.F])).sum()
        low, high = np.linalg.eigvalsh(problem.H)[[0, -1]]
        raise ProblemError(
            f"{problem.names.rows[row]}: the room of {room:.3g} that this row leaves is lost beside the "
            f"{free:.3g} that the solution without limits asks for (curvatures of H: {low:.3g} to {high:.3g}, "
            f"condition number {high / low:.1g}); scale the variables, pass 0 for a curvature that means nothing, "
            "check the units of limits and weights, or shrink the parameter set"
        )


def _rows_over_all(problem: MultiparametricQP) -> tuple[Array, Array]:
    """Return all rows over (z, theta), those of the parameter set last."""
    below = np.c_[np.zeros((len(problem.A_theta), problem.n)), problem.A_theta]
    return np.vstack([np.c_[problem.G, -problem.S], below]), np.concatenate([problem.w, problem.b_theta])
