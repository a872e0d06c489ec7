"""The stage cost of a problem with all that it weighs, and the regulator that belongs to it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mpc.explicit.definite import positive_semidefinite
from mpc.model import LinearModel
from mpc.riccati import cost_to_go
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class StageWeights:
    """s'Q s + 2 s'N v + v'R v + (v - v_before)'M (v - v_before): what one stage costs."""

    state: Array
    input: Array
    cross: Array
    move: Array

    @classmethod
    def plain(cls, state: Array, control: Array) -> Self:
        """Return Q and R alone."""
        n, m = len(state), len(control)
        return cls(state, control, np.zeros((n, m)), np.zeros((m, m)))

    def __add__(self, other: "StageWeights") -> "StageWeights":
        """Return the weights of both."""
        return StageWeights(
            self.state + other.state, self.input + other.input, self.cross + other.cross, self.move + other.move
        )

    def checked(self) -> Self:
        """Return them; raise ProblemError if the stage cost of state and input is not convex."""
        if self.cross.any():
            both = np.block([[self.state, self.cross], [self.cross.T, self.input]])
            positive_semidefinite(both, "[state_weight, CrossWeight; CrossWeight', input_weight]")
        return self


def regulator(model: LinearModel, stage: StageWeights, discount: float) -> tuple[Array, Array]:
    """Return gain and cost of the discounted regulator: K (m, n) and P (n, n).

    With a weight on moves the input before belongs to the state: K is (m, n + m), P (n + m, n + m) over (s, v_before).
    """
    if not stage.move.any():
        return cost_to_go(model, stage.state, stage.input, discount, stage.cross, "weigh it in `state_weight`")
    n, m = model.n, model.m
    A = np.block([[model.A, np.zeros((n, m))], [np.zeros((m, n + m))]])
    Q = np.block([[stage.state, np.zeros((n, m))], [np.zeros((m, n)), stage.move]])
    names = (*model.state_names, *(f"previous {name}" for name in model.input_names))
    wider = LinearModel(A, np.vstack([model.B, np.eye(m)]), model.sample_time, state_names=names)
    cross = np.vstack([stage.cross, -stage.move])
    return cost_to_go(
        wider, Q, stage.input + stage.move, discount, cross, "weigh it in `state_weight` or `input_weight`"
    )
