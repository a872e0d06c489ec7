"""Claims: affine functions that may not fall below 0 on a cell, and proved bounds on how far they do."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from mpc.explicit.proof.cells import BOX, Cells
from mpc.explicit.proof.supports import Polytopes, supports
from plants.arrays import Array, Indices

NOISE = 1e-13  # shares of the size of z below this are rounding
SAME = 1e-10  # a row of the cell this close to a claim proves it
BLOCK = 500_000  # entries of differences between rows that are held at once


@dataclass(frozen=True, eq=False)
class Claims:
    """level + slope y >= 0 for y in sets[which], a part of a cell; `effect` turns the value into a share of z.

    `row` is the row of the measure whose multiplier (`dual`) or slack the claim is about. All (k,), slope (k, t).
    """

    which: Indices
    cell: Indices
    level: Array
    slope: Array
    effect: Array
    row: Indices
    dual: np.ndarray

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return all claims of the parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True, eq=False)
class Excess:
    """How far claims fail at most: as a share of z, and as a distance in half widths; `corner` is where."""

    share: Array
    distance: Array
    corner: Array


def excess(claims: Claims, sets: Polytopes, cells: Cells) -> Excess:
    """Return proved bounds, at least 0, of -(level + slope y) over the sets.

    Most claims are settled by the box around their cell or by a row of the set that equals them; the rest by supports.
    """
    length = np.linalg.norm(claims.slope, axis=1)
    by, corner = np.zeros(len(length)), cells.balls[1][claims.cell]
    box = _over_boxes(claims, cells)
    flat = length * claims.effect <= NOISE
    by[flat] = np.maximum(box[flat], 0.0)
    rest = np.flatnonzero(~flat & ~(box <= 0))
    normal, level = -claims.slope[rest] / length[rest, None], claims.level[rest] / length[rest]
    deviation = _deviation(sets, claims.which[rest], normal, level)
    close = deviation <= SAME
    by[rest[close]] = (deviation * length[rest])[close]
    normal, level, rest = normal[~close], level[~close], rest[~close]
    found = supports(sets, claims.which[rest], normal, level)
    by[rest] = np.maximum(found.value - level, 0.0) * length[rest]
    corner[rest] = found.corner
    share = by * claims.effect
    distance = np.minimum(by / np.where(length > 0, length, np.finfo(float).tiny), BOX)
    return Excess(share, np.where(share <= NOISE, 0.0, distance), corner)


def _over_boxes(claims: Claims, cells: Cells) -> Array:
    """Return bounds of -(level + slope y) over the boxes around the cells."""
    lower, upper = (side[claims.cell] for side in cells.boxes)
    largest = np.maximum(-claims.slope * lower, -claims.slope * upper).sum(axis=1)
    return largest - claims.level


def _deviation(sets: Polytopes, which: Indices, normal: Array, level: Array) -> Array:
    """Return how far (k,) the sets can reach beyond {normal y <= level} at most, by the row that is most like it."""
    best = np.full(len(which), np.inf)
    step = max(1, BLOCK // (sets.A.shape[1] * sets.dimension))
    for start in range(0, len(which), step):
        block = slice(start, start + step)
        tilt = np.abs(sets.A[which[block]] - normal[block, None]).sum(axis=2)
        above = sets.b[which[block]] - level[block, None]
        best[block] = (tilt + np.maximum(above, 0.0)).min(axis=1)
    return best
