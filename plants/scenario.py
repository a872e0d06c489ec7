"""Scenario: a plant in a world that is not nominal: disturbances, setpoints, its own starts and length."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from plants.arrays import Array, bounds_pair, instance_of, whole_number
from plants.disturbance import Disturbance
from plants.draft import Draft, drafted
from plants.errors import PlantError
from plants.names import checked_text
from plants.plant import Plant
from plants.setpoints import Tracking
from plants.starts import sample_starts


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Scenario:
    """A plant together with what happens to it; it goes wherever a plant goes that is run.

    `disturbances` act in the order in which they are listed. With `tracking` the stage cost is that of its setpoints.
    Episodes are `steps` long and start within `start_bounds`, at points that the plant's filter keeps (None: as the
    plant's). `purpose` says what it is there to show. Raises PlantError for whatever does not fit the plant.
    """

    plant: Plant
    name: str = "nominal"
    disturbances: Sequence[Disturbance] = ()
    tracking: Tracking | None = None
    steps: Any = None
    start_bounds: Any = None
    purpose: str = ""

    def __post_init__(self) -> None:
        instance_of(self.plant, Plant, "plant", PlantError, "pass the Plant that is disturbed")
        checked_text(self.name, "name")
        given = (self.disturbances,) if isinstance(self.disturbances, Disturbance) else self.disturbances
        if not isinstance(given, Sequence) or not all(isinstance(part, Disturbance) for part in given):
            raise PlantError(f"`disturbances` is {given!r}, but a sequence of them is needed, as in (Shifted(...),)")
        self._put("disturbances", tuple(part.fitted(self.plant) for part in given))
        if self.tracking is not None:
            instance_of(self.tracking, Tracking, "tracking", PlantError, "pass Tracking(setpoints, weight), or None")
            self.tracking.fits(self.plant)
        steps = self.plant.episode_steps if self.steps is None else self.steps
        self._put("steps", whole_number(steps, "steps", PlantError, least=1))
        self._put("start_bounds", self._checked_bounds())
        instance_of(self.purpose, str, "purpose", PlantError, "say what it is there to show, or pass ''")

    def _checked_bounds(self) -> tuple[Array, Array]:
        plant = self.plant
        if self.start_bounds is None:
            return plant.start_bounds
        given = bounds_pair(self.start_bounds, "start_bounds", plant.state_names, PlantError, infinite=False)
        for corner in given:
            if plant.unsafe(corner):
                raise PlantError(
                    f"`start_bounds` reach to {corner}, beyond `safe_limits` {plant.safe_limits}; narrow them"
                )
            if (plant.confined(corner) != plant.wrap(corner)).any():
                raise PlantError(
                    f"`start_bounds` reach to {corner}, beyond `state_caps` {plant.state_caps}; narrow them"
                )
        return given

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def is_nominal(self) -> bool:
        """Return whether nothing disturbs the plant."""
        return not self.disturbances

    @cached_property
    def tracked(self) -> list[int]:
        """Return the indices of the states that have setpoints."""
        return [] if self.tracking is None else self.tracking.setpoints.indices(self.plant)

    def sample_starts(self, generator: np.random.Generator, count: int) -> Array:
        """Return `count` initial states (count, n) within `start_bounds`; PlantError for a wrong argument."""
        return sample_starts(self.plant, generator, count, self.start_bounds)

    def draft(self, generators: Sequence[np.random.Generator], steps: int) -> Draft:
        """Return what happens in one episode of each generator."""
        return drafted(self.plant, self.disturbances, generators, steps)

    def __repr__(self) -> str:
        """Return one line: the name, the plant and what disturbs it."""
        what = ", ".join(repr(part) for part in self.disturbances) or "nothing disturbs it"
        return f"Scenario({self.name!r} of {self.plant.name!r}: {what}; {self.steps} steps)"


def scenario_of(given: Plant | Scenario, name: str = "plant") -> Scenario:
    """Return a scenario, a plant alone as its nominal one; raise PlantError naming the argument for anything else."""
    if isinstance(given, Scenario):
        return given
    instance_of(given, Plant, name, PlantError, "pass a Plant, such as clipped_pendulum(), or a Scenario")
    return Scenario(plant=given)
