"""States and inputs over time, with bounds as bands and several runs over one another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plants import Plant
from plants.arrays import Array, instance_of
from studies.errors import StudyError
from studies.plane import index_among
from studies.runs import Run, Runs, as_runs
from studies.style import BLACK, GREY, LIGHT_GREY, STYLE, VERMILLION, WIDTH, method_colours, quantity

_WIDE_ENOUGH = 0.12  # share of the bounds that the data must span for the bounds to be shown as well


@rc_context(STYLE)
def plot_trajectory(runs: Runs, plant: Plant, axes: Sequence[Axes] | None = None, only: Sequence[str] = ()) -> Figure:
    """Return states and inputs of `plant` over time, one panel each, for one trajectory, a Run, or a list of them.

    `only` names those to draw (empty: all). Grey is beyond the state and input bounds, red beyond the safe limits.
    Methods differ in colour; dashed is before training, solid after. An unsafe episode ends in a cross; a declared
    angle is broken where it wraps. With `axes`, one for each, it draws there. Raises StudyError for runs that do not
    fit the plant.
    """
    episodes = as_runs(runs, "runs")
    _check(episodes, plant)
    shown = _shown(plant, only)
    if axes is None:
        figure = Figure(figsize=(WIDTH, 0.7 + (1.45 if len(shown) > 2 else 2.2) * len(shown)), layout="constrained")
        axes = list(figure.subplots(len(shown), sharex=True, squeeze=False).flat)
    if not isinstance(axes, Sequence | np.ndarray):
        raise StudyError(f"`axes` is {type(axes).__name__}; pass a list of {len(shown)} panels, or None")
    for i, panel in enumerate(axes):
        instance_of(panel, Axes, f"axes[{i}]", StudyError, "pass panels of matplotlib")
    if len(axes) != len(shown):
        names = f"{plant.n} states and {plant.m} inputs" if not only else f"{len(shown)} names in `only`"
        raise StudyError(f"`axes` holds {len(axes)} panels, but there are {names}")
    panels = dict(zip(shown, axes, strict=True))
    _draw(episodes, plant, panels)
    for i, panel in panels.items():
        _finish(panel, plant, i, _component(episodes, plant, i))
    axes[-1].set_xlabel(quantity("time", plant.time_unit))
    if any(run.label for run in episodes):
        axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return axes[0].figure  # type: ignore[return-value]


def _shown(plant: Plant, only: Sequence[str]) -> list[int]:
    """Return which components of (x, u) are drawn."""
    names = (*plant.state_names, *plant.input_names)
    return [index_among(name, names, "only") for name in only] or list(range(len(names)))


def _draw(runs: tuple[Run, ...], plant: Plant, panels: dict[int, Axes]) -> None:
    colours = method_colours(run.method for run in runs)
    named: set[str] = set()
    for run in runs:
        style: dict[str, Any] = {"color": colours[run.method] if run.method else BLACK, "linestyle": run.line}
        style |= {"alpha": 1.0 if len(run.states) <= 3 else 0.6, "linewidth": 1.5 if len(run.states) <= 3 else 1.0}
        ends = np.ravel(run.trajectory.ended_at)
        unsafe = np.ravel(run.trajectory.unsafe)
        for k, (states, inputs) in enumerate(zip(run.states, run.inputs, strict=True)):
            style["label"] = "_" if run.label in named else run.label or "_"
            named.add(run.label)
            times = run.trajectory.times[: ends[k] + 1]
            for i, panel in panels.items():
                if i >= plant.n:
                    held = inputs[: len(times) - 1, i - plant.n]
                    panel.step(times, np.append(held, held[-1]), where="post", **style)
                    continue
                values = states[: len(times), i]
                shown = unwound(values) if i in plant.angle_indices else values
                panel.plot(_gapped(times, values, shown), shown, **style)
                if unsafe[k]:
                    panel.plot(times[-1], values[-1], "x", color=style["color"], markersize=7, label="_")


def unwound(angles: Array) -> Array:
    """Return angles (k,) with a NaN wherever they wrap: jump by more than half a turn."""
    return np.insert(angles, _wraps(angles), np.nan)


def _wraps(angles: Array) -> np.ndarray:
    return np.flatnonzero(np.abs(np.diff(angles)) > np.pi) + 1


def _gapped(times: Array, values: Array, shown: Array) -> Array:
    return times if len(shown) == len(times) else np.insert(times, _wraps(values), np.nan)


def _component(runs: tuple[Run, ...], plant: Plant, i: int) -> Array:
    parts = [run.states[..., i] if i < plant.n else run.inputs[..., i - plant.n] for run in runs]
    return np.concatenate([part.ravel() for part in parts])


def _finish(panel: Axes, plant: Plant, i: int, values: Array) -> None:
    """Name the panel, choose its limits, and shade what is beyond bounds."""
    if i < plant.n:
        name, unit = plant.state_names[i], plant.state_units[i]
        lower, upper = (float(side[i]) for side in plant.state_bounds)
    else:
        name, unit = plant.input_names[i - plant.n], plant.input_units[i - plant.n]
        lower, upper = (float(side[i - plant.n]) for side in plant.input_bounds)
    panel.set_ylabel(quantity(name, unit))
    low, high = float(values.min()), float(values.max())
    if i >= plant.n or (np.isfinite(upper - lower) and high - low > _WIDE_ENOUGH * (upper - lower)):
        low, high = min(low, lower), max(high, upper)
    margin = 0.08 * (high - low) or 1.0
    panel.set_ylim(low - margin, high + margin)
    panel.axhline(0.0, color=GREY, linewidth=0.5, zorder=0.5)
    _shade(panel, lower, upper, LIGHT_GREY, GREY)
    if i < plant.n and plant.safe_limits is not None:
        lower, upper = (float(side[i]) for side in plant.safe_limits)
        _shade(panel, lower, upper, "#f7d9c4", VERMILLION)
    panel.margins(x=0)


def _shade(panel: Axes, lower: float, upper: float, face: str, edge: str) -> None:
    low, high = panel.get_ylim()
    for limit, end in ((lower, low), (upper, high)):
        if low < limit < high:
            panel.axhspan(limit, end, color=face, linewidth=0, zorder=0.1)
            panel.axhline(limit, color=edge, linewidth=0.8, zorder=0.6)


def _check(runs: tuple[Run, ...], plant: Plant) -> None:
    if not isinstance(plant, Plant):
        raise StudyError(f"`plant` is {type(plant).__name__}; pass the Plant that the trajectory came from")
    if not runs:
        raise StudyError("`runs` is empty; pass at least 1 trajectory")
    for run in runs:
        n, m = run.states.shape[-1], run.inputs.shape[-1]
        if (n, m) != (plant.n, plant.m):
            raise StudyError(f"`runs` has {n} states and {m} inputs, but {plant.name} has {plant.n} and {plant.m}")
        if not run.states.size or not run.inputs.size:
            raise StudyError("`runs` has a trajectory without episodes or steps; simulate at least 1 step")
