"""By how much an episode can at most cost more under one actor than under another."""

from itertools import product

import numpy as np

from plants import Cost, QuadraticCost, Scenario
from plants.arrays import Array
from plants.validation import RUNAWAY
from rl.errors import TrainingError

_MOST_CORNERS = 16


def largest_loss(scenario: Scenario, cost: Cost, steps: int) -> float:
    """Return the most that an episode can cost, less the least.

    A quadratic cost is largest at a corner of the box of states and inputs; it is charged for `steps` steps at most,
    the penalty or the event's cost once. Raises TrainingError where no such bound is known: for other costs, states
    without caps or safe limits, and tracking.
    """
    plant = scenario.plant
    if not isinstance(cost, QuadraticCost) or scenario.tracking is not None:
        what = "tracks setpoints" if scenario.tracking is not None else f"has the cost {cost!r}"
        raise TrainingError(
            f"the gate's simulator {what}, whose largest value is not known, where a QuadraticCost's is; pass "
            "`largest_loss`, by how much an episode can at most get worse"
        )
    (low, high), (safe_low, safe_high) = plant.state_caps, plant.safe_limits or plant.state_caps
    lower, upper = np.maximum(low, safe_low), np.minimum(high, safe_high)
    turning = list(plant.angle_indices)
    lower[turning], upper[turning] = np.maximum(lower[turning], -np.pi), np.minimum(upper[turning], np.pi)
    for name, *ends in zip(plant.state_names, lower, upper, strict=True):
        if np.abs(ends).max() >= RUNAWAY:
            raise TrainingError(
                f"state {name!r} of the gate's simulator lies within {ends[0]:g} and {ends[1]:g}, so an episode's cost "
                "has no bound; declare `state_caps` or `safe_limits` of the plant, or pass the gate's `largest_loss`"
            )
    states = _largest(cost.state_weight, _reach(cost, lower, upper))
    inputs = _largest(cost.input_weight, np.stack(plant.input_bounds) - cost.input_target)
    event = 0.0 if cost.event is None else cost.event.cost
    return steps * (states + inputs) + max(cost.violation_penalty, event, 0.0) - min(event, 0.0)


def _reach(cost: QuadraticCost, lower: Array, upper: Array) -> Array:
    """Return how far the states can be from their targets, (2, n): least and most."""
    reach = np.stack([lower, upper]) - cost.state_target
    turning = list(cost.angles)
    reach[0, turning], reach[1, turning] = -np.pi, np.pi
    return reach


def _largest(weight: Array, ends: Array) -> float:
    """Return the largest value of d' W d with every d_i between ends[0, i] and ends[1, i]."""
    if len(weight) > _MOST_CORNERS:
        raise TrainingError(
            f"a weight of {len(weight)} entries has 2^{len(weight)} corners, above the limit of 2^{_MOST_CORNERS}; "
            "pass the gate's `largest_loss`"
        )
    corners = np.array(list(product(*ends.T)))
    return float(((corners @ weight) * corners).sum(-1).max())
