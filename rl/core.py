"""The core: where a law stays untouched, because it is already as good as known there and keeps to itself."""

from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64

from plants import Scenario
from plants.arrays import Array
from rl.errors import TrainingError
from yann.stacked import StackedNetwork

_TRIES = 10_000


class Core(Protocol):
    """A set of states on which a law stays as it is, with what it costs from there.

    Nothing is explored in it, nothing learned, and no run goes on in it: what follows is known.
    """

    def contains(self, x: Float64[np.ndarray, "rows n"]) -> Bool[np.ndarray, " rows"]:
        """Return which states (rows, n) are in the core."""
        ...

    def value(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return what the law costs from states (rows, n) of the core until all is at rest."""
        ...

    def weight(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return how far learning counts at states (rows, n): 0 all over the core, rising continuously to 1 outside."""
        ...


class NoCore:
    """The empty core: every state may learn."""

    def contains(self, x: Float64[np.ndarray, "rows n"]) -> Bool[np.ndarray, " rows"]:
        """Return False for every row."""
        return np.zeros(len(x), dtype=bool)

    def value(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return NaN for every row: nothing is known."""
        return np.full(len(x), np.nan)

    def weight(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return 1 for every row."""
        return np.ones(len(x))


def core_of(actor: StackedNetwork) -> Core:
    """Return the core that an actor keeps, empty where it keeps none."""
    return getattr(actor, "core", NoCore())


def start_outside(core: Core, scenario: Scenario, generator: np.random.Generator) -> Array:
    """Return one start (n,) of the scenario that is not in the core; raise TrainingError if there is hardly one."""
    for _ in range(_TRIES):
        start = scenario.sample_starts(generator, 1)
        if not core.contains(start)[0]:
            return start[0]
    raise TrainingError(
        f"{_TRIES} starts of {scenario.plant.name!r} in a row lie in the core, so there is nothing to learn; "
        "widen the plant's `start_bounds`, or take a smaller core"
    )
