"""Invariance: does some input keep the successor inside, from every state of a set? Asked by linear programs."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.linear import linear_program
from mpc.sets.corners import corners_of
from mpc.sets.limited_system import LimitedSystem
from plants.arrays import Array

CERTAIN = 1e-9  # half widths of the limits: what rounding may lack


@dataclass(frozen=True, eq=False)
class Invariance:
    """The answer: the `room` (half widths of the limits) that the best inputs leave at the worst state.

    Rows of unit length in the system's coordinates measure it; a negative room says by how much a facet or a limit must
    be passed. `state` (n,) is the worst state, physical,
    `input` the best input there (None under a gain), `row` the row that is met first: a facet of the
    set if it is below `facets`, else a limit of the step.
    """

    room: float
    state: Array
    row: int
    facets: int
    states_asked: int

    @property
    def holds(self) -> bool:
        """Return whether the set is invariant, to rounding."""
        return self.room >= -CERTAIN

    def __str__(self) -> str:
        """Return the answer as a sentence."""
        where = f"at ({', '.join(f'{value:.6g}' for value in self.state)})"
        what = f"facet {self.row}" if self.row < self.facets else "a limit on the way"
        if self.holds:
            return (
                f"invariant: from all {self.states_asked} corners the next state stays inside; the least room is "
                f"{max(self.room, 0.0):.2g} half widths, {where}"
            )
        return f"not invariant: {where} even the best input passes {what} by {-self.room:.2g} half widths of the limits"


def invariance(system: LimitedSystem, F: Array, f: Array) -> Invariance:
    """Return whether {F s <= f} (unit rows, the system's coordinates) is invariant, from the worst of its corners.

    The room that the best input leaves is a concave function of the state, so that it is least at a corner. Raises
    ProblemError for a set without interior.
    """
    rows, levels = system.successor_rows(F, f)
    n = len(system.A)
    corners = corners_of(F, f)
    if not len(corners):
        raise ProblemError(f"the set of {len(f)} half-spaces has no interior: its volume is 0, and must be above 0")
    successors = len(f) * len(system.motions)
    rooms = [_room(rows[:, n:], levels - rows[:, :n] @ corner, successors) for corner in corners]
    worst = int(np.argmin([room for room, _ in rooms]))
    room, row = rooms[worst]
    row = row % len(f) if row < successors else row - successors + len(f)
    state = system.model.state + system.width * corners[worst]
    return Invariance(room, state, row, len(f), len(corners))


def _room(V: Array, levels: Array, successors: int) -> tuple[float, int]:
    """Return the largest r such that some v has V v + r <= levels, and the row that binds it.

    A limit that the state keeps by itself, whatever the input is, counts only where it is passed.
    """
    fixed = ~V.any(axis=1) & (np.arange(len(V)) >= successors)
    kept = np.flatnonzero(~fixed | (levels < -CERTAIN))
    V, levels, m = V[kept], levels[kept], V.shape[1]
    if m == 0:
        return float(levels.min()), int(kept[levels.argmin()])
    result = linear_program(np.r_[np.zeros(m), -1.0], np.c_[V, np.ones(len(V))], levels, last=(None, 1e9))
    if not result.success:
        raise NumericalError(f"the best input at a corner was not found: {result.message}")
    room = levels - V @ result.x[:m]
    return float(room.min()), int(kept[room.argmin()])
