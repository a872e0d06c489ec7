"""Cone: multipliers on a cell whose tight rows depend on one another.

There minus the gradient must lie in the cone of the tight rows at every point of the cell. Wherever it does, some
independent rows have multipliers of 0 or more, and these are affine: the rows found at one point settle a polytope
around it. What is left of the cell is settled piece by piece.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from mpc.explicit.proof.cells import BOX, Cells
from mpc.explicit.proof.claims import Claims, excess
from mpc.explicit.proof.extended import Extended, fit
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.measure import HARMLESS, Measure
from mpc.explicit.proof.pieces import Piece, outside
from mpc.explicit.proof.supports import Polytopes, balls
from plants.arrays import Array, Indices

ROUNDS = 300  # pieces of one cell


@dataclass(frozen=True, eq=False)
class Cone:
    """The least multiplier found, in half widths, and what failed (None: nothing)."""

    least: float
    finding: Finding | None


def in_cone(cells: Cells, measure: Measure, cell: int, rows: Indices, gradient: Extended, tolerance: float) -> Cone:
    """Return whether minus the gradient (k, 1 + t), an affine function of y, stays in the cone of the rows."""
    normals, least = measure.normals[rows], 0.0
    waiting = [Piece(cells.sets.A[cell], cells.sets.b[cell])]
    for _ in range(ROUNDS):
        if not waiting:
            return Cone(least, None)
        piece = waiting.pop()
        sets = Polytopes.stack([piece], BOX)
        radius, centre = (part[0] for part in balls(sets))
        if radius <= tolerance:
            continue
        basis, weights, left = _multipliers(normals, gradient, _inside(centre, radius))
        if measure.share(left) > tolerance:
            theta = cells.physical(centre)
            return Cone(least, Finding.at(Kind.MULTIPLIER, (cell,), theta, min(measure.share(left), BOX)))
        first = np.zeros(len(basis), dtype=np.intp)
        effect = measure.effect[rows[basis]]
        claims = Claims(first, first + cell, weights[:, 0], weights[:, 1:], effect, rows[basis], first == 0)
        by = excess(claims, sets, cells)
        fails = (by.distance > tolerance) & (by.share > HARMLESS)
        least = min(least, -float(by.distance[~fails].max(initial=0.0)))
        length = np.linalg.norm(weights[fails, 1:], axis=1)
        waiting += outside(piece, -weights[fails, 1:] / length[:, None], weights[fails, 0] / length)
    left_over = Finding.at(Kind.UNDECIDED, (cell,), cells.physical(cells.balls[1][cell]), len(waiting))
    return Cone(least, left_over)


def _multipliers(normals: Extended, gradient: Extended, y: Array) -> tuple[Indices, Array, Extended]:
    """Return independent rows, their affine multipliers (k, 1 + t) and what these leave of the gradient over (1, y).

    At y itself the multipliers are 0 or more: non-negative least squares finds the rows.
    """
    weight, _ = nnls(normals.T.astype(float), -(gradient @ np.r_[1.0, y]).astype(float))
    basis = np.flatnonzero(weight > 0)
    multipliers, left, _ = fit(normals[basis], gradient)
    return basis, multipliers.astype(float), left


def _inside(centre: Array, radius: float) -> Array:
    """Return a point without special place inside the ball."""
    step = np.random.default_rng(len(centre)).normal(size=len(centre))
    return centre + 0.3 * radius * step / np.linalg.norm(step)
