"""Covering: beyond every facet lies another cell, or the border of the feasible parameters.

A facet is laid over a facet of another cell that faces it in the same plane. Every row of that cell must hold on the
whole facet, shown by supports. What sticks out is cut off along the rows that it passes and laid over other cells in
turn, until pieces are thinner than the sliver tolerance; these are counted. A piece for which there is no cell must
lie in a plane that no feasible parameter passes.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np

from mpc.explicit.proof.border import Border
from mpc.explicit.proof.facets import PARALLEL, Facets
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.jumps import jumps, slope_across
from mpc.explicit.proof.measure import Measure
from mpc.explicit.proof.neighbours import Neighbours
from mpc.explicit.proof.pieces import Piece, outside
from mpc.explicit.proof.supports import Polytopes, balls, supports
from plants.arrays import Array, Indices

ROUNDS = 60  # of cutting
BLOCK = 20_000  # facets that are held at once


@dataclass(frozen=True, eq=False)
class Covering:
    """What was found; gap and jump are the largest on covered pieces, `slivers` the facets and pieces not checked."""

    border: int
    gap: float
    jump: float
    slivers: int
    findings: tuple[Finding, ...]

    def without(self, kind: Kind) -> Self:
        """Return the same without the findings of one kind."""
        return replace(self, findings=tuple(finding for finding in self.findings if finding.kind is not kind))


class Patches(NamedTuple):
    """Parts of facets (k,) in their planes, with the cells that were laid over them in vain."""

    facet: Indices
    sets: Polytopes
    tried: list[frozenset[int]]


@dataclass(eq=False)
class _Tally:
    gap: float = 0.0
    jump: float = 0.0
    slivers: int = 0
    border: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def covering(facets: Facets, border: Border, measure: Measure, tolerance: float, sliver: float) -> Covering:
    """Return what lies beyond the facets; `measure` says how jumps are measured."""
    side = border.is_side(facets.normal, facets.level)
    tally, neighbours = _Tally(border=set(np.flatnonzero(side).tolist())), Neighbours(facets, tolerance)
    inner = np.flatnonzero(~side)
    for start in range(0, len(inner), BLOCK):
        _cover(facets, border, neighbours, inner[start : start + BLOCK], measure, tally, tolerance, sliver)
    return Covering(len(tally.border), tally.gap, tally.jump, tally.slivers, tuple(tally.findings))


def _cover(
    facets: Facets, border: Border, neighbours: Neighbours, which: Indices, measure: Measure, tally: _Tally,
    tolerance: float, sliver: float,
) -> None:  # fmt: skip
    """Lay cells over some facets, and over what sticks out, until nothing is left."""
    whole = facets.patches(which)
    patches, centres = _thick(Patches(which, whole, [frozenset()] * len(which)), tally, sliver)
    for _ in range(ROUNDS):
        if not len(patches.facet):
            break
        cell = neighbours.best(patches.facet, facets.points(patches.facet, centres), patches.tried)
        cell = _searched(facets, border, neighbours, patches, centres, cell, tally, tolerance)
        patches, centres = _laid(facets, patches, centres, cell, measure, tally, tolerance, sliver)
    for k, facet in enumerate(patches.facet):
        where = facets.points(patches.facet[k : k + 1], centres[k : k + 1])[0]
        tally.findings.append(_place(facets, Kind.UNDECIDED, int(facet), where, 1.0))


def _searched(
    facets: Facets, border: Border, neighbours: Neighbours, patches: Patches, centres: Array, cell: Indices,
    tally: _Tally, tolerance: float,
) -> Indices:  # fmt: skip
    """Return the cells to lay over the patches; where none faces them: -1, after a look at the border and all cells."""
    cell = cell.copy()
    for k in np.flatnonzero(cell < 0):
        facet = int(patches.facet[k])
        if facet in tally.border:
            continue
        beyond = border.beyond(facets.normal[facet], facets.level[facet])
        if beyond <= tolerance:
            tally.border.add(facet)
            tally.gap = max(tally.gap, beyond)
            continue
        where = facets.points(patches.facet[k : k + 1], centres[k : k + 1])[0]
        found = neighbours.anywhere(facet, where, patches.tried[k])
        cell[k] = found.facing
        if found.facing < 0 and found.depth > tolerance:
            tally.findings.append(_place(facets, Kind.OVERLAP, facet, where, found.depth, found.cell))
        elif found.facing < 0:
            tally.findings.append(_place(facets, Kind.UNCOVERED, facet, where, min(found.gap, beyond), found.next))
    return cell


def _laid(
    facets: Facets, patches: Patches, centres: Array, cell: Indices, measure: Measure, tally: _Tally, tolerance: float,
    sliver: float,
) -> tuple[Patches, Array]:  # fmt: skip
    """Return the patches that stick out of the cells laid over them, with their centres."""
    over = np.flatnonzero(cell >= 0)
    facet, cell = patches.facet[over], cell[over]
    sets = patches.sets.take(over)
    A, b = facets.in_plane(facet, cell)
    by = _passed(sets, A, b, tolerance)
    covered = (by <= tolerance).all(axis=1)
    tally.gap = max(tally.gap, float(by[covered].max(initial=0.0)))
    on = np.flatnonzero(covered)
    gap = np.maximum(by[on].max(axis=1, initial=0.0), 0.0)
    _note_jumps(facets, facet[on], cell[on], sets, on, centres[over][on], gap, measure, tally, tolerance)
    parts, owner, tried = [], [], []
    for k in np.flatnonzero(~covered):
        rows = np.flatnonzero(by[k] > tolerance)
        length = np.linalg.norm(A[k, rows], axis=1)
        whole = Piece(sets.A[k], sets.b[k])
        if (length > PARALLEL).all():
            pieces = outside(whole, A[k, rows] / length[:, None], b[k, rows] / length)
        else:
            pieces = [whole]
        parts += pieces
        owner += [int(facet[k])] * len(pieces)
        tried += [patches.tried[over[k]] | {int(cell[k])}] * len(pieces)
    if not parts:
        none = np.zeros(0, dtype=np.intp)
        return Patches(none, patches.sets.take(none), []), centres[:0]
    rest = Patches(np.array(owner, dtype=np.intp), Polytopes.stack(parts, sets.box), tried)
    return _thick(rest, tally, sliver)


def _thick(patches: Patches, tally: _Tally, sliver: float) -> tuple[Patches, Array]:
    """Return the patches that are no slivers, with their centres."""
    radius, centres = balls(patches.sets)
    keep = np.flatnonzero(radius > sliver)
    tally.slivers += len(radius) - len(keep)
    kept = Patches(patches.facet[keep], patches.sets.take(keep), [patches.tried[k] for k in keep])
    return kept, centres[keep]


def _passed(sets: Polytopes, A: Array, b: Array, tolerance: float) -> Array:
    """Return bounds (k, q) of how far each set passes the rows {A u <= b} laid over it."""
    k, q = b.shape
    if not k:
        return np.zeros((0, q))
    costs, levels = A.reshape(k * q, sets.dimension), b.ravel()
    found = supports(sets, np.repeat(np.arange(k), q), costs, levels + tolerance / 100)
    return (found.value - levels).reshape(k, q)


def _note_jumps(
    facets: Facets, facet: Indices, cell: Indices, sets: Polytopes, which: Indices, centres: Array, gap: Array,
    measure: Measure, tally: _Tally, tolerance: float,
) -> None:  # fmt: skip
    """Note the jumps, less what the laws themselves change by over a gap between the cells."""
    by = jumps(facets, facet, cell, sets, which, centres, measure.size, tolerance)
    steep = by > tolerance
    by[steep] = np.maximum(by - gap * slope_across(facets, facet, cell, measure.size), 0.0)[steep]
    tally.jump = max(tally.jump, float(by.max(initial=0.0)))
    for k in np.flatnonzero(by > tolerance):
        where = facets.points(facet[k : k + 1], centres[k : k + 1])[0]
        kind = Kind.CHOICE if _between_minimisers(facets, int(facet[k]), int(cell[k]), where, measure) else Kind.JUMP
        tally.findings.append(_place(facets, kind, int(facet[k]), where, float(by[k]), int(cell[k])))


def _between_minimisers(facets: Facets, facet: int, cell: int, y: Array, measure: Measure) -> bool:
    """Return whether the step from the facet's own law to another cell's at y leaves the cost as it is."""
    at, cells = [facets.cell[facet], cell], facets.cells
    z = cells.gains[at] @ y + cells.offsets[at]
    return measure.is_free(z[1] - z[0], y)


def _place(facets: Facets, kind: Kind, facet: int, y: Array, amount: float, other: int = -1) -> Finding:
    regions = (int(facets.cell[facet]),) + ((other,) if other >= 0 else ())
    return Finding.at(kind, regions, facets.cells.physical(y), amount, facets.number(facet))
