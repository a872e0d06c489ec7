"""Interval: all numbers between two bounds, with arithmetic that rounds outwards, so that no true value is lost.

A sum, product, quotient or square root is off by half a unit in the last place at most (IEEE 754), so the next
floating-point number outwards is a bound. For functions of intervals see interval_functions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from plants.arrays import Array

Operand = Union["Interval", ArrayLike]


class IntervalError(ProblemError):
    """Bounds that are none, or a function of numbers at which it is not defined."""


@dataclass(frozen=True, eq=False, init=False)
class Interval:
    """Every number from `lower` to `upper`: float64 arrays of the same shape, infinite where nothing is known.

    Without `upper` it is a single number. Operators take Intervals and plain numbers, and broadcast as numpy does.
    Raises IntervalError for NaN, for bounds in the wrong order, and for a division by what may be 0.
    """

    lower: Array
    upper: Array

    __array_ufunc__ = None  # numpy leaves `array * interval` to the interval

    def __init__(self, lower: ArrayLike, upper: ArrayLike | None = None) -> None:
        low = np.asarray(lower, dtype=float)
        low, high = np.broadcast_arrays(low, low if upper is None else np.asarray(upper, dtype=float))
        wrong = ~(low <= high)
        if wrong.any():
            raise IntervalError(
                f"an interval from {low[wrong][0]:g} to {high[wrong][0]:g} is none; two numbers are needed, the "
                "smaller one first"
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the bounds."""
        return self.lower.shape

    @property
    def middle(self) -> Array:
        """Return a number inside, near the middle."""
        return np.clip(self.lower / 2 + self.upper / 2, self.lower, self.upper)

    @property
    def magnitude(self) -> Array:
        """Return the largest absolute value."""
        return np.maximum(-self.lower, self.upper)

    def contains(self, other: Operand) -> np.ndarray:
        """Return, as bool (...,), where numbers or whole intervals lie inside."""
        inner = interval(other)
        return (self.lower <= inner.lower) & (inner.upper <= self.upper)

    def intersection(self, other: Operand) -> "Interval":
        """Return what both have in common; raises IntervalError where that is nothing."""
        second = interval(other)
        return Interval(np.maximum(self.lower, second.lower), np.minimum(self.upper, second.upper))

    def hull(self, other: Operand) -> "Interval":
        """Return the least interval that holds both."""
        second = interval(other)
        return Interval(np.minimum(self.lower, second.lower), np.maximum(self.upper, second.upper))

    def __getitem__(self, index: Any) -> "Interval":
        return Interval(self.lower[index], self.upper[index])

    def __neg__(self) -> "Interval":
        return Interval(-self.upper, -self.lower)

    def __add__(self, other: Operand) -> "Interval":
        second = interval(other)
        with np.errstate(over="ignore"):
            lower, upper = self.lower + second.lower, self.upper + second.upper
        exact = lower == 0, upper == 0  # a sum is rounded to 0 only where it is 0
        floor = np.where(exact[0] | ((self.lower >= 0) & (second.lower >= 0)), 0.0, -np.inf)
        ceiling = np.where(exact[1] | ((self.upper <= 0) & (second.upper <= 0)), 0.0, np.inf)
        return outwards(lower, upper, floor, ceiling)

    def __sub__(self, other: Operand) -> "Interval":
        return self + -interval(other)

    def __mul__(self, other: Operand) -> "Interval":
        return _of_ends(np.multiply, self, interval(other))

    def __truediv__(self, other: Operand) -> "Interval":
        second = interval(other)
        nought = second.contains(0.0)
        if nought.any():
            low, high = second.lower[nought][0], second.upper[nought][0]
            raise IntervalError(f"a division by numbers from {low:g} to {high:g}, 0 among them; take smaller cells")
        return _of_ends(np.divide, self, second)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Operand) -> "Interval":
        return -self + other

    def __rtruediv__(self, other: Operand) -> "Interval":
        return interval(other) / self


def interval(value: Operand) -> Interval:
    """Return an Interval as it is, and numbers as intervals of one number each."""
    return value if isinstance(value, Interval) else Interval(value)


def outwards(lower: Array, upper: Array, floor: ArrayLike = -np.inf, ceiling: ArrayLike = np.inf) -> Interval:
    """Return the interval of bounds that were rounded to nearest, widened; it is known to be >= floor, <= ceiling."""
    return Interval(
        np.maximum(np.nextafter(lower, -np.inf), floor),
        np.minimum(np.nextafter(upper, np.inf), ceiling),
    )


def _of_ends(operation: Callable[..., Array], one: Interval, two: Interval) -> Interval:
    """Return a product or quotient, which is furthest at ends of both; 0 times what is unbounded is 0."""
    with np.errstate(all="ignore"):
        ends = [operation(a, b) for a in (one.lower, one.upper) for b in (two.lower, two.upper)]
    known = [np.where(np.isnan(end), 0.0, end) for end in ends]
    positive, negative = (one.lower >= 0, two.lower >= 0), (one.upper <= 0, two.upper <= 0)
    same = (positive[0] & positive[1]) | (negative[0] & negative[1])
    opposite = (positive[0] & negative[1]) | (negative[0] & positive[1])
    floor, ceiling = np.where(same, 0.0, -np.inf), np.where(opposite, 0.0, np.inf)
    return outwards(np.minimum.reduce(known), np.maximum.reduce(known), floor, ceiling)
