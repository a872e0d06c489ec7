"""Jumps: how far the laws of two cells differ on a piece of the facet between them."""

import numpy as np

from mpc.explicit.proof.facets import Facets
from mpc.explicit.proof.supports import Polytopes, supports
from plants.arrays import Array, Indices


def jumps(
    facets: Facets, facet: Indices, cell: Indices, sets: Polytopes, which: Indices, centres: Array, size: Array,
    tolerance: float,
) -> Array:  # fmt: skip
    """Return bounds (k,) of the jump, in shares of the size of z, from the facets' own cells to `cell` on sets[which].

    First by the value at the centre and the slope times the widths of the cell's box; where that is not
    small enough, by supports of each component.
    """
    cells, own = facets.cells, facets.cell[facet]
    slope = (cells.gains[own] - cells.gains[cell]) / size[:, None]
    level = (cells.offsets[own] - cells.offsets[cell]) / size
    y = facets.points(facet, centres)
    value = np.matmul(slope, y[:, :, None])[:, :, 0] + level
    along = np.matmul(slope, facets.basis[facet])
    lower, upper = cells.boxes
    reach = np.linalg.norm(np.maximum(upper[own] - y, y - lower[own]), axis=1)
    bound = (np.abs(value) + np.linalg.norm(along, axis=2) * reach[:, None]).max(axis=1, initial=0.0)
    loose = np.flatnonzero(bound > tolerance)
    if len(loose):
        bound[loose] = _exact(sets, which[loose], along[loose], value[loose], centres[loose])
    return bound


def slope_across(facets: Facets, facet: Indices, cell: Indices, size: Array) -> Array:
    """Return by how much (k,) the steeper of the two laws changes, in shares of the size of z, per half width."""
    gains = np.stack([facets.cells.gains[facets.cell[facet]], facets.cells.gains[cell]])
    return np.linalg.norm(gains / size[:, None], axis=3).max(axis=(0, 2), initial=0.0)


def _exact(sets: Polytopes, which: Indices, along: Array, value: Array, centres: Array) -> Array:
    """Return the largest |value + along (u - centre)| over each set, by supports."""
    k, n, d = along.shape
    fixed = value - np.matmul(along, centres[:, :, None])[:, :, 0]
    costs = np.concatenate([along, -along], axis=1).reshape(2 * k * n, d)
    found = supports(sets, np.repeat(which, 2 * n), costs).value.reshape(k, 2, n)
    return np.maximum(found[:, 0] + fixed, found[:, 1] - fixed).max(axis=1)
