"""ConstrainedCritic: the cost-to-go under constraints from a law's value function, with a trainable residual."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mpc.explicit.law import TOLERANCE, PiecewiseAffineLaw
from mpc.problem import MPCProblem
from plants.arrays import instance_of, whole_number
from yann.bellman import Backup, backup
from yann.birth import Origin, recorded_law
from yann.errors import NetworkError
from yann.residual_critic import ResidualCritic, recorded_constants, recorded_sizes
from yann.selector import RegionSelector
from yann.stacked import as_given
from yann.storage import Record


class ConstrainedCritic(ResidualCritic):
    """Q(x, u) = stage(x, u) + g V(x+) + residual, with V the piecewise quadratic value function of a law.

    stage is what the problem charges at step 0, x+ = A x + B u + c its next state, V(x+) = V_N(x+) the optimal cost
    of its N steps from there, so that Q looks N + 1 steps ahead: the minimum over u is the value of the problem with
    horizon N + 1. The region of x+ is selected as by the actor; outside the law's domain the nearest region's quadratic
    goes on, and `evaluate` says so. Where the law reads more than the state, x is the whole theta: u becomes its
    previous input, setpoint, disturbance and parameters of one's own stay as they are.

    `critic(x, u)` gives costs (...) for states (..., t) and inputs (..., m), differentiable in both; `rows` does for
    tensors (S, B, .). `discount` is g, and `law_digest` tells of which law it was born. See docs/critics.md.
    """

    kind: ClassVar[str] = "constrained critic"
    constants: ClassVar[tuple[str, ...]] = ("centre", "scale", "ahead", "carry", "level", "slope", "curvature")
    tolerance = TOLERANCE
    ahead: Tensor
    carry: Tensor
    level: Tensor
    slope: Tensor
    curvature: Tensor

    def __init__(self, law: PiecewiseAffineLaw, parts: Backup, hidden: int) -> None:
        super().__init__((law.t, law.m), parts.discount, parts.centre, parts.scale, hidden)
        self.birth = Origin(law)
        self.law_digest = law.digest
        self.selector = RegionSelector(law)
        for name in ("ahead", "carry", "level", "slope", "curvature"):
            self.register_buffer(name, torch.tensor(getattr(parts, name), dtype=torch.float64))

    @classmethod
    def from_law(cls, law: PiecewiseAffineLaw, problem: MPCProblem, hidden: int = 64) -> Self:
        """Return the critic of `law`, solved from `problem`; its residual has two hidden layers of `hidden` neurons.

        Raises NetworkError for a law of another problem or without one (merged), another norm than 2, parameters with
        a preview, and a width below 1.
        """
        mend = "pass the PiecewiseAffineLaw that solve_explicit returns"
        instance_of(law, PiecewiseAffineLaw, "law", NetworkError, mend)
        mend = "pass the MPCProblem that the law was solved from"
        instance_of(problem, MPCProblem, "problem", NetworkError, mend)
        hidden = whole_number(hidden, "hidden", NetworkError, least=1)
        return cls(law, backup(law, problem), hidden)

    def to_record(self) -> Record:
        """Return the law, and the quadratic of every region, for a file."""
        (data, arrays), (own, constants) = self.birth.to_record(), super().to_record()
        return data | own, arrays | constants

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return the critic as it was at birth; raises ValueError or KeyError for a file that is bad."""
        law = recorded_law(data, arrays, path)
        t, m, discount, hidden = recorded_sizes(data)
        if (t, m) != (law.t, law.m):
            raise NetworkError(f"`sizes` is ({t}, {m}), but the law has {law.t} parameters and {law.m} inputs")
        p, size = len(law.regions), t + m
        shapes = {"centre": (size,), "scale": (size,), "ahead": (t,), "carry": (t, size)}
        shapes |= {"level": (p,), "slope": (p, size), "curvature": (p, size, size)}
        return cls(law, Backup(discount=discount, **recorded_constants(arrays, shapes)), hidden)

    def exact(self, deviation: Tensor) -> Tensor:
        """Return stage cost plus discounted value (S, B) for deviations (S, B, t + m)."""
        region, _ = self._located(deviation)
        bent = (self.curvature[region] @ deviation.unsqueeze(-1)).squeeze(-1)
        return self.level[region] + ((self.slope[region] + bent / 2) * deviation).sum(-1)

    def evaluate(self, state: object, control: object) -> tuple[Tensor | np.ndarray, ...]:
        """Return (cost (...), region (...), valid (...)) for states (..., t) and inputs (..., m), of the kind given.

        `region` is that of the next state; `valid` is False where the next state lies outside the law's domain, so
        that the nearest region's quadratic was used. Raises NetworkError as a call does.
        """
        points, lead = self.checked_rows([state, control])
        region, violation = self._located(torch.cat(points, dim=-1) - self.centre)
        given = control if isinstance(control, Tensor) else state
        with torch.set_grad_enabled(torch.is_grad_enabled() and isinstance(given, Tensor)):
            cost = self.rows(*points)
        return as_given(given, lead, cost, region, violation <= self.tolerance)

    def _located(self, deviation: Tensor) -> tuple[Tensor, Tensor]:
        """Return region and violation (S, B) of the next parameter."""
        with torch.no_grad():
            t = len(self.ahead)
            return self.selector(self.centre[:t] + self.ahead + deviation @ self.carry.T)

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        return f"{super().extra_repr()}, regions={len(self.level)}"
