"""The cells of a growing search tree that wait for a decision: a stack of jobs over one long list of regions.

The regions of the cell on top of the stack end the list, so that those of its two halves can take their place.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled
from mpc.explicit.tree_cell import Cells, Scratch, copy
from plants.arrays import Array

PARENT, SIDE, DEPTH, LAST = range(4)  # the columns of `jobs`


class Waiting(NamedTuple):
    """jobs[:size[0]]: a parent's number, the side of it, the depth, and where the job's regions end in `regions`.

    `points` are points of the regions' parts of the cells.
    """

    jobs: np.ndarray
    size: np.ndarray
    regions: np.ndarray
    points: Array


class Job(NamedTuple):
    """A cell to be decided: child `side` of node `parent` (-1: the root), with entries first:last of the list."""

    parent: int
    side: int
    depth: int
    first: int
    last: int


@compiled
def all_regions(cells: Cells, depth_limit: int) -> Waiting:
    """Return the list with one job: all regions, in the whole parameter set."""
    p, t = cells.inside.shape
    waiting = Waiting(
        np.zeros((depth_limit + 2, 4), np.int64),
        np.zeros(1, np.int64),
        np.arange(2 * p).astype(np.int32),
        np.zeros((2 * p, t)),
    )
    for i in range(p):
        copy(waiting.points[i], cells.inside[i])
    _push(waiting, -1, 0, 0, p)
    return waiting


@compiled
def taken(waiting: Waiting) -> Job:
    """Take the job off the top of the stack; its regions stay in the list until the next job is pushed."""
    waiting.size[0] -= 1
    top = waiting.size[0]
    job = waiting.jobs[top]
    first = waiting.jobs[top - 1, LAST] if top > 0 else 0
    return Job(job[PARENT], job[SIDE], job[DEPTH], first, job[LAST])


@compiled
def halved(waiting: Waiting, job: Job, node: int, scratch: Scratch) -> Waiting:
    """Return the list with the two halves of a job in place of it, the children of `node`."""
    more = 2 * (job.last - job.first)
    regions, points = longer(waiting.regions, job.last, more), taller(waiting.points, job.last, more)
    middle, end = _share(regions, points, job.first, job.last, scratch)
    grown = Waiting(waiting.jobs, waiting.size, regions, points)
    _push(grown, node, 1, job.depth + 1, middle)
    _push(grown, node, 0, job.depth + 1, end)
    return grown


@compiled
def _push(waiting: Waiting, parent: int, side: int, depth: int, last: int) -> None:
    job = waiting.jobs[waiting.size[0]]
    job[PARENT], job[SIDE], job[DEPTH], job[LAST] = parent, side, depth, last
    waiting.size[0] += 1


@compiled
def _share(regions: np.ndarray, points: Array, first: int, last: int, scratch: Scratch) -> tuple[int, int]:
    """Replace a cell's regions by those above and then those below; return where the two lists end."""
    ends = np.full(2, last)
    for side in (1, 0):
        ends[0] = ends[side]
        for i in range(last - first):
            if scratch.sides[i, side]:
                regions[ends[0]] = regions[first + i]
                copy(points[ends[0]], scratch.halves[side, i])
                ends[0] += 1
        ends[side] = ends[0]
    size = last - first
    for i in range(last, ends[0]):
        regions[i - size] = regions[i]
        copy(points[i - size], points[i])
    return ends[1] - size, ends[0] - size


@compiled
def longer(values: np.ndarray, used: int, more: int) -> np.ndarray:
    """Return values with room for more behind those that are used."""
    if used + more <= len(values):
        return values
    grown = np.zeros(2 * (used + more), values.dtype)
    copy(grown, values[:used])
    return grown


@compiled
def taller(values: np.ndarray, used: int, more: int) -> np.ndarray:
    """Return rows of values with room for more rows behind those that are used."""
    if used + more <= len(values):
        return values
    grown = np.zeros((2 * (used + more), values.shape[1]), values.dtype)
    for i in range(used):
        copy(grown[i], values[i])
    return grown
