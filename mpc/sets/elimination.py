"""Fourier-Motzkin elimination: the shadow {s : some v has A (s, v) <= b} of a polyhedron, exactly."""

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.minimal import PASSED, minimal_rows
from plants.arrays import Array

ZERO = 1e-12  # of a row of length 1: a component smaller than this is none
SPARE = 200  # rows up to which the next elimination is cheaper than to look for rows that nothing needs


def eliminate(A: Array, b: Array, keep: int) -> tuple[Array, Array]:
    """Return unit rows (A, b) of the first `keep` components of {A x <= b}; rows that nothing needs may be left.

    The components should be scaled to about 1. An empty set leaves a row of zeros with a negative level.
    """
    A, b = unit_rows(A, b)
    columns = A.shape[1]
    for last in range(columns - 1, keep - 1, -1):
        if last < columns - 1 and len(b) > SPARE:
            A, b = without_spare(A, b)
        A, b = unit_rows(*_without_last(A, b, last))
    return A, b


def unit_rows(A: Array, b: Array) -> tuple[Array, Array]:
    """Return rows of length 1; rows of zeros go, unless nothing satisfies them."""
    length = np.linalg.norm(A, axis=1)
    real = length > ZERO
    impossible = ~real & (b < -ZERO)
    if impossible.any():
        return np.zeros((1, A.shape[1])), b[impossible][:1]
    return A[real] / length[real, None], b[real] / length[real]


def without_spare(A: Array, b: Array) -> tuple[Array, Array]:
    """Return the unit rows that the set needs; all of them where it has no interior."""
    if not A.any(axis=1).all():
        return A, b
    radius, inside = largest_ball(A, b, 1.0)
    if radius <= 0:
        return A, b
    needed = minimal_rows(A, b, inside, len(b), PASSED)
    return A[needed], b[needed]


def _without_last(A: Array, b: Array, last: int) -> tuple[Array, Array]:
    """Return the rows without a component: those that never had it, and every upper limit of it with every lower."""
    share = A[:, last]
    above, below, free = share > ZERO, share < -ZERO, np.abs(share) <= ZERO
    upper, lower = (np.c_[A[side], b[side]] / np.abs(share[side])[:, None] for side in (above, below))
    pairs = (upper[:, None, :] + lower[None, :, :]).reshape(-1, A.shape[1] + 1)
    rows = np.vstack([np.c_[A[free], b[free]], pairs])
    return rows[:, :last], rows[:, -1]
