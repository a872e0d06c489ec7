"""What must hold of a plant's parts before it is born; every answer is a PlantError with the mend."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plants.arrays import Array, bounds_pair, real_array
from plants.cost import Cost, QuadraticCost
from plants.errors import PlantError
from plants.stage_cost import StageCost, check_stage_cost

if TYPE_CHECKING:
    from plants.plant import Plant

RUNAWAY = 1e9
"""Where a state without a cap of its own is held, in its own unit, so that a runaway stays a number."""

Bounds = tuple[Array, Array]


def no_common_name(states: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse an input that is named like a state."""
    for name in inputs:
        if name in states:
            raise PlantError(f"`input_names` has {name!r}, which is in `state_names` as well; rename one of the two")


def equations(derivative: object, update: object) -> None:
    """Refuse both or neither of the two kinds of equations, and anything that cannot be called."""
    if (derivative is None) == (update is None):
        count = "neither" if derivative is None else "both"
        raise PlantError(f"{count} of `derivative` (dx/dt) and `update` (the next state) given; pass exactly one")
    for name, given in (("derivative", derivative), ("update", update)):
        if given is not None and not callable(given):
            raise PlantError(f"`{name}` is {given!r}, but a function of (x, u) is needed")


def integrator(method: object) -> None:
    """Refuse what is no integrator object."""
    if isinstance(method, type) or not callable(getattr(method, "advance", None)):
        raise PlantError(f"`integrator` is {method!r}, but an object is needed, as in RungeKutta4(substeps=4)")


def start_filter(keeps: object) -> None:
    """Refuse a filter of starts that cannot be called."""
    if keeps is not None and not callable(keeps):
        raise PlantError(f"`start_filter` is {keeps!r}, but a function of rows (rows, n), or None, is needed")


def integrated(after: Array, states: Array, inputs: Array, plant: "Plant") -> None:
    """Refuse rows (rows, n) in which the integrator gave up."""
    if np.isfinite(after).all():
        return
    row = int(np.argmin(np.isfinite(after).all(-1)))
    raise PlantError(
        f"the integrator {plant.integrator} of {plant.name!r} gave up within one sample period from x = {states[row]}, "
        f"u = {inputs[row]} (row {row}); loosen its tolerances, or stay within `state_bounds`"
    )


def wide_bounds(value: object, name: str, labels: Sequence[str], infinite: bool = True) -> Bounds:
    """Return bounds that leave every component some room."""
    lower, upper = bounds_pair(value, name, labels, PlantError, infinite)
    for label, low, high in zip(labels, lower, upper, strict=True):
        if low == high:
            raise PlantError(f"`{name}`: both bounds of {label} are {low:g}; leave some room between them")
    return lower, upper


def caps(value: object, names: Sequence[str], angles: Sequence[int]) -> Bounds:
    """Return the caps that every step keeps: as declared, else half a turn for angles and RUNAWAY for the rest."""
    lower, upper = (np.array(b) for b in wide_bounds((None, None) if value is None else value, "state_caps", names))
    whole = np.full(len(names), RUNAWAY)
    for i in angles:
        if lower[i] > -np.pi or upper[i] < np.pi:
            raise PlantError(
                f"`state_caps` holds {names[i]} within [{lower[i]:g}, {upper[i]:g}], but it is one of the `angles`, "
                "which turn freely within (-pi, pi]; take it out of one of the two"
            )
        lower[i], upper[i], whole[i] = -np.inf, np.inf, np.pi
    finite = (np.where(np.isfinite(lower), lower, -whole), np.where(np.isfinite(upper), upper, whole))
    for cap in finite:
        cap.setflags(write=False)
    return finite


def operating_point(value: object, states: Sequence[str], inputs: Sequence[str]) -> Bounds:
    """Return the equilibrium as (state, input)."""
    if not isinstance(value, Sequence) or len(value) != 2:
        raise PlantError(f"`equilibrium` must be a pair (state, input); it is {value!r}")
    state = real_array(value[0], "equilibrium state", (len(states),), PlantError)
    return state, real_array(value[1], "equilibrium input", (len(inputs),), PlantError)


def consistent(plant: "Plant") -> None:
    """Refuse starts, an equilibrium or safe limits that the plant could never reach, or that make no sense together."""
    lower, upper = plant.state_caps
    turning = list(plant.angle_indices)
    for name, point in (("start_bounds lower", plant.start_bounds[0]), ("start_bounds upper", plant.start_bounds[1])):
        _inside(point, (lower, upper), name, "state_caps", plant.state_names, skipped=turning)
    _inside(plant.equilibrium[0], (lower, upper), "equilibrium state", "state_caps", plant.state_names, turning)
    _inside(plant.equilibrium[1], plant.input_bounds, "equilibrium input", "input_bounds", plant.input_names)
    if plant.safe_limits is None:
        return
    for name, point in (("start_bounds lower", plant.start_bounds[0]), ("start_bounds upper", plant.start_bounds[1])):
        _inside(point, plant.safe_limits, name, "safe_limits", plant.state_names)
    for name, low, high, floor, ceiling in zip(plant.state_names, *plant.safe_limits, lower, upper, strict=True):
        if -np.inf < low <= floor or ceiling <= high < np.inf:
            raise PlantError(
                f"`state_caps` holds {name} within [{floor:g}, {ceiling:g}], so it can never be beyond its "
                f"`safe_limits` [{low:g}, {high:g}]; widen the caps or narrow the limits"
            )


def cost_fits(cost: object, plant: "Plant") -> None:
    """Refuse a cost of other sizes, or one that measures a turning angle along the line from a target other than 0."""
    if not isinstance(cost, Cost):
        raise PlantError(
            f"`cost` is {type(cost).__name__}, but a cost is needed: a QuadraticCost, or a StageCost with an "
            "expression of your own"
        )
    for name in ("n", "m", "violation_penalty", "event"):
        if not hasattr(cost, name):
            raise PlantError(f"`cost` {type(cost).__name__} has no attribute `{name}`; set it, as the class Cost says")
    quadratic = isinstance(cost, QuadraticCost)
    for kind, size, names in (("state", cost.n, plant.state_names), ("input", cost.m, plant.input_names)):
        if size != len(names):
            has = f"has a {kind}_target of {size} entries" if quadratic else f"is one of {size} {kind}s"
            raise PlantError(
                f"`cost` {has}, but the plant has {len(names)} {kind}s ({', '.join(names)}); give one entry each"
            )
    if isinstance(cost, StageCost):
        check_stage_cost(cost, plant)
    if not quadratic:
        return
    for i in plant.angle_indices:
        if cost.state_target[i] != 0 and i not in cost.angles:
            raise PlantError(
                f"`cost` measures {plant.state_names[i]} along the line from {cost.state_target[i]:g}, but it is "
                f"one of the `angles`; pass angles=({i},) to the cost, so that it measures on the circle"
            )


def within_bounds(inputs: Array, plant: "Plant") -> None:
    """Refuse inputs (rows, m) beyond the bounds of a plant that does not clip."""
    lower, upper = plant.input_bounds
    beyond = (inputs < lower) | (inputs > upper)
    if beyond.any():
        row, i = np.argwhere(beyond)[0]
        value = inputs[row, i]
        side, bound = ("below its lower", lower[i]) if value < lower[i] else ("above its upper", upper[i])
        raise PlantError(
            f"`u`: {plant.input_names[i]} is {value:g} (row {row}), {side} bound {bound:g}, and the plant "
            f"{plant.name!r} does not clip; clip it first (plant.clip_input), or build the plant with clips_input=True"
        )


def _inside(
    point: Array, bounds: Bounds, name: str, limit: str, labels: Sequence[str], skipped: Sequence[int] = ()
) -> None:
    for i, (label, low, value, high) in enumerate(zip(labels, bounds[0], point, bounds[1], strict=True)):
        if i not in skipped and not low <= value <= high:
            raise PlantError(
                f"`{name}`: {label} is {value:g}, outside `{limit}` [{low:g}, {high:g}]; move one of the two"
            )
