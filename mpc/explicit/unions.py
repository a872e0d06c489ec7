"""Unions: one region where several active sets describe the same solution.

Where tight rows depend on one another (LICQ fails), many of their independent subsets are optimal, with one and the
same z, and the regions of these subsets overlap. Their union is the set of all theta at which exactly these rows are
tight: it is convex, and one region.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.explore import Exploration
from mpc.explicit.minimal import PASSED, minimal_rows
from mpc.explicit.refine import Solutions
from plants.arrays import Array

APART = 1e-9  # scaled theta: a row that some part passes by more than this is no border of the union


class Pieces(NamedTuple):
    """One region for each solution, over scaled theta: z = solution (1, phi) on {A phi <= b}, ball and tight rows."""

    solution: Array
    A: Array
    b: Array
    facet_count: np.ndarray
    radius: Array
    centre: Array
    tight: np.ndarray


def united(found: Exploration, solutions: Solutions) -> Pieces:
    """Return the regions with those of one set of tight rows as one, in the order in which they were found."""
    solution, A, b = solutions
    whole = Pieces(solution, A, b, found.facet_count, found.radius, found.centre, found.tight)
    if len(np.unique(np.packbits(found.tight, axis=1), axis=0)) == len(found.tight):
        return whole
    groups = _groups(found.tight)
    ends = np.cumsum(found.facet_count)
    rows = [slice(end - count, end) for end, count in zip(ends, found.facet_count, strict=True)]
    parts = [_one(whole, rows, group) for group in groups]
    return Pieces(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _groups(tight: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of the regions of each set of tight rows, in order of their first ones."""
    keys = np.packbits(tight, axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    members = np.split(np.argsort(group.ravel(), kind="stable"), np.cumsum(np.bincount(group.ravel()))[:-1])
    return [members[i] for i in np.argsort(first, kind="stable")]


def _one(whole: Pieces, rows: list[slice], group: np.ndarray) -> Pieces:
    """Return the region of one group: of all rows of its parts those that every part keeps."""
    i = int(group[0])
    A, b, radius, centre = whole.A[rows[i]], whole.b[rows[i]], whole.radius[i], whole.centre[i]
    if len(group) > 1:
        parts = [(whole.A[rows[j]], whole.b[rows[j]]) for j in group]
        A, b = (np.concatenate(side) for side in zip(*parts, strict=True))
        kept = np.array([all(_keeps(part, *row) for part in parts) for row in zip(A, b, strict=True)])
        A, b = np.ascontiguousarray(A[kept]), b[kept]
        radius, centre = largest_ball(A, b)
        needed = minimal_rows(A, b, centre, len(b), PASSED)
        A, b = A[needed], b[needed]
    ball = np.array([radius]), centre[None]
    return Pieces(whole.solution[i : i + 1], A, b, np.array([len(b)]), *ball, whole.tight[i : i + 1])


def _keeps(part: tuple[Array, Array], row: Array, level: float) -> bool:
    """Return whether a row holds on all of a part, up to APART."""
    A, b = part
    if ((np.abs(A - row) < APART).all(axis=1) & (b <= level + APART)).any():
        return True
    return largest_ball(np.vstack([A, -row]), np.append(b, -level - APART))[0] < 0
