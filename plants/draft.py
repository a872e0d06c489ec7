"""Draft: what the disturbances of a scenario are in the episodes of some rows, number by number."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from plants.arrays import Array, real_array
from plants.errors import PlantError
from plants.signals import Signal

if TYPE_CHECKING:
    from plants.actuator import Actuator
    from plants.disturbance import Disturbance
    from plants.plant import Plant

_LARGEST = 1e150


@dataclass(eq=False)
class Draft:
    """The numbers of `rows` episodes of `steps` steps; what nothing disturbs is not there.

    `constants`, `input_gains`, `input_shifts`, `state_shifts` map the index of a component to its values (rows, steps);
    `reading_gains` and `reading_shifts` those of a state to (rows, steps + 1). `actuators` act in turn.
    """

    plant: "Plant"
    rows: int
    steps: int
    constants: dict[int, Array] = field(default_factory=dict)
    input_gains: dict[int, Array] = field(default_factory=dict)
    input_shifts: dict[int, Array] = field(default_factory=dict)
    state_shifts: dict[int, Array] = field(default_factory=dict)
    reading_gains: dict[int, Array] = field(default_factory=dict)
    reading_shifts: dict[int, Array] = field(default_factory=dict)
    actuators: "list[Actuator]" = field(default_factory=list)

    def shift(self, name: str, values: Array) -> None:
        """Add `values` (rows, steps) to a constant, an input or a state."""
        plant, constant = self.plant, self._constant(name)
        if constant is not None:
            self.constants[constant] = self._constant_values(constant) + values
        elif name in plant.input_names:
            _add(self.input_shifts, plant.input_names.index(name), values)
        else:
            _add(self.state_shifts, plant.state_names.index(name), values)

    def scale(self, name: str, values: Array) -> None:
        """Multiply a constant or an input by `values` (rows, steps)."""
        constant = self._constant(name)
        if constant is not None:
            self.constants[constant] = self._constant_values(constant) * values
        else:
            i = self.plant.input_names.index(name)
            self.input_gains[i] = self.input_gains.get(i, np.float64(1)) * values
            if i in self.input_shifts:
                self.input_shifts[i] = self.input_shifts[i] * values

    def misread(self, name: str, values: Array, relative: bool) -> None:
        """Add `values` (rows, steps + 1), or that share of it, to the readings of a state."""
        _add(self.reading_gains if relative else self.reading_shifts, self.plant.state_names.index(name), values)

    def _constant(self, name: str) -> int | None:
        names = [constant.name for constant in self.plant.constants]
        return names.index(name) if name in names else None

    def _constant_values(self, index: int) -> Array:
        return self.constants.get(index, self.plant.constant_values[index : index + 1])


def drafted(
    plant: "Plant", disturbances: "Sequence[Disturbance]", generators: Sequence[np.random.Generator], steps: int
) -> Draft:
    """Return what happens in one episode of each generator, which moves on by two numbers whatever is drawn.

    Each disturbance draws from generators of its own, so that one more at the end changes nothing in the others.
    """
    draft = Draft(plant, len(generators), steps)
    seeds = [generator.integers(2**63, size=2) for generator in generators]
    with np.errstate(over="ignore", invalid="ignore"):
        for i, disturbance in enumerate(disturbances):
            disturbance.put(draft, [np.random.default_rng([*seed, i]) for seed in seeds])
    _check_size(draft)
    return draft


def drawn(signal: Signal, generators: Sequence[np.random.Generator], steps: int) -> Array:
    """Return the values (rows, steps) of a signal, one episode for each generator.

    Raises PlantError for a signal whose values are not one finite number for each step.
    """
    name, rows = f"values of {signal!r}", len(generators)
    if signal.is_random and rows:
        values = [real_array(signal.draw(steps, generator), name, (steps,), PlantError) for generator in generators]
        return np.stack(values)
    generator = generators[0] if rows else np.random.default_rng(0)
    return np.broadcast_to(real_array(signal.draw(steps, generator), name, (steps,), PlantError), (rows, steps))


def _check_size(draft: Draft) -> None:
    """Raise PlantError for disturbances that add or multiply up to more than a run can calculate with."""
    for part in (entry.name for entry in fields(draft) if entry.name.endswith(("constants", "gains", "shifts"))):
        for index, values in getattr(draft, part).items():
            largest = np.abs(values).max(initial=0.0)
            if not largest <= _LARGEST:
                raise PlantError(
                    f"the disturbances of {draft.plant.name!r} make {largest:g} of its {part.replace('_', ' ')} "
                    f"(index {index}), above {_LARGEST:g}; make them smaller"
                )


def _add(parts: dict[int, Array], index: int, values: Array) -> None:
    parts[index] = parts[index] + values if index in parts else values
