"""Metrics: what engineers ask of a closed loop, from one trajectory and any schedule of setpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from plants.arrays import Array, bounds_pair, instance_of, real_scalar
from plants.cost import wrapped
from plants.errors import PlantError
from plants.plant import Plant
from plants.scenario import Scenario, scenario_of
from plants.setpoints import Setpoints
from plants.simulate import Trajectory

_LAST_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Metrics:
    """Figures of episodes (...,) over the steps that were run; e is one of the k tracked states less its setpoint.

    `total_cost` (...,). `ise`, `iae`, `itae` (..., k): the integrals of e^2, |e| and t |e|, t from the start of the
    episode. `effort` (..., m): the integral of |u - input at rest|; `travel` (..., m): the sum of |u - the one before|,
    and `largest_move` (..., m). A segment lasts from one change of a setpoint to the next: `settling_time`
    (..., segments, k) is the time from its beginning until e stays within the band (inf: it does not), and
    `steady_state_error` (..., segments, k) the mean of e over its last tenth (inf: it was not reached). Of the limits:
    `violations` (...,) counts the steps that ended beyond one, `violation_time` (...,) is their time, `violation_depth`
    (..., n) how far each state got beyond, and `first_violation` (...,) when the first was (inf: never). Times are in
    the plant's time unit.
    """

    names: tuple[str, ...]
    total_cost: Array
    ise: Array
    iae: Array
    itae: Array
    effort: Array
    travel: Array
    largest_move: Array
    settling_time: Array
    steady_state_error: Array
    violations: Any
    violation_time: Array
    violation_depth: Array
    first_violation: Array

    def as_dict(self) -> Mapping[str, Any]:
        """Return every figure by name, arrays as they are."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __str__(self) -> str:
        """Return the means over all episodes, one line for each figure; a time counts only where there is one."""
        if not self.total_cost.size:
            return "no episodes"
        size = len(self.names)
        lines = [f"total cost          {self.total_cost.mean():.5g}"]
        for name in ("ise", "iae", "itae"):
            parts = getattr(self, name).reshape(-1, size).mean(0)
            lines.append(
                f"{name.upper():<20}" + ", ".join(f"{v:.4g} ({n})" for n, v in zip(self.names, parts, strict=True))
            )
        for name in ("effort", "travel"):
            parts = getattr(self, name)
            lines.append(f"{name:<20}" + ", ".join(f"{v:.4g}" for v in parts.reshape(-1, parts.shape[-1]).mean(0)))
        settled = self.settling_time[np.isfinite(self.settling_time)]
        mean = f"{settled.mean():.4g} where it settles" if settled.size else "it does not settle"
        lines.append(f"settling time       {mean} ({settled.size} of {self.settling_time.size})")
        lines.append(
            f"violations          {int(self.violations.sum())} steps, {int((self.violations > 0).sum())} episodes"
        )
        return "\n".join(lines)


def metrics(
    trajectory: Trajectory,
    plant: Plant | Scenario,
    setpoints: Setpoints | None = None,
    limits: Any = None,
    band: float = 0.02,
) -> Metrics:
    """Return the figures of a trajectory of `plant`.

    `setpoints` default to those of the trajectory's scenario, else to the equilibrium, for every state. `limits`
    (lower, upper), each (n,), default to the plant's safe limits. A state has settled within `band` times the width of
    its state bounds (its size at the setpoint, where it has none). Raises PlantError for whatever does not fit.
    """
    plant = scenario_of(plant).plant
    _check_trajectory(trajectory, plant)
    share = real_scalar(band, "band", PlantError, positive=True)
    tracked, wanted = _wanted(trajectory, plant, setpoints)
    run = np.arange(len(wanted)) < trajectory.ended_at[..., None]
    error, period = _errors(trajectory, plant, tracked, wanted), plant.sample_time
    size, on = np.abs(error) * run[..., None], run[..., None]
    moves = np.abs(np.diff(trajectory.inputs, axis=-2)) * on[..., 1:, :]
    begins = np.flatnonzero(np.r_[True, (np.diff(wanted, axis=0) != 0).any(-1)])
    tolerance = share * _widths(plant, tracked, wanted)
    return Metrics(
        names=tuple(plant.state_names[i] for i in tracked),
        total_cost=trajectory.total_cost,
        ise=period * (size**2).sum(-2),
        iae=period * size.sum(-2),
        itae=period * (trajectory.times[:-1, None] * size).sum(-2),
        effort=period * (np.abs(trajectory.inputs - plant.equilibrium[1]) * on).sum(-2),
        travel=moves.sum(-2),
        largest_move=moves.max(-2, initial=0.0),
        settling_time=_settling(error, run, begins, tolerance, period),
        steady_state_error=_steady(error, run, begins),
        **_violations(trajectory, plant, limits, run),
    )


def _check_trajectory(trajectory: Trajectory, plant: Plant) -> None:
    instance_of(trajectory, Trajectory, "trajectory", PlantError, "pass what simulate returned")
    if (trajectory.states.shape[-1], trajectory.inputs.shape[-1]) != (plant.n, plant.m):
        raise PlantError(
            f"`trajectory` has {trajectory.states.shape[-1]} states and {trajectory.inputs.shape[-1]} inputs, but the "
            f"plant {plant.name!r} has {plant.n} and {plant.m}; pass the plant that was simulated"
        )


def _errors(trajectory: Trajectory, plant: Plant, tracked: list[int], wanted: Array) -> Array:
    """Return the tracked states less their setpoints (..., steps, k), on the circle for angles."""
    error = trajectory.states[..., :-1, tracked] - wanted
    for place, i in enumerate(tracked):
        if i in plant.angle_indices:
            error[..., place] = wrapped(error[..., place])
    return error


def _wanted(trajectory: Trajectory, plant: Plant, setpoints: Setpoints | None) -> tuple[list[int], Array]:
    """Return the indices of the tracked states and their setpoints (steps, k)."""
    steps = np.arange(trajectory.inputs.shape[-2])
    if setpoints is not None:
        instance_of(setpoints, Setpoints, "setpoints", PlantError, "pass Setpoints, as from Setpoints.in_turn")
        return setpoints.indices(plant), setpoints.at(steps)
    if len(trajectory.tracked):
        return list(trajectory.tracked), trajectory.setpoints
    return list(range(plant.n)), np.tile(plant.equilibrium[0], (len(steps), 1))


def _widths(plant: Plant, tracked: list[int], wanted: Array) -> Array:
    """Return the size (k,) against which each tracked state's band is measured."""
    lower, upper = (bound[tracked] for bound in plant.state_bounds)
    largest = np.abs(wanted).max(0)
    return np.where(np.isfinite(upper - lower), upper - lower, np.where(largest > 0, largest, 1.0))


def _settling(error: Array, run: Any, begins: Any, tolerance: Array, period: float) -> Array:
    """Return the time (..., segments, k) until the error of each segment stays small; inf where it does not."""
    ends = [*begins[1:], error.shape[-2]]
    times = []
    for begin, end in zip(begins, ends, strict=True):
        late = ~((np.abs(error[..., begin:end, :]) <= tolerance) & run[..., begin:end, None])
        last = np.where(late.any(-2), end - begin - np.argmax(late[..., ::-1, :], axis=-2), 0)
        times.append(np.where(last < end - begin, period * last, np.inf))
    return np.stack(times, axis=-2)


def _steady(error: Array, run: Any, begins: Any) -> Array:
    """Return the mean error (..., segments, k) over the last tenth of each segment; inf where the episode was over."""
    ends = [*begins[1:], error.shape[-2]]
    means = []
    for begin, end in zip(begins, ends, strict=True):
        last = slice(end - max(1, round(_LAST_SHARE * (end - begin))), end)
        whole = run[..., last].all(-1)[..., None]
        means.append(np.where(whole, error[..., last, :].mean(-2), np.inf))
    return np.stack(means, axis=-2)


def _violations(trajectory: Trajectory, plant: Plant, limits: Any, run: Any) -> dict[str, Any]:
    given = plant.safe_limits if limits is None else limits
    lower, upper = bounds_pair((None, None) if given is None else given, "limits", plant.state_names, PlantError)
    after = trajectory.states[..., 1:, :]
    depth = np.maximum(np.maximum(lower - after, after - upper), 0.0) * run[..., None]
    beyond = (depth > 0).any(-1)
    first = np.where(beyond.any(-1), plant.sample_time * (1 + np.argmax(beyond, axis=-1)), np.inf)
    return {
        "violations": beyond.sum(-1),
        "violation_time": plant.sample_time * beyond.sum(-1),
        "violation_depth": depth.max(-2, initial=0.0),
        "first_violation": first,
    }
