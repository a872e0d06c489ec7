"""Linearised: how a safe set is designed with a plant's linear model, and what it shall withstand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, real_array, real_scalar, whole_number

MOST = {"cells": 100_000, "max_steps": 500}  # what ends within minutes, and fits in memory


@dataclass(frozen=True, kw_only=True)
class Linearised:
    """How a safe set is designed with a plant's linear model, and what it shall withstand besides the model's error.

    `disturbance` is what may be added to the states in every step, up to that size either way: one number for each
    state, in its unit, or 0. From each state some input leads into `contraction` times the set. `cells` bound how
    finely the region is divided for the model's error, `max_steps` the iteration to the set, each up to its limit in
    MOST. Raises ProblemError for anything else.
    """

    disturbance: Any = 0.0
    contraction: float = 0.99
    cells: int = 20_000
    max_steps: int = 200

    def __post_init__(self) -> None:
        given = real_array(self.disturbance, "disturbance", None, ProblemError)
        if given.ndim > 1 or given.size == 0 or not (given >= 0).all():
            raise ProblemError(f"`disturbance` is {given.tolist()}, but one size of 0 or more for each state is needed")
        object.__setattr__(self, "disturbance", tuple(float(size) for size in given.ravel()))
        contraction = real_scalar(self.contraction, "contraction", ProblemError)
        if not 0.5 <= contraction <= 0.99999:
            raise ProblemError(f"`contraction` is {contraction:g}, but a number from 0.5 to 0.99999 is needed")
        object.__setattr__(self, "contraction", contraction)
        for name, most in MOST.items():
            given = whole_number(getattr(self, name), name, ProblemError, least=1)
            if given > most:
                raise ProblemError(f"`{name}` is {given}, above the limit of {most}; take fewer")

    def gusts(self, names: Sequence[str]) -> Array:
        """Return the disturbance of each state (n,)."""
        if len(self.disturbance) not in (1, len(names)):
            raise ProblemError(
                f"`disturbance` has {len(self.disturbance)} sizes, but there are {len(names)} states "
                f"({', '.join(names)}); give one for each"
            )
        return np.broadcast_to(np.array(self.disturbance), (len(names),))
