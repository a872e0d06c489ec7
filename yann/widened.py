"""Widened: the regions of a law with every half-space moved outward, as rounding may move it, and their corners.

Half-spaces are those of scaled states z = (theta - centre) / half width, in which rows have length 1.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from plants.arrays import Array, Indices

SUBSETS = 100_000
"""Sets of t half-spaces of one region that are tried for corners; a region with more gets a hull of the box."""

SINGULAR = 1e-14
"""Determinant below which t half-spaces have no corner."""

ROUNDED = 1e-9
"""Half widths by which a computed corner may miss a half-space, at the least."""


@dataclass(frozen=True, eq=False)
class Widened:
    """{rows z <= levels} (q, t), region i in rows starts[i]:starts[i + 1].

    `corners`[first[i]:first[i + 1]] are points whose convex hull holds the widened region i; its corners where there
    are few enough half-spaces to enumerate them (corners hold up to rounding of float64), else those of a hull of the
    parameter box.
    """

    rows: Array
    levels: Array
    starts: Indices
    corners: Array
    first: Indices

    @cached_property
    def lower(self) -> Array:
        """Return the least components (p, t) of each region."""
        return np.minimum.reduceat(self.corners, self.first[:-1])

    @cached_property
    def upper(self) -> Array:
        """Return the largest components (p, t) of each region."""
        return np.maximum.reduceat(self.corners, self.first[:-1])

    def faces(self, region: int) -> slice:
        """Return where the rows of a region stand."""
        return slice(self.starts[region], self.starts[region + 1])

    def hull(self, region: int) -> Array:
        """Return the points (c, t) whose hull holds a region."""
        return self.corners[self.first[region] : self.first[region + 1]]

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs i < k that no half-space of either keeps apart: all that overlap are among them."""
        return [(i, int(k)) for i in range(len(self.first) - 1) for k in self._partners(i)]

    def _partners(self, i: int) -> Indices:
        later = slice(i + 1, None)
        meet = (self.lower[later] <= self.upper[i]).all(axis=1) & (self.upper[later] >= self.lower[i]).all(axis=1)
        near = i + 1 + np.flatnonzero(meet)
        if not len(near):
            return near
        there, begins = _listed(self.first, near)
        beyond = self.corners[there] @ self.rows[self.faces(i)].T - self.levels[self.faces(i)]
        apart = (np.minimum.reduceat(beyond, begins) > 0).any(axis=1)
        there, begins = _listed(self.starts, near)
        beyond = self.hull(i) @ self.rows[there].T - self.levels[there]
        apart |= np.logical_or.reduceat(beyond.min(axis=0) > 0, begins)
        return near[~apart]


def widened(
    rows: Array, levels: Array, by: Array, starts: Indices, balls: tuple[Array, Array], reach: Array
) -> Widened:
    """Return the regions {rows z <= levels} with each row moved by `by` (q,).

    `balls` are a centre (p, t) and radius (p,) of each region, |z| <= reach (t,) holds all of them.
    """
    box = np.concatenate([np.diag(reach), -np.diag(reach)]) * len(reach)
    moved, hulls = levels + by, []
    for i, (centre, radius) in enumerate(zip(*balls, strict=True)):
        faces = slice(starts[i], starts[i + 1])
        found = _corners(rows[faces], moved[faces], max(ROUNDED, 0.1 * by[faces].min()))
        whole = len(found) and (found.min(0) <= centre - radius).all() and (found.max(0) >= centre + radius).all()
        hulls.append(found if whole else box)
    first = np.r_[0, np.cumsum([len(hull) for hull in hulls])]
    return Widened(rows, moved, starts, np.concatenate(hulls), first)


def _corners(rows: Array, levels: Array, room: float) -> Array:
    """Return the corners (c, t) of {rows z <= levels}, each where t of the rows meet; none if there are too many."""
    q, t = rows.shape
    if q < t or math.comb(q, t) > SUBSETS:
        return np.empty((0, t))
    chosen = np.array(list(combinations(range(q), t)))
    chosen = chosen[np.abs(np.linalg.det(rows[chosen])) > SINGULAR]
    points = np.asarray(np.linalg.solve(rows[chosen], levels[chosen][..., None])[..., 0], dtype=np.float64)
    return points[(points @ rows.T <= levels + room).all(axis=1)]


def _listed(starts: Indices, regions: Indices) -> tuple[Indices, Indices]:
    """Return the numbers of all entries of the given regions, one region after another, and where each begins."""
    counts = starts[regions + 1] - starts[regions]
    begins = np.cumsum(counts) - counts
    return np.repeat(starts[regions] - begins, counts) + np.arange(counts.sum()), begins
