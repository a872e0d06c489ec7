"""A law and its plant as one map, and what the law costs until all is at rest."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float64

from mpc import PiecewiseAffineLaw
from plants import Cost, Plant
from plants.arrays import Array
from plants.validation import cost_fits
from rl.errors import TrainingError
from rl.fitting import check_plant, check_type
from yann.stacked import StackedNetwork

AT_REST = 1e-9
"""A run is at rest when a step costs no more than this share of what the run has cost so far."""

Inputs = Callable[[Array], Array]
"""Inputs (rows, m) of states (rows, n)."""


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """A plant under a law that never changes; what it costs is the stage cost of `cost`."""

    plant: Plant
    inputs: Inputs
    cost: Cost

    @classmethod
    def of(cls, law: object, plant: Plant, cost: Cost | None = None) -> "ClosedLoop":
        """Return the plant under `law`: an actor, a PiecewiseAffineLaw (its nearest region outside), or a function.

        An actor is copied, so training it later changes nothing here. Raises TrainingError for a law of another size,
        one that gives NaN, or a stack.
        """
        check_plant(plant)
        loop = cls(plant, _inputs_of(law, plant), plant.cost if cost is None else cost)
        cost_fits(loop.cost, plant)
        rest = np.array(plant.equilibrium[0][None])
        given = np.asarray(loop.inputs(rest))
        if given.shape != (1, plant.m) or not np.isfinite(given).all():
            raise TrainingError(
                f"`law` gives {given} at rest, but one finite input for each of {plant.m} "
                f"({', '.join(plant.input_names)}) is needed, as (1, {plant.m}); pass the law of this plant"
            )
        return loop

    def step(
        self, x: Float64[np.ndarray, "rows n"]
    ) -> tuple[Float64[np.ndarray, "rows n"], Float64[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
        """Return the next states (rows, n), the stage costs (rows,), and whether that step ended the run badly."""
        plant = self.plant
        applied = np.clip(self.inputs(x), *plant.input_bounds)
        cost = self.cost.stage_rows(x, applied)
        after = plant.step_rows(x, applied)
        bad = ~np.isfinite(after).all(-1)
        after[bad] = x[bad]
        return after, cost, bad | plant.unsafe(after) | plant.runaway(after)

    def cost_to_rest(
        self, x: Float64[np.ndarray, "rows n"], steps: int, ceiling: float = np.inf, discount: float = 1.0
    ) -> tuple[Float64[np.ndarray, " rows"], Float64[np.ndarray, " rows"]]:
        """Return what the law costs from states (rows, n) until rest, (rows,): as it is, and discounted.

        Infinite where a run ends badly, costs more than `ceiling`, or is not at rest after so many steps.
        """
        total, counted = np.zeros((2, len(x)))
        live, factor = np.arange(len(x)), 1.0
        for _ in range(steps):
            x, cost, bad = self.step(x)
            total[live] += cost
            counted[live] += factor * cost
            bad |= ~(total[live] <= ceiling)
            total[live[bad]] = counted[live[bad]] = np.inf
            on = ~bad & (cost > AT_REST * total[live])
            x, live, factor = x[on], live[on], factor * discount
            if not len(live):
                break
        total[live] = counted[live] = np.inf
        return total, counted


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Inputs of a law, of the nearest region where a state is in none; a class, so that what holds it can be sent."""

    law: PiecewiseAffineLaw

    def __call__(self, x: Array) -> Array:
        return self.law.nearest(x)[0]


@dataclass(frozen=True, eq=False)
class _Frozen:
    """Inputs of a network that never changes."""

    network: StackedNetwork

    def __call__(self, x: Array) -> Array:
        with torch.no_grad():
            return self.network.rows(torch.from_numpy(np.ascontiguousarray(x)).unsqueeze(0))[0].numpy()


def _inputs_of(law: object, plant: Plant) -> Inputs:
    if isinstance(law, StackedNetwork):
        return _of_network(law, plant)
    if isinstance(law, PiecewiseAffineLaw):
        if law.t != plant.n:
            raise TrainingError(
                f"`law` takes {law.t} parameters ({', '.join(law.parameter_names)}), but {plant.name!r} has {plant.n} "
                f"states ({', '.join(plant.state_names)}); pass a law of the states alone, of this plant"
            )
        return _Nearest(law)
    if not callable(law):
        raise TrainingError(
            f"`law` is a {type(law).__name__}; pass an actor, a PiecewiseAffineLaw or a function of the states"
        )
    return cast(Inputs, law)


def _of_network(law: StackedNetwork, plant: Plant) -> Inputs:
    widths = tuple(width for _, width in law.arguments)
    if widths != (plant.n,) or law.members != 1:
        raise TrainingError(
            f"`law` takes {widths} and is a stack of {law.members}, but {plant.name!r} needs ({plant.n},) and a stack "
            "of 1; build the actor for this plant, or take one .member(i)"
        )
    check_type("law", law)
    return _Frozen(copy.deepcopy(law).requires_grad_(False))
