"""The linear problem of a plant: its model, the weights of its own cost, its limits."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.costs import CrossWeight
from mpc.explicit.errors import ProblemError
from mpc.problem import MPCProblem
from mpc.quadratised import quadratised
from mpc.sampling import zero_order_hold
from plants import Plant

_FROM_PLANT = ("model", "state_weight", "input_weight")


def regulator_problem(
    plant: Plant,
    horizon: int,
    *,
    discount: float = 1.0,
    at: tuple[ArrayLike, ArrayLike] | None = None,
    rule: Any = zero_order_hold,
    projected: bool = False,
    **more: Any,
) -> MPCProblem:
    """Return the MPCProblem of `plant` at its equilibrium: linear model, weights of its own cost, bounds.

    The weights are those of `quadratised`, with a CrossWeight where states and inputs are weighed together; `at`,
    `rule` and `projected` are passed on. `state_bounds` are the plant's, within its safe limits, and `input_bounds` the
    plant's, unless given in `more`, which takes every other argument of MPCProblem: state_bounds=None, constraints,
    terminal_weight; further `costs` add to the plant's own. The violation penalty and the event are no part of it.

    Raises ProblemError for whatever does not fit, and for a cost that has no convex quadratic there.
    """
    for name in _FROM_PLANT:
        if name in more:
            raise ProblemError(
                f"`{name}` was given, but regulator_problem takes it from the plant; change the plant's cost, or build "
                "MPCProblem(linearise(plant), ...) by hand"
            )
    if more.get("norm", 2) != 2:
        raise ProblemError(f"`norm` is {more['norm']!r}, but the weights of a quadratic cost belong to norm 2")
    found = quadratised(plant, discount=discount, at=at, rule=rule, projected=projected)
    costs = (CrossWeight(found.cross_weight),) if found.cross_weight.any() else ()
    given = {"state_bounds": _kept(plant), "input_bounds": plant.input_bounds} | more
    return MPCProblem(
        found.model,
        found.state_weight,
        found.input_weight,
        horizon,
        discount=discount,
        costs=(*costs, *given.pop("costs", ())),
        **given,
    )


def _kept(plant: Plant) -> tuple[Any, Any]:
    """Return the state bounds within the safe limits."""
    if plant.safe_limits is None:
        return plant.state_bounds
    (lower, upper), (low, high) = plant.state_bounds, plant.safe_limits
    return np.maximum(lower, low), np.minimum(upper, high)
