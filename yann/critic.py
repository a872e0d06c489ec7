"""YannCritic: the cost-to-go of the unconstrained problem, exact at birth, whose residual can be trained."""

from typing import Self

import numpy as np
import torch
from torch import Tensor

from mpc.problem import MPCProblem
from mpc.riccati import dlqr
from plants.arrays import Array, whole_number
from yann.errors import NetworkError
from yann.stacked import StackedMLP, StackedNetwork


class YannCritic(StackedNetwork):
    """Q(x, u) = z'W z + residual(z / scale), where z = (s, v) are deviations from the operating point.

    W = [[Q + g A'PA, g A'PB], [g B'PA, R + g B'PB]] with the discount g and P = DARE(sqrt(g) A, sqrt(g) B, Q, R).
    Then min over v of z'W z is s'P s, and z'W z is the exact cost-to-go as long as no constraint is active.
    Source: Braniff & Tian 2025, section 4, with one g throughout (as printed, P is undiscounted and the last line
    reads g V = s'P s). The residual is a perceptron with a zero last layer, in units of cost.

    `critic(x, u)` gives costs (...) for states (..., n) and inputs (..., m); `rows` gives (S, B) for (S, B, n) and
    (S, B, m). `discount` is g, which whoever trains the critic shall use too.
    """

    weight: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, problem: MPCProblem, hidden: int) -> None:
        model = problem.model
        super().__init__([("state", model.n), ("input", model.m)])
        self.discount = problem.discount
        gain, P = dlqr(model.A, model.B, problem.state_weight, problem.input_weight, problem.discount)
        constants = {
            "weight": _cost_to_go(problem, P),
            "centre": np.concatenate([np.asarray(model.state), np.asarray(model.input)]),
            "scale": _half_widths(problem, gain),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        self.residual = StackedMLP((model.n + model.m, hidden, hidden, 1), torch.relu, zero_last=True)
        self.draw([0])

    @classmethod
    def from_problem(cls, problem: MPCProblem, hidden: int = 64) -> Self:
        """Return the critic of `problem`, with two hidden layers of `hidden` neurons in its residual.

        Raises NetworkError for anything else than an MPCProblem with a quadratic cost of state and input alone (no
        further costs, setpoints, disturbances or moves), and for a width below 1.
        """
        if not isinstance(problem, MPCProblem):
            raise NetworkError(
                f"`problem` is {type(problem).__name__}; pass the MPCProblem that the law was solved from"
            )
        if problem.norm != 2:
            raise NetworkError(
                f"`problem` has norm {problem.norm:g}, but this critic is quadratic: pass an MPCProblem with norm 2"
            )
        _check_known(problem)
        return cls(problem, whole_number(hidden, "hidden", NetworkError, least=1))

    def rows(self, *points: Tensor) -> Tensor:
        """Return the cost (S, B) for float64 states (S, B, n) and inputs (S, B, m), unchecked: for training loops."""
        deviation = torch.cat(points, dim=-1) - self.centre
        quadratic = (deviation @ self.weight * deviation).sum(-1)
        return quadratic + self.residual(deviation / self.scale).squeeze(-1)

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        (_, n), (_, m) = self.arguments
        return f"{n} + {m} -> 1, members={self.members}, discount={self.discount:g}"


def _check_known(problem: MPCProblem) -> None:
    """Raise NetworkError for costs and parameters, which Q(x, u) has no place for."""
    for name, parts in (("costs", problem.costs), ("parameters", problem.parameters)):
        if parts:
            kinds = ", ".join(type(part).__name__ for part in parts)
            raise NetworkError(
                f"`problem` has {name} ({kinds}), but this critic knows those of state and input alone; "
                f"pass dataclasses.replace(problem, {name}=()) for the cost without them"
            )
    if problem.layout.previous is not None:
        raise NetworkError(
            "`problem` limits moves, so that its cost depends on the previous input too, but this critic knows state "
            "and input alone; pass the problem without these constraints"
        )


def _cost_to_go(problem: MPCProblem, P: Array) -> Array:
    """Return W (n + m, n + m): one stage of cost, then the discounted s'P s of the next state."""
    A, B = problem.model.A, problem.model.B
    n = len(A)
    both = np.hstack([A, B])
    weight = problem.discount * both.T @ P @ both
    weight[:n, :n] += problem.state_weight
    weight[n:, n:] += problem.input_weight
    return weight


def _half_widths(problem: MPCProblem, gain: Array) -> Array:
    """Return half the width of every state and input; for an unlimited input, what the regulator asks there."""
    lower, upper = problem.domain
    states = (upper - lower) / 2
    inputs = np.abs(gain) @ states
    if problem.input_bounds is not None:
        half = (problem.input_bounds[1] - problem.input_bounds[0]) / 2
        inputs = np.where(np.isfinite(half), half, inputs)
    return np.concatenate([states, np.where(inputs > 0, inputs, 1.0)])
