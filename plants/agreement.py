"""Agreement: equations give as expressions what they give for numbers, and the same when they are asked again."""

import warnings
from typing import TYPE_CHECKING

import casadi as ca
import numpy as np
from casadi import SX

from plants.arrays import Array
from plants.batched import BatchedFunction
from plants.equations import columns, label_of
from plants.errors import PlantError
from plants.symbol import expression

if TYPE_CHECKING:
    from plants.plant import Plant

_POINTS = 16
_TOLERANCE = 1e-6
_MEND = (
    "equations must depend on their arguments alone: keep nothing from one call to the next, draw no random numbers "
    "(noise belongs into a Scenario), and write np.sin for math.sin"
)


def check_agreement(plant: "Plant") -> None:
    """Raise PlantError where the plant's compiled equations differ from what its author's function gives, or gave.

    Asked at 16 points within the bounds: the function traced once more, and called with numbers if it takes them.
    """
    states, inputs = _points(plant)
    compiled = plant.derivatives(states, inputs)
    again = BatchedFunction(_traced_again(plant))(states, inputs)[0]
    _compare(plant, (states, inputs), (compiled, again), ("symbols", "symbols once more"))
    numbers = _on_numbers(plant, states, inputs)
    if numbers is not None and numbers.shape == compiled.shape:
        _compare(plant, (states, inputs), (compiled, numbers), ("symbols", "numbers"))


def _points(plant: "Plant") -> tuple[Array, Array]:
    """Return states and inputs drawn within their bounds; of a state without any, within its starts."""
    lower, upper = (
        np.where(np.isfinite(bound), bound, start)
        for bound, start in zip(plant.state_bounds, plant.start_bounds, strict=True)
    )
    generator = np.random.default_rng(0)
    states = generator.uniform(np.minimum(lower, upper), np.maximum(lower, upper), size=(_POINTS, plant.n))
    return states, generator.uniform(*plant.input_bounds, size=(_POINTS, plant.m))


def _traced_again(plant: "Plant") -> ca.Function:
    x, u = SX.sym("x", plant.n), SX.sym("u", plant.m)
    return ca.Function("again", [x, u], [columns(plant)(x, u, SX(plant.constant_values))], {"cse": True})


def _on_numbers(plant: "Plant", states: Array, inputs: Array) -> Array | None:
    """Return what the user's function gives (rows, n) for arrays of numbers; None if it takes only symbols."""
    named = [plant.named_constants(plant.constant_values)] if plant.constants else []
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            rows = [plant.equations(x.copy(), u.copy(), *named) for x, u in zip(states, inputs, strict=True)]
            return np.array([ca.DM(expression(row)).full().ravel() for row in rows])
    except Exception:  # noqa: BLE001  a function of symbols may raise anything when it gets numbers
        return None


def _compare(plant: "Plant", points: tuple[Array, Array], values: tuple[Array, Array], ways: tuple[str, str]) -> None:
    one, other = values
    size = np.maximum(*(np.where(np.isfinite(value), np.abs(value), 0.0).max(0) for value in values))
    with np.errstate(invalid="ignore"):
        gap = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other))
    gap[np.isnan(gap)] = np.inf
    beyond = gap - _TOLERANCE * size
    row, i = (int(k) for k in np.unravel_index(int(np.argmax(beyond)), gap.shape))
    if beyond[row, i] > 0:
        raise PlantError(
            f"{label_of(plant)} gives {one[row, i]:.6g} for {plant.state_names[i]} when it is called with {ways[0]}, "
            f"but {other[row, i]:.6g} with {ways[1]}, at x = {points[0][row]}, u = {points[1][row]}; {_MEND}"
        )
