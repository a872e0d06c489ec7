"""What training needs of an actor that ends in a safety filter: what it wants, and what of that passes."""

from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64
from torch import Tensor

from plants import Plant
from plants.arrays import Array
from rl.errors import TrainingError
from yann.stacked import StackedNetwork


class Filter(Protocol):
    """Turns wanted inputs into such as keep a plant in a set of states."""

    def filtered(
        self, x: Float64[np.ndarray, "rows n"], wanted: Float64[np.ndarray, "rows m"]
    ) -> Float64[np.ndarray, "rows m"]:
        """Return the inputs (rows, m) that pass at states (rows, n)."""
        ...

    def contains(self, x: Float64[np.ndarray, "rows n"]) -> Bool[np.ndarray, " rows"]:
        """Return at which states (rows, n) it guarantees anything."""
        ...


class NoFilter:
    """Lets every input pass, and guarantees nothing that anybody asked for."""

    def filtered(self, x: Array, wanted: Array) -> Array:
        """Return the wanted inputs."""
        del x
        return wanted

    def contains(self, x: Array) -> np.ndarray:
        """Return True for every row: no guarantee is missing where none is asked for."""
        return np.ones(len(x), dtype=bool)


def filter_of(actor: StackedNetwork) -> Filter:
    """Return the filter in which an actor ends, one that lets all pass where it ends in none."""
    return getattr(actor, "filter", NoFilter())


def wanted_by(actor: StackedNetwork) -> StackedNetwork:
    """Return the actor without its filter: exploration is added to what it wants, and filtered then."""
    return getattr(actor, "unfiltered", actor)


def passed(actor: StackedNetwork, x: Tensor, wanted: Tensor) -> Tensor:
    """Return what passes the actor's filter of inputs (S, batch, m) within their bounds, and can be learned from."""
    through = getattr(actor, "passed", None)
    return wanted if through is None else through(x, wanted)


def check_filter(actor: StackedNetwork, plant: Plant) -> None:
    """Raise TrainingError for an actor whose filter was made for a plant of other names, input bounds or samples."""
    known = getattr(getattr(actor, "filter", None), "set", None)
    wrong = "" if known is None else known.difference(plant)
    if wrong:
        raise TrainingError(f"`agent`'s filter {wrong}; build it by SafetyFilter.for_plant(plant)")
