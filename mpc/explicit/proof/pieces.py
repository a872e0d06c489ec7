"""Pieces: what is left of a polytope when another one is taken away."""

from typing import NamedTuple

import numpy as np

from plants.arrays import Array


class Piece(NamedTuple):
    """{x : A x <= b}, A (q, d) and b (q,)."""

    A: Array
    b: Array


def outside(piece: Piece, normals: Array, levels: Array) -> list[Piece]:
    """Return pieces without common interior points that make up `piece` without {normals x <= levels}."""
    parts = []
    for k in range(len(levels)):
        A = np.vstack([piece.A, normals[:k], -normals[k]])
        parts.append(Piece(A, np.r_[piece.b, levels[:k], -levels[k]]))
    return parts
