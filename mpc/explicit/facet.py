"""Facet: one side of a region as seen from a theta inside it: how far, which way, and what changes there."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multipliers import TightRows, tight_rows
from mpc.explicit.region import CriticalRegion
from plants.arrays import Array, Indices

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

MATCH = 1e-7  # half widths: a row this close to a facet's is the reason for it
DEPENDENT = 1e-9  # a singular value of unit rows below this counts as 0
ROUNDING = 1e-12  # an entry of a unit row this small is rounding
FLAT = 1e-9  # a slope this small beside the terms of its row has no direction
UNKNOWN = "other rows decide there"
HELD = 1e-11  # half widths: a pair of facets this close to each other holds theta in a plane


class Change(Enum):
    """What changes beyond a facet."""

    REACHED = "limit reached"
    RELEASED = "limit released"
    BORDER = "border of the parameter set"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Facet:
    """A facet's plane is `distance` half widths away along `direction` (t,), a half width in the parameters' own units.

    `row` names the limit that is reached or released there, or the limit of the parameter set.
    """

    distance: float
    direction: Array
    change: Change
    row: str

    @property
    def move(self) -> Array:
        """Return the shortest way (t,) to the facet's plane, in the parameters' own units."""
        return self.distance * self.direction

    def __str__(self) -> str:
        """Return what changes there, in words."""
        if self.change is Change.REACHED:
            return f"{self.row} becomes active"
        if self.change is Change.RELEASED:
            return f"{self.row} lets go"
        return self.row if self.change is Change.UNKNOWN else f"the parameter set ends: {self.row}"


def facets_of(law: "PiecewiseAffineLaw", region: int, theta: Array) -> tuple[Facet, ...]:
    """Return the facets of a region as seen from theta, the nearest first."""
    piece, width = law.regions[region], law.half_width
    A, b = piece.A * width, piece.b - piece.A @ law.centre
    free = _free(A, b)
    reasons = _reasons(law, piece)
    distances = b - A @ ((theta - law.centre) / width)
    facets = []
    for i in np.flatnonzero(free):
        change, row = next(
            ((change, row) for line, change, row in reasons if np.abs(line - np.r_[A[i], b[i]]).max() <= MATCH),
            (Change.UNKNOWN, UNKNOWN),
        )
        facets.append(Facet(float(distances[i]), width * np.where(np.abs(A[i]) > ROUNDING, A[i], 0.0), change, row))
    return tuple(sorted(facets, key=lambda facet: facet.distance))


def _free(A: Array, b: Array) -> np.ndarray:
    """Return which rows are no part of a pair that holds theta in a plane."""
    opposite = (np.abs(A[:, None] + A[None]) <= HELD).all(axis=2) & (np.abs(b[:, None] + b[None]) <= HELD)
    return np.logical_not(np.any(opposite, axis=1))


def _reasons(law: "PiecewiseAffineLaw", piece: CriticalRegion) -> list[tuple[Array, Change, str]]:
    """Return all rows that can bound the region, as (A, b) over half widths, of unit length, with what they say."""
    limits, levels = law.parameter_set.A, law.parameter_set.b
    ends = _lines(law, -limits, levels, np.abs(limits) @ law.half_width)
    reasons = [(line, Change.BORDER, _limit(law, limits[i], levels[i], i)) for i, line in ends]
    if law.problem is None:
        return reasons
    tight = tight_rows(law.problem, piece.centre, piece.solution_gain @ piece.centre + piece.solution_offset)
    names = law.labels.rows
    reached = _slacks(law, law.problem, piece, np.setdiff1d(np.arange(len(names)), tight.rows))
    reasons += [(line, Change.REACHED, names[row]) for row, line in reached]
    released = _multipliers(law, law.problem, piece, tight)
    return reasons + [(line, Change.RELEASED, names[row]) for row, line in released]


def _slacks(
    law: "PiecewiseAffineLaw", problem: MultiparametricQP, piece: CriticalRegion, rows: Indices
) -> list[tuple[int, Array]]:
    """Return where the slacks of the rows are 0."""
    G, S = problem.G[rows], problem.S[rows]
    terms = (np.abs(S) + np.abs(G) @ np.abs(piece.solution_gain)) @ law.half_width
    lines = _lines(law, S - G @ piece.solution_gain, problem.w[rows] - G @ piece.solution_offset, terms)
    return [(int(rows[i]), line) for i, line in lines]


def _multipliers(
    law: "PiecewiseAffineLaw", problem: MultiparametricQP, piece: CriticalRegion, tight: TightRows
) -> list[tuple[int, Array]]:
    """Return where the multipliers of tight inequalities are 0; nothing where they are not unique."""
    k = len(tight.rows)
    if not k or k > problem.n or np.linalg.svd(tight.columns, compute_uv=False).min() <= DEPENDENT:
        return []
    inverse = np.linalg.pinv(tight.columns) / tight.unit
    slope = -inverse @ (problem.H @ piece.solution_gain + problem.F)
    level = -inverse @ (problem.H @ piece.solution_offset + problem.f)
    terms = np.abs(inverse) @ (np.abs(problem.H) @ np.abs(piece.solution_gain) + np.abs(problem.F)) @ law.half_width
    lines = _lines(law, slope, level, terms)
    return [(int(tight.rows[i]), line) for i, line in lines if not tight.equal[i]]


def _lines(law: "PiecewiseAffineLaw", slope: Array, level: Array, terms: Array) -> list[tuple[int, Array]]:
    """Return {level + slope theta >= 0} as (A, b) over half widths, of unit length, for rows that have a direction."""
    level, slope = level + slope @ law.centre, slope * law.half_width
    length = np.linalg.norm(slope, axis=1)
    return [(int(i), np.r_[-slope[i], level[i]] / length[i]) for i in np.flatnonzero(length > FLAT * terms)]


def _limit(law: "PiecewiseAffineLaw", row: Array, level: float, number: int) -> str:
    """Return the name of a limit of the parameter set."""
    (used,) = np.nonzero(row)
    if len(used) != 1:
        return f"row {number} of the parameter set"
    i = int(used[0])
    side = "upper" if row[i] > 0 else "lower"
    return f"{law.parameter_names[i]} at its {side} limit {level / row[i] + 0.0:g} {law.parameter_units[i]}".rstrip()
