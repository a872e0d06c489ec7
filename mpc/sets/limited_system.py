"""LimitedSystem: linear models with limits on states and inputs in common, and a bounded disturbance.

States are counted from the operating point, in half widths of the limits, so that 1 is a large number in every
direction; all sets of this package are computed in these coordinates.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.sets.elimination import eliminate, unit_rows
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class LimitedSystem:
    """s+ = A s + B v + w with X s + V v <= h at every step and w in the hull of `corners`; s+ counts in `contraction`.

    s = (x - model.state) / width; v are inputs in a unit of their own. Where a gain has replaced them B has no columns.
    Each of `further` is an (A, B) that may rule at a step as well, and so may any mixture of all: v is chosen without
    knowing which does.
    """

    model: LinearModel
    width: Array
    A: Array
    B: Array
    X: Array
    V: Array
    h: Array
    corners: Array
    contraction: float
    further: tuple[tuple[Array, Array], ...] = ()

    @property
    def motions(self) -> tuple[tuple[Array, Array], ...]:
        """Return every (A, B) that may rule."""
        return ((self.A, self.B), *self.further)

    @property
    def input_free(self) -> bool:
        """Return whether there is no input to choose."""
        return self.B.shape[1] == 0

    def allowed(self) -> tuple[Array, Array]:
        """Return rows of the states at which some input keeps the limits of this step."""
        return eliminate(np.c_[self.X, self.V], self.h, len(self.A))

    def before(self, F: Array, f: Array) -> tuple[Array, Array]:
        """Return rows of the states that some input takes into {F s <= f}, within all limits, whatever w is."""
        rows, levels = self.successor_rows(F, f)
        return eliminate(rows, levels, len(self.A))

    def successor_rows(self, F: Array, f: Array) -> tuple[Array, Array]:
        """Return the rows on (s, v) that say: every successor has F s+ <= c f, and the limits of this step hold.

        There are as many rows for each of the `motions` as F has, then those of the limits.
        """
        levels = self.contraction * f - (F @ self.corners.T).max(axis=1)
        rows = np.vstack([*(np.c_[F @ A, F @ B] for A, B in self.motions), np.c_[self.X, self.V]])
        return rows, np.concatenate([np.tile(levels, len(self.motions)), self.h])

    def scaled(self, polyhedron: Polyhedron) -> tuple[Array, Array]:
        """Return unit rows of a set of physical states."""
        return unit_rows(polyhedron.A * self.width, polyhedron.b - polyhedron.A @ self.model.state)

    def physical(self, F: Array, f: Array) -> Polyhedron:
        """Return {F s <= f} as a set of physical states."""
        A = F / self.width
        return Polyhedron(A, f + A @ self.model.state)

    @cached_property
    def disturbed(self) -> bool:
        """Return whether there is any disturbance."""
        return bool(self.corners.any())
