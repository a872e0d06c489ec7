"""Extended: numpy's long double, in which a gradient keeps its digits where H is badly conditioned.

In float64 the noise of H x + f is 1e-16 of its size, and the solution moves by the condition of H times as much. Where
long double is float64 (some platforms), such laws are refused, never wrongly passed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plants.arrays import Array

Extended = NDArray[np.longdouble]
DEPENDENT = 1e-8  # unit rows with a smaller singular value depend on one another
STEPS = 3  # of refinement; each gains the digits that float64 has beyond the condition of the rows


class Fit(NamedTuple):
    """Multipliers (k, c), what target + rows' multipliers leaves (n, c), and whether the rows are independent."""

    multipliers: Extended
    left: Extended
    independent: bool


def extended(array: Array | Extended) -> Extended:
    """Return the array in long double."""
    return np.asarray(array, dtype=np.longdouble)


def unit_rows(rows: Extended) -> Extended:
    """Return rows (k, n) of unit length; rows of zeros stay."""
    length = np.sqrt((rows * rows).sum(axis=1))
    return rows / np.where(length > 0, length, 1.0)[:, None]


def fit(rows: Extended, target: Extended) -> Fit:
    """Return the multipliers of rows (k, n) that cancel most of target (n, c): least squares, refined."""
    u, s, _ = np.linalg.svd(rows.astype(float), full_matrices=False)
    rank = int((s > DEPENDENT).sum())
    root = u[:, :rank] / s[:rank]
    multipliers, left = np.zeros((len(rows), target.shape[1]), dtype=np.longdouble), target
    for _ in range(STEPS if rank else 0):
        step = extended(root @ (root.T @ (rows @ left).astype(float)))
        multipliers, left = multipliers - step, left - rows.T @ step
    return Fit(multipliers, left, rank == len(rows))
