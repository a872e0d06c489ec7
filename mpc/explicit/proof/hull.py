"""Hull: the coordinates of a proof. Scaled parameters, and where all regions lie in one plane, those in the plane."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from plants.arrays import Array

SAME = 1e-12  # opposite rows whose levels differ by less leave a plane


@dataclass(frozen=True, eq=False)
class Hull:
    """theta = centre + half_width * (origin + basis y); basis (t, k) is orthonormal, k = t but for flat laws.

    `normals` (t - k, t) and `levels` are the planes {normals s = levels} over s = (theta - centre) / half_width.
    """

    centre: Array
    half_width: Array
    origin: Array
    basis: Array
    normals: Array
    levels: Array

    @classmethod
    def of(cls, centre: Array, half_width: Array, A: Array, b: Array, owner: np.ndarray) -> Self:
        """Return the hull of sets with unit rows {A s <= b}, of which `owner` says whose each row is."""
        least = np.flatnonzero(owner == np.bincount(owner).argmin())
        normals, levels = [], []
        for row in least:
            plane = np.r_[A[row], b[row]]
            sides = [np.abs(np.c_[A, b] - sign * plane).max(axis=1) <= SAME for sign in (1.0, -1.0)]
            if sides[1][least].any() and all(len(np.unique(owner[side])) == owner.max() + 1 for side in sides):
                normals.append(A[row])
                levels.append(b[row])
        planes = np.array(normals).reshape(-1, len(centre))
        _, s, vt = np.linalg.svd(planes)
        rank = int((s > 1e-9).sum())
        origin = np.linalg.lstsq(planes, np.array(levels), rcond=None)[0] if rank else np.zeros(len(centre))
        basis = vt[rank:].T if rank else np.eye(len(centre))
        return cls(centre, half_width, origin, basis, planes, np.array(levels))

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
