"""Growing a search tree over regions, cell by cell, from the whole parameter set down to leaves of a few regions."""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.tree_cell import Cells, copy, narrow, scratch_for
from mpc.explicit.tree_plane import UNSPLIT, choose_row
from mpc.explicit.tree_work import all_regions, halved, longer, taken, taller

NODES, LEAVES = range(2)  # the entries of `size`


class Grown(NamedTuple):
    """The tree so far, in arrays with room for more: size[NODES] nodes and size[LEAVES] leaves of it count."""

    rows: np.ndarray
    children: np.ndarray
    leaf_starts: np.ndarray
    leaf_regions: np.ndarray
    size: np.ndarray


@compiled
def grow(cells: Cells, depth_limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (rows, children, leaf_starts, leaf_regions) of a search tree.

    Node i asks on which side of row rows[i] a point lies; children[i] are the nodes below (above) it, a number
    -1 - k standing for leaf k, whose regions are leaf_regions[leaf_starts[k]:leaf_starts[k + 1]], in order.
    A tree without nodes has one leaf.
    """
    tree, scratch, waiting = _bare(len(cells.inside)), scratch_for(cells, depth_limit), all_regions(cells, depth_limit)
    while waiting.size[0] > 0:
        job = taken(waiting)
        if job.depth > 0:
            narrow(cells, tree.rows[job.parent], job.side, job.depth - 1, scratch)
        regions, points = waiting.regions[job.first : job.last], waiting.points[job.first : job.last]
        row = np.int64(UNSPLIT)
        if len(regions) > cells.leaf and job.depth < depth_limit:
            row = choose_row(cells, regions, points, job.depth, tree.size[NODES], scratch)
        if row < 0:
            here = -1 - tree.size[LEAVES]
            tree = _with_leaf(tree, regions)
        else:
            here = tree.size[NODES]
            tree = _with_node(tree, row)
            waiting = halved(waiting, job, here, scratch)
        if job.parent >= 0:
            tree.children[job.parent, job.side] = here
    return _trimmed(tree)


@compiled
def _bare(p: int) -> Grown:
    return Grown(
        np.zeros(p, np.int32),
        np.zeros((p, 2), np.int32),
        np.zeros(p + 2, np.int64),
        np.zeros(4 * p + 4, np.int32),
        np.zeros(2, np.int64),
    )


@compiled
def _with_node(tree: Grown, row: int) -> Grown:
    nodes = tree.size[NODES]
    rows, children = longer(tree.rows, nodes, 1), taller(tree.children, nodes, 1)
    rows[nodes] = row
    tree.size[NODES] += 1
    return Grown(rows, children, tree.leaf_starts, tree.leaf_regions, tree.size)


@compiled
def _with_leaf(tree: Grown, regions: np.ndarray) -> Grown:
    leaves = tree.size[LEAVES]
    first = tree.leaf_starts[leaves]
    last = first + len(regions)
    leaf_regions, leaf_starts = longer(tree.leaf_regions, first, len(regions)), longer(tree.leaf_starts, leaves + 1, 1)
    leaf_starts[leaves + 1] = last
    copy(leaf_regions[first:last], regions)
    tree.size[LEAVES] += 1
    return Grown(tree.rows, tree.children, leaf_starts, leaf_regions, tree.size)


@compiled
def _trimmed(tree: Grown) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    nodes, leaves = tree.size[NODES], tree.size[LEAVES]
    return (
        tree.rows[:nodes].copy(),
        tree.children[:nodes].copy(),
        tree.leaf_starts[: leaves + 1].copy(),
        tree.leaf_regions[: tree.leaf_starts[leaves]].copy(),
    )
