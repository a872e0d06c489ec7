"""What parameters of one's own mean in costs and limits, stated from the definitions."""

from typing import Any

import cvxpy as cp
import numpy as np

from mpc.linear_cost import LinearCost
from mpc.parametric_polytope import ParametricPolytope
from mpc.stated.costs import stage_costs
from mpc.stated.limits import Limit, limits
from mpc.stated.trajectory import Trajectory


@stage_costs.register(LinearCost)
def _(cost: LinearCost, path: Trajectory, norm: float) -> list[Any]:  # noqa: ARG001
    amounts = [cost.state @ x for x in path.states]
    bought = [cost.input @ u for u in path.inputs] + [0.0]
    prices = [1.0] * len(amounts) if cost.parameter is None else path.own[cost.parameter]
    return [p * (x + u) for p, x, u in zip(prices, amounts, bought, strict=True)]


@limits.register(ParametricPolytope)
def _(constraint: ParametricPolytope, trajectory: Trajectory) -> list[Limit]:
    units, D = trajectory.units, trajectory.model.D
    matrices, sizes = (constraint.state, constraint.input, constraint.output), (units.state, units.input, units.output)
    size = sum(np.abs(A) @ unit for A, unit in zip(matrices, sizes, strict=True))
    early = np.any(constraint.input) or (np.any(constraint.output) and np.any(D))
    every = range(trajectory.horizon) if early else range(1, trajectory.horizon + 1)
    found = []
    for k in every if constraint.steps is None else constraint.steps:
        left = constraint.state @ trajectory.states[k]
        if early:
            left = left + constraint.input @ trajectory.inputs[k]
        if np.any(constraint.output):
            left = left + constraint.output @ trajectory.outputs[k]
        right = constraint.b + sum(cp.multiply(e, trajectory.own[p][k]) for p, e in constraint.parameters.items())
        found.append(Limit(left, right, unit=size))
    return found
