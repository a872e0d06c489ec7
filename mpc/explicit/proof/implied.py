"""Implied equalities: rows that are tight on every cell because no feasible point leaves them."""

from dataclasses import replace

import numpy as np

from mpc.explicit.proof.border import Border
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.measure import Measure, null_space
from plants.arrays import Indices

BLOCK = 500  # cells whose slacks are held at once


def with_implied(measure: Measure, cells: Cells, tolerance: float) -> Measure:
    """Return the measure with these rows among its equalities, whose multipliers may have any sign."""
    border = Border(measure)
    rows = [row for row in _tight_everywhere(measure, cells, tolerance) if border.room(row) <= tolerance]
    if not rows:
        return measure
    always = measure.always.copy()
    always[rows] = True
    return replace(measure, always=always, free=null_space(measure.G[always] @ measure.back))


def _tight_everywhere(measure: Measure, cells: Cells, tolerance: float) -> Indices:
    """Return the rows, not known as equalities, whose slack vanishes on every cell."""
    common = ~measure.always
    for start in range(0, len(cells), BLOCK):
        block = slice(start, start + BLOCK)
        slacks = measure.slacks(cells.gains[block], cells.offsets[block])
        common &= measure.vanishing(slacks, tolerance).all(axis=0)
        if not common.any():
            break
    return np.flatnonzero(common)
