"""Cells: the regions of a law in scaled parameters, as a checker sees them, with boxes and balls of its own."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from mpc.explicit.linear import row_lengths
from mpc.explicit.proof.hull import Hull
from mpc.explicit.proof.supports import Polytopes, balls, supports
from plants.arrays import Array

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

BOX = 4.0  # scaled parameters lie in [-1, 1]; a cell that reaches this far has no end
FLAT = 1e-9  # a unit row that loses all but this in the hull holds everywhere or nowhere


@dataclass(frozen=True, eq=False)
class Cells:
    """p cells {y : A y <= b} with z = gains y + offsets, in the coordinates of `hull`; rows of unit length.

    `rows` (p, q) gives each row of `sets` its number among the region's facets; -1 is filling.
    """

    sets: Polytopes
    rows: np.ndarray
    gains: Array
    offsets: Array
    hull: Hull

    @classmethod
    def of(cls, law: "PiecewiseAffineLaw") -> "Cells":
        """Return the cells of a law, their rows scaled to unit length anew."""
        centre, half_width = law.centre, law.half_width
        A, b, owner = law.halfspaces
        levels = b - A @ centre
        A = A * half_width
        length = row_lengths(A)
        A, levels = A / length[:, None], levels / length
        hull = Hull.of(centre, half_width, A, levels, owner)
        sets, rows = _in_hull(hull, A, levels, owner)
        gains = np.stack([region.solution_gain for region in law.regions])
        offsets = np.stack([region.solution_offset for region in law.regions])
        return cls(sets, rows, gains @ hull.spread, offsets + gains @ hull.place, hull)

    def confined(self, A_theta: Array, b_theta: Array, thin: float) -> Self:
        """Return the cells, those without a ball of radius `thin` cut off at {A_theta theta <= b_theta}.

        Between two of their planes the angle may be 1e-10, and then nothing but these rows says where they end.
        """
        radius = self.balls[0]
        A, b = A_theta @ self.hull.spread, b_theta - A_theta @ self.hull.place
        length = np.linalg.norm(A, axis=1)
        real = length > FLAT * np.linalg.norm(A_theta * self.hull.half_width, axis=1)
        A, b = A[real] / length[real, None], b[real] / length[real]
        which = radius <= thin
        if not which.any() or not len(b):
            return self
        sides, levels = np.zeros((len(self), *A.shape)), np.ones((len(self), len(b)))
        sides[which], levels[which] = A, b
        sets = Polytopes(np.concatenate([self.sets.A, sides], axis=1), np.c_[self.sets.b, levels], self.sets.box)
        return replace(self, sets=sets, rows=np.c_[self.rows, np.full(levels.shape, -1)])

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.rows)

    @property
    def t(self) -> int:
        """Return the number of parameters."""
        return self.sets.dimension

    def physical(self, y: Array) -> Array:
        """Return theta for scaled parameters y (..., t)."""
        return self.hull.place + y @ self.hull.spread.T

    @cached_property
    def real(self) -> np.ndarray:
        """Return which rows (p, q) are rows of their cell and not filling."""
        return self.rows >= 0

    @cached_property
    def boxes(self) -> tuple[Array, Array]:
        """Return lower and upper (p, t) of a box around each cell; the point 0 for an empty one."""
        p, t = len(self), self.t
        costs = np.tile(np.vstack([np.eye(t), -np.eye(t)]), (p, 1))
        reach = supports(self.sets, np.repeat(np.arange(p), 2 * t), costs).value.reshape(p, 2, t)
        reach = np.where(np.isfinite(reach), reach, 0.0)
        return -reach[:, 1], reach[:, 0]

    @cached_property
    def balls(self) -> tuple[Array, Array]:
        """Return radius (p,) and centre (p, t) of a largest ball in each cell."""
        return balls(self.sets)

    @cached_property
    def largest(self) -> Array:
        """Return bounds (n,) of the size of each component of z over all cells, at least their noise."""
        lower, upper = self.boxes
        middle, reach = (lower + upper) / 2, (upper - lower) / 2
        level = np.abs(np.einsum("pnt,pt->pn", self.gains, middle) + self.offsets)
        return (level + np.einsum("pnt,pt->pn", np.abs(self.gains), reach)).max(axis=0)


def _in_hull(hull: Hull, A: Array, b: Array, owner: np.ndarray) -> tuple[Polytopes, np.ndarray]:
    """Return flat rows as one set per owner, in the hull's coordinates, and the number of each row at its owner."""
    counts = np.bincount(owner)
    number = np.arange(len(b)) - np.repeat(np.cumsum(counts) - counts, counts)
    A, b = A @ hull.basis, b - A @ hull.origin
    length = np.linalg.norm(A, axis=1)
    keep = np.flatnonzero((length > FLAT) | (b < -FLAT))
    length, owner, number = np.where(length > FLAT, length, 1.0)[keep], owner[keep], number[keep]
    counts = np.bincount(owner, minlength=len(counts))
    place = np.arange(len(keep)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(counts), max(1, int(counts.max())))
    rows, levels, numbers = np.zeros((*shape, A.shape[1])), np.ones(shape), np.full(shape, -1)
    rows[owner, place], levels[owner, place] = A[keep] / length[:, None], b[keep] / length
    numbers[owner, place] = number
    return Polytopes(rows, levels, BOX), numbers
