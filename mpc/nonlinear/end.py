"""What the last state of a plan costs: a quadratic around a target, or the plant's own terminal cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import casadi as ca
from numpy.typing import ArrayLike

from mpc.explicit.definite import positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.quadratised import quadratised
from mpc.riccati import dlqr, weight_matrix
from mpc.sampling import linearise
from plants import Plant, QuadraticCost, StageCost, on_circle
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class QuadraticEnd:
    """s'W s + price's, with s the deviation from `target` (n,), that of `angles` on the circle."""

    weight: Array
    target: Array
    angles: tuple[int, ...]
    price: Array | None = None

    def __call__(self, x: Any) -> Any:
        """Return the cost of a state x (n, 1) as an expression."""
        entries = ca.vertsplit(x - self.target)
        for i in self.angles:
            entries[i] = on_circle(entries[i])
        s = ca.vertcat(*entries)
        slope = 0 if self.price is None else ca.dot(self.price, s)
        return ca.bilin(self.weight, s, s) + slope


def end_of_plant(
    plant: Plant, discount: float, terminal_weight: ArrayLike | None, target: Array, angles: tuple[int, ...]
) -> Callable[[Any], Any]:
    """Return the given weight around `target`, else the terminal cost of a StageCost, else the Riccati cost."""
    own = plant.cost if isinstance(plant.cost, StageCost) and plant.cost.terminal is not None else None
    if terminal_weight is not None:
        if own is not None:
            raise ProblemError(
                "`terminal_weight` was given, and the plant's cost has a `terminal` of its own; leave one of them out"
            )
        weight = weight_matrix(terminal_weight, "terminal_weight", plant.n)
        return QuadraticEnd(positive_semidefinite(weight, "terminal_weight"), target, angles)
    if own is not None:
        return own.terminal_expression
    try:
        return _riccati(plant, discount, target, angles)
    except ProblemError as cause:
        raise ProblemError(
            f"`terminal_weight` is None, but the plant's cost has no Riccati solution at its equilibrium: {cause}; "
            "or pass `terminal_weight`, zeros for none, or a StageCost with a `terminal`"
        ) from cause


def _riccati(plant: Plant, discount: float, target: Array, angles: tuple[int, ...]) -> QuadraticEnd:
    """Return the cost to go of the linear regulator: of the weights themselves, or of the cost made quadratic."""
    if isinstance(plant.cost, QuadraticCost):
        model = linearise(plant)
        weight = dlqr(model.A, model.B, plant.cost.state_weight, plant.cost.input_weight, discount)[1]
        return QuadraticEnd(weight, target, angles)
    found = quadratised(plant, discount=discount)
    weights = found.state_weight, found.input_weight, discount, found.cross_weight
    return QuadraticEnd(dlqr(found.model.A, found.model.B, *weights)[1], target, angles, found.price)
