"""Gaps: what an exploration missed, entered through open facets until none leads to a cell that is not known.

Beyond an open facet the least minimiser is computed at the point itself. The rows that prove it a minimiser, and those
that prove it the least, are an active set whose limit holds that point: no weight takes part.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.singular.coverage import Coverage, coverage
from mpc.explicit.singular.expansion import Cell, limit_cell
from mpc.explicit.singular.joining import joined
from mpc.explicit.singular.minimiser import least_minimiser
from mpc.explicit.singular.unit_free import UnitFree
from plants.arrays import Array

HELD = 1e-9  # half widths: how far outside the limit of its own active set rounding may put a point
THIN = 1e-10  # half widths: what holds no larger ball may be rounding, enlarged where slacks hardly depend on theta
SHARES = 5.0  # of a Dirichlet distribution: alike, but not equal
JUMP = 1e-7  # half widths of a variable: laws that differ by more at a common border jump

Cells = dict[tuple[int, ...], Cell]


class Partition(NamedTuple):
    """Joined cells, and what a look at their facets found."""

    cells: list[Cell]
    found: Coverage

    @property
    def continuous(self) -> bool:
        """Return whether no two neighbours differ at their border."""
        return self.found.jump <= JUMP

    def sound(self, program: UnitFree) -> bool:
        """Return whether the cells cover every feasible parameter once, with no jump where there may be none."""
        covered = bool(self.cells) and not self.found.holes and not self.found.overlaps
        return covered and (self.continuous or not program.settled)


def partition(program: UnitFree, cells: Cells) -> Partition:
    """Return the cells joined, and looked at; what rounding alone gives an interior is left out."""
    whole = joined(sorted(_solid(cells), key=lambda c: (len(c.active), c.active)))
    return Partition(whole, coverage(program, whole) if whole else Coverage(1, 0.0, 0, _inside(program)[None]))


def _inside(program: UnitFree) -> Array:
    """Return a feasible parameter, in general position: a mean with unlike shares of points of the border."""
    axes = np.eye(program.E.shape[1])
    ends = np.array([program.support(sign * axis)[1] for axis in axes for sign in (1.0, -1.0)])
    return np.random.default_rng(0).dirichlet(np.full(len(ends), SHARES)) @ ends


def _solid(cells: Cells) -> list[Cell]:
    """Return the cells without those so thin that they may be rounding, where a thick one lies beside their centre."""
    thick = [one for one in cells.values() if one.radius > THIN]
    thin = [one for one in cells.values() if one.radius <= THIN]
    return thick + [one for one in thin if not any(_holds(other, one.centre, THIN) for other in thick)]


def entered(program: UnitFree, cells: Cells, known: Partition) -> Partition:
    """Return the partition once every open facet that leads to a cell has been entered; `cells` takes what is found."""
    while known.found.holes:
        new = _beyond(program, cells, known.found.beyond)
        if not new:
            break
        cells |= new
        known = partition(program, cells)
    return known


def _beyond(program: UnitFree, cells: Cells, points: Array) -> Cells:
    """Return cells that are not known yet and hold some of the points."""
    new: Cells = {}
    for point in points:
        if any(_holds(one, point) for one in new.values()):
            continue
        one = _cell_at(program, point)
        if one is not None and one.active not in cells:
            new[one.active] = one
    return new


def _cell_at(program: UnitFree, point: Array) -> Cell | None:
    """Return the cell of the active set of the least minimiser there; None where there is none."""
    try:
        found = least_minimiser(program, point)
    except NumericalError:
        return None
    one = None if found is None else limit_cell(program, found.active.tolist())
    return one if one is not None and _holds(one, point) else None


def _holds(one: Cell, point: Array, room: float = HELD) -> bool:
    return bool((one.A @ point - one.b).max() <= room)
