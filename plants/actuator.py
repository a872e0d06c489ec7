"""Actuators: what lies between the input that a controller wants and the one that acts."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from plants.arrays import Array, real_scalar, whole_number
from plants.disturbance import Disturbance
from plants.draft import Draft
from plants.errors import PlantError
from plants.names import index_of

if TYPE_CHECKING:
    from plants.plant import Plant


@dataclass(frozen=True)
class Actuator(Disturbance):
    """Something about one input that may remember: `slots` numbers per row, which begin at the input at rest."""

    name: str

    @property
    def slots(self) -> int:
        """Return how many numbers it remembers."""
        return 0

    @abstractmethod
    def act(self, wanted: Array, memory: Array) -> tuple[Array, Array]:
        """Return the input (rows,) that acts, and the memory (rows, slots) for the next step."""

    def fitted(self, plant: "Plant") -> Self:
        """Return it, its name checked."""
        index_of(self.name, plant.input_names, type(self).__name__)
        return self

    def put(self, draft: Draft, generators: Sequence[np.random.Generator]) -> None:  # noqa: ARG002  nothing is random
        """Take its place behind those that are there."""
        draft.actuators.append(self)


@dataclass(frozen=True)
class Limited(Actuator):
    """The input reaches no further than from `lower` to `upper`: a valve that sticks, a pump that has lost power."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        for side in ("lower", "upper"):
            name = f"{side} of Limited {self.name}"
            object.__setattr__(self, side, real_scalar(getattr(self, side), name, PlantError))
        if self.lower > self.upper:
            raise PlantError(f"`lower` of Limited {self.name} is {self.lower:g}, above `upper` = {self.upper:g}")

    def fitted(self, plant: "Plant") -> Self:
        """Return it; PlantError where it leaves nothing of the plant's own range."""
        i = index_of(self.name, plant.input_names, "Limited")
        low, high = plant.input_bounds[0][i], plant.input_bounds[1][i]
        if self.upper < low or self.lower > high:
            raise PlantError(
                f"`Limited` holds {self.name} within [{self.lower:g}, {self.upper:g}], but the plant's own range is "
                f"[{low:g}, {high:g}]: nothing is left; let the two overlap"
            )
        return self

    def act(self, wanted: Array, memory: Array) -> tuple[Array, Array]:
        """Return the input within the narrower range."""
        return np.clip(wanted, self.lower, self.upper), memory


@dataclass(frozen=True)
class RateLimited(Actuator):
    """The input moves by at most `most` of its unit in one sample period."""

    most: float

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "most", real_scalar(self.most, f"most of RateLimited {self.name}", PlantError, positive=True)
        )

    @property
    def slots(self) -> int:
        """Return 1: the input that acts now."""
        return 1

    def act(self, wanted: Array, memory: Array) -> tuple[Array, Array]:
        """Return the input moved as far as it gets."""
        moved = memory[:, 0] + np.clip(wanted - memory[:, 0], -self.most, self.most)
        return moved, moved[:, None]


@dataclass(frozen=True)
class Delayed(Actuator):
    """The input acts `steps` sample periods after it was wanted."""

    steps: int

    def __post_init__(self) -> None:
        if whole_number(self.steps, f"steps of Delayed {self.name}", PlantError, least=1) > 10_000:
            raise PlantError(f"`steps` of Delayed {self.name} is {self.steps}, above 10000; shorten the delay")

    @property
    def slots(self) -> int:
        """Return the number of inputs on their way."""
        return self.steps

    def act(self, wanted: Array, memory: Array) -> tuple[Array, Array]:
        """Return the input that was wanted so many steps ago."""
        return memory[:, 0], np.column_stack([memory[:, 1:], wanted])


@dataclass(frozen=True)
class Lagged(Actuator):
    """The input follows what is wanted as a first-order lag with a time constant of `steps` sample periods."""

    steps: float

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "steps", real_scalar(self.steps, f"steps of Lagged {self.name}", PlantError, positive=True)
        )

    @property
    def slots(self) -> int:
        """Return 1: the input that acts now."""
        return 1

    def act(self, wanted: Array, memory: Array) -> tuple[Array, Array]:
        """Return the input on its way."""
        moved = wanted + np.exp(-1 / self.steps) * (memory[:, 0] - wanted)
        return moved, moved[:, None]
