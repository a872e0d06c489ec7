"""Terms of a lattice: sets of affine functions whose least is never above the input, and on some pieces equal to it.

u = max over terms of (min over the functions of a term) on every convex domain on which u is continuous (Tarela &
Martinez, Mathematical and Computer Modelling 30, 1999, 17; irredundant forms: Xu, van den Boom & De Schutter,
Automatica 68, 2016). The functions that are above the own one on a whole region need not do; then the region is cut.
"""

import numpy as np

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Indices
from yann.errors import NetworkError
from yann.lattice_pieces import Pieces

CLOSE = 1e-9
"""Of the input range: functions that pass each other by less than this touch."""

CUTS = 50
"""Cuts of regions after which a law is refused."""


def terms_of(law: PiecewiseAffineLaw, output: int) -> tuple[list[Indices], Pieces]:
    """Return the terms of one input, none of which can be left out, and the pieces on which they are the law.

    Raises NetworkError for a law that is not continuous.
    """
    pieces, terms = Pieces.of(law, output), list[Indices]()
    left = np.ones(len(pieces), dtype=bool)
    for _ in range(CUTS + len(pieces)):
        if not left.any():
            return _needed(pieces, terms), pieces
        piece = int(left.argmax())
        term = np.flatnonzero(pieces.lacks[piece] <= CLOSE)
        fault = _fault(pieces, term)
        if fault is None:
            terms.append(_reduced(pieces, term, left))
            left &= ~_covered(pieces, terms[-1])
        else:
            pieces = pieces.cut(piece, _crossing(law, output, pieces, piece, *fault))
            left = np.r_[np.delete(left, piece), True, True]
    raise NetworkError(f"`law` needs more than {CUTS:,} cuts of its regions for a lattice; use YannActor")


def worst_error(pieces: Pieces, terms: list[Indices]) -> float:
    """Return a bound of |lattice - law| over all pieces, in input ranges."""
    short = np.min([pieces.lacks[:, term].max(axis=1) for term in terms], axis=0)
    over = [pieces.exceeds[:, term].min(axis=1) for term in terms]
    for value, term in zip(over, terms, strict=True):
        loose = np.flatnonzero(value > CLOSE)
        if len(loose):
            value[loose] = pieces.least_excess(loose, term)[0]
    return float(max(0.0, short.max(), np.max(over)))


def _covered(pieces: Pieces, term: Indices) -> np.ndarray:
    """Return on which pieces (p,) no function of the term is below the own one: with a term that fits it is the law."""
    return pieces.lacks[:, term].max(axis=1) <= CLOSE


def _fault(pieces: Pieces, term: Indices) -> tuple[int, Array] | None:
    """Return a piece, and a place there, at which the term is above the law; None if there is none."""
    loose = np.flatnonzero(pieces.exceeds[:, term].min(axis=1) > CLOSE)
    if not len(loose):
        return None
    value, place = pieces.least_excess(loose, term)
    worst = int(value.argmax())
    return None if value[worst] <= CLOSE else (int(loose[worst]), place[worst])


def _reduced(pieces: Pieces, term: Indices, left: np.ndarray) -> Indices:
    """Return a part of the term that is still below the law, and equal to it on as many pieces as is easily found."""
    for piece in np.flatnonzero(left):
        shared = term[pieces.lacks[piece, term] <= CLOSE]
        if 0 < len(shared) < len(term) and _fault(pieces, shared) is None:
            term = shared
    for function in sorted(term, key=lambda j: np.count_nonzero(pieces.exceeds[:, j] <= CLOSE)):
        rest = term[term != function]
        if len(rest) and _fault(pieces, rest) is None:
            term = rest
    return term


def _needed(pieces: Pieces, terms: list[Indices]) -> list[Indices]:
    """Return the terms without those on whose pieces others are the law too."""
    covered = np.array([_covered(pieces, term) for term in terms])
    kept = np.ones(len(terms), dtype=bool)
    for i in np.argsort(covered.sum(axis=1), kind="stable"):
        kept[i] = False
        kept[i] = not covered[kept].any(axis=0).all()
    return [term for term, keep in zip(terms, kept, strict=True) if keep]


def _crossing(law: PiecewiseAffineLaw, output: int, pieces: Pieces, piece: int, other: int, place: Array) -> int:
    """Return the function at which to cut a piece, so that a part gets a term that is no longer above the law there."""
    values = pieces.affine @ np.r_[place, 1.0]
    low = values <= values[pieces.own[other]] + CLOSE
    crosses = (pieces.lacks[piece] > CLOSE) & (pieces.exceeds[piece] > CLOSE)
    found = np.flatnonzero(low & crosses)
    if not len(found):
        where = ", ".join(f"{value:.6g}" for value in pieces.cells.physical(place))
        raise NetworkError(
            f"`law` has no lattice form, which is continuous: between region {pieces.region[piece]} and ({where}) of "
            f"region {pieces.region[other]} its {law.input_names[output]} jumps, or the way leaves its domain; use "
            "YannActor or compile_law, which need no continuity"
        )
    return int(found[pieces.exceeds[piece, found].argmax()])
