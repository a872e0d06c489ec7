"""A cell of the search tree in the making: where it lies, and the rows of a region that reaches into it.

Everything is in half widths around the centre of the parameter set, where the rows of regions have unit length.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.least_distance import Workspace, workspace
from plants.arrays import Array

CANDIDATES = 48  # facets tried at a node


class Cells(NamedTuple):
    """What to search: rows A x <= b of all regions, those of region i in starts[i]:starts[i + 1], and points inside.

    `plane` gives rows on the same hyperplane the same number. A region reaches `reach` far beyond its rows; what is
    within `band` of a hyperplane is searched for on both of its sides. A cell of at most `leaf` regions is not split.
    """

    A: Array
    b: Array
    starts: np.ndarray
    plane: np.ndarray
    inside: Array
    reach: float
    band: float
    leaf: int


class Scratch(NamedTuple):
    """Memory for one cell: its half-spaces, points of its regions, candidates, sides, and the rows of one region."""

    path: Array
    levels: Array
    spread: Array
    rows: np.ndarray
    scores: Array
    seen: np.ndarray
    sides: np.ndarray
    halves: Array
    near: Array
    right: Array
    order: np.ndarray
    work: Workspace


@compiled
def scratch_for(cells: Cells, depth_limit: int) -> Scratch:
    """Return memory for all cells of a tree of that many levels."""
    p, t = cells.inside.shape
    most = np.int64(0)
    for i in range(p):
        most = max(most, depth_limit + 1 + cells.starts[i + 1] - cells.starts[i])
    return Scratch(
        np.zeros((depth_limit, t)),
        np.zeros(depth_limit),
        np.zeros((p, 2 * t + 1, t)),
        np.zeros(CANDIDATES, np.int64),
        np.zeros(CANDIDATES),
        np.full(len(cells.plane), -1),
        np.zeros((p, 2), np.bool_),
        np.zeros((2, p, t)),
        np.zeros((most, t)),
        np.zeros(most),
        np.arange(most),
        workspace(t),
    )


@compiled
def narrow(cells: Cells, row: int, side: int, depth: int, scratch: Scratch) -> None:
    """Put the half-space of a node's side on the path, as wide as points are that are searched for there."""
    sign = 1.0 - 2.0 * side
    for j in range(cells.A.shape[1]):
        scratch.path[depth, j] = sign * cells.A[row, j]
    scratch.levels[depth] = sign * cells.b[row] + cells.band + cells.reach


@compiled
def write_rows(cells: Cells, region: int, depth: int, origin: Array, scratch: Scratch) -> int:
    """Write the rows of a region and of the cell, as seen from a point; return how many there are."""
    first, last = cells.starts[region], cells.starts[region + 1]
    count = last - first
    for i in range(count):
        copy(scratch.near[i], cells.A[first + i])
        scratch.right[i] = cells.b[first + i] + cells.reach
    for i in range(depth):
        copy(scratch.near[count + i], scratch.path[i])
        scratch.right[count + i] = scratch.levels[i]
    for i in range(count + depth):
        for j in range(len(origin)):
            scratch.right[i] -= scratch.near[i, j] * origin[j]
    return count + depth


@compiled
def height(cells: Cells, row: int, point: Array) -> float:
    """Return how far a point lies above the hyperplane of a row."""
    value = -cells.b[row]
    for j in range(len(point)):
        value += cells.A[row, j] * point[j]
    return value


@compiled
def copy(target: np.ndarray, source: np.ndarray) -> None:
    """Copy entry by entry: numba takes ten times as long to compile an assignment of arrays."""
    for i in range(len(source)):
        target[i] = source[i]
