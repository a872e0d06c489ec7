"""A plant's cost made quadratic at a point of rest, with its cross term and with the price of a slope there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.riccati import checked_discount
from mpc.sampling import linearise, sampled_map, sampled_step, zero_order_hold
from plants import Plant, PlantError, QuadraticCost, check_steady
from plants.arrays import Array, instance_of
from plants.equilibrium import state_scales
from plants.taylor import taylor

REST = 1e-5  # a slope of the cost that the curvature makes up for within this share of the scales counts as none
_ROUNDING = 1e-9  # an eigenvalue this little below 0, beside the largest entry, counts as 0


@dataclass(frozen=True, eq=False)
class Quadratised:
    """l(x, u) = value + price's - g price's_next + s'Q s + 2 s'N v + v'R v + ..., with s, v deviations from `model`'s.

    `state_weight` Q (n, n), `cross_weight` N (n, m) and `input_weight` R (m, m). `price` (n,) is what one unit of each
    state is worth at rest, 0 where the cost has no slope there: over an endless horizon its sum depends on the first
    state alone, so that it changes no input. The cost to go is then price's + s'P s. `lifted` is the most that an
    eigenvalue was raised, in units of the scales of states and inputs.
    """

    model: LinearModel
    value: float
    state_weight: Array
    cross_weight: Array
    input_weight: Array
    price: Array
    lifted: float


def quadratised(
    plant: Plant,
    *,
    discount: float = 1.0,
    at: tuple[ArrayLike, ArrayLike] | None = None,
    rule: Any = zero_order_hold,
    projected: bool = False,
) -> Quadratised:
    """Return `plant.cost` to second order at the equilibrium, or `at` another point of rest (state, input).

    Where the cost has a slope at that point, and it is the best point of rest there is, the slope is what states are
    worth (their price), and the curvature of the plant, weighed by the price, is part of the weights: the linear
    controller is then, to first order, the one that minimises the cost itself. `projected` raises negative
    eigenvalues to 0 instead of refusing them. `rule` is as for `linearise`.

    Raises ProblemError for a point that is none of rest or not the best one, for a cost that curves downwards, has a
    corner or no finite derivatives there. Source for the price: Diehl, Amrit & Rawlings 2011; for the weights Zanon,
    Gros & Diehl 2014.
    """
    instance_of(plant, Plant, "plant", ProblemError, "pass a Plant, such as clipped_pendulum()")
    instance_of(projected, bool, "projected", ProblemError, "pass True or False")
    gamma, model = checked_discount(discount), linearise(plant, at, rule)
    state, entry = np.asarray(model.state), np.asarray(model.input)
    lower, upper = plant.input_bounds
    scales = np.concatenate([state_scales(plant, state), (upper - lower) / 2])
    try:
        value, gradient, hessian = taylor(plant.cost, state, entry, scales)
    except PlantError as cause:
        raise ProblemError(str(cause)) from cause
    price = np.zeros(plant.n)
    allowed = REST * np.abs(hessian * np.outer(scales, scales)).max()
    if np.abs(gradient * scales).max() > allowed:
        price = _price(plant, state, entry, gamma, gradient, scales, allowed)
        hessian = hessian + gamma * _curvature(plant, state, entry, price)
    weight, lifted = _convex(hessian / 2, scales, plant, projected)
    n = plant.n
    return Quadratised(model, value, weight[:n, :n], weight[:n, n:], weight[n:, n:], price, lifted)


def _price(
    plant: Plant, state: Array, entry: Array, discount: float, gradient: Array, scales: Array, allowed: float
) -> Array:
    """Return the price (n,) for which gradient = [I - g A, -g B]'price; raise ProblemError where there is none."""
    A, B = sampled_map(plant, state, entry)
    slope = np.hstack([np.eye(plant.n) - discount * A, -discount * B]).T
    unit = scales[: plant.n]
    price = np.linalg.lstsq(slope * scales[:, None] / unit, gradient * scales, rcond=None)[0] / unit
    left = (gradient - slope @ price) * scales
    if np.abs(left).max() <= allowed:
        return price
    names = (*plant.state_names, *plant.input_names)
    slopes = ", ".join(f"{name} {number:.3g}" for name, number in zip(names, gradient, strict=True))
    raise ProblemError(
        f"the cost has the slope ({slopes}) at the point of rest, state {state}, input {entry}, which is not where the "
        f"plant rests most cheaply: {np.abs(left).max():.3g} of it remains per scale, at most {allowed:.3g} may; "
        f"{_better(plant)}"
    )


def _better(plant: Plant) -> str:
    """Return what to do about a cost that is least elsewhere."""
    cost = plant.cost
    if not isinstance(cost, QuadraticCost):
        return "pass at=cheapest_rest(plant), unless that lies at a limit or the discount is below 1"
    try:
        check_steady(plant, cost.state_target, cost.input_target)
    except PlantError:
        return (
            f"its target, state {cost.state_target}, input {cost.input_target}, is no point of rest: give the cost the "
            "equilibrium as its targets"
        )
    return "pass at=(cost.state_target, cost.input_target), where the plant rests too, or move its equilibrium there"


def _curvature(plant: Plant, state: Array, entry: Array, price: Array) -> Array:
    """Return the second derivative (n + m, n + m) of price'f, with f the plant's own step."""
    z = ca.MX.sym("z", plant.n + plant.m)
    worth = ca.dot(price, sampled_step(plant)(z[: plant.n], z[plant.n :]))
    function = ca.Function("curvature", [z], [ca.hessian(worth, z)[0]])
    return np.array(ca.DM(function(np.concatenate([state, entry]))).full())


def _convex(weight: Array, scales: Array, plant: Plant, projected: bool) -> tuple[Array, float]:
    """Return the weight (n + m, n + m) if it is convex, or raised to be so; ProblemError names where it is not."""
    unit = np.outer(scales, scales)
    values, vectors = np.linalg.eigh(weight * unit)
    least = float(values[0])
    if least >= -_ROUNDING * max(float(np.abs(values).max()), 1e-300):
        return weight, 0.0
    if projected:
        raised = (vectors * np.maximum(values, 0.0)) @ vectors.T / unit
        return (raised + raised.T) / 2, -least
    way = _direction(vectors[:, 0], (*plant.state_names, *plant.input_names))
    raise ProblemError(
        f"the cost curves downwards at the point of rest: eigenvalue {least:.3g} along {way} (in scales of states and "
        "inputs), and a convex controller has no least cost there; weigh that direction more, pass projected=True to "
        "raise it to 0, or use NonlinearMPC, which minimises the cost as it is"
    )


def _direction(vector: Array, names: Sequence[str]) -> str:
    largest = vector[np.abs(vector).argmax()]
    parts = [f"{number:.2g} {name}" for number, name in zip(vector / largest, names, strict=True) if abs(number) > 0.05]
    return " + ".join(parts)
