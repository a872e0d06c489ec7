"""YannCritic: the cost-to-go of the unconstrained problem, exact at birth, whose residual can be trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mpc.costs import CrossWeight, OutputWeight
from mpc.problem import MPCProblem
from mpc.stage import regulator
from plants.arrays import Array, whole_number
from yann.errors import NetworkError
from yann.residual_critic import ResidualCritic, recorded_constants, recorded_sizes

KNOWN = (CrossWeight, OutputWeight)


@dataclass(frozen=True, eq=False)
class CostToGo:
    """w'W w with w = (x, u) - centre, of size n + m, and half the width of every component as `scale`."""

    n: int
    centre: Array
    scale: Array
    weight: Array
    discount: float


class YannCritic(ResidualCritic):
    """Q(x, u) = w'W w + residual(w / scale), where w = (s, v) are deviations from the operating point.

    W = [[Q + g A'PA, N + g A'PB], [N' + g B'PA, R + g B'PB]] with the discount g and P = DARE(sqrt(g) A, sqrt(g) B, Q,
    R, N). Q, N and R are those of one stage, with all that OutputWeight and CrossWeight add. Then min over v of w'W w
    is s'P s, and w'W w is the exact cost-to-go as long as no constraint is active; under constraints see
    ConstrainedCritic.
    Source: Braniff & Tian 2025, section 4, with one g throughout (as printed, P is undiscounted and the last line
    reads g V = s'P s) and cross terms. The residual is a perceptron with a zero last layer, in units of cost.

    `critic(x, u)` gives costs (...) for states (..., n) and inputs (..., m); `rows` gives (S, B) for (S, B, n) and
    (S, B, m). `discount` is g, which whoever trains the critic shall use too.
    """

    kind: ClassVar[str] = "critic"
    constants: ClassVar[tuple[str, ...]] = ("centre", "scale", "weight")
    weight: Tensor

    def __init__(self, birth: CostToGo, hidden: int) -> None:
        sizes = birth.n, len(birth.centre) - birth.n
        super().__init__(sizes, birth.discount, birth.centre, birth.scale, hidden)
        self.register_buffer("weight", torch.tensor(birth.weight, dtype=torch.float64))

    @classmethod
    def from_problem(cls, problem: MPCProblem, hidden: int = 64) -> Self:
        """Return the critic of `problem`, with two hidden layers of `hidden` neurons in its residual.

        Raises NetworkError for anything else than an MPCProblem with a quadratic cost of state and input alone (no
        linear costs, setpoints, disturbances or moves), and for a width below 1.
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
        return cls(cost_to_go(problem), whole_number(hidden, "hidden", NetworkError, least=1))

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return the critic as it was at birth; raises NetworkError or KeyError for a file that is bad."""
        del path
        n, m, discount, hidden = recorded_sizes(data)
        shapes = {"centre": (n + m,), "scale": (n + m,), "weight": (n + m, n + m)}
        return cls(CostToGo(n=n, discount=discount, **recorded_constants(arrays, shapes)), hidden)

    def exact(self, deviation: Tensor) -> Tensor:
        """Return the quadratic (S, B) for deviations (S, B, n + m)."""
        return (deviation @ self.weight * deviation).sum(-1)


def _check_known(problem: MPCProblem) -> None:
    """Raise NetworkError for costs and parameters, which Q(x, u) has no place for."""
    others = tuple(cost for cost in problem.costs if not isinstance(cost, KNOWN))
    for name, parts in (("costs", others), ("parameters", problem.parameters)):
        if parts:
            kinds = ", ".join(type(part).__name__ for part in parts)
            raise NetworkError(
                f"`problem` has {name} ({kinds}), but this critic knows quadratic costs of state and input alone; take "
                f"ConstrainedCritic.from_law(law, problem), or leave them out: dataclasses.replace(problem, {name}=...)"
            )
    if problem.layout.previous is not None:
        raise NetworkError(
            "`problem` limits moves, so that its cost depends on the previous input too, but this critic knows state "
            "and input alone; take ConstrainedCritic.from_law(law, problem), or pass it without these constraints"
        )


def cost_to_go(problem: MPCProblem) -> CostToGo:
    """Return one stage of cost, then the discounted s'P s of the next state, for a problem that YannCritic knows."""
    model, stage = problem.model, problem.stage
    gain, P = regulator(model, stage, problem.discount)
    both = np.hstack([model.A, model.B])
    weight = np.block([[stage.state, stage.cross], [stage.cross.T, stage.input]]) + problem.discount * both.T @ P @ both
    centre = np.concatenate([np.asarray(model.state), np.asarray(model.input)])
    return CostToGo(model.n, centre, _half_widths(problem, gain), weight, problem.discount)


def _half_widths(problem: MPCProblem, gain: Array) -> Array:
    """Return half the width of every state and input; for an unlimited input, what the regulator asks there."""
    lower, upper = problem.domain
    states = (upper - lower) / 2
    inputs = np.abs(gain) @ states
    if problem.input_bounds is not None:
        half = (problem.input_bounds[1] - problem.input_bounds[0]) / 2
        inputs = np.where(np.isfinite(half), half, inputs)
    return np.concatenate([states, np.where(inputs > 0, inputs, 1.0)])
