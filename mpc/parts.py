"""Parts: the costs, constraints and bounds that a problem is given, checked and fitted to its model."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mpc.costs import Cost
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.rows import Constraint
from mpc.soft import fitted
from mpc.stage import StageWeights
from plants.arrays import Array, instance_of


def fitted_constraints(constraints: Any, model: LinearModel) -> tuple[Constraint, ...]:
    """Return the constraints checked against the model; raise ProblemError naming the entry that is none."""
    if not isinstance(constraints, Sequence):
        raise ProblemError(f"`constraints` is a {type(constraints).__name__}; pass a tuple of constraints")
    return tuple(fitted(c, model, f"`constraints` entry {i}") for i, c in enumerate(constraints))


def fitted_costs(costs: Any, model: LinearModel, norm: float) -> tuple[Cost, ...]:
    """Return the costs checked against the model; raise ProblemError naming the entry that is none.

    A cost of one's own needs a method terms(prediction, discount) only.
    """
    instance_of(costs, Sequence, "costs", ProblemError, "pass a tuple of costs, such as (MoveWeight(0.1),)")
    for i, cost in enumerate(costs):
        if isinstance(cost, type):
            raise ProblemError(f"`costs` entry {i} is the class {cost.__name__}; make an object, {cost.__name__}(...)")
        if not callable(getattr(cost, "terms", None)):
            raise ProblemError(
                f"`costs` entry {i} is a {type(cost).__name__}; pass OutputWeight, MoveWeight, CrossWeight or "
                "LinearCost objects, or one with a method terms(prediction, discount)"
            )
    return tuple(cost.fitted(model, norm) if callable(getattr(cost, "fitted", None)) else cost for cost in costs)


def stage_of(cost: Any, model: LinearModel) -> StageWeights:
    """Return what a cost weighs in one stage: nothing where a cost of one's own does not say."""
    if callable(getattr(cost, "stage", None)):
        return cost.stage(model)
    return StageWeights.plain(np.zeros((model.n, model.n)), np.zeros((model.m, model.m)))


def uses_moves(parts: Iterable[object]) -> bool:
    """Return whether one of the parts looks at moves, so that theta must hold the previous input."""
    return any(getattr(part, "uses_moves", False) for part in parts)


def domain_of(parameter_bounds: Any, state_bounds: Any, states: Sequence[str]) -> tuple[Array, Array]:
    """Return the box of states on which the law is defined, of two pairs that are checked or None.

    Raises ProblemError if it is unbounded or has no width.
    """
    given, name = (state_bounds, "state_bounds") if parameter_bounds is None else (parameter_bounds, "parameter_bounds")
    if given is None:
        raise ProblemError(
            "theta is unbounded: neither `parameter_bounds` nor `state_bounds` was given; pass `parameter_bounds`, "
            "the box of states (lower, upper) on which the law shall be defined"
        )
    lower, upper = given
    for i, label in enumerate(states):
        if not (np.isfinite(lower[i]) and np.isfinite(upper[i])):
            raise ProblemError(
                f"theta is unbounded: `{name}` gives {label} the range {lower[i]:g} to {upper[i]:g}; pass finite "
                "`parameter_bounds` (`state_bounds` may stay infinite)"
            )
        if lower[i] == upper[i]:
            raise ProblemError(f"`{name}` gives {label} no width: both bounds are {lower[i]:g}; widen them")
    return lower, upper
