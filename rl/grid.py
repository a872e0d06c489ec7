"""A grid over a box of the plane, and numbers on its nodes between which is interpolated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from plants.arrays import Array, Indices


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes at `lower` + k `step`, (2,) each, for k = 0 ... `counts` - 1 along either axis."""

    lower: Array
    step: Array
    counts: tuple[int, int]

    @classmethod
    def over(cls, lower: Array, upper: Array, nodes: int) -> "Grid":
        """Return the grid over a box with so many nodes along each axis."""
        return cls(lower, (upper - lower) / (nodes - 1), (nodes, nodes))

    @property
    def nodes(self) -> Float64[np.ndarray, "nodes 2"]:
        """Return all nodes (counts product, 2), the second axis running fastest."""
        axes = [self.lower[i] + self.step[i] * np.arange(self.counts[i]) for i in (0, 1)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)

    def places(self, x: Float64[np.ndarray, "rows 2"]) -> tuple[Indices, Array, Array]:
        """Return of points (rows, 2) the cell (rows, 2), the place in it in 0 to 1, and the steps beyond the grid.

        Points beyond the grid count as the nearest ones on it.
        """
        scaled = (x - self.lower) / self.step
        last = np.array(self.counts) - 1
        on = np.clip(scaled, 0, last)
        cell = np.minimum(on.astype(np.intp), last - 1)
        return cell, on - cell, np.abs(scaled - on).max(-1)

    def interpolate(self, values: Array, cell: Indices, place: Array) -> Float64[np.ndarray, " rows"]:
        """Return numbers (rows,) at places (rows, 2) in cells (rows, 2), bilinear between those on the nodes."""
        flat, width = values.reshape(-1), self.counts[1]
        first = cell[:, 0] * width + cell[:, 1]
        a, b = place[:, 0], place[:, 1]
        low = flat[first] * (1 - b) + flat[first + 1] * b
        high = flat[first + width] * (1 - b) + flat[first + width + 1] * b
        return low * (1 - a) + high * a


def cells_with_all(nodes: Bool[np.ndarray, "a b"]) -> Any:
    """Return which cells (a - 1, b - 1) have all four nodes among these."""
    return nodes[:-1, :-1] & nodes[1:, :-1] & nodes[:-1, 1:] & nodes[1:, 1:]


def nodes_of_any(cells: Bool[np.ndarray, "a b"]) -> Any:
    """Return which nodes (a + 1, b + 1) belong to at least one of these cells."""
    around = np.pad(cells, 1)
    return around[:-1, :-1] | around[1:, :-1] | around[:-1, 1:] | around[1:, 1:]
