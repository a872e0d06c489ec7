"""Disturbances: where a world departs from the nominal plant; small frozen objects that may be combined freely."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from plants.names import index_of
from plants.signals import Signal, checked_signal

if TYPE_CHECKING:
    from plants.draft import Draft
    from plants.plant import Plant


class Disturbance(ABC):
    """What happens to one plant in one episode."""

    @abstractmethod
    def fitted(self, plant: "Plant") -> Self:
        """Return it checked against the names of a plant; raise PlantError for what does not fit."""

    @abstractmethod
    def put(self, draft: "Draft") -> None:
        """Draw what is random about it for every row of the draft, and put it in."""


@dataclass(frozen=True)
class _Signalled(Disturbance):
    """A signal that acts on what is called `name`."""

    name: str
    signal: Any

    def fitted(self, plant: "Plant") -> Self:
        """Return it with a number turned into a Level."""
        index_of(self.name, self._names(plant), type(self).__name__)
        return replace(self, signal=checked_signal(self.signal, f"signal of {type(self).__name__} {self.name}"))

    @abstractmethod
    def _names(self, plant: "Plant") -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Shifted(_Signalled):
    """`signal` is added to a constant of the plant, to an input behind the actuator, or to a state after every step.

    A shifted input stays within its bounds. A number stands for Level(number).
    """

    name: str
    signal: Signal | float

    def put(self, draft: "Draft") -> None:
        """Draw the signal and add it."""
        draft.shift(self.name, draft.draw(self.signal))  # type: ignore[arg-type]

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return (*(c.name for c in plant.constants), *plant.input_names, *plant.state_names)


@dataclass(frozen=True)
class Scaled(_Signalled):
    """A constant of the plant, or an input behind the actuator, is multiplied by `signal`: 0.6 leaves 60 % of it."""

    name: str
    signal: Signal | float

    def put(self, draft: "Draft") -> None:
        """Draw the signal and multiply by it."""
        draft.scale(self.name, draft.draw(self.signal))  # type: ignore[arg-type]

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return (*(c.name for c in plant.constants), *plant.input_names)


@dataclass(frozen=True)
class Misread(_Signalled):
    """The controller sees the state `name` with `signal` added; with `relative`, with that share of it added."""

    name: str
    signal: Signal | float
    relative: bool = False

    def put(self, draft: "Draft") -> None:
        """Draw the error of every reading, the first one included."""
        draft.misread(self.name, draft.draw(self.signal, draft.steps + 1), self.relative)  # type: ignore[arg-type]

    def _names(self, plant: "Plant") -> tuple[str, ...]:
        return tuple(plant.state_names)
