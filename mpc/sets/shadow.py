"""The shadow {theta : some z has A (theta, z) <= b} by its corners: linear programs in every facet's direction.

Where Fourier-Motzkin elimination would take out one z after another, and grow, this grows with the answer
alone: the hull of the corners known so far is pushed outwards until no facet gives way.
"""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.linear import balanced, linear_program, row_lengths
from plants.arrays import Array

REACHED = 1e-9  # a facet that a linear program passes by less than this is one of the shadow
FLAT = 1e-7
MOST = 20_000  # linear programs


class Shadow:
    """Asks for the corners of the first `keep` components of {A x <= b}, which should be scaled to about 1."""

    def __init__(self, A: Array, b: Array, keep: int) -> None:
        length = row_lengths(A)
        self.keep, self.asked = keep, 0
        rows, self.levels, unit = balanced(A / length[:, None], b / length)
        self.unit, self.rows = unit, rows

    def rows_and_levels(self) -> tuple[Array, Array]:
        """Return unit rows (F, f) of the shadow; raises ProblemError where it is empty, unbounded or flat."""
        corners = self._first_corners()
        if self.keep == 1:
            return np.array([[1.0], [-1.0]]), np.array([corners.max(), -corners.min()])
        known: dict[tuple[float, ...], tuple[Array, float]] = {}
        while True:
            new, found = [], {}
            for normal, level in _facets(corners):
                key = tuple(normal.round(9))
                if key not in known:
                    corner = self.furthest(normal)
                    if normal @ corner > level + REACHED:
                        new.append(corner)
                        continue
                    known[key] = normal, float(max(level, normal @ corner))
                found[key] = known[key]
            if not new:
                return np.array([n for n, _ in found.values()]), np.array([level for _, level in found.values()])
            corners = np.vstack([corners, new])

    def furthest(self, direction: Array) -> Array:
        """Return a point of the shadow that lies furthest in a direction."""
        self.asked += 1
        if self.asked > MOST:
            raise NumericalError(f"the set has more than {MOST} facets and corners; ask in fewer dimensions")
        cost = np.zeros(len(self.unit))
        cost[: self.keep] = -direction * self.unit[: self.keep]
        result = linear_program(cost / np.abs(cost).max(), self.rows, self.levels)
        if result.status == 2:
            raise ProblemError("the set is empty: no parameter admits a solution; widen a limit, or make it soft")
        if not result.success:
            raise NumericalError(f"the furthest point of the set was not found: {result.message}")
        return result.x[: self.keep] * self.unit[: self.keep]

    def _first_corners(self) -> Array:
        """Return corners that span the space: those along the axes, and across whatever these leave flat."""
        axes = np.eye(self.keep)
        corners = np.array([self.furthest(sign * axis) for axis in axes for sign in (1.0, -1.0)])
        for _ in range(self.keep):
            sizes, directions = np.linalg.svd(corners - corners.mean(axis=0))[1:]
            flat = directions[np.append(sizes, np.zeros(self.keep))[: self.keep] <= FLAT]
            if not len(flat):
                return corners
            corners = np.vstack([corners, *(self.furthest(sign * flat[0])[None] for sign in (1.0, -1.0))])
        raise ProblemError(f"the set is flat: it is at most {FLAT:g} wide in some direction; widen a limit")


def _facets(corners: Array) -> list[tuple[Array, float]]:
    """Return normal and level of each facet of the corners' hull, one for simplices in one plane."""
    try:
        equations = ConvexHull(corners).equations
    except QhullError as cause:
        raise NumericalError(f"the hull of {len(corners)} corners was not found") from cause
    _, first = np.unique(equations.round(9), axis=0, return_index=True)
    return [(equations[i, :-1], float(-equations[i, -1])) for i in first]
