"""The corners of a bounded set, and its volume."""

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError

from mpc.explicit.ball import largest_ball
from mpc.explicit.errors import NumericalError
from plants.arrays import Array

FLAT = 1e-10  # a set in which no larger ball fits has no interior
BLOCK = 4_000_000  # products of a point and a row that are formed at once


def corners_of(F: Array, f: Array) -> Array:
    """Return the corners (c, n) of the bounded set {F s <= f}, unit rows; none where it has no interior."""
    n = F.shape[1]
    if not F.any(axis=1).all():
        return np.zeros((0, n))
    radius, centre = largest_ball(F, f, 1.0)
    if radius <= FLAT:
        return np.zeros((0, n))
    if n == 1:
        up = F[:, 0] > 0
        return np.array([[(f / F[:, 0])[~up].max()], [(f / F[:, 0])[up].min()]])
    try:
        found = HalfspaceIntersection(np.c_[F, F @ centre - f], np.zeros(n)).intersections
    except QhullError as cause:
        raise NumericalError(
            f"the corners of a set of {len(f)} half-spaces in {n} dimensions were not found; its largest ball has the "
            f"radius {radius:.2g}"
        ) from cause
    return centre + np.unique(found.round(14), axis=0)


def beyond(points: Array, F: Array, f: Array) -> Array:
    """Return for each row how far the furthest of the points lies beyond it (negative: inside)."""
    block = max(1, BLOCK // max(len(points), 1))
    parts = [(points @ F[i : i + block].T).max(axis=0) for i in range(0, len(f), block)]
    return np.concatenate(parts) - f if parts else np.zeros(0)


def hull_volume(corners: Array) -> float:
    """Return the volume of the hull of the corners (c, n); 0 where it is flat."""
    if len(corners) <= corners.shape[1]:
        return 0.0
    width = np.ptp(corners, axis=0)
    if corners.shape[1] == 1 or not width.all():
        return float(width.prod())
    try:
        return float(ConvexHull((corners - corners.min(axis=0)) / width).volume * width.prod())
    except QhullError:
        return 0.0
