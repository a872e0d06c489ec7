"""What is done to a residual after its layers: changes of the law are added, and it fades towards facets."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array, Indices


@dataclass(frozen=True, eq=False)
class Change:
    """Adds pieces (p, m, t + 1), gain and offset, of scaled states, in half input ranges: a TrainableLaw."""

    pieces: Array

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return its constants by name."""
        return {"change": self.pieces}

    def added(self, z: Array, region: np.ndarray) -> Array:
        """Return what is added (n, m), in half input ranges, at scaled states z (n, t) of the regions (n,)."""
        pieces = self.pieces[region]
        return np.einsum("nmt,nt->nm", pieces[:, :, :-1], z) + pieces[:, :, -1]

    def size(self, z: Array, region: np.ndarray) -> Array:
        """Return how large (n, m) the terms of that sum can be together, where |z| (n, t) is given."""
        pieces = np.abs(self.pieces[region])
        return np.einsum("nmt,nt->nm", pieces[:, :, :-1], np.abs(z)) + pieces[:, :, -1]


@dataclass(frozen=True, eq=False)
class Fade:
    """Multiplies by w^2 (3 - 2 w), w = depth / width within [0, 1]: a Continuous residual.

    The depth is the least b - A theta of the region's rows A (p, k, t), b (p, k); `width` (p,) is by region. `faced`
    (q,) says of each half-space of the law whether it is one of them: 1, or 0 where nothing lies behind it.
    """

    A: Array
    b: Array
    width: Array
    faced: Indices

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return its constants by name."""
        return {"fade": self.width}

    def factor(self, points: Array, region: np.ndarray) -> Array:
        """Return the factor (n,) at points (n, t) of the regions (n,)."""
        depth = (self.b[region] - np.einsum("nkt,nt->nk", self.A[region], points)).min(axis=1)
        w = np.clip(depth / self.width[region], 0.0, 1.0)
        return w * w * (3 - 2 * w)

    def doubt(self, depth: float, unit: float, region: np.ndarray) -> Array:
        """Return by how much (n,) the factor is off where the depth is off by `depth`: its slope is 1.5 / width."""
        return 1.5 * depth / self.width[region] + 10 * unit


Step = Change | Fade


def named_arrays(steps: tuple[Step, ...]) -> dict[str, np.ndarray]:
    """Return the constants of all steps by name; a later step of one kind has its number in the name."""
    return {f"{name}{i or ''}": values for i, step in enumerate(steps) for name, values in step.arrays.items()}
