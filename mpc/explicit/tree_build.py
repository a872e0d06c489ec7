"""Growing a search tree: which facet splits a cell best, and which regions reach into its two halves.

Everything is in half widths around the centre of the parameter set, where the rows of regions have unit length.
A region goes into a half unless the least-distance kernel proves that the half holds none of it, so a doubt costs
time and never a wrong answer. Source of the idea: Tøndel, Johansen & Bemporad, Automatica 39 (2003) 945.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.least_distance import EMPTY, Workspace, nearest, workspace
from plants.arrays import Array

CANDIDATES = 48  # facets tried at a node
PROVED = 4  # of them so many, at most, are tried by proofs before the node becomes a leaf
ACCURACY = 1e-13  # the kernel's
UNSPLIT = -1


class Cells(NamedTuple):
    """What to search: rows A x <= b of all regions, those of region i in starts[i]:starts[i + 1], and points inside.

    `plane` gives rows on the same hyperplane the same number. A region reaches `reach` far beyond its rows; what is
    within `band` of a hyperplane is searched for on both of its sides. A cell of at most `leaf` regions is not split.
    """

    A: Array
    b: Array
    starts: np.ndarray
    plane: np.ndarray
    inside: Array
    reach: float
    band: float
    leaf: int


class Scratch(NamedTuple):
    """Memory for one cell: its half-spaces, points of its regions, candidates, sides, and the rows of one region."""

    path: Array
    levels: Array
    spread: Array
    rows: np.ndarray
    scores: Array
    seen: np.ndarray
    sides: np.ndarray
    halves: Array
    near: Array
    right: Array
    order: np.ndarray
    work: Workspace


@compiled
def grow(cells: Cells, depth_limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (rows, children, leaf_starts, leaf_regions) of a search tree.

    Node i asks on which side of row rows[i] a point lies; children[i] are the nodes below (above) it, a number
    -1 - k standing for leaf k, whose regions are leaf_regions[leaf_starts[k]:leaf_starts[k + 1]], in order.
    A tree without nodes has one leaf.
    """
    p, t = cells.inside.shape
    scratch = _scratch(cells, depth_limit)
    rows, children = np.zeros(p, np.int32), np.zeros((p, 2), np.int32)
    leaf_starts, leaf_regions = np.zeros(p + 2, np.int64), np.zeros(4 * p + 4, np.int32)
    nodes, leaves = np.int64(0), np.int64(0)
    regions, points = np.arange(2 * p).astype(np.int32), np.zeros((2 * p, t))
    for i in range(p):
        _copy(points[i], cells.inside[i])
    jobs = np.zeros((depth_limit + 2, 4), np.int64)
    _write_job(jobs[0], -1, 0, 0, p)
    count = 1
    while count > 0:
        count -= 1
        parent, side, depth, last = jobs[count, 0], jobs[count, 1], jobs[count, 2], jobs[count, 3]
        first = jobs[count - 1, 3] if count > 0 else 0
        k = last - first
        if depth > 0:
            _half(cells, rows[parent], side, depth - 1, scratch)
        row = np.int64(UNSPLIT)
        if k > cells.leaf and depth < depth_limit:
            row = _split(cells, regions[first:last], points[first:last], depth, nodes, scratch)
        if row < 0:
            here = -1 - leaves
            leaf_regions = _longer(leaf_regions, leaf_starts[leaves], k)
            leaf_starts = _longer(leaf_starts, leaves + 1, 1)
            leaf_starts[leaves + 1] = leaf_starts[leaves] + k
            _copy(leaf_regions[leaf_starts[leaves] : leaf_starts[leaves + 1]], regions[first:last])
            leaves += 1
        else:
            here = nodes
            rows, children = _longer(rows, nodes, 1), _taller(children, nodes, 1)
            rows[nodes] = row
            nodes += 1
            regions, points = _longer(regions, last, 2 * k), _taller(points, last, 2 * k)
            middle, end = _share(regions, points, first, last, scratch)
            _write_job(jobs[count], here, 1, depth + 1, middle)
            _write_job(jobs[count + 1], here, 0, depth + 1, end)
            count += 2
        if parent >= 0:
            children[parent, side] = here
    return (
        rows[:nodes].copy(),
        children[:nodes].copy(),
        leaf_starts[: leaves + 1].copy(),
        leaf_regions[: leaf_starts[leaves]].copy(),
    )


@compiled
def _write_job(job: np.ndarray, parent: int, side: int, depth: int, end: int) -> None:
    """Note a cell that waits to be split: whose child it is, its depth, and where its regions end in the long list."""
    job[0], job[1], job[2], job[3] = parent, side, depth, end


@compiled
def _scratch(cells: Cells, depth_limit: int) -> Scratch:
    p, t = cells.inside.shape
    most = np.int64(0)
    for i in range(p):
        most = max(most, depth_limit + 1 + cells.starts[i + 1] - cells.starts[i])
    return Scratch(
        np.zeros((depth_limit, t)),
        np.zeros(depth_limit),
        np.zeros((p, 2 * t + 1, t)),
        np.zeros(CANDIDATES, np.int64),
        np.zeros(CANDIDATES),
        np.full(len(cells.plane), -1),
        np.zeros((p, 2), np.bool_),
        np.zeros((2, p, t)),
        np.zeros((most, t)),
        np.zeros(most),
        np.arange(most),
        workspace(t),
    )


@compiled
def _half(cells: Cells, row: int, side: int, depth: int, scratch: Scratch) -> None:
    """Put the half-space of a node's side on the path, as wide as points are that are searched for there."""
    sign = 1.0 - 2.0 * side
    for j in range(cells.A.shape[1]):
        scratch.path[depth, j] = sign * cells.A[row, j]
    scratch.levels[depth] = sign * cells.b[row] + cells.band + cells.reach


@compiled
def _split(cells: Cells, regions: np.ndarray, points: Array, depth: int, node: int, scratch: Scratch) -> int:
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
    count = _rows(cells, region, depth, cells.inside[region], scratch)
    inside = True
    for i in range(count):
        inside = inside and scratch.right[i] >= 0.0
    x = spread[2 * t]
    _copy(x, cells.inside[region] if inside else point)
    if not inside:
        count = _rows(cells, region, depth, point, scratch)
    near, right = scratch.near, scratch.right
    for axis in range(t):
        low, high = -np.inf, np.inf
        for i in range(count):
            if near[i, axis] > 0.0:
                high = min(high, max(right[i], 0.0) / near[i, axis])
            elif near[i, axis] < 0.0:
                low = max(low, max(right[i], 0.0) / near[i, axis])
        low, high = max(low, -4.0), min(high, 4.0)
        _copy(spread[2 * axis], x)
        _copy(spread[2 * axis + 1], x)
        spread[2 * axis, axis] += low
        spread[2 * axis + 1, axis] += high
        move = 0.5 * (low + high)
        x[axis] += move
        for i in range(count):
            right[i] -= near[i, axis] * move


@compiled
def _rows(cells: Cells, region: int, depth: int, origin: Array, scratch: Scratch) -> int:
    """Write the rows of a region and of the cell, as seen from a point; return how many there are."""
    first, last = cells.starts[region], cells.starts[region + 1]
    count = last - first
    for i in range(count):
        _copy(scratch.near[i], cells.A[first + i])
        scratch.right[i] = cells.b[first + i] + cells.reach
    for i in range(depth):
        _copy(scratch.near[count + i], scratch.path[i])
        scratch.right[count + i] = scratch.levels[i]
    for i in range(count + depth):
        for j in range(len(origin)):
            scratch.right[i] -= scratch.near[i, j] * origin[j]
    return count + depth


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
        value = _height(cells, row, points[i])
        low, high = min(low, value), max(high, value)
    return low, high


@compiled
def _height(cells: Cells, row: int, point: Array) -> float:
    value = -cells.b[row]
    for j in range(len(point)):
        value += cells.A[row, j] * point[j]
    return value


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
            _copy(scratch.halves[0, i], scratch.spread[i, -1])
            _copy(scratch.halves[1, i], scratch.spread[i, -1])
    return max(counts[0], counts[1]) < len(regions)


@compiled
def _reaches(cells: Cells, region: int, i: int, row: int, side: int, depth: int, scratch: Scratch) -> bool:
    """Return whether a region's part of the cell reaches beyond the band on a side, with a point of it in `halves`."""
    sign, t = 1.0 - 2.0 * side, cells.A.shape[1]
    deep, mean = 0, scratch.halves[side, i]
    for point in scratch.spread[i]:
        if sign * _height(cells, row, point) <= cells.reach - cells.band:
            deep += 1
            for j in range(t):
                mean[j] = point[j] if deep == 1 else mean[j] + (point[j] - mean[j]) / deep
    if deep > 0:
        return True
    origin = scratch.spread[i, -1]
    count = _rows(cells, region, depth, origin, scratch)
    for j in range(t):
        scratch.near[count, j] = sign * cells.A[row, j]
    scratch.right[count] = cells.reach - cells.band - sign * _height(cells, row, origin)
    far = 2.0 * np.sqrt(t) + 1.0
    found = nearest(scratch.near, scratch.right, scratch.order, count + 1, 0.0, -1, 0.0, far, scratch.work)
    for j in range(t):
        mean[j] = origin[j] + scratch.work.x[j]
    return found != EMPTY


@compiled
def _share(regions: np.ndarray, points: Array, first: int, last: int, scratch: Scratch) -> tuple[int, int]:
    """Replace a cell's regions by those above and then those below; return where the two lists end."""
    ends = np.full(2, last)
    for side in (1, 0):
        ends[0] = ends[side]
        for i in range(last - first):
            if scratch.sides[i, side]:
                regions[ends[0]] = regions[first + i]
                _copy(points[ends[0]], scratch.halves[side, i])
                ends[0] += 1
        ends[side] = ends[0]
    size = last - first
    for i in range(last, ends[0]):
        regions[i - size] = regions[i]
        _copy(points[i - size], points[i])
    return ends[1] - size, ends[0] - size


@compiled
def _copy(target: np.ndarray, source: np.ndarray) -> None:
    """Copy entry by entry: numba takes ten times as long to compile an assignment of arrays."""
    for i in range(len(source)):
        target[i] = source[i]


@compiled
def _longer(values: np.ndarray, used: int, more: int) -> np.ndarray:
    if used + more <= len(values):
        return values
    grown = np.zeros(2 * (used + more), values.dtype)
    _copy(grown, values[:used])
    return grown


@compiled
def _taller(values: np.ndarray, used: int, more: int) -> np.ndarray:
    if used + more <= len(values):
        return values
    grown = np.zeros((2 * (used + more), values.shape[1]), values.dtype)
    for i in range(used):
        _copy(grown[i], values[i])
    return grown
