"""Overlaps: pairs of cells whose interiors have points in common.

Where H is strictly convex z is unique, so cells with different tight rows, each inside its exact critical region,
have no interior point in common: only cells of equal tight rows, and those that are unsure, are laid over others.
"""

import numpy as np

from mpc.explicit.proof.cells import BOX, Cells
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.supports import Polytopes, balls
from plants.arrays import Array, Indices

BLOCK = 2_000  # pairs whose rows are compared at once


def overlaps(cells: Cells, tight: np.ndarray, unsure: np.ndarray, strict: bool, tolerance: float) -> list[Finding]:
    """Return the pairs that share a ball of a radius above the tolerance; the amount is its diameter."""
    i, j = _pairs(cells, tight, unsure, strict, tolerance)
    findings = []
    for start in range(0, len(i), BLOCK):
        findings += _shared(cells, i[start : start + BLOCK], j[start : start + BLOCK], tolerance)
    return findings


def _pairs(
    cells: Cells, tight: np.ndarray, unsure: np.ndarray, strict: bool, tolerance: float
) -> tuple[Indices, Indices]:
    """Return the pairs (i, j), i < j, that must be looked at and whose boxes overlap."""
    if not strict:
        unsure = np.ones(len(cells), dtype=bool)
    groups = np.unique(np.packbits(tight, axis=1), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(groups, kind="stable")
    lower, upper = cells.boxes
    pairs = []
    for k, cell in enumerate(order):
        if unsure[cell]:
            others = np.arange(len(cells))
            others = others[(others > cell) | ~unsure]
        else:
            others = order[k + 1 : k + 1 + int(np.searchsorted(groups[order][k + 1 :], groups[cell], side="right"))]
        near = others[_boxes_overlap(lower, upper, int(cell), others, tolerance)]
        pairs.append(np.c_[np.full(len(near), cell), near])
    found = np.sort(np.concatenate(pairs), axis=1)
    found = np.unique(found[found[:, 0] < found[:, 1]], axis=0)
    return found[:, 0], found[:, 1]


def _boxes_overlap(lower: Array, upper: Array, cell: int, others: Indices, tolerance: float) -> np.ndarray:
    least = np.minimum(upper[cell], upper[others]) - np.maximum(lower[cell], lower[others])
    return least.min(axis=1) > 2 * tolerance


def _shared(cells: Cells, i: Indices, j: Indices, tolerance: float) -> list[Finding]:
    """Return the pairs that no pair of opposite rows keeps apart and that share a ball."""
    A, b = cells.sets.A, cells.sets.b
    room = np.full((len(i), A.shape[1]), np.inf)
    for row in range(A.shape[1]):
        tilt = np.abs(A[i] + A[j, row][:, None]).sum(axis=2)
        real = cells.real[i] & cells.real[j, row][:, None]
        room[:, row] = np.where(real, b[i] + b[j, row][:, None] + BOX * tilt, np.inf).min(axis=1)
    close = np.flatnonzero(room.min(axis=1) > 2 * tolerance)
    if not len(close):
        return []
    i, j = i[close], j[close]
    both = Polytopes(np.concatenate([A[i], A[j]], axis=1), np.concatenate([b[i], b[j]], axis=1), BOX)
    radius, centre = balls(both)
    deep = np.flatnonzero(radius > tolerance)
    return [Finding.at(Kind.OVERLAP, (i[k], j[k]), cells.physical(centre[k]), 2 * radius[k]) for k in deep]
