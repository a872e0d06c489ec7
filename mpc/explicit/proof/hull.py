"""Hull: the coordinates of a proof. Scaled parameters, and where all regions lie in one plane, those in the plane."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from plants.arrays import Array

SAME = 1e-12  # opposite rows whose levels differ by less leave a plane
ASKED = 3  # sets of the fewest rows that are asked for planes; one that is damaged need not know them


@dataclass(frozen=True, eq=False)
class Hull:
    """theta = centre + half_width * (origin + basis y); basis (t, k) is orthonormal, k = t but for flat laws.

    `normals` (any, t) and `levels` are the planes {normals s = levels} over s = (theta - centre) / half_width, and
    `loose` (p,) bounds how far each set may leave them.
    """

    centre: Array
    half_width: Array
    origin: Array
    basis: Array
    normals: Array
    levels: Array
    loose: Array

    @classmethod
    def of(cls, centre: Array, half_width: Array, A: Array, b: Array, owner: np.ndarray) -> Self:
        """Return the hull of sets with unit rows {A s <= b}, of which `owner` says whose each row is.

        A plane counts if most sets lie in it: those that do not are the ones to be named.
        """
        counts = np.bincount(owner)
        normals, levels, loose = [], [], np.zeros(len(counts))
        for row in np.flatnonzero(np.isin(owner, np.argsort(counts, kind="stable")[:ASKED])):
            if any(np.abs(A[row] - n).max() <= SAME or np.abs(A[row] + n).max() <= SAME for n in normals):
                continue
            passed = _passed(A, b, owner, A[row], b[row])
            if 2 * np.count_nonzero(passed <= SAME) > len(counts):
                normals.append(A[row])
                levels.append(b[row])
                loose = np.maximum(loose, passed)
        planes = np.array(normals).reshape(-1, len(centre))
        _, s, vt = np.linalg.svd(planes)
        rank = int((s > 1e-9).sum())
        origin = np.linalg.lstsq(planes, np.array(levels), rcond=None)[0] if rank else np.zeros(len(centre))
        basis = vt[rank:].T if rank else np.eye(len(centre))
        return cls(centre, half_width, origin, basis, planes, np.array(levels), loose)

    @property
    def place(self) -> Array:
        """Return theta (t,) at y = 0."""
        return self.centre + self.half_width * self.origin

    @property
    def spread(self) -> Array:
        """Return d theta / d y (t, k)."""
        return self.half_width[:, None] * self.basis

    @property
    def whole(self) -> Self:
        """Return the coordinates of all parameters, flat or not."""
        t = len(self.centre)
        return replace(self, origin=np.zeros(t), basis=np.eye(t), normals=self.normals[:0], levels=self.levels[:0])


def _passed(A: Array, b: Array, owner: np.ndarray, normal: Array, level: float) -> Array:
    """Return bounds (p,) of how far sets inside the box [-1, 1] may leave a plane, by the rows most like its sides."""
    furthest = np.zeros(owner.max() + 1)
    for sign in (1.0, -1.0):
        by = np.abs(A - sign * normal).sum(axis=1) + np.maximum(b - sign * level, 0.0)
        nearest = np.full(len(furthest), np.inf)
        np.minimum.at(nearest, owner, by)
        furthest = np.maximum(furthest, nearest)
    return furthest
