"""Emptiness: cells without a point, and laws without an interior."""

import numpy as np

from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.proof.border import Border
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.measure import Measure


def flatness(problem: MultiparametricQP, cells: Cells, tolerance: float) -> list[Finding]:
    """Return empty cells, and planes that do not hold all cells, or not all feasible parameters."""
    radius, centre = cells.balls
    findings = [
        Finding.at(Kind.EMPTY, (int(i),), cells.physical(centre[i]), float(max(radius[i], -1.0)))
        for i in np.flatnonzero(radius < -tolerance)
    ]
    if not len(cells.hull.normals):
        return findings
    loose = cells.hull.loose
    findings += [
        Finding.at(Kind.LOOSE, (int(i),), cells.physical(centre[i]), loose[i])
        for i in np.flatnonzero(loose > tolerance)
    ]
    border = Border(Measure.of(problem, cells.largest, cells.hull.whole))
    for normal, level in zip(cells.hull.normals, cells.hull.levels, strict=True):
        beyond = max(border.beyond(normal, level), border.beyond(-normal, -level))
        if beyond > tolerance:
            findings.append(Finding.at(Kind.FLAT, (0,), cells.hull.place, beyond))
    return findings
