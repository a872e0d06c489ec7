"""One sample of a plant with its cost, and the exact gradients of both: for whoever learns through a model."""

from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np
from jaxtyping import Float64

from plants.arrays import Array
from plants.batched import BatchedFunction
from plants.cost import Cost
from plants.dynamics import step_symbols, stepped
from plants.errors import PlantError
from plants.plant import Plant


@dataclass(frozen=True, eq=False)
class DifferentiableSample:
    """A sample period of `plant` under `cost`, compiled for rows, forwards and backwards.

    The next state is that of `plant.step`, to the last rounding of a compiled expression: clipped, wrapped and capped;
    where a state is held at a cap, its gradient is 0. The cost is the stage cost, without penalty or event.
    """

    plant: Plant
    cost: Cost
    _forward: BatchedFunction
    _backward: BatchedFunction

    @classmethod
    def of(cls, plant: Plant, cost: Cost | None = None) -> "DifferentiableSample":
        """Return the sample of a plant, under its own cost by default.

        Raises PlantError for a plant whose integrator may give up: its steps have no expression to differentiate.
        """
        cost = plant.cost if cost is None else cost
        if plant.is_continuous and getattr(plant.integrator, "may_give_up", False):
            raise PlantError(
                f"`plant` {plant.name!r} is integrated by {plant.integrator!r}, whose adaptive steps cannot be "
                "differentiated row by row; give it RungeKutta4(substeps=...)"
            )
        kind = step_symbols(plant)
        sizes = {"x": plant.n, "u": plant.m, "p": len(plant.constants), "v": plant.n, "w": 1}
        x, u, p, v, w = (kind.sym(name, size) for name, size in sizes.items())
        after, stage = ca.densify(stepped(plant, x, u, p)), ca.densify(cost.expression(x, u))
        back = ca.jtimes(ca.vertcat(after, stage), ca.vertcat(x, u), ca.vertcat(v, w), True)
        forward = ca.Function("sample", [x, u, p], [after, stage])
        halves = [ca.densify(part) for part in (back[: plant.n], back[plant.n :])]
        backward = ca.Function("sample_back", [x, u, p, v, w], halves)
        return cls(plant, cost, BatchedFunction(forward), BatchedFunction(backward))

    def __call__(
        self,
        x: Float64[np.ndarray, "rows n"],
        u: Float64[np.ndarray, "rows m"],
        constants: Float64[np.ndarray, "rows k"] | None = None,
    ) -> tuple[Array, Array]:
        """Return the next states (rows, n) and the stage costs (rows,) of states (rows, n) and inputs (rows, m).

        `constants` (rows, k) take the place of the plant's own.
        """
        after, stage = self._forward(x, u, self._constants(len(x), constants))
        return after, stage[:, 0]

    def back(self, x: Array, u: Array, by_after: Array, by_cost: Array, constants: Any = None) -> tuple[Array, Array]:
        """Return the gradients (rows, n), (rows, m) by states and inputs of what has these by next states and costs.

        `by_after` (rows, n) and `by_cost` (rows,) are the gradients of some number by the results of a call.
        """
        by_state, by_input = self._backward(x, u, self._constants(len(x), constants), by_after, by_cost[:, None])
        return by_state, by_input

    def _constants(self, rows: int, constants: Any) -> Array:
        own = np.broadcast_to(self.plant.constant_values, (rows, len(self.plant.constants)))
        return own if constants is None else constants
