"""Slice: what the equality rows leave of the variables, and the other rows over that."""

from typing import NamedTuple

import numpy as np

from mpc.explicit.singular.hull import RANK, null_space
from plants.arrays import Array, Indices


class Slice(NamedTuple):
    """y = start (1, p) + along x with orthonormal `along` (n, k); the other rows read G x <= w + S p.

    `start` is orthogonal to `along`. `rows` gives the rows their numbers; rows that hold for every (x, p) are left out.
    """

    start: Array
    along: Array
    G: Array
    w: Array
    S: Array
    rows: Indices


def sliced(G: Array, w: Array, S: Array, fixed: Indices) -> Slice:
    """Return the slice of {G y <= w + S p} in which the `fixed` rows hold with equality. Rows are about 1 long."""
    n, right = G.shape[1], np.c_[w, S]
    along = null_space(G[fixed]) if len(fixed) else np.eye(n)
    start = np.linalg.lstsq(G[fixed], right[fixed], rcond=RANK)[0]
    across, left = G @ along, right - G @ start
    across[np.linalg.norm(across, axis=1) <= RANK] = 0.0
    level = ~across.any(axis=1)
    idle = level & (np.linalg.norm(left[:, 1:], axis=1) <= RANK)
    rows = np.setdiff1d(np.flatnonzero(~idle), fixed)
    return Slice(start, along, across[rows], left[rows, 0], left[rows, 1:], rows)
