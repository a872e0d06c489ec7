"""Schedules: the values of a setpoint or a measured disturbance at every step, constant, from a table or a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, real_array, real_points

ScheduleLike = ArrayLike | Callable[[int], ArrayLike]
"""A constant (size,), a table (steps, size) whose last row stays, or a function of the step that returns (size,)."""


class Schedule(Protocol):
    """Values at every step."""

    @property
    def is_constant(self) -> bool:
        """Return whether the values never change."""
        ...

    def at(self, step: int) -> Array:
        """Return the values (size,) at a step, counted from 0."""
        ...


@dataclass(frozen=True, eq=False)
class Table:
    """Row i (size,) at step i; after the last row that one stays."""

    values: Array

    @property
    def is_constant(self) -> bool:
        """Return whether it is one row for ever."""
        return len(self.values) == 1

    def at(self, step: int) -> Array:
        """Return the row of a step."""
        return self.values[min(step, len(self.values) - 1)]


@dataclass(frozen=True, eq=False)
class Formula:
    """Whatever `function` returns for a step; errors name `name`."""

    function: Callable[[int], ArrayLike]
    name: str
    labels: tuple[str, ...]

    @property
    def is_constant(self) -> bool:
        """Return False: nobody knows what a function does next."""
        return False

    def at(self, step: int) -> Array:
        """Return the function's values; raises ProblemError for what does not fit."""
        where = f"{self.name} at step {step}"
        given = entries(real_array(self.function(step), where, None, ProblemError), len(self.labels))
        values = real_points(given, where, self.labels, ProblemError)
        return real_array(values, where, (len(self.labels),), ProblemError)


def schedule(
    value: ScheduleLike, name: str, labels: Sequence[str], bounds: tuple[Array, Array] | None = None
) -> Schedule:
    """Return the schedule of the labelled components; raises ProblemError for what does not fit.

    With `bounds` (lower, upper), each (size,), the values of a table must lie within them. One that is a schedule
    already is read again, so that a controller can be built anew from its own parts.
    """
    if isinstance(value, Table):
        value = value.values
    if isinstance(value, Formula):
        value = value.function
    if callable(value):
        _check_takes_a_step(value, name)
        return Formula(value, name, tuple(labels))
    given = entries(real_array(value, name, None, ProblemError), len(labels))
    rows: Array = given.reshape(1, -1) if given.ndim == 1 else given
    if rows.ndim != 2 or rows.shape[-1] != len(labels) or not len(rows):
        raise ProblemError(
            f"`{name}` has shape {given.shape}, but ({len(labels)},) or (steps, {len(labels)}) is needed for "
            f"({', '.join(labels)}); pass a constant, a table with a row per step, or a function of the step"
        )
    if bounds is not None:
        _check_within(rows, name, labels, *bounds)
    return Table(rows)


def entries(given: Array, size: int) -> Array:
    """Return a plain number as an array of one entry where one is needed, and anything else as it is."""
    return given.reshape(1) if given.ndim == 0 and size == 1 else given


def _check_takes_a_step(function: Callable[..., ArrayLike], name: str) -> None:
    try:
        known = signature(function)
    except ValueError:  # some functions written in C do not tell
        return
    try:
        known.bind(0)
    except TypeError as cause:
        raise ProblemError(
            f"`{name}` is a function of {known}, but it is called with 1 argument, the step ({cause}); "
            "take the step, as in lambda step: ..."
        ) from cause


def _check_within(rows: Array, name: str, labels: Sequence[str], lower: Array, upper: Array) -> None:
    beyond = (rows < lower) | (rows > upper)
    if beyond.any():
        step, i = np.argwhere(beyond)[0]
        raise ProblemError(
            f"`{name}` at step {step}: {labels[i]} is {rows[step, i]:g}, outside the range "
            f"[{lower[i]:g}, {upper[i]:g}] that the problem gives it; widen it there, and solve again"
        )
