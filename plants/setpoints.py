"""Setpoints: what some states shall be, step by step, and what it costs when they are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plants.arrays import Array, check_size, instance_of, read_only, real_array, real_scalar, whole_number
from plants.cost import checked_weight
from plants.errors import PlantError
from plants.names import index_of, some_names

if TYPE_CHECKING:
    from plants.plant import Plant


@dataclass(frozen=True, eq=False)
class Setpoints:
    """The values of the states `names` at every step: `table` (steps, k), a row for each; the last one stays."""

    names: Sequence[str]
    table: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", some_names(self.names, "names of Setpoints"))
        if len(set(self.names)) < len(self.names):
            raise PlantError(f"`names` of Setpoints has a state twice: {', '.join(self.names)}; name each once")
        table = real_array(self.table, "table of Setpoints", (None, None), PlantError)
        if not self.names or table.shape[1] != len(self.names) or not len(table):
            raise PlantError(
                f"`table` of Setpoints has shape {table.shape}, but (steps, {len(self.names)}) is needed for "
                f"({', '.join(self.names)}); pass one row per step, or Setpoints.in_turn(...)"
            )
        object.__setattr__(self, "table", read_only(table))

    @classmethod
    def in_turn(cls, **values: Sequence[tuple[float, int]]) -> "Setpoints":
        """Return setpoints that stay for some steps each: in_turn(level=[(0.5, 30), (0.1, 30)]).

        Raises PlantError unless all states have as many steps in all.
        """
        columns = {name: _column(name, parts) for name, parts in values.items()}
        if not columns:
            raise PlantError("`Setpoints.in_turn` got no state; name one at least, as in in_turn(level=[(0.5, 30)])")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise PlantError(f"the setpoints are of different lengths in steps: {lengths}; let them end together")
        return cls(tuple(columns), np.column_stack(list(columns.values())))

    def at(self, step: Any) -> Array:
        """Return the values (..., k) at steps (...,), counted from 0."""
        return self.table[np.minimum(step, len(self.table) - 1)]

    def indices(self, plant: "Plant") -> list[int]:
        """Return the index of each name among the states of a plant; PlantError for one that it does not have."""
        return [index_of(name, plant.state_names, "names of Setpoints") for name in self.names]


def _column(name: str, parts: object) -> Array:
    if not isinstance(parts, Sequence) or not all(isinstance(part, Sequence) and len(part) == 2 for part in parts):
        raise PlantError(f"`{name}` of Setpoints is {parts!r}, but pairs (value, steps) are needed, as in [(0.5, 30)]")
    numbers = [real_scalar(value, f"{name} of Setpoints", PlantError) for value, _ in parts]
    counts = [whole_number(steps, f"steps of {name} of Setpoints", PlantError, least=1) for _, steps in parts]
    check_size(sum(counts), f"`{name}` of Setpoints: {sum(counts)} steps", PlantError, "the last value stays anyway")
    return np.repeat(numbers, counts)


@dataclass(frozen=True, eq=False)
class Tracking:
    """The stage cost e'W e + d'M d: e (k,) the tracked states less their setpoints, d (m,) the input's last move.

    `weight` W (k, k) and `move_weight` M (m, m), symmetric and positive semidefinite (a number where there is one
    entry, None: no cost of moves). It takes the place of the plant's own stage cost; penalties and events stay.
    """

    setpoints: Setpoints
    weight: Any
    move_weight: Any = None

    def __post_init__(self) -> None:
        instance_of(self.setpoints, Setpoints, "setpoints", PlantError, "pass Setpoints, as from Setpoints.in_turn")
        size = len(self.setpoints.names)
        object.__setattr__(self, "weight", checked_weight(self.weight, "weight of Tracking", size))
        if self.move_weight is not None:
            given = real_array(self.move_weight, "move_weight", None, PlantError)
            checked = checked_weight(given, "move_weight", len(given) if given.ndim else 1)
            object.__setattr__(self, "move_weight", checked)

    def fits(self, plant: "Plant") -> None:
        """Raise PlantError unless the plant has the tracked states and as many inputs as moves are weighed."""
        turning = [name for name in self.setpoints.names if self.setpoints.indices(plant) and name in plant.angles]
        if turning:
            raise PlantError(f"`setpoints` track {turning[0]!r}, which is one of the `angles` and wraps; track another")
        if self.move_weight is not None and len(self.move_weight) != plant.m:
            raise PlantError(f"`move_weight` is one of {len(self.move_weight)} inputs, but the plant has {plant.m}")

    def cost_rows(self, x: Array, u: Array, before: Array, indices: list[int], steps: Any) -> Array:
        """Return the cost (rows,) of states (rows, n) and inputs (rows, m) that follow `before`, at steps (rows,)."""
        error = x[:, indices] - self.setpoints.at(steps)
        cost = ((error @ self.weight) * error).sum(-1)
        if self.move_weight is None:
            return cost
        move = u - before
        return cost + ((move @ self.move_weight) * move).sum(-1)
