"""A plant put to the proof: what construction cannot see is sampled over the region in which it is meant to run."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from plants.accuracy import IntegrationError, integration_error, sampled_points
from plants.arrays import Array, check_size, instance_of, whole_number
from plants.equilibrium import STEADY, check_steady, state_scales
from plants.errors import PlantError
from plants.plant import Plant

_NUDGE = 1e-5
_SLOPE_TOLERANCE = 1e-4
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class PlantReport:
    """What `check_plant` found on a sound plant.

    `residual` is the largest motion of a state at the equilibrium in one sample period, relative to the half width of
    its bounds; `jacobian_error` the worst gap between Jacobians and finite differences, in the same units and relative
    to the largest slope of that state; `integration` the worst gaps to CVODES at 1e-10: they are reported and never
    refused, since a coarse integrator may be part of what a plant is. `points` were tried.
    """

    name: str
    points: int
    residual: float
    jacobian_error: float
    integration: IntegrationError

    @property
    def step_error(self) -> float:
        """Return the worst gap of one step to CVODES, relative to the half width of the state's bounds."""
        return self.integration.step

    def __str__(self) -> str:
        """Return the findings as a few lines."""
        return (
            f"{self.name}: sound at {self.points} points\n"
            f"  residual of the equilibrium   {self.residual:.2g}\n"
            f"  Jacobians, relative error     {self.jacobian_error:.2g}\n"
            f"  one step, relative error      {self.integration.step:.2g} (against CVODES at 1e-10)\n"
            f"  {self.integration.steps:3d} steps, relative error     {self.integration.episode:.2g}"
        )


def check_plant(plant: Plant, points: int = 200, seed: int = 0) -> PlantReport:
    """Return a report on a sound plant.

    Builds it anew, and samples states within its bounds (its starts, where a state has none) and inputs
    within theirs. Raises PlantError naming what fails: any refusal of `Plant` itself, a derivative that is
    not finite, a Jacobian unlike finite differences, a step that leaves the caps, drifts from the
    equilibrium, or differs between a batch and its rows.
    """
    instance_of(plant, Plant, "plant", PlantError, "pass the Plant to check")
    width = plant.n + plant.m
    tried = whole_number(points, "points", PlantError, least=1)
    check_size(tried * width**2, f"`points` = {tried}", PlantError, "a few hundred points will do")
    whole_number(seed, "seed", PlantError)
    replace(plant)
    states, inputs = sampled_points(plant, points, np.random.default_rng(seed))
    _check_finite(plant, states, inputs)
    error = _jacobian_error(plant, states, inputs)
    _check_step(plant, states, inputs)
    residual = check_steady(plant, *plant.equilibrium)
    return PlantReport(plant.name, points, residual, error, integration_error(plant, points, seed=seed))


def _check_finite(plant: Plant, states: Array, inputs: Array) -> None:
    value = plant.derivatives(states, inputs)
    if not np.isfinite(value).all():
        row, i = np.argwhere(~np.isfinite(value))[0]
        raise PlantError(
            f"`{plant.equations_name}` gives {value[row, i]} for {plant.state_names[i]} at x = {states[row]}, "
            f"u = {inputs[row]}; keep it finite within the bounds, or narrow `state_bounds`"
        )


def _jacobian_error(plant: Plant, states: Array, inputs: Array) -> float:
    """Return the worst gap, every state and input counted in half widths of its bounds: no unit matters."""
    lower, upper = plant.input_bounds
    state_size = state_scales(plant, plant.equilibrium[0])
    sizes = np.concatenate([state_size, (upper - lower) / 2])
    exact = np.concatenate(plant.jacobians(states, inputs), -1)
    by_state = _slopes(lambda x: plant.derivatives(x, inputs), states, _NUDGE * sizes[: plant.n])
    by_input = _slopes(lambda u: plant.derivatives(states, u), inputs, _NUDGE * sizes[plant.n :])
    numeric = np.concatenate([by_state, by_input], -1)
    rounding = _EPSILON / _NUDGE * np.abs(plant.derivatives(states, inputs))[..., None]
    least = STEADY * state_size[:, None] / (plant.sample_time if plant.is_continuous else 1.0)
    scale = np.abs(exact * sizes).max((0, 2), keepdims=True) + least
    gap = np.abs(exact - numeric) * sizes / (scale + rounding / _SLOPE_TOLERANCE)
    worst = int(np.argmax(np.where(np.isfinite(gap), gap, np.inf)))
    row, i, j = (int(k) for k in np.unravel_index(worst, gap.shape))
    if not gap[row, i, j] <= _SLOPE_TOLERANCE:
        by = [*plant.state_names, *plant.input_names][j]
        raise PlantError(
            f"the Jacobian of `{plant.equations_name}`, {plant.state_names[i]} by {by}, is {exact[row, i, j]:g}, but "
            f"finite differences give {numeric[row, i, j]:g} at x = {states[row]}, u = {inputs[row]}; "
            "is there a jump or a kink?"
        )
    return float(gap[row, i, j])


def _slopes(function: Callable[[Array], Array], points: Array, nudges: Array) -> Array:
    """Return central differences (rows, n, width) of a function of points (rows, width), moved by `nudges` (width,)."""
    columns = []
    for j in range(points.shape[1]):
        nudge = np.zeros_like(points)
        nudge[:, j] = nudges[j]
        above, below = points + nudge, points - nudge
        columns.append((function(above) - function(below)) / (above - below)[:, j, None])
    return np.stack(columns, -1)


def _check_step(plant: Plant, states: Array, inputs: Array) -> None:
    after = plant.step(states, inputs)
    lower, upper = plant.state_caps
    escaped = ~((after >= lower) & (after <= upper))
    if escaped.any():
        row, i = np.argwhere(escaped)[0]
        raise PlantError(
            f"`step` takes {plant.state_names[i]} to {after[row, i]:g}, outside its `state_caps` "
            f"[{lower[i]:g}, {upper[i]:g}]"
        )
    single = np.stack([plant.step(x, u) for x, u in zip(states, inputs, strict=True)])
    if not np.array_equal(after, single):
        raise PlantError(f"`step` of a batch differs from its rows by {np.abs(after - single).max():g}")
    state, entry = plant.equilibrium
    drift = _distance(plant, plant.step(state, entry), state)
    tolerance = 10 * STEADY * state_scales(plant, state)
    if (drift > tolerance).any():
        i = int((drift / tolerance).argmax())
        raise PlantError(
            f"`step` drifts by {drift[i]:g} in {plant.state_names[i]} from the `equilibrium`, above the tolerance "
            f"{tolerance[i]:g}; does the integrator hold a steady state?"
        )


def _distance(plant: Plant, one: Array, other: Array) -> Array:
    """Return the distance of two states, component by component, on the circle for angles."""
    return np.abs(plant.wrap(one - other))
