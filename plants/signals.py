"""Signals: how a disturbance goes over the steps of an episode; small frozen objects, seeded by whoever draws them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np

from plants.arrays import Array, real_scalar, whole_number
from plants.errors import PlantError


class Signal(ABC):
    """One number for each step of an episode, in the unit of what it disturbs; signals add up: Level(2) + White(1)."""

    @abstractmethod
    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the values (steps,) of one episode."""

    @property
    def is_random(self) -> bool:
        """Return whether two episodes may differ."""
        return True

    def __add__(self, other: "Signal") -> "Signal":
        """Return the sum of two signals."""
        return Sum(self, other) if isinstance(other, Signal) else NotImplemented

    def _check_numbers(self, *whole: str) -> None:
        """Put every field in as a finite float, those named in `whole` as whole numbers of steps from 0."""
        for entry in fields(self):  # type: ignore[arg-type]
            name, value = f"{entry.name} of {type(self).__name__}", getattr(self, entry.name)
            checked = whole_number if entry.name in whole else real_scalar
            object.__setattr__(self, entry.name, checked(value, name, PlantError))

    def _check_positive(self, name: str, zero: bool = False) -> None:
        value = getattr(self, name)
        if value < 0 or (value == 0 and not zero):
            least = "at least 0" if zero else "above 0"
            raise PlantError(f"`{name}` of {type(self).__name__} is {value:g}, but it must be {least}")


class Certain(Signal):
    """A signal that is the same in every episode."""

    @property
    def is_random(self) -> bool:
        """Return False."""
        return False

    @abstractmethod
    def values(self, steps: int) -> Array:
        """Return the values (steps,)."""

    def draw(self, steps: int, generator: np.random.Generator) -> Array:  # noqa: ARG002  nothing is random about it
        """Return the values (steps,)."""
        return self.values(steps)


@dataclass(frozen=True)
class Level(Certain):
    """`value`, always."""

    value: float

    def __post_init__(self) -> None:
        self._check_numbers()

    def values(self, steps: int) -> Array:
        """Return the value at every step."""
        return np.full(steps, self.value)


@dataclass(frozen=True)
class Jump(Certain):
    """`before` until step `at`, `value` from it on, and `before` again from step `until` on (None: never)."""

    value: float
    at: int
    before: float = 0.0
    until: int | None = None

    def __post_init__(self) -> None:
        for name in ("value", "before"):
            object.__setattr__(self, name, real_scalar(getattr(self, name), f"{name} of Jump", PlantError))
        whole_number(self.at, "at of Jump", PlantError)
        if self.until is not None and whole_number(self.until, "until of Jump", PlantError) <= self.at:
            raise PlantError(f"`until` of Jump is {self.until}, not after `at` = {self.at}; let it end later")

    def values(self, steps: int) -> Array:
        """Return one value before the jump, the other from it on."""
        k = np.arange(steps)
        return np.where((k >= self.at) & (k < (steps if self.until is None else self.until)), self.value, self.before)


@dataclass(frozen=True)
class Ramp(Certain):
    """From `before` at step `begin` in a straight line to `value` at step `end`, where it stays."""

    value: float
    begin: int
    end: int
    before: float = 0.0

    def __post_init__(self) -> None:
        self._check_numbers("begin", "end")
        if self.end <= self.begin:
            raise PlantError(f"`end` of Ramp is {self.end}, not after `begin` = {self.begin}; end it later")

    def values(self, steps: int) -> Array:
        """Return the line."""
        return np.interp(np.arange(steps), [self.begin, self.end], [self.before, self.value])


@dataclass(frozen=True)
class Sine(Certain):
    """amplitude sin(2 pi (k / period + phase)) at step k: `period` in steps, `phase` in turns."""

    amplitude: float
    period: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_positive("period")

    def values(self, steps: int) -> Array:
        """Return the wave."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.amplitude * np.sin(2 * np.pi * (np.arange(steps) / self.period + self.phase))


@dataclass(frozen=True)
class White(Signal):
    """Independent normal numbers with mean 0 and standard `deviation`, each held for `hold` steps."""

    deviation: float
    hold: int = 1

    def __post_init__(self) -> None:
        self._check_numbers("hold")
        self._check_positive("deviation", zero=True)
        self._check_positive("hold")

    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the noise."""
        drawn = generator.normal(0.0, self.deviation, -(-steps // self.hold))
        return np.repeat(drawn, self.hold)[:steps]


@dataclass(frozen=True)
class Uniform(Signal):
    """One number per episode, uniform from `lower` to `upper`: what domain randomisation draws."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        self._check_numbers()
        if self.upper < self.lower:
            raise PlantError(f"`upper` of Uniform is {self.upper:g}, below `lower` = {self.lower:g}; exchange them")
        if not np.isfinite(self.upper - self.lower):
            raise PlantError(f"Uniform reaches from {self.lower:g} to {self.upper:g}, too far to draw from; narrow it")

    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the number at every step."""
        return np.full(steps, generator.uniform(self.lower, self.upper))


@dataclass(frozen=True)
class Drift(Signal):
    """A first-order random walk back to 0: d+ = exp(-1 / memory) d + noise, of standard `deviation` from the start.

    `memory` is the number of steps after which a share 1/e of a value is left (Ornstein-Uhlenbeck, sampled exactly).
    """

    deviation: float
    memory: float

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_positive("deviation", zero=True)
        self._check_positive("memory")

    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the walk."""
        keeps = np.exp(-1 / self.memory)
        values = generator.normal(0.0, self.deviation, steps)
        values[1:] *= np.sqrt(1 - keeps**2)
        for k in range(1, steps):
            values[k] += keeps * values[k - 1]
        return values


@dataclass(frozen=True)
class During(Signal):
    """`signal` in the steps from `begin` up to and without `end`, and 0 in all others."""

    signal: Signal
    begin: int
    end: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "signal", checked_signal(self.signal, "signal of During"))
        for name in ("begin", "end"):
            whole_number(getattr(self, name), f"{name} of During", PlantError)
        if self.end <= self.begin:
            raise PlantError(f"`end` of During is {self.end}, not after `begin` = {self.begin}; end it later")

    @property
    def is_random(self) -> bool:
        """Return whether the signal is."""
        return self.signal.is_random

    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the signal, with zeros before and after."""
        k = np.arange(steps)
        return np.where((k >= self.begin) & (k < self.end), self.signal.draw(steps, generator), 0.0)


@dataclass(frozen=True)
class Sum(Signal):
    """Two signals added up."""

    first: Signal
    second: Signal

    @property
    def is_random(self) -> bool:
        """Return whether one of the two is."""
        return self.first.is_random or self.second.is_random

    def draw(self, steps: int, generator: np.random.Generator) -> Array:
        """Return the sum."""
        return self.first.draw(steps, generator) + self.second.draw(steps, generator)


def checked_signal(value: object, name: str) -> Signal:
    """Return a signal, or a number as a Level; raise PlantError naming it otherwise."""
    return value if isinstance(value, Signal) else Level(real_scalar(value, name, PlantError))
