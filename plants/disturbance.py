"""Disturbances: where a world departs from the nominal plant; small frozen objects that may be combined freely."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from plants.arrays import Checked, instance_of
from plants.draft import Draft, drawn
from plants.errors import PlantError
from plants.names import index_of
from plants.signals import checked_signal

if TYPE_CHECKING:
    from plants.plant import Plant


class Disturbance(ABC):
    """What happens to one plant in one episode."""

    @abstractmethod
    def fitted(self, plant: "Plant") -> Self:
        """Return it checked against the names of a plant; raise PlantError for what does not fit."""

    @abstractmethod
    def put(self, draft: Draft, generators: Sequence[np.random.Generator]) -> None:
        """Put it into the draft, and draw what is random about it, a row from each generator."""


@dataclass(frozen=True)
class _Signalled(Disturbance):
    """A signal that acts on what is called `name`; a number stands for Level(number)."""

    name: str
    signal: Checked

    def __post_init__(self) -> None:
        object.__setattr__(self, "signal", checked_signal(self.signal, f"signal of {type(self).__name__} {self.name}"))

    def fitted(self, plant: "Plant") -> Self:
        """Return it, its name checked."""
        index_of(self.name, self._names(plant), type(self).__name__)
        return self

    @abstractmethod
    def _names(self, plant: "Plant") -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Shifted(_Signalled):
    """`signal` is added to a constant of the plant, to an input behind the actuator, or to a state after every step.

    A shifted input stays within its bounds.
    """

    def put(self, draft: Draft, generators: Sequence[np.random.Generator]) -> None:
        """Draw the signal and add it."""
        draft.shift(self.name, drawn(self.signal, generators, draft.steps))

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return (*(c.name for c in plant.constants), *plant.input_names, *plant.state_names)


@dataclass(frozen=True)
class Scaled(_Signalled):
    """A constant of the plant, or an input behind the actuator, is multiplied by `signal`: 0.6 leaves 60 % of it."""

    def put(self, draft: Draft, generators: Sequence[np.random.Generator]) -> None:
        """Draw the signal and multiply by it."""
        draft.scale(self.name, drawn(self.signal, generators, draft.steps))

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return (*(c.name for c in plant.constants), *plant.input_names)


@dataclass(frozen=True)
class Misread(_Signalled):
    """The controller sees the state `name` with `signal` added; with `relative`, with that share of it added."""

    relative: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        name = f"relative of Misread {self.name}"
        instance_of(self.relative, bool, name, PlantError, "pass True for a share of the state, or False")

    def put(self, draft: Draft, generators: Sequence[np.random.Generator]) -> None:
        """Draw the error of every reading, the first one included."""
        draft.misread(self.name, drawn(self.signal, generators, draft.steps + 1), self.relative)

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return tuple(plant.state_names)
