"""LawError: how far a law in floating point can be from the law, facets that rounding moves included."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.region import Regions
from plants.arrays import Array
from yann.export_c_error import residual_rounding, rounding
from yann.export_c_tables import Tables
from yann.gathered import input_box
from yann.overlap import largest_difference
from yann.widened import Widened, widened


@dataclass(frozen=True, eq=False)
class LawError:
    """How far each input (m,) of a law can be from the one in exact arithmetic, anywhere in the domain.

    `rounding` is that of constants and sums where the region is the same, `facets` what the choice of another region
    can add: one whose half-spaces the state passes by at most `zone` half widths. `worst` (m, 2) are the two regions
    where `facets` is largest. `total` is their sum, but no more than the input range. `regions` are those widened by
    the zone.
    """

    rounding: Array
    facets: Array
    worst: np.ndarray
    total: Array
    zone: float
    regions: Widened


def law_error(tables: Tables) -> LawError:
    """Return the error of the law in the type of these tables, in any order of the sums.

    Rounding moves each half-space by `by` at most, its own and that of the region that would be right, so a chosen
    region i, widened by it, holds the state, as does the right one k. There the pieces i and k differ by no more than
    `largest_difference`, whether the law is continuous or not. See docs/networks.md.
    """
    law = tables.design.law
    lower, upper = input_box(law)
    by = _displacement(tables)
    regions = _widened(tables, by)
    moves = tables.moves[tables.design.move]
    gains, offsets = moves[:, :, :-1] * law.half_width, moves[:, :, -1]
    reach = np.maximum(np.abs(regions.lower), np.abs(regions.upper)) * law.half_width
    rounded = rounding(tables, reach, tables.design.move).max(axis=0)
    rounded = rounded + 2 * tables.precision.unit * np.maximum(np.abs(lower), np.abs(upper))
    found = [largest_difference(regions, gains[:, j], offsets[:, j]) for j in range(law.m)]
    facets = np.array([difference for difference, _ in found])
    total = np.minimum(rounded + facets, upper - lower)
    return LawError(rounded, facets, np.array([pair for _, pair in found]), total, float(by.max()), regions)


def _displacement(tables: Tables) -> Array:
    """Return by how much (q,), in half widths, a chosen region's half-spaces may be passed.

    The sum of a row's t products loses t + 3 units, its right-hand side 2; what underflows is lost whole.
    """
    rows, t = np.abs(tables.rows), tables.design.law.t
    lost = tables.precision.unit * ((t + 3) * rows[:, :-1] @ tables.reach + 2 * rows[:, -1])
    lost = lost + np.finfo(tables.precision.dtype).tiny * (t + tables.reach.sum())
    return TOLERANCE + 1.01 * (lost + lost.max())


def _widened(tables: Tables, by: Array) -> Widened:
    law, half_width = tables.design.law, tables.design.law.half_width
    flat = cast(Regions, law.regions)
    balls = (flat.centre - tables.shift) / half_width, flat.radius
    reach = tables.reach / half_width + 2 * by.max()
    return widened(tables.rows[:, :-1] * half_width, tables.rows[:, -1], by, tables.design.starts, balls, reach)


def residual_error(tables: Tables) -> Array:
    """Return how far (m,) the residual can be from exact where the region is the same; 0 without one."""
    net, law = tables.design.net, tables.design.law
    if net is None:
        return np.zeros(law.m)
    scaled, unit = tables.reach[None] / net.half_width, tables.precision.unit
    regions = range(len(law.regions))
    return np.max([residual_rounding(net, unit, tables.doubt, scaled, np.array([i]))[0] for i in regions], axis=0)
