"""Recoverable: the starts from which a plant stays safe as long as its inputs are held where they help most."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from plants.arrays import Array, instance_of, real_array, whole_number
from plants.errors import PlantError
from plants.plant import Plant
from plants.validation import within_bounds

_MOST_STEPS = 1_000_000


@dataclass(frozen=True, eq=False)
class Recoverable:
    """A `start_filter`: keeps the states from which `plant`, its inputs held at `held` (m,), is safe for `steps` steps.

    A start that it drops is lost under every controller wherever no other input can keep the plant further from its
    limits than `held` does; that is for whoever builds it to know. Raises PlantError for a plant without
    `safe_limits`, and for inputs of a wrong width or beyond their bounds.
    """

    plant: Plant
    held: ArrayLike
    steps: int

    def __post_init__(self) -> None:
        instance_of(self.plant, Plant, "plant", PlantError, "pass the Plant whose starts are judged")
        plant = self.plant
        if plant.safe_limits is None:
            raise PlantError(f"{plant.name!r} has no `safe_limits`, so every start is recoverable; leave it out")
        held = real_array(self.held, "held", (plant.m,), PlantError)
        within_bounds(held[None], plant)
        if whole_number(self.steps, "steps", PlantError, least=1) > _MOST_STEPS:
            raise PlantError(f"`steps` is {self.steps}, above {_MOST_STEPS}: every start is run that far; take fewer")
        object.__setattr__(self, "held", held)

    def __call__(self, x: Float64[np.ndarray, "rows n"]) -> Any:
        """Return, as bool (rows,), which states (rows, n) are safe and stay so."""
        kept = ~self.plant.unsafe(x)
        states = np.array(x)
        for _ in range(self.steps):
            if not kept.any():
                break
            states[kept] = self._stepped(states[kept])
            kept &= ~self.plant.unsafe(states)
        return kept

    def _stepped(self, states: Array) -> Array:
        return self.plant.step_rows(states, np.tile(self.held, (len(states), 1)))
