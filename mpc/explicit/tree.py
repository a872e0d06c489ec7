"""SearchTree: which region a parameter lies in, by a few comparisons, exactly as the full scan says."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import ProblemError
from mpc.explicit.region import Regions
from mpc.explicit.scan import along, better, scan_point
from mpc.explicit.tree_build import grow
from mpc.explicit.tree_cell import Cells
from plants.arrays import Array, Indices

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

REACH = 1e-10  # scaled theta: a region is looked for this far beyond its rows, ten times the law's tolerance
BAND = 1e-8  # scaled theta: this close to a node's hyperplane, both sides are searched
LEAF = 8  # a cell with so few regions is not split further
DEEPEST = 96
SAME = 1e-9  # scaled theta: facets whose rows agree to this are one candidate for splitting


@dataclass(frozen=True, eq=False)
class SearchTree:
    """A binary tree of hyperplanes over the regions {A theta <= b}, region i in rows starts[i]:starts[i + 1].

    Node i compares normals[i] theta with offsets[i] and goes on to children[i, 0] below, children[i, 1] above, and
    to both within `band`. A child -1 - k is leaf k: it lists regions[leaf_starts[k]:leaf_starts[k + 1]]. A tree
    without nodes is leaf 0 alone.
    """

    A: Array
    b: Array
    starts: np.ndarray
    normals: Array
    offsets: Array
    children: np.ndarray
    leaf_starts: np.ndarray
    regions: np.ndarray
    band: float

    def locate(self, points: Array) -> tuple[Indices, Array]:
        """Return region (n,) and margin (n,) at points (n, t): the same numbers as a scan of all regions.

        Raises ProblemError for points of another shape or type (float64, as A, but for a rounded copy), or not finite.
        """
        if points.ndim != 2 or points.shape[1] != self.A.shape[1] or points.dtype != self.A.dtype:
            raise ProblemError(
                f"`points` is {points.dtype} of shape {points.shape}; pass {self.A.dtype} (n, {self.A.shape[1]})"
            )
        if not np.isfinite(points).all():
            row, column = np.argwhere(~np.isfinite(points))[0].tolist()
            raise ProblemError(f"`points` is {points[row, column]} at [{row}, {column}]; replace it by a finite number")
        return _locate(
            self.A, self.b, self.starts, self.normals, self.offsets, self.children, self.leaf_starts, self.regions,
            self.band, self.depth, np.ascontiguousarray(points),
        )  # fmt: skip

    @cached_property
    def rows(self) -> Indices:
        """Return for each node the first row of the regions that is its hyperplane."""
        number = {row.tobytes(): i for i, row in reversed(list(enumerate(np.c_[self.A, self.b])))}
        return np.array([number[row.tobytes()] for row in np.c_[self.normals, self.offsets]], np.intp)

    @cached_property
    def levels(self) -> np.ndarray:
        """Return the number of hyperplanes above each leaf, (leaves,)."""
        level, above = np.zeros(len(self.leaf_starts) - 1, np.int64), np.zeros(len(self.children), np.int64)
        for node, pair in enumerate(self.children.tolist()):
            for child in pair:
                if child < 0:
                    level[-1 - child] = above[node] + 1
                else:
                    above[child] = above[node] + 1
        return level

    @cached_property
    def depth(self) -> int:
        """Return the most hyperplanes that a point away from them is compared with."""
        return int(self.levels.max())

    @cached_property
    def worst_comparisons(self) -> int:
        """Return the most rows, hyperplanes and half-spaces of candidates together, that such a point meets."""
        return int((self.levels + self._leaf_rows).max())

    @cached_property
    def mean_comparisons(self) -> float:
        """Return the mean of that over the leaves."""
        return float((self.levels + self._leaf_rows).mean())

    @cached_property
    def _leaf_rows(self) -> np.ndarray:
        rows = np.r_[0, np.cumsum(np.diff(self.starts)[self.regions])]
        return rows[self.leaf_starts[1:]] - rows[self.leaf_starts[:-1]]

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        return (
            f"SearchTree({len(self.offsets)} nodes, {len(self.leaf_starts) - 1} leaves, depth {self.depth}, "
            f"{len(self.starts) - 1} regions)"
        )


def build_tree(law: "PiecewiseAffineLaw", leaf: int = LEAF) -> SearchTree:
    """Return the search tree of a law, whose leaves are split until they list at most `leaf` regions.

    The same law gives the same tree.
    A region is listed in every leaf whose cell it enters, and a point is searched for in every leaf that it is close
    to, both by more than rounding can do. So a point within the law's tolerance of a region finds all such regions; for
    any other point `locate` scans all regions.
    """
    A, b, owner = law.halfspaces
    starts = np.searchsorted(owner, np.arange(len(law.regions) + 1))
    scaled, levels = A * law.half_width, b - A @ law.centre
    inside = (cast(Regions, law.regions).centre - law.centre) / law.half_width
    within = TOLERANCE + rounding(law)
    reach, band = max(REACH, 10 * within), max(BAND, 1000 * within)
    cells = Cells(scaled, levels, starts, _planes(scaled, levels), inside, reach, band, leaf)
    rows, children, leaf_starts, regions = grow(cells, DEEPEST)
    normals, offsets = A[rows], b[rows]
    for array in (starts, normals, offsets, children, leaf_starts, regions):
        array.setflags(write=False)
    return SearchTree(A, b, starts, normals, offsets, children, leaf_starts, regions, band)


def rounding(law: "PiecewiseAffineLaw") -> float:
    """Return how far, in half widths, rounding can move a point of the domain against a row."""
    A, b, _ = law.halfspaces
    largest = np.maximum(*np.abs(law.parameter_bounds))
    return float((law.t + 2) * np.finfo(float).eps * (np.abs(A) @ largest + np.abs(b)).max())


def _planes(A: Array, b: Array) -> Indices:
    """Return a number for each row, the same for rows on one hyperplane (on two grid cells: perhaps two numbers)."""
    first = np.take_along_axis(A, np.abs(A).argmax(axis=1)[:, None], axis=1)
    grid = np.round(np.c_[A, b] * np.sign(first) / SAME)
    order = np.lexsort(grid.T)
    new = np.r_[False, (np.diff(grid[order], axis=0) != 0).any(axis=1)]
    planes = np.empty(len(b), np.intp)
    planes[order] = np.cumsum(new)
    return planes


@compiled
def _locate(
    A: Array,
    b: Array,
    starts: np.ndarray,
    normals: Array,
    offsets: Array,
    children: np.ndarray,
    leaf_starts: np.ndarray,
    regions: np.ndarray,
    band: float,
    depth: int,
    points: Array,
) -> tuple[np.ndarray, Array]:
    region, margin = np.zeros(len(points), np.int64), np.zeros(len(points))
    stack = np.zeros(depth + 1, np.int64)
    for i in range(len(points)):
        point, best, least = points[i], -1, np.inf
        stack[0] = 0 if len(offsets) else -1
        waiting = 1
        while waiting:
            waiting -= 1
            node = stack[waiting]
            while node >= 0:
                height = along(normals, node, point) - offsets[node]
                side = 1 if height > 0.0 else 0
                if abs(height) <= band:
                    stack[waiting] = children[node, 1 - side]
                    waiting += 1
                node = children[node, side]
            for k in range(leaf_starts[-1 - node], leaf_starts[-node]):
                best, least = better(A, b, starts, point, regions[k], best, least)
        if not least <= TOLERANCE:
            best, least = scan_point(A, b, starts, point, best, least)
        region[i], margin[i] = best, -least
    return region, margin
