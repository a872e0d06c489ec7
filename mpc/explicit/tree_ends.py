"""What a leaf of the search tree still has to ask: the rows of each of its regions that its cell does not settle.

Everything is in half widths around the centre of the parameter set, where rows have unit length.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.least_distance import EMPTY, Workspace, nearest, workspace
from mpc.explicit.tree_work import longer
from plants.arrays import Array

SETTLED = 0.5 * TOLERANCE  # a row settled by a cell is passed there by less than this
SLACK = 0.05 * TOLERANCE  # rounding can move a point by less than this against a row, or nothing is taken as settled
TOGETHER, APART_INSIDE, APART = range(3)
NEVER = -1e3  # in place of SETTLED: no cell settles a row


class Leaves(NamedTuple):
    """The rows A x <= b of regions, starts[i]:starts[i + 1] those of region i, and the tree over them.

    Node i asks about row rows[i]; children and leaf_starts are those of a SearchTree, and leaf k lists
    regions[leaf_starts[k]:leaf_starts[k + 1]] in the order in which they will be asked.
    """

    A: Array
    b: Array
    starts: np.ndarray
    rows: np.ndarray
    children: np.ndarray
    leaf_starts: np.ndarray
    regions: np.ndarray
    band: float
    settled: float


class _Path(NamedTuple):
    """Half-spaces of a cell, then of regions, with memory for the kernel."""

    rows: Array
    levels: Array
    order: np.ndarray
    work: Workspace


@compiled
def open_rows(leaves: Leaves, depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (starts (entries + 1,), rows, apart (leaves,)) for the entries of all leaves, one after another.

    A point of the leaf's cell, and of the parameter bounds, lies in the region of entry e if rows[starts[e]:starts[e +
    1]] hold: it passes the others by less than SETTLED. In a leaf that is APART, a point that is further than `band`
    inside those rows passes a row of every later region of the leaf by more than the law's tolerance; in one that is
    APART_INSIDE it does so if it is also further than `band` from the hyperplanes around the cell; in one that is
    TOGETHER neither is proved.
    """
    parents, sides = _parents(leaves)
    path, bounds = _path(leaves, depth), 2 * leaves.A.shape[1]
    starts, rows = np.zeros(len(leaves.regions) + 1, np.int64), np.zeros(len(leaves.regions) + 1, np.int32)
    apart = np.full(len(leaves.leaf_starts) - 1, APART)
    for leaf in range(len(apart)):
        cell = _enter(leaves, parents, sides, leaf, bounds, path)
        last = leaves.leaf_starts[leaf + 1]
        for entry in range(leaves.leaf_starts[leaf], last):
            region = leaves.regions[entry]
            rows = longer(rows, starts[entry], leaves.starts[region + 1] - leaves.starts[region])
            count = _ask(leaves, region, cell, path, rows[starts[entry] :])
            starts[entry + 1] = starts[entry] + count - cell
            _move_in(path, cell, count, 0.5 * leaves.band)
            for later in range(entry + 1, last):
                apart[leaf] = min(apart[leaf], _apart(leaves, leaves.regions[later], bounds, cell, count, path))
    return starts, rows[: starts[-1]].copy(), apart


@compiled
def _parents(leaves: Leaves) -> tuple[np.ndarray, np.ndarray]:
    """Return the node above each node, then above each leaf (-1: none), and on which side of it that lies."""
    nodes = len(leaves.children)
    parents, sides = np.full(nodes + len(leaves.leaf_starts), -1), np.zeros(nodes + len(leaves.leaf_starts), np.int64)
    for node in range(nodes):
        for side in range(2):
            child = leaves.children[node, side]
            child = child if child >= 0 else nodes - 1 - child
            parents[child], sides[child] = node, side
    return parents, sides


@compiled
def _path(leaves: Leaves, depth: int) -> _Path:
    """Return memory with the parameter bounds in its first rows."""
    t, most = leaves.A.shape[1], np.int64(0)
    for i in range(len(leaves.starts) - 1):
        most = max(most, leaves.starts[i + 1] - leaves.starts[i])
    room = 2 * t + depth + 2 * most + 1
    path = _Path(np.zeros((room, t)), np.full(room, 1.0 + SLACK), np.arange(room), workspace(t))
    for j in range(t):
        path.rows[2 * j, j], path.rows[2 * j + 1, j] = 1.0, -1.0
    return path


@compiled
def _enter(leaves: Leaves, parents: np.ndarray, sides: np.ndarray, leaf: int, bounds: int, path: _Path) -> int:
    """Write the half-spaces of a leaf's cell behind the parameter bounds; return how many rows there are."""
    count, place = bounds, len(leaves.children) + leaf
    while parents[place] >= 0:
        row, sign = leaves.rows[parents[place]], 1.0 - 2.0 * sides[place]
        _write(leaves, row, sign, SLACK, count, path)
        count, place = count + 1, parents[place]
    return count


@compiled
def _write(leaves: Leaves, row: int, sign: float, slack: float, count: int, path: _Path) -> None:
    for j in range(leaves.A.shape[1]):
        path.rows[count, j] = sign * leaves.A[row, j]
    path.levels[count] = sign * leaves.b[row] + slack


@compiled
def _ask(leaves: Leaves, region: int, count: int, path: _Path, rows: np.ndarray) -> int:
    """Write the rows of a region that are not settled to `rows` and behind the path; return the length of the path."""
    first = count
    for row in range(leaves.starts[region], leaves.starts[region + 1]):
        _write(leaves, row, -1.0, -leaves.settled, count, path)
        if not _empty(count + 1, path):
            _write(leaves, row, 1.0, SLACK, count, path)
            rows[count - first] = row
            count += 1
    return count


@compiled
def _apart(leaves: Leaves, region: int, bounds: int, cell: int, count: int, path: _Path) -> int:
    """Return how far a later region of a leaf is proved to lie apart from the rows of an earlier one."""
    if _misses(leaves, region, count, path):
        return APART
    _move_in(path, bounds, cell, 0.5 * leaves.band)
    missed = _misses(leaves, region, count, path)
    _move_in(path, bounds, cell, -0.5 * leaves.band)
    return APART_INSIDE if missed else TOGETHER


@compiled
def _move_in(path: _Path, first: int, last: int, by: float) -> None:
    for i in range(first, last):
        path.levels[i] -= by


@compiled
def _misses(leaves: Leaves, region: int, count: int, path: _Path) -> bool:
    """Return whether no point of the path's half-spaces, the first `count`, lies in a region or close to it."""
    for row in range(leaves.starts[region], leaves.starts[region + 1]):
        _write(leaves, row, 1.0, 0.1 * leaves.band, count, path)
        count += 1
    return _empty(count, path)


@compiled
def _empty(count: int, path: _Path) -> bool:
    reach = 2.0 * np.sqrt(path.rows.shape[1]) + 1.0
    return nearest(path.rows, path.levels, path.order, count, 0.0, -1, 0.0, reach, path.work) == EMPTY
