"""What a problem's costs are, stated from their definitions, with a Riccati solution of their own."""

from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import cvxpy as cp
import numpy as np
from scipy.linalg import solve_discrete_are

from mpc.costs import CrossWeight, MoveWeight, OutputWeight
from mpc.explicit.definite import positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.stated.trajectory import Trajectory
from plants.arrays import Array

if TYPE_CHECKING:
    from mpc.problem import MPCProblem


def total_cost(problem: "MPCProblem", path: Trajectory) -> Any:
    """Return the sum over all steps, the last state and the further costs."""
    g, N, norm = problem.discount, problem.horizon, problem.norm
    P = problem.terminal_weight
    total: Any = 0.0
    for k in range(N):
        total += g**k * _stage(problem, path.state_error(k), path.input_error(k))
    if P is None:
        P = infinite_horizon(problem)[1] if norm == 2 else problem.state_weight
    last = path.state_error(N)
    if P.shape[1] > problem.model.n:
        last = cp.hstack([last, path.input_error(N - 1)])
    total += g**N * weighed(last, P, norm)
    joined = _joined(problem)
    for cost in problem.costs:
        if not isinstance(cost, CrossWeight) and cost not in joined:
            total += sum(g**k * part for k, part in enumerate(stage_costs(cost, path, norm)))
    return total


def _stage(problem: "MPCProblem", s: Any, v: Any) -> Any:
    """Return the cost of state and input; products of both make one form with them, as alone they are not convex."""
    Q, R, norm = problem.state_weight, problem.input_weight, problem.norm
    crosses = [cost.weight for cost in problem.costs if isinstance(cost, CrossWeight)]
    if not crosses:
        return weighed(s, Q, norm) + weighed(v, R, norm)
    N = np.sum(crosses, axis=0)
    both = np.block([[Q, N], [N.T, R]]) + sum(_of_outputs(cost, problem) for cost in _joined(problem))
    return weighed(cp.hstack([s, v]), positive_semidefinite(both, "the stage cost with `CrossWeight`"), norm)


def _joined(problem: "MPCProblem") -> list[OutputWeight]:
    """Return the output weights that make one form with products: outputs then deviate by C s + D v alone."""
    outputs = [cost for cost in problem.costs if isinstance(cost, OutputWeight)]
    products = any(isinstance(cost, CrossWeight) for cost in problem.costs)
    return outputs if products and (problem.setpoint is not None or not problem.model.F.any()) else []


def _of_outputs(cost: OutputWeight, problem: "MPCProblem") -> Array:
    """Return [C D]'W[C D]."""
    seen = np.hstack([problem.model.C, problem.model.D])
    return seen.T @ cost.weight @ seen


def weighed(error: Any, weight: Array, norm: float) -> Any:
    """Return error'W error, or |W error| in another norm; the form has a unit diagonal, whatever the units are."""
    if norm == 2:
        size = np.sqrt(np.diag(weight))
        counts = np.flatnonzero(size > 0)
        if not len(counts):
            return 0.0
        unit = size[counts]
        form = weight[np.ix_(counts, counts)] / np.outer(unit, unit)
        return cp.quad_form(cp.multiply(unit, error[counts]), cp.psd_wrap(form))
    return cp.norm(weight @ error, 1 if norm == 1 else "inf")


@singledispatch
def stage_costs(cost: Any, path: Trajectory, norm: float) -> list[Any]:  # noqa: ARG001
    """Return the cost of every step before its discount; a cost of one's own says it by a method state(trajectory).

    Raises ProblemError where there is no such method.
    """
    stating: Callable[[Trajectory], list[Any]] | None = getattr(cost, "state", None)
    if not callable(stating):
        kind = type(cost).__name__
        raise ProblemError(
            f"`{kind}` emits terms, but does not say what it means in cvxpy: give it a method state(trajectory) that "
            "returns the cost of every step (before its discount), such as [cvxpy.norm(u) for u in trajectory.inputs]"
        )
    return stating(path)


@stage_costs.register(OutputWeight)
def _(cost: OutputWeight, path: Trajectory, norm: float) -> list[Any]:
    return [weighed(path.outputs[k] - path.output_targets[k], cost.weight, norm) for k in range(path.horizon)]


@stage_costs.register(MoveWeight)
def _(cost: MoveWeight, path: Trajectory, norm: float) -> list[Any]:
    return [weighed(move, cost.weight, norm) for move in path.moves]


def infinite_horizon(problem: "MPCProblem", moves: bool = True) -> tuple[Array, Array]:
    """Return gain and cost of the discounted regulator of all costs, over (s, v_before) where moves are weighed."""
    model, g = problem.model, problem.discount
    n, m = model.n, model.m
    Q, R, N, M = problem.state_weight.copy(), problem.input_weight.copy(), np.zeros((n, m)), np.zeros((m, m))
    for cost in problem.costs:
        W: Array = np.asarray(getattr(cost, "weight", 0.0), float)
        if isinstance(cost, OutputWeight):
            Q, R, N = Q + model.C.T @ W @ model.C, R + model.D.T @ W @ model.D, N + model.C.T @ W @ model.D
        elif isinstance(cost, CrossWeight):
            N = N + W
        elif isinstance(cost, MoveWeight) and moves:
            M = M + W
    A, B = model.A, model.B
    if M.any():
        zero = np.zeros((n, m))
        A, B = np.block([[A, zero], [np.zeros((m, n + m))]]), np.vstack([B, np.eye(m)])
        Q, R, N = np.block([[Q, zero], [zero.T, M]]), R + M, np.vstack([N, -M])
    P = solve_discrete_are(np.sqrt(g) * A, np.sqrt(g) * B, Q, R, s=N)
    return np.linalg.solve(R + g * B.T @ P @ B, g * B.T @ P @ A + N.T), (P + P.T) / 2
