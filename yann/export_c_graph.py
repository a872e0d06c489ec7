"""The tables of a decision graph, by which C finds the region of a state without comparing regions."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from mpc.explicit.tree_graph import DecisionGraph, decision_graph
from yann.export_c_tables import Tables

WAYS = 64
"""Close to hyperplanes so many ways are taken through the graph; where there are more, all regions are scanned."""


class GraphTables(Tables):
    """The tables of C: those of a design, with its decision graph in place of the search tree."""

    @cached_property
    def graph(self) -> DecisionGraph:
        """Return the law's decision graph."""
        return decision_graph(self.design.law)

    @property
    def band(self) -> float:
        """Return how close, in half widths, a state is to a hyperplane if both of its sides are searched."""
        return self.graph.band

    @property
    def comparisons(self) -> int:
        """Return the most half-spaces that a state of the domain meets, away from those that it is asked about."""
        return self.graph.worst(np.zeros_like(self._sizes), self._sizes)

    @property
    def comparisons_anywhere(self) -> int:
        """Return the most that any state meets: a first way, WAYS that compare regions, a scan, and one for outside."""
        scans = 2 if self.outside.scans else 1
        return self.graph.depth + WAYS * self.graph.worst(self._sizes, self._sizes) + scans * int(self._sizes.sum())

    @property
    def _sizes(self) -> np.ndarray:
        return np.diff(self.design.starts)

    def _search(self) -> Iterator[tuple[str, np.ndarray, str]]:
        graph, bounds = self.graph, self.design.law.parameter_bounds
        child = np.where(graph.children >= 0, graph.children, len(graph.rows) - 1 - graph.children)
        ends = np.cumsum([0, *map(len, graph.lists)])
        listed = [region for regions in graph.lists for region in regions]
        for name, bound in zip(("low", "high"), bounds, strict=True):
            yield name, self.precision.inward(bound, name == "low"), f"The {name} ends of the parameter bounds."
        yield "node_row", graph.rows.astype(np.int64), "The half-space that each node of the decision graph asks about."
        yield "child", child, "Its children below and above; from NODES on: regions, then lists of regions."
        yield "leaf_start", ends.astype(np.int64), "Where the regions of each list start."
        yield "leaf_region", np.array(listed or [0], np.int64), "The regions of the lists."
