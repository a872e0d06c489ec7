"""DecisionGraph: a search tree carried on until one region is left, its equal parts written once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from mpc.explicit.region import Regions
from mpc.explicit.tree import SearchTree, build_tree, rounding
from mpc.explicit.tree_ends import APART, NEVER, SETTLED, SLACK, TOGETHER, Leaves, open_rows
from plants.arrays import Array, Indices

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

SAME = 1e-11  # scaled theta: half-spaces that agree to this are one question, far less than a band apart
NOTHING = ()


@dataclass(frozen=True, eq=False)
class DecisionGraph:
    """Questions about half-spaces whose answers end in a region, without a comparison of regions.

    Node i asks about row rows[i] of the law's half-spaces and goes on to children[i, 0] below, children[i, 1] above.
    The first node is the start. A child -1 - k with k < p ends in region k; for k >= p it ends in lists[k - p],
    regions that must be compared; an empty one says that no region is there. A point of the parameter bounds that is
    further than `band` (half widths) from all hyperplanes that it is asked about and ends in region k has region k in
    `locate`, within the tolerance. Any other point finds its region, if one is within the tolerance, in one of the ends
    that it comes to when it takes both ways wherever it is within the band.
    """

    rows: Indices
    children: Indices
    lists: tuple[tuple[int, ...], ...]
    regions: int
    band: float

    @property
    def depth(self) -> int:
        """Return the most questions on a way from the start to an end."""
        none = np.zeros(self.regions, np.intp)
        return self.worst(none, none)

    def worst(self, alone: Indices, listed: Indices) -> int:
        """Return the most half-spaces on a way from the start, those of its end included.

        Where it ends in region k these are alone[k] half-spaces, in a list the sum of listed[k] over its regions.
        """
        ends = [*alone.tolist(), *(int(listed[np.array(regions, np.intp)].sum()) for regions in self.lists)]
        work = [0] * len(self.rows)
        children = self.children.tolist()
        for node in self._backwards:
            work[node] = 1 + max(work[child] if child >= 0 else ends[-1 - child] for child in children[node])
        return work[0]

    @property
    def _backwards(self) -> range:
        """Return the nodes, each after its children."""
        return range(len(self.rows) - 1, -1, -1)


def decision_graph(law: "PiecewiseAffineLaw") -> DecisionGraph:
    """Return the decision graph of a law; the same law gives the same graph.

    A search tree is grown until its cells hold one region, where that can be. Then each leaf asks, region by region,
    for the rows that are not settled in its cell, as `open_rows` proves. Leaves whose regions are not proved to lie
    apart end in a list.
    """
    tree = build_tree(law, leaf=1)
    ordered = _widest_first(tree, cast(Regions, law.regions).radius)
    scaled, levels = law.halfspaces[0] * law.half_width, law.halfspaces[1] - law.halfspaces[0] @ law.centre
    settled = SETTLED if rounding(law) <= SLACK else NEVER
    leaves = Leaves(
        scaled, levels, tree.starts, tree.rows, tree.children, tree.leaf_starts, ordered, tree.band, settled
    )
    graph = _Builder(_questions(scaled, levels), len(law.regions))
    ends = _ends(leaves, graph, tree.depth)
    below: list[int] = [0] * len(tree.children)
    for node in range(len(tree.children) - 1, -1, -1):
        pair = [below[child] if child >= 0 else ends[-1 - child] for child in tree.children[node].tolist()]
        below[node] = graph.ask(int(tree.rows[node]), *pair)
    rows, children = graph.ordered(below[0] if below else ends[0])
    return DecisionGraph(rows, children, tuple(graph.lists), len(law.regions), tree.band)


def _widest_first(tree: SearchTree, radius: Array) -> Indices:
    """Return the regions of all leaves, those of a leaf by the radius of their largest ball."""
    leaf = np.repeat(np.arange(len(tree.leaf_starts) - 1), np.diff(tree.leaf_starts))
    return tree.regions[np.lexsort((-radius[tree.regions], leaf))]


def _questions(A: Array, b: Array) -> tuple[Indices, np.ndarray]:
    """Return for each row (the first row on its hyperplane, whether that one looks the other way)."""
    turned = np.take_along_axis(A, np.abs(A).argmax(axis=1)[:, None], axis=1) < 0
    grid = np.round(np.where(turned, -1, 1) * np.c_[A, b] / SAME)
    _, first, which = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    leader = first[which.ravel()]
    return leader, turned[:, 0] != turned[leader, 0]


def _ends(leaves: Leaves, graph: "_Builder", depth: int) -> list[int]:
    """Return where each leaf goes on in the graph."""
    starts, rows, apart = open_rows(leaves, depth)
    bounds, asked, regions = starts.tolist(), rows.tolist(), leaves.regions.tolist()
    result = []
    for leaf, (first, last) in enumerate(zip(leaves.leaf_starts[:-1], leaves.leaf_starts[1:], strict=True)):
        if apart[leaf] == TOGETHER:
            result.append(graph.listed(tuple(sorted(regions[first:last]))))
            continue
        here = graph.listed(NOTHING)
        for entry in range(last - 1, first - 1, -1):
            otherwise, here = here, -1 - regions[entry]
            for row in reversed(asked[bounds[entry] : bounds[entry + 1]]):
                here = graph.ask(row, here, otherwise)
        if apart[leaf] != APART:
            graph.keep(here)
        result.append(here)
    return result


class _Builder:
    """The graph so far: nodes (row, below, above) by number, and lists."""

    def __init__(self, questions: tuple[Indices, np.ndarray], regions: int) -> None:
        self._leader, self._turned = questions[0].tolist(), questions[1].tolist()
        self._regions = regions
        self._nodes: dict[tuple[int, int, int], int] = {}
        self._kept: set[int] = set()
        self.lists: dict[tuple[int, ...], int] = {}

    def listed(self, regions: tuple[int, ...]) -> int:
        """Return the end with a list."""
        return -1 - self._regions - self.lists.setdefault(regions, len(self.lists))

    def ask(self, row: int, below: int, above: int) -> int:
        """Return the node that asks about a row; where both answers lead to the same, that, unless it is kept."""
        kept = below in self._kept or above in self._kept
        if below == above and not kept:
            return below
        if self._turned[row]:
            below, above = above, below
        node = self._nodes.setdefault((self._leader[row], below, above), len(self._nodes))
        if kept:
            self._kept.add(node)
        return node

    def keep(self, node: int) -> None:
        """Say that every question on the way to a node, or an end, must be asked."""
        self._kept.add(node)

    def ordered(self, start: int) -> tuple[Indices, np.ndarray]:
        """Return (rows (n,), children (n, 2)) of the nodes that are met from a start, each before its children.

        A start that is an end is asked for behind one question whose answer does not matter.
        """
        nodes = list(self._nodes)
        if start < 0:
            return np.zeros(1, np.intp), np.array([[start, start]])
        met, waiting = {start}, [start]
        while waiting:
            fresh = {child for child in nodes[waiting.pop()][1:] if child >= 0} - met
            met |= fresh
            waiting += fresh
        order = sorted(met, reverse=True)
        number = {node: place for place, node in enumerate(order)}
        rows = np.array([nodes[node][0] for node in order], np.intp)
        children = [[number[child] if child >= 0 else child for child in nodes[node][1:]] for node in order]
        return rows, np.array(children, np.int64)
