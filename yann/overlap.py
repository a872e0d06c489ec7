"""By how much two affine pieces can differ where their widened regions overlap: bounds that prove themselves.

For a function slope z + value, weights >= 0 on rows z <= levels bound it: slope z <= weights levels + |rest| |z|, where
rest = slope - weights rows. Any weights give a true bound, so that their solver needs no trust: good ones, by least
squares and then by a linear program, give a sharp one.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, nnls

from plants.arrays import Array
from yann.widened import Widened

EQUAL = 1e3
"""How much more least squares care for rest = 0 than for small weights on far rows."""

STEEP = 1e6
"""Largest sum of weights of a linear program, in slopes: more than the sharpest corner needs that a bound can use."""

PROGRAMS = 1000
"""Linear programs that are spent on one input at most; from there on the bound is true, but not the sharpest."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """Where two widened regions meet: rows (q, t), the `room` (q,) that `point` (t,) leaves, |z - point| <= extent."""

    rows: Array
    room: Array
    point: Array
    extent: Array

    def bound(self, slope: Array, value: float, weights: Array) -> float:
        """Return a bound of slope (z - point) + value on the overlap, by weights (q,) >= 0."""
        rest = slope - weights @ self.rows
        return float(value + weights @ self.room + np.abs(rest) @ self.extent)

    def none(self, slope: Array, value: float) -> Array:
        """Return no weights: the bound of a box."""
        del slope, value
        return np.zeros(len(self.rows))

    def fitted(self, slope: Array, value: float) -> Array:
        """Return weights that make up the slope of rows near the point."""
        del value
        system = np.r_[EQUAL * self.rows.T, np.abs(self.room)[None]]
        return nnls(system, np.r_[EQUAL * slope, 0.0])[0]

    def best(self, slope: Array, value: float) -> Array:
        """Return the prices of the linear program that maximises it: a bound far below 0 where nothing overlaps."""
        unit = max(np.abs(slope).max(), abs(value))
        if not unit > 0:
            return self.none(slope, value)
        cost, slack = np.r_[-slope / unit, STEEP], np.c_[self.rows, -np.ones(len(self.rows))]
        found = linprog(cost, slack, self.room, bounds=[(None, None)] * len(slope) + [(0, None)], method="highs")
        return unit * np.maximum(-found.ineqlin.marginals, 0.0) if found.status == 0 else self.none(slope, value)


STAGES: tuple[Callable[[Overlap, Array, float], Array], ...] = (Overlap.none, Overlap.fitted, Overlap.best)


def overlap(regions: Widened, i: int, k: int) -> Overlap:
    """Return the overlap of two regions, seen from the corner of the second that is least far from the first."""
    rows = np.concatenate([regions.rows[regions.faces(i)], regions.rows[regions.faces(k)]])
    levels = np.concatenate([regions.levels[regions.faces(i)], regions.levels[regions.faces(k)]])
    hull = regions.hull(k)
    point = hull[(hull @ rows.T - levels).max(axis=1).argmin()]
    above = np.minimum(regions.upper[i], regions.upper[k]) - point
    below = point - np.maximum(regions.lower[i], regions.lower[k])
    return Overlap(rows, levels - rows @ point, point, np.maximum(np.maximum(above, below), 0.0))


def largest_difference(regions: Widened, gains: Array, offsets: Array) -> tuple[float, tuple[int, int]]:
    """Return a bound of |piece i - piece k| wherever widened regions i, k overlap, and the pair where it is largest.

    gains (p, t) and offsets (p,) are the pieces of one input. The pair with the largest bound is made sharper until it
    cannot be: then no other is larger.
    """

    def bound(i: int, k: int, stage: int) -> float:
        place, slope = overlap(regions, i, k), gains[i] - gains[k]
        value = float(slope @ place.point + offsets[i] - offsets[k])
        return place.bound(slope, value, STAGES[stage](place, slope, value))

    both = [pair for i, k in regions.pairs for pair in ((i, k), (k, i))]
    heap = [(-bound(i, k, 0), 0, i, k) for i, k in both]
    heapq.heapify(heap)
    programs = 0
    while heap:
        least, stage, i, k = heapq.heappop(heap)
        programs += stage == 1
        if stage + 1 == len(STAGES) or programs > PROGRAMS or least >= 0:
            return max(-least, 0.0), (i, k)
        heapq.heappush(heap, (max(least, -bound(i, k, stage + 1)), stage + 1, i, k))
    return 0.0, (0, 0)
