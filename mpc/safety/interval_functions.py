"""Functions of Intervals: bounds of what numpy's functions of numbers are, over all numbers of an Interval.

Of numpy's exp, log, sin, power and their like it is presumed that they are right to PADDING, some 45 units in the last
place, where their makers state 4; the square root is rounded correctly (IEEE 754).
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from mpc.safety.interval import Interval, IntervalError, Operand, interval, outwards
from plants.arrays import Array

PADDING = 1e-14  # of a value
NEAR_ZERO = 1e-15  # by how much a value near 0 may be off at least
FURTHEST = 1e6  # rad beyond which a sine is anything from -1 to 1
CERTAIN = 1e-9  # turns: what rounding may shift a crest of the sine by


def square(x: Operand) -> Interval:
    """Return x^2, never below 0."""
    least, largest = _sizes(interval(x))
    with np.errstate(over="ignore"):
        return outwards(least * least, largest * largest, floor=0.0)


def absolute(x: Operand) -> Interval:
    """Return |x|."""
    return Interval(*_sizes(interval(x)))


def minimum(x: Operand, y: Operand) -> Interval:
    """Return the smaller of two."""
    one, two = interval(x), interval(y)
    return Interval(np.minimum(one.lower, two.lower), np.minimum(one.upper, two.upper))


def maximum(x: Operand, y: Operand) -> Interval:
    """Return the larger of two."""
    one, two = interval(x), interval(y)
    return Interval(np.maximum(one.lower, two.lower), np.maximum(one.upper, two.upper))


def sqrt(x: Operand) -> Interval:
    """Return the square root; raises IntervalError where x may be negative."""
    given = _within(interval(x), "the square root", 0.0)
    return outwards(np.sqrt(given.lower), np.sqrt(given.upper), floor=0.0)


def rising(function: Callable[[Array], Array], x: Operand, floor: float = -np.inf, ceiling: float = np.inf) -> Interval:
    """Return a function of numpy's that rises everywhere, with values from `floor` to `ceiling`, widened by PADDING."""
    given = interval(x)
    with np.errstate(all="ignore"):
        return _padded(function(given.lower), function(given.upper), floor, ceiling)


def exp(x: Operand) -> Interval:
    """Return e^x, never below 0."""
    return rising(np.exp, x, floor=0.0)


def log(x: Operand) -> Interval:
    """Return the natural logarithm, -inf at 0; raises IntervalError where x may be negative."""
    given = _within(interval(x), "the logarithm", 0.0)
    with np.errstate(all="ignore"):
        return _padded(np.log(given.lower), np.log(given.upper), -np.inf, np.inf, NEAR_ZERO)


tanh = partial(rising, np.tanh, floor=-1.0, ceiling=1.0)
arctan = partial(rising, np.arctan)
sinh = partial(rising, np.sinh)


def cosh(x: Operand) -> Interval:
    """Return the hyperbolic cosine, never below 1."""
    return rising(np.cosh, absolute(x), floor=1.0)


def sin(x: Operand) -> Interval:
    """Return the sine; from -1 to 1 where x is beyond FURTHEST."""
    return _wave(interval(x), np.sin, 0.25)


def cos(x: Operand) -> Interval:
    """Return the cosine; from -1 to 1 where x is beyond FURTHEST."""
    return _wave(interval(x), np.cos, 0.0)


def power(x: Operand, exponent: Operand) -> Interval:
    """Return x^exponent: of any x for a whole number, else of x >= 0, and x > 0 where the exponent may be negative.

    Raises IntervalError for other x. An exponent is one number for all, or an interval.
    """
    base, by = interval(x), interval(exponent)
    whole = by.lower.size == 1 and bool((by.lower == by.upper).all()) and float(by.lower.item()).is_integer()
    if whole:
        return _whole_power(base, int(by.lower.item()))
    given = _within(base, "a power that is no whole number", 0.0)
    if (by.lower < 0).any() and (given.lower == 0).any():
        raise IntervalError(f"0 to the power of {by.lower.min():g}, which is no number; take smaller cells")
    with np.errstate(all="ignore"):
        ends = [np.power(a, b) for a in (given.lower, given.upper) for b in (by.lower, by.upper)]
    return _padded(np.minimum.reduce(ends), np.maximum.reduce(ends), 0.0, np.inf)


def _whole_power(base: Interval, exponent: int) -> Interval:
    if exponent < 0:
        return _whole_power(1.0 / base, -exponent)
    if exponent % 2:
        return rising(lambda side: np.power(side, exponent), base)
    with np.errstate(over="ignore"):
        least, largest = _sizes(base)
        return _padded(np.power(least, exponent), np.power(largest, exponent), 0.0, np.inf)


def _wave(x: Interval, function: Callable[[Array], Array], crest: float) -> Interval:
    """Return a sine with crests at 2 pi (crest + k)."""
    inside = x.magnitude <= FURTHEST
    low, high = np.where(inside, x.lower, 0.0), np.where(inside, x.upper, 0.0)
    ends = function(low), function(high)
    turns = low / (2 * np.pi), high / (2 * np.pi)
    top, bottom = (_meets(*turns, phase) | ~inside for phase in (crest, crest + 0.5))
    lower, upper = np.where(bottom, -1.0, np.minimum(*ends)), np.where(top, 1.0, np.maximum(*ends))
    return _padded(lower, upper, -1.0, 1.0, NEAR_ZERO)


def _meets(low: Array, high: Array, phase: float) -> np.ndarray:
    """Return where some phase + k lies from low to high; near an end it counts as inside."""
    return np.floor(high - phase + CERTAIN) >= np.ceil(low - phase - CERTAIN)


def _sizes(x: Interval) -> tuple[Array, Array]:
    """Return the least and largest |x|."""
    least = np.maximum(np.maximum(x.lower, -x.upper), 0.0)
    return least, x.magnitude


def _padded(lower: Array, upper: Array, floor: float, ceiling: float, least: float = 0.0) -> Interval:
    """Return the interval widened by what the functions may be off, `least` where they are not exactly 0."""
    off = [np.where(np.isfinite(v), PADDING * np.abs(v), 0.0) + least * (v != 0) for v in (lower, upper)]
    return outwards(lower - off[0], upper + off[1], floor, ceiling)


def _within(x: Interval, what: str, least: float) -> Interval:
    wrong = x.lower < least
    if wrong.any():
        raise IntervalError(f"{what} of numbers down to {x.lower[wrong][0]:g}, below {least:g}; take smaller cells")
    return x
