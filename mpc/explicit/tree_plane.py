"""The hyperplane that splits a cell of the search tree best, and which regions reach to its two sides.

A region goes to a side unless the least-distance kernel proves that none of it is there, so a doubt costs time and
never a wrong answer. Source of the idea: Tøndel, Johansen & Bemporad, Automatica 39 (2003) 945.
"""

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.least_distance import EMPTY, nearest
from mpc.explicit.tree_cell import CANDIDATES, Cells, Scratch, copy, height, write_rows
from plants.arrays import Array

PROVED = 4  # so many candidates, at most, are tried by proofs before the node becomes a leaf
UNSPLIT = -1


@compiled
def choose_row(cells: Cells, regions: np.ndarray, points: Array, depth: int, node: int, scratch: Scratch) -> int:
    """Return the row whose hyperplane splits the cell best, and set the sides of each region; -1 if none does."""
    for i in range(len(regions)):
        _spread(cells, regions[i], points[i], depth, scratch, scratch.spread[i])
    found = _candidates(cells, regions, node, scratch)
    for c in range(found):
        scratch.scores[c] = _score(cells, len(regions), scratch.rows[c], scratch)
    for _ in range(min(found, PROVED)):
        best = 0
        for c in range(1, found):
            best = c if scratch.scores[c] < scratch.scores[best] else best
        if scratch.scores[best] == np.inf:
            return UNSPLIT
        if _sides(cells, regions, scratch.rows[best], depth, scratch):
            return scratch.rows[best]
        scratch.scores[best] = np.inf
    return UNSPLIT


@compiled
def _spread(cells: Cells, region: int, point: Array, depth: int, scratch: Scratch, spread: Array) -> None:
    """Write points (2 t + 1, t) of a region's part of the cell: ends of chords along the axes, and one well inside.

    `point` lies in that part, or hardly outside.
    """
    t = len(point)
    count = write_rows(cells, region, depth, cells.inside[region], scratch)
    inside = True
    for i in range(count):
        inside = inside and scratch.right[i] >= 0.0
    x = spread[2 * t]
    copy(x, cells.inside[region] if inside else point)
    if not inside:
        count = write_rows(cells, region, depth, point, scratch)
    near, right = scratch.near, scratch.right
    for axis in range(t):
        low, high = -np.inf, np.inf
        for i in range(count):
            if near[i, axis] > 0.0:
                high = min(high, max(right[i], 0.0) / near[i, axis])
            elif near[i, axis] < 0.0:
                low = max(low, max(right[i], 0.0) / near[i, axis])
        low, high = max(low, -4.0), min(high, 4.0)
        copy(spread[2 * axis], x)
        copy(spread[2 * axis + 1], x)
        spread[2 * axis, axis] += low
        spread[2 * axis + 1, axis] += high
        move = 0.5 * (low + high)
        x[axis] += move
        for i in range(count):
            right[i] -= near[i, axis] * move


@compiled
def _candidates(cells: Cells, regions: np.ndarray, node: int, scratch: Scratch) -> int:
    """Choose rows of different hyperplanes, evenly over the facets of the regions; return how many there are."""
    total = 0
    for region in regions:
        total += cells.starts[region + 1] - cells.starts[region]
    step = max(1.0, total / (2.0 * CANDIDATES))
    found, passed, wanted = 0, 0, 0.0
    for region in regions:
        first, last = cells.starts[region], cells.starts[region + 1]
        while wanted < passed + last - first:
            row = first + int(wanted) - passed
            wanted += step
            if scratch.seen[cells.plane[row]] != node:
                scratch.seen[cells.plane[row]] = node
                scratch.rows[found] = row
                found += 1
                if found == CANDIDATES:
                    return found
        passed += last - first
    return found


@compiled
def _score(cells: Cells, count: int, row: int, scratch: Scratch) -> float:
    """Return how much is left to search behind a hyperplane, by the points of each region; inf if it separates none."""
    below, above = 0, 0
    for i in range(count):
        low, high = _extent(cells, row, scratch.spread[i])
        below += low < -cells.band
        above += high > cells.band
    if below >= count or above >= count or below == 0 or above == 0:
        return np.inf
    return below * np.log(below) + above * np.log(above)


@compiled
def _extent(cells: Cells, row: int, points: Array) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for i in range(len(points)):
        value = height(cells, row, points[i])
        low, high = min(low, value), max(high, value)
    return low, high


@compiled
def _sides(cells: Cells, regions: np.ndarray, row: int, depth: int, scratch: Scratch) -> bool:
    """Tell for each region whether it reaches below and above the hyperplane; return whether that is less work."""
    counts = np.zeros(2, np.int64)
    for i in range(len(regions)):
        for side in range(2):
            reaches = _reaches(cells, regions[i], i, row, side, depth, scratch)
            scratch.sides[i, side] = reaches
            counts[side] += reaches
        if not (scratch.sides[i, 0] or scratch.sides[i, 1]):
            scratch.sides[i, 0] = scratch.sides[i, 1] = True
            counts[0] += 1
            counts[1] += 1
            copy(scratch.halves[0, i], scratch.spread[i, -1])
            copy(scratch.halves[1, i], scratch.spread[i, -1])
    return max(counts[0], counts[1]) < len(regions)


@compiled
def _reaches(cells: Cells, region: int, i: int, row: int, side: int, depth: int, scratch: Scratch) -> bool:
    """Return whether a region's part of the cell reaches beyond the band on a side, with a point of it in `halves`."""
    sign, t = 1.0 - 2.0 * side, cells.A.shape[1]
    deep, mean = 0, scratch.halves[side, i]
    for point in scratch.spread[i]:
        if sign * height(cells, row, point) <= cells.reach - cells.band:
            deep += 1
            for j in range(t):
                mean[j] = point[j] if deep == 1 else mean[j] + (point[j] - mean[j]) / deep
    if deep > 0:
        return True
    origin = scratch.spread[i, -1]
    count = write_rows(cells, region, depth, origin, scratch)
    for j in range(t):
        scratch.near[count, j] = sign * cells.A[row, j]
    scratch.right[count] = cells.reach - cells.band - sign * height(cells, row, origin)
    far = 2.0 * np.sqrt(t) + 1.0
    found = nearest(scratch.near, scratch.right, scratch.order, count + 1, 0.0, -1, 0.0, far, scratch.work)
    for j in range(t):
        mean[j] = origin[j] + scratch.work.x[j]
    return found != EMPTY
