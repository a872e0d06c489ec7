"""Merging by first move: regions that give the same input become one where their union is convex.

The union of polytopes is convex exactly if they cover their envelope, the set of all their rows that hold on each
of them (Bemporad, Fukuda & Torrisi, Computational Geometry 18, 2001, 141). Regions are joined in pairs until there
are no more, then in groups that fill the envelope of two of them. The least-distance kernel decides, never a sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.envelope import has_point, lifted, meeting, met_by, reached
from mpc.explicit.minimal import PASSED, minimal_rows
from mpc.explicit.region import CriticalRegion, Regions
from plants.arrays import Array, Indices

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

SAME = 1e-12  # laws over scaled theta that differ by less than this, beside the input's size, are one
CRACK = 1e-10  # half widths: what no piece covers must be wider than this to count
GROUP = 8  # the most pieces that are tried as one


@dataclass(frozen=True, eq=False)
class Piece:
    """Regions joined to one: {A x <= b} in half widths around the centre, and the same as `rows` (q, t + 1) of theta.

    `inside` and `radius` are a largest ball, `members` the numbers of the regions.
    """

    A: Array
    b: Array
    rows: Array
    inside: Array
    radius: float
    members: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Stack:
    """The rows of pieces one after another, those of piece i in starts[i]:starts[i + 1], and a point inside each."""

    A: Array
    b: Array
    starts: Indices
    inside: Array

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Self:
        """Return the stack of at least one piece."""
        return cls(
            np.concatenate([piece.A for piece in pieces]),
            np.concatenate([piece.b for piece in pieces]),
            np.cumsum([0, *(len(piece.b) for piece in pieces)]),
            np.stack([piece.inside for piece in pieces]),
        )


def first_moves(law: "PiecewiseAffineLaw") -> tuple[Indices, int]:
    """Return (group (p,), count): regions of one group give the same input, groups are numbered as they appear.

    Laws are one if none of their coefficients over scaled theta differs by more than 1e-12 of the input's size: the
    largest that the input is at a region's centre, or that this law can be on the parameter set.
    """
    levels = np.einsum("pmt,t->pm", law.gains, law.centre) + law.offsets
    laws = np.concatenate([law.gains * law.half_width, levels[:, :, None]], axis=2)
    centres = cast(Regions, law.regions).centre
    usual = np.abs(np.einsum("pmt,pt->pm", law.gains, centres) + law.offsets).max(axis=0)
    size = np.maximum(np.abs(laws).sum(axis=2), np.where(usual > 0, usual, 1.0))
    laws, size = laws.reshape(len(laws), -1), np.repeat(size, law.t + 1, axis=1)
    leader = np.arange(len(laws))
    for run in _runs(laws, SAME * size.max(axis=1)):
        left = run
        while len(left):
            same = (np.abs(laws[left] - laws[left[0]]) <= SAME * size[left[0]]).all(axis=1)
            leader[left[same]] = left[0]
            left = left[~same]
    first, group = np.unique(leader, return_inverse=True)
    return group, len(first)


def merged(law: "PiecewiseAffineLaw") -> "PiecewiseAffineLaw":
    """Return the law of the first move alone, with fewer regions: the same inputs on the same domain.

    A region that stands for several has gain and offset of the first of them, bit for bit; those of the others may
    differ from it by 1e-12 of the input's size (see `first_moves`), and their rows by 1e-10 half widths. `active` names
    the rows that are active on all of them, `members` numbers the regions that were joined; the solution is cut to the
    inputs, and the problem is not carried over.
    """
    group, count = first_moves(law)
    pieces = _pieces(law)
    result: list[Piece] = []
    for members in _members(group, count):
        result += _in_groups(_in_pairs([pieces[i] for i in members]))
    result.sort(key=lambda piece: piece.members)
    labels = replace(
        law.labels, variables=law.labels.variables[: law.m], variable_units=law.labels.variable_units[: law.m]
    )
    regions = tuple(_region(law, piece) for piece in result)
    own = law.members or tuple((i,) for i in range(len(law.regions)))
    members = tuple(tuple(sorted(k for i in piece.members for k in own[i])) for piece in result)
    return type(law)(
        regions,
        law.parameter_set,
        law.parameter_bounds,
        labels,
        law.input_bounds,
        partial=law.partial,
        members=members,
    )


def _runs(laws: Array, slack: Array) -> list[Indices]:
    """Return the indices in runs, each in order, such that equal laws share a run: neighbours along one direction."""
    direction = np.sin(1.0 + np.arange(laws.shape[1]))
    along = laws @ direction
    order = np.argsort(along, kind="stable")
    room = 2 * np.abs(direction).sum() * np.maximum(slack[order[1:]], slack[order[:-1]])
    return [np.sort(run) for run in np.split(order, np.flatnonzero(np.diff(along[order]) > room) + 1)]


def _members(group: Indices, count: int) -> list[Indices]:
    order = np.argsort(group, kind="stable")
    return np.split(order, np.searchsorted(group[order], np.arange(1, count)))


def _pieces(law: "PiecewiseAffineLaw") -> list[Piece]:
    A, b, _ = law.halfspaces
    regions = cast(Regions, law.regions)
    scaled, levels, rows = A * law.half_width, b - A @ law.centre, np.c_[A, b]
    inside = (regions.centre - law.centre) / law.half_width
    spans = zip(regions.starts[:-1], regions.starts[1:], strict=True)
    return [
        Piece(scaled[first:last], levels[first:last], rows[first:last], inside[i], float(regions.radius[i]), (i,))
        for i, (first, last) in enumerate(spans)
    ]


def _in_pairs(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with convex unions of two joined until there are none; each is tried with those before it."""
    result: list[Piece] = []
    for piece in pieces:
        one = piece
        while found := next(_unions(one, result), None):
            one, other = found
            result.remove(other)
        result.append(one)
    return result


def _unions(one: Piece, others: Sequence[Piece]) -> Iterator[tuple[Piece, Piece]]:
    """Return the convex unions with another piece, each with that piece."""
    for other in others:
        if meeting(one.A, one.b, one.inside, other.A, other.b, other.inside):
            union = _union([one, other])
            if union is not None:
                yield union, other


def _in_groups(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with convex unions of a few joined, where they fill the envelope of two of them."""
    left, stack = list(pieces), Stack.of(pieces)
    for one, other in _meeting(pieces, stack):
        if one in left and other in left:
            group = _filling([one, other], left, stack)
            union = _union(group) if len(group) > 2 else None
            if union is not None:
                left = [*(piece for piece in left if piece not in group), union]
                stack = Stack.of(left)
    return _in_pairs(left) if len(left) < len(pieces) else left


def _meeting(pieces: Sequence[Piece], stack: Stack) -> Iterator[tuple[Piece, Piece]]:
    for i, one in enumerate(pieces):
        for k in met_by(i, stack.A, stack.b, stack.starts, stack.inside):
            yield one, pieces[k]


def _filling(group: list[Piece], pieces: Sequence[Piece], stack: Stack) -> list[Piece]:
    """Return the pieces that reach into the envelope of a group, and of those and so on; none if that are too many."""
    while len(group) <= GROUP:
        A, b, _ = _envelope(group)
        more = [pieces[i] for i in reached(A, b, stack.A, stack.b, stack.starts, CRACK, GROUP)]
        if all(piece in group for piece in more):
            return group
        group = [*group, *(piece for piece in more if piece not in group)]
    return []


def _union(group: Sequence[Piece]) -> Piece | None:
    """Return the union of pieces if it is convex."""
    A, b, rows = _envelope(group)
    if not _covered(A, b, group):
        return None
    widest = max(group, key=lambda piece: piece.radius)
    radius, inside = largest_ball(A, b)
    if radius < widest.radius:
        radius, inside = widest.radius, widest.inside
    keep = minimal_rows(A, b, inside, len(b), PASSED)
    members = tuple(sorted(i for piece in group for i in piece.members))
    return Piece(A[keep], b[keep], rows[keep], inside, radius, members)


def _envelope(group: Sequence[Piece]) -> tuple[Array, Array, Array]:
    """Return (A, b, rows) of the envelope, each row moved out as far as rounding makes a piece pass it."""
    parts: list[tuple[Array, Array, Array]] = []
    for piece in group:
        others = [lifted(piece.A, piece.b, o.A, o.b, o.inside) for o in group if o is not piece]
        level = np.max([piece.b, *others], axis=0)
        holds = np.isfinite(level)
        rows = piece.rows[holds]
        rows[:, -1] += level[holds] - piece.b[holds]
        parts.append((piece.A[holds], level[holds], rows))
    A, b, rows = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return A, b, rows


def _covered(A: Array, b: Array, group: Sequence[Piece]) -> bool:
    """Return whether pieces leave no more than a crack of {A x <= b}: no point that passes a row of each by CRACK."""
    if not has_point(A, b):
        return True
    if not group:
        return False
    first = group[0]
    for row, level in zip(first.A, first.b, strict=True):
        if not _covered(np.vstack([A, -row]), np.r_[b, -level - CRACK], group[1:]):
            return False
    return True


def _region(law: "PiecewiseAffineLaw", piece: Piece) -> CriticalRegion:
    """Return the region of a piece: the first move of its first member, with the rows that are active on all."""
    members = [law.regions[i] for i in piece.members]
    first = members[0]
    active = tuple(i for i in first.active_rows if all(i in other.active_rows for other in members))
    alone = len(members) == 1
    return CriticalRegion(
        A=np.ascontiguousarray(piece.rows[:, :-1]),
        b=piece.rows[:, -1].copy(),
        gain=first.gain,
        offset=first.offset,
        active=tuple(law.labels.rows[i] for i in active),
        active_rows=active,
        centre=first.centre if alone else law.centre + law.half_width * piece.inside,
        radius=piece.radius,
        solution_gain=first.gain,
        solution_offset=first.offset,
    )
