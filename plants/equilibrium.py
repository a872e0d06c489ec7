"""Does a point rest? Asked of every state in a unit of its own, so that large units do not hide small ones."""

from typing import TYPE_CHECKING

import numpy as np

from plants.arrays import Array
from plants.cost import wrapped
from plants.errors import PlantError

if TYPE_CHECKING:
    from plants.plant import Plant

STEADY = 1e-6
"""How far a state at rest may move in one sample period, relative to its scale."""


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
