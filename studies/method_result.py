"""MethodResult: what one method did in one scenario; Baseline: what a controller does that learns nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class MethodResult:
    """One method in one scenario over S seeds, E episodes and K test starts.

    `test_costs` (S, E + 1, K): cost of each test start before training and after every episode; `test_unsafe` the
    same, 1 where it ended unsafe; where a gate delivers, the last is of what it delivered. `training_costs`, `runs` and
    `violations` (S, E): cost, runs and unsafe steps of each training episode; every violation ends a run. `grid_inputs`
    (2, S, G, m): inputs on the grid before and after training. `paths` (2, S, k, T + 1, n) and `path_inputs`
    (2, S, k, T, m): closed loops from the chosen starts before and after. `core_excess` (S,): the most by which the
    trained actor costs more than the law from a start in its core, NaN where it has none. `interventions` and
    `unguarded` (S, E): steps of each training episode in which a safety filter changed the input, and steps from states
    at which it guarantees nothing; None where there is no filter.
    """

    name: str
    scenario: str
    seeds: tuple[int, ...]
    discount: float
    actor_weights: int
    critic_weights: int
    test_costs: Array
    test_unsafe: np.ndarray
    training_costs: Array
    runs: np.ndarray
    violations: np.ndarray
    grid_inputs: Array
    paths: Array
    path_inputs: Array
    core_excess: Array
    interventions: np.ndarray | None = None
    unguarded: np.ndarray | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the blocks of one method as one result, in the order given."""
        first, along = parts[0], {"grid_inputs": 1, "paths": 1, "path_inputs": 1}
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(p, name) for p in parts], along.get(name, 0)) for name in first.arrays()
        }
        seeds = tuple(seed for part in parts for seed in part.seeds)
        return replace(first, seeds=seeds, **arrays)

    def facts(self) -> dict[str, Any]:
        """Return everything but the arrays, for JSON."""
        names = ("name", "scenario", "discount", "actor_weights", "critic_weights")
        return {name: getattr(self, name) for name in names} | {"seeds": list(self.seeds)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, for a file; those of a filter only where there is one."""
        found = {name: getattr(self, name) for name in (*ARRAYS, *FILTERED)}
        return {name: array for name, array in found.items() if array is not None}

    @classmethod
    def of(cls, facts: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the method behind `facts` and `arrays`; KeyError where one is missing."""
        own = {name: arrays[name] for name in ARRAYS} | {name: arrays.get(name) for name in FILTERED}
        return cls(**{**facts, "seeds": tuple(facts["seeds"]), **own})


ARRAYS = (
    "test_costs",
    "test_unsafe",
    "training_costs",
    "runs",
    "violations",
    "grid_inputs",
    "paths",
    "path_inputs",
    "core_excess",
)
FILTERED = ("interventions", "unguarded")


@dataclass(frozen=True, eq=False)
class Baseline:
    """What a controller that learns nothing costs (K,) from the test starts of a scenario; `unsafe` (K,) is 0 or 1."""

    name: str
    scenario: str
    costs: Array
    unsafe: np.ndarray
