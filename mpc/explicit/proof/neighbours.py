"""Neighbours: which cell faces a facet, by planes first and by all cells where no plane fits."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from mpc.explicit.proof.cells import BOX, Cells
from mpc.explicit.proof.facets import Facets
from plants.arrays import Array, Indices

NEAR = 1e-6  # planes this close, in normal and level, may face each other
BLOCK = 2_000_000  # entries of violations that are held at once


class Surroundings(NamedTuple):
    """What lies around a point of a facet, beside the facet's own cell.

    `facing` is a cell with a facet against it (-1: none), `cell` the one in which the point lies deepest, at `depth`,
    `next` the one that the normal from the point enters after `gap` half widths (-1: none).
    """

    facing: int
    cell: int
    depth: float
    next: int
    gap: float


class Neighbours:
    """The facets that face each facet in its plane, and the cells around any point."""

    def __init__(self, facets: Facets, tolerance: float) -> None:
        self._facets, self._tolerance = facets, tolerance
        planes = np.c_[facets.normal, facets.level]
        pairs = KDTree(planes).query_ball_tree(KDTree(-planes), NEAR)
        self._counts = np.array([len(near) for near in pairs], dtype=np.intp)
        self._starts = np.cumsum(self._counts) - self._counts
        self._facing = np.array([g for near in pairs for g in near], dtype=np.intp)

    def best(self, facet: Indices, points: Array, tried: list[frozenset[int]]) -> Indices:
        """Return the cells (k,) that face the facets at these points (k, t) and reach furthest around; -1: none."""
        counts = self._counts[facet]
        patch = np.repeat(np.arange(len(facet)), counts)
        inner = np.arange(len(patch)) - np.repeat(np.cumsum(counts) - counts, counts)
        other = self._facing[self._starts[facet][patch] + inner]
        cell = self._facets.cell[other]
        fresh = np.array([int(c) not in tried[p] for p, c in zip(patch, cell, strict=True)], dtype=bool)
        patch, other, cell = patch[fresh], other[fresh], cell[fresh]
        best, depth = np.full(len(facet), -1, dtype=np.intp), np.full(len(facet), np.inf)
        around, facing = self._violations(cell, self._facets.row[other], points[patch])
        fits = (around <= self._tolerance) & (np.abs(facing) <= self._tolerance)
        patch, cell, around = patch[fits], cell[fits], around[fits]
        order = np.lexsort((cell, around, patch))
        heads = order[np.unique(patch[order], return_index=True)[1]]
        best[patch[heads]], depth[patch[heads]] = cell[heads], around[heads]
        return best

    def anywhere(self, facet: int, point: Array, tried: frozenset[int]) -> Surroundings:
        """Return what lies around a point of a facet, over all cells."""
        cells, own, normal = self._facets.cells, int(self._facets.cell[facet]), self._facets.normal[facet]
        by = cells.sets.A @ point - cells.sets.b
        by = np.where(cells.real, by, -np.inf)
        worst = by.max(axis=1)
        worst[own] = np.inf
        toward = cells.sets.A @ normal
        facing = (np.abs(by) <= self._tolerance) & (toward < 0)
        open_ = [j for j in np.flatnonzero((worst <= self._tolerance) & facing.any(axis=1)) if int(j) not in tried]
        deepest = int(worst.argmin())
        near, gap = _next(cells, by, toward, own, self._tolerance)
        return Surroundings(int(open_[0]) if open_ else -1, deepest, -float(worst[deepest]), near, gap)

    def _violations(self, cell: Indices, row: Indices, points: Array) -> tuple[Array, Array]:
        """Return by how much points (k, t) pass the rows of cells (k,) at most, beside one row, and that one."""
        sets = self._facets.cells.sets
        around, facing = np.zeros(len(cell)), np.zeros(len(cell))
        step = max(1, BLOCK // (sets.A.shape[1] * max(1, sets.dimension)))
        for start in range(0, len(cell), step):
            block = slice(start, start + step)
            by = np.matmul(sets.A[cell[block]], points[block][:, :, None])[:, :, 0] - sets.b[cell[block]]
            each = np.arange(len(by))
            facing[block] = by[each, row[block]]
            by[each, row[block]] = -np.inf
            around[block] = by.max(axis=1)
        return around, facing


def _next(cells: Cells, by: Array, toward: Array, own: int, tolerance: float) -> tuple[int, float]:
    """Return the cell that the ray from a point along a normal enters next, and after which way; (-1, BOX) for none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = -by / toward
    enter = np.where(cells.real & (toward < 0), steps, -np.inf).max(axis=1)
    leave = np.where(cells.real & (toward > 0), steps, np.inf).min(axis=1)
    blocked = (cells.real & (toward == 0) & (by > tolerance)).any(axis=1)
    meets = (enter <= leave + tolerance) & (leave > tolerance) & ~blocked
    meets[own] = False
    if not meets.any():
        return -1, BOX
    way = np.where(meets, np.maximum(enter, 0.0), np.inf)
    return int(way.argmin()), float(way.min())
