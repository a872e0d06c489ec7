"""Does a point rest? Asked of every state in a unit of its own, so that large units do not hide small ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plants.arrays import Array
from plants.cost import wrapped
from plants.errors import PlantError

if TYPE_CHECKING:
    from plants.plant import Plant

STEADY = 1e-6
"""How far a state at rest may move in one sample period, relative to its scale."""
_ROUNDS = 50
_PARTS = (1, 8, 64)


def state_scales(plant: "Plant", state: Array) -> Array:
    """Return a size (n,) for every state, in its own unit: half the width of its bounds.

    Where it is unbounded, half the range of its starts; where that is one point, its size at `state` (n,), or 1 at 0.
    """
    scales = np.where(state != 0, np.abs(state), 1.0)
    for lower, upper in (plant.start_bounds, plant.state_bounds):
        half = upper / 2 - lower / 2
        scales = np.where(np.isfinite(half) & (half > 0), half, scales)
    return scales


def motion_at(plant: "Plant", state: Array, entry: Array) -> Array:
    """Return how far each state (n,) moves in one sample period from `state` (n,) under the input `entry` (m,).

    That is dx/dt times the sample time, or the next state of an `update` minus the state, on the circle for angles.
    """
    value = plant.derivatives(state, entry)
    if plant.is_continuous:
        return value * plant.sample_time
    moved, turning = value - state, list(plant.angle_indices)
    moved[turning] = wrapped(moved[turning])
    return moved


def check_steady(
    plant: "Plant", state: Array, entry: Array, name: str = "equilibrium", error: type[ValueError] = PlantError
) -> float:
    """Return the largest motion of a state at `state` (n,), `entry` (m,) in one sample period, relative to its scale.

    Raises `error`, with `name` for the point, if that is above 1e-6 for any state, and for equations without a
    finite value there.
    """
    moved = motion_at(plant, state, entry)
    if not np.isfinite(moved).all():
        label = plant.state_names[int(np.argmin(np.isfinite(moved)))]
        value = plant.derivatives(state, entry)
        raise error(f"`{plant.equations_name}` is {value} at the {name}: {label} is not finite; check both")
    scales = state_scales(plant, state)
    relative = np.abs(moved) / scales
    i = int(relative.argmax())
    if relative[i] > STEADY:
        raise error(
            f"`{name}` is no steady state: {plant.state_names[i]} moves by {moved[i]:.3g} {plant.state_units[i]} in "
            f"one sample period, {relative[i]:.3g} of its scale {scales[i]:g} and above the tolerance {STEADY:g}; "
            "solve for a point where the plant rests, or give more digits"
        )
    return float(relative[i])


def rest_under(plant: "Plant", constants: Sequence[float]) -> tuple[Array, Array]:
    """Return a point of rest (state, input) under other constants (k,), next to the plant's own.

    Newton's method from there, each step the least that answers the equations made linear, all states and inputs
    counted in their scales: a state first as 100 times an input, so that it is kept where inputs can keep it, then,
    if that asks too much of them, alike. Raises PlantError where neither ends within the caps and input bounds.
    """
    goal = np.asarray(constants, dtype=np.float64)
    paths = (_followed(plant, goal, stiffness) for stiffness in (100.0, 1.0))
    found = [(point[: plant.n], point[plant.n :]) for point in paths if point is not None]
    for state, entry in found:
        if not _outside(plant, state, entry):
            return state, entry
    if found:
        raise PlantError(f"{plant.name!r} rests, under these constants, with {_outside(plant, *found[0])}")
    raise PlantError(
        f"no point of rest of {plant.name!r} was found near its equilibrium under the constants {goal}; "
        "change them less, or build the plant with its own `equilibrium`"
    )


def _followed(plant: "Plant", goal: Array, stiffness: float) -> Array | None:
    """Return a point of rest (n + m,) under the constants `goal`, reached in one part or several; None: not found."""
    for parts in _PARTS:
        point: Array | None = np.concatenate(plant.equilibrium)
        for share in np.arange(1, parts + 1) / parts:
            point = _newton(plant, point, (1 - share) * plant.constant_values + share * goal, stiffness)
            if point is None:
                break
        if point is not None:
            return point
    return None


def _newton(plant: "Plant", point: Array, constants: Array, stiffness: float) -> Array | None:
    """Return the point of rest (n + m,) to which Newton's method goes from `point`; None where it goes nowhere."""
    low, high = plant.input_bounds
    sizes = state_scales(plant, plant.equilibrium[0])
    scales = np.concatenate([sizes / stiffness, (high - low) / 2])
    for _ in range(_ROUNDS):
        moved, slope = _motion_and_slope(plant, point, constants)
        if not (np.isfinite(moved).all() and np.isfinite(slope).all()):
            return None
        relative, step = moved / sizes, slope * scales / sizes[:, None]
        move = np.linalg.lstsq(step, relative, rcond=None)[0]
        if np.abs(relative).max() <= 1e-3 * STEADY and np.abs(move).max() <= 1e-9:
            return point
        point = point - scales * move
    return None


def _motion_and_slope(plant: "Plant", point: Array, constants: Array) -> tuple[Array, Array]:
    """Return the motion (n,) in one sample period and its slope (n, n + m) at a point (n + m,)."""
    x, u, p = point[None, : plant.n], point[None, plant.n :], constants[None]
    value = plant.flow_rows(x, u, p)[0]
    slope = np.concatenate(plant.slope_rows(x, u, p), -1)[0]
    if plant.is_continuous:
        return value * plant.sample_time, slope * plant.sample_time
    return value - x[0], slope - np.eye(plant.n, plant.n + plant.m)


def _outside(plant: "Plant", state: Array, entry: Array) -> str:
    """Return what is beyond its caps or bounds and how to mend it; an empty text where nothing is."""
    for point, bounds, names, limit in (
        (state, plant.state_caps, plant.state_names, "state_caps"),
        (entry, plant.input_bounds, plant.input_names, "input_bounds"),
    ):
        for value, low, high, name in zip(point, *bounds, names, strict=True):
            if not low <= value <= high:
                return (
                    f"{name} at {value:g}, outside `{limit}` [{low:g}, {high:g}]; "
                    "change the constants less, or widen the bounds"
                )
    return ""
