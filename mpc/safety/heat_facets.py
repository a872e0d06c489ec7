"""The facets T + s C_A <= c of a reactor's safe set: each the least slope at which full cooling brings it down."""

from itertools import pairwise

import numpy as np

from mpc.safety.errors import NoSafeSet
from mpc.safety.heat_model import HeatModel
from mpc.safety.heat_ranges import HeatRanges
from plants.arrays import Array

POINTS = 400  # of each piece at which its slope is asked for; what lies between is for the check
STEEPEST = 10.0  # times h1


def heat_facets(model: HeatModel, ranges: HeatRanges, decrease: Array) -> Array:
    """Return the facets (k, 2) of slopes s [K L/mol] and levels c [K], the temperature's own one first.

    `decrease` [K/h] has an entry for each of them.

    That one holds as far as full cooling lowers the temperature at its limit by its decrease. From there each piece
    takes the least slope that is no smaller than the last one, with which T + s C_A falls by its own all along.
    Raises NoSafeSet where there is none.
    """
    top = model.limit - model.settings.reserve
    begin = min(_own_end(model, ranges, top, float(decrease[0])), ranges.concentration)
    if begin == ranges.concentration:
        return np.array([(0.0, top)])
    ends = [begin + step for step in model.settings.breaks if begin + step < ranges.concentration]
    facets, slope, T = [(0.0, top)], 0.0, top
    for wished, (A, end) in zip(decrease[1:].tolist(), pairwise((begin, *ends, ranges.concentration)), strict=False):
        slope = _least_slope(model, ranges, wished, (A, end), T, slope)
        facets.append((slope, T + slope * A))
        T -= slope * (end - A)
    return np.array(facets)


def _own_end(model: HeatModel, ranges: HeatRanges, top: float, decrease: float) -> float:
    """Return the greatest C_A at which full cooling lowers the temperature by `decrease` at its limit."""
    cooled = float(model.cooled(np.array(top), ranges.stock))
    room = -(decrease + cooled) / model.heats[0]
    if room <= 0:
        raise NoSafeSet(
            f"at {top:.6g} K full cooling changes the temperature by {cooled:+.3g} K/h without any A, but "
            f"{-decrease:+.3g} K/h is needed; cool more, lower the limit, or withstand less",
            cooled, -decrease, "K/h",
        )  # fmt: skip
    speed, w = (1 + model.settings.kinetics) * float(model.speed(1, np.array(top))), ranges.difference[1]
    return 2 * room / speed / (w + (w**2 + 4 * room / speed) ** 0.5)


def _least_slope(
    model: HeatModel, ranges: HeatRanges, decrease: float, piece: tuple[float, float], T: float, least: float
) -> float:
    """Return the least slope from `least` on that holds along a piece that begins at temperature T."""

    def excess(slope: float) -> float:
        return _rise(model, ranges, piece, T, slope) + decrease

    tried = np.linspace(least, STEEPEST * model.heats[0], 1000)
    good = next((slope for slope in tried if excess(slope) <= 0), None)
    if good is None:
        best = min(map(excess, tried)) - decrease
        raise NoSafeSet(
            f"with {piece[0]:.3g} to {piece[1]:.3g} mol/L of A no half-plane falls by {decrease:.3g} K/h under full "
            f"cooling: the best changes by {best:+.3g} K/h; cool more, lower the limit, withstand less, or set a "
            "`ceiling` so that less A can pile up",
            best, -decrease, "K/h",
        )  # fmt: skip
    if good == least:
        return least
    bad = good - (tried[1] - tried[0])
    for _ in range(60):
        middle = (bad + good) / 2
        bad, good = (bad, middle) if excess(middle) <= 0 else (middle, good)
    return float(good)


def _rise(model: HeatModel, ranges: HeatRanges, piece: tuple[float, float], begin: float, slope: float) -> float:
    """Return the greatest (T + s C_A)' under full cooling along a piece of the border that begins at a temperature."""
    A = np.linspace(*piece, POINTS)
    T = np.maximum(begin - slope * (A - piece[0]), ranges.coldest)
    speed, off, w = model.speed(1, T), model.settings.kinetics, ranges.difference
    rates = (1 - off) * speed * A * (A + w[0]), (1 + off) * speed * A * (A + w[1])
    reacts = np.maximum(*((model.heats[0] - slope) * rate for rate in rates))
    fed = slope * model.constants["dilution"] * (model.fed("a")[1] - A)
    return float((model.cooled(T, ranges.stock) + reacts + fed).max())
