"""Facets: every row of every cell as a polytope of its own, one dimension lower."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.proof.cells import BOX, Cells
from mpc.explicit.proof.supports import Polytopes
from plants.arrays import Array, Indices

PARALLEL = 1e-9  # a row whose length in a plane is smaller cannot cut it


@dataclass(frozen=True, eq=False)
class Facets:
    """f facets: row `row` of the sets of cell `cell`, the plane {normal y = level}; in it y = origin + basis u.

    basis (f, t, t - 1) is orthonormal and perpendicular to the normal; u is 0 at the point of the plane nearest to 0.
    """

    cells: Cells
    cell: Indices
    row: Indices
    normal: Array
    level: Array
    basis: Array

    @classmethod
    def of(cls, cells: Cells) -> "Facets":
        """Return the facets of all cells, in the order of the law's half-spaces."""
        cell, row = np.nonzero(cells.real)
        normal, level = cells.sets.A[cell, row], cells.sets.b[cell, row]
        return cls(cells, cell, row, normal, level, _perpendicular(normal))

    def __len__(self) -> int:
        """Return the number of facets."""
        return len(self.cell)

    @property
    def origin(self) -> Array:
        """Return the points (f, t) of the planes that are nearest to 0."""
        return self.level[:, None] * self.normal

    def patches(self, which: Indices) -> Polytopes:
        """Return facets (k,) in their planes."""
        A, b = self.in_plane(which, self.cell[which])
        each = np.arange(len(which))
        A[each, self.row[which]], b[each, self.row[which]] = 0.0, 1.0
        length = np.linalg.norm(A, axis=2)
        length = np.where(length > PARALLEL, length, 1.0)
        return Polytopes(A / length[:, :, None], b / length, BOX * np.sqrt(self.cells.t))

    def in_plane(self, which: Indices, cell: Indices) -> tuple[Array, Array]:
        """Return the rows of cells (k,) over u in the planes of facets (k,): (k, q, t - 1) and (k, q)."""
        A, b = self.cells.sets.A[cell], self.cells.sets.b[cell]
        return A @ self.basis[which], b - np.matmul(A, self.origin[which][:, :, None])[:, :, 0]

    def number(self, facet: int) -> int:
        """Return the number of a facet among the half-spaces of its region."""
        return int(self.cells.rows[self.cell[facet], self.row[facet]])

    def points(self, which: Indices, u: Array) -> Array:
        """Return y (k, t) for u (k, t - 1) in the planes of facets (k,)."""
        return self.origin[which] + np.matmul(self.basis[which], u[:, :, None])[:, :, 0]


def _perpendicular(normal: Array) -> Array:
    """Return orthonormal bases (f, t, t - 1) of the planes, by reflections that turn normals to the last axis."""
    mirror = normal.copy()
    mirror[:, -1] += np.where(normal[:, -1] >= 0, 1.0, -1.0)
    reflection = np.eye(normal.shape[1]) - 2 * mirror[:, :, None] * (
        mirror[:, None, :] / np.einsum("ft,ft->f", mirror, mirror)[:, None, None]
    )
    return reflection[:, :, :-1]
