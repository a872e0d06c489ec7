"""Pieces of one input of a law, and by how much the affine functions of the others pass it there: all proved bounds."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.supports import Polytopes, supports
from plants.arrays import Array, Indices
from yann.errors import NetworkError
from yann.gathered import input_box

SAME = 1e-12
"""Affine functions whose coefficients differ by less than this, beside their own size, are one."""

LARGEST = 50_000
"""Pairs of piece and affine function that are compared."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """p convex sets over scaled parameters y, on each of which the input is one of L affine functions.

    `affine` (L, d + 1) has coefficients of (y, 1), in input ranges; piece k lies in region `region[k]` and has the
    function `own[k]`. `lacks` and `exceeds` (p, L) bound by how much a function is below or above the own one there.
    """

    cells: Cells
    sets: Polytopes
    affine: Array
    own: Indices
    region: Indices
    lacks: Array
    exceeds: Array

    @classmethod
    def of(cls, law: PiecewiseAffineLaw, output: int) -> Self:
        """Return the regions as pieces of one input; raises NetworkError for too many pairs."""
        cells = Cells.of(law)
        lower, upper = input_box(law)
        offset = law.offsets[:, output] + law.gains[:, output] @ cells.hull.place - lower[output]
        every = np.c_[law.gains[:, output] @ cells.hull.spread, offset] / (upper - lower)[output]
        first, own = _distinct(every)
        if len(own) * len(first) > LARGEST:
            raise NetworkError(
                f"`law` has {len(own):,} regions and {len(first):,} affine pieces of {law.input_names[output]}, "
                f"{len(own) * len(first):,} pairs to compare, but the limit is {LARGEST:,}; use YannActor"
            )
        bounds = _compared(cells.sets, every[first], own)
        return cls(cells, cells.sets, every[first], own, np.arange(len(own)), *bounds)

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.own)

    def cut(self, piece: int, by: int) -> Self:
        """Return the pieces with one of them cut in two, where the function `by` meets its own."""
        row = self.affine[by] - self.affine[self.own[piece]]
        unit = row / np.linalg.norm(row[:-1])
        A, b = self.sets.A[piece], self.sets.b[piece]
        halves = [(np.vstack([A, s * unit[:-1]]), np.r_[b, -s * unit[-1]]) for s in (1, -1)]
        others = [(self.sets.A[i], self.sets.b[i]) for i in range(len(self)) if i != piece]
        chosen = np.r_[np.delete(np.arange(len(self)), piece), piece, piece]
        parts = Polytopes.stack(halves, self.sets.box)
        lacks, exceeds = _compared(parts, self.affine, self.own[[piece, piece]])
        return replace(
            self,
            sets=Polytopes.stack([*others, *halves], self.sets.box),
            own=self.own[chosen],
            region=self.region[chosen],
            lacks=np.concatenate([np.delete(self.lacks, piece, axis=0), lacks]),
            exceeds=np.concatenate([np.delete(self.exceeds, piece, axis=0), exceeds]),
        )

    def least_excess(self, which: Indices, term: Indices) -> tuple[Array, Array]:
        """Return bounds (k,) of max over each piece of min over `term` of (function - own), and where (k, d)."""
        rows = self.affine[self.own[which], None] - self.affine[term]
        lifted = np.concatenate([rows[..., :-1], np.ones((*rows.shape[:2], 1))], axis=-1)
        length = np.linalg.norm(lifted, axis=-1)
        A = np.concatenate([self.sets.A[which], np.zeros((*self.sets.b[which].shape, 1))], axis=-1)
        A = np.concatenate([A, lifted / length[..., None]], axis=1)
        b = np.concatenate([self.sets.b[which], -rows[..., -1] / length], axis=1)
        cost = np.zeros((len(which), A.shape[-1]))
        cost[:, -1] = 1.0
        found = supports(Polytopes(A, b, self.sets.box), np.arange(len(which)), cost)
        return found.value, found.corner[:, :-1]


def _distinct(every: Array) -> tuple[Indices, Indices]:
    """Return the first region (L,) of each affine function, and the function (p,) of each region."""
    own, first = np.full(len(every), -1, dtype=np.intp), list[int]()
    for k, row in enumerate(every):
        if own[k] < 0:
            same = np.abs(every - row).max(axis=1) <= SAME * max(1.0, float(np.abs(row).sum()))
            own[same & (own < 0)] = len(first)
            first.append(k)
    return np.array(first), own


def _compared(sets: Polytopes, affine: Array, own: Indices) -> tuple[Array, Array]:
    """Return by how much (p, L) each function is below and above the own one at most."""
    p, count = len(own), len(affine)
    step = affine - affine[own][:, None]
    which = np.repeat(np.arange(p), count)
    bounds = []
    for rows in (-step, step):
        level = rows[..., -1].ravel()
        found = supports(sets, which, rows[..., :-1].reshape(p * count, -1), -level)
        bounds.append((found.value + level).reshape(p, count))
    return bounds[0], bounds[1]
