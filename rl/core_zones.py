"""CoreZones: which cells of a grid lie deep inside a core, which its border can pass, and where learning counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from plants.arrays import Array
from rl.errors import TrainingError
from rl.grid import Grid, cells_with_all, nodes_of_any

_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class CoreZones:
    """`inside` and `border`, bool (cells of the grid), and `weights` on the nodes, rising over `ramp` steps beyond."""

    inside: Any
    border: Any
    weights: Array
    ramp: int

    @classmethod
    def of(cls, grid: Grid, costs: Array, level: float, rest: Array, ramp: int) -> "CoreZones":
        """Return the zones of {costs <= level}, the part that holds `rest` (2,).

        A cell is inside if all its nodes are, and those of all its neighbours. Cells at the border are the others that
        a node of the core touches. Raises TrainingError if `rest` is not inside.
        """
        low = costs <= level
        cell = grid.places(rest[None])[0][0]
        labels, _ = ndimage.label(low)  # type: ignore[misc]
        home = labels[cell[0], cell[1]]
        mine = (labels == home) & low
        whole = np.pad(cells_with_all(mine), 1)  # beyond the grid nothing is inside
        inside: Any = ndimage.binary_erosion(whole, _NEIGHBOURS)[1:-1, 1:-1]
        if not inside[cell[0], cell[1]]:
            raise TrainingError(
                f"the level {level:g} gives a core smaller than 3 cells of {grid.step} around {rest}; take a higher "
                "`level`, or more `nodes`"
            )
        touched = cells_touching(mine)
        border = touched & ~inside
        zone = nodes_of_any(border | inside)
        away: Array = ndimage.distance_transform_edt(~zone)  # type: ignore[assignment]
        return cls(inside, border, np.minimum(1.0, away / ramp), ramp)


def cells_touching(nodes: Any) -> Any:
    """Return which cells have at least one of these nodes."""
    return ~cells_with_all(~nodes)
