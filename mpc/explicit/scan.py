"""Location by a full scan: the region of least violation among all, the rule that every other locator must repeat.

The violation of a region is the largest A theta - b of its rows, each product summed in order of components, so that
a point gets the same bits alone and in a batch. Ties go to the lowest index.
"""

import numpy as np

from mpc.explicit.compiled import compiled, lean
from plants.arrays import Array

LANES = 16  # points that the scan takes through the rows side by side
GLANCE = 2  # rows after which it asks whether the region is still in the race for one of them


@compiled
def scan(A: Array, b: Array, starts: np.ndarray, points: Array) -> tuple[np.ndarray, Array]:
    """Return region (n,) and margin (n,), the negative violation, of points (n, t).

    Rows starts[i]:starts[i + 1] of A (q, t) and b (q,) belong to region i; starts is (p + 1,).
    """
    region, margin = np.zeros(len(points), np.int64), np.zeros(len(points))
    whole = len(points) - len(points) % LANES
    lanes, least = np.empty((points.shape[1], LANES)), np.empty(LANES)
    products, violation = np.empty(LANES), np.empty(LANES)
    for first in range(0, whole, LANES):
        lanes[:] = points[first : first + LANES].T
        least[:] = np.inf
        for rival in range(len(starts) - 1):
            _violation(A, b, starts[rival], starts[rival + 1], lanes, least, products, violation)
            for lane in range(LANES):
                if violation[lane] < least[lane]:
                    region[first + lane], least[lane] = rival, violation[lane]
        margin[first : first + LANES] = -least
    for i in range(whole, len(points)):
        region[i], violated = scan_point(A, b, starts, points[i], -1, np.inf)
        margin[i] = -violated
    return region, margin


@lean
def _violation(
    A: Array, b: Array, first: int, last: int, lanes: Array, least: Array, products: Array, violation: Array
) -> None:
    """Write the violation of rows first:last by the points of each lane, or something above `least` in all lanes."""
    violation[:] = -np.inf
    for row in range(first, last):
        for lane in range(LANES):
            products[lane] = A[row, 0] * lanes[0, lane]
        for j in range(1, len(lanes)):
            for lane in range(LANES):
                products[lane] += A[row, j] * lanes[j, lane]
        for lane in range(LANES):
            value = products[lane] - b[row]
            violation[lane] = max(violation[lane], value)
        if (row - first) % GLANCE == GLANCE - 1:
            left = 0
            for lane in range(LANES):
                left += violation[lane] < least[lane]
            if left == 0:
                return


@lean
def scan_point(A: Array, b: Array, starts: np.ndarray, point: Array, region: int, least: float) -> tuple[int, float]:
    """Return the region of least violation and that violation; `region` with violation `least` is known beforehand."""
    for rival in range(len(starts) - 1):
        region, least = better(A, b, starts, point, rival, region, least)
    return region, least


@lean
def better(
    A: Array, b: Array, starts: np.ndarray, point: Array, rival: int, region: int, least: float
) -> tuple[int, float]:
    """Return the better of `region`, whose violation is `least`, and a rival, left at its first row that is worse."""
    violation = -np.inf
    for row in range(starts[rival], starts[rival + 1]):
        value = along(A, row, point) - b[row]
        if value > least:
            return region, least
        violation = max(violation, value)
    if violation < least or rival < region or region < 0:
        return rival, violation
    return region, least


@lean
def along(A: Array, row: int, point: Array) -> float:
    """Return the product of a row and a point, summed in order of components."""
    value = A[row, 0] * point[0]
    for j in range(1, len(point)):
        value += A[row, j] * point[j]
    return value
