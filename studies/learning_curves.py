"""Learning curves: test cost against episode, median and quartiles over seeds, violations below."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from plants.arrays import Array, real_array
from studies.errors import StudyError
from studies.style import BLACK, GREY, STYLE, WIDTH, log_ticks, method_colours


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """How a method learned: `costs` (S, E + 1, K) of S seeds, before and after E episodes, from K test starts.

    `violations` (S, E) counts the unsafe steps in training, None where nothing can be unsafe.
    """

    method: str
    costs: Any
    violations: Any = None

    def __post_init__(self) -> None:
        costs = real_array(self.costs, "costs", (None, None, None), StudyError)
        if not costs.size or costs.shape[1] < 2:
            raise StudyError(f"`costs` of {self.method} has shape {costs.shape}; pass (seeds, episodes + 1, starts)")
        object.__setattr__(self, "costs", costs)
        if self.violations is not None:
            wanted = (costs.shape[0], costs.shape[1] - 1)
            object.__setattr__(self, "violations", real_array(self.violations, "violations", wanted, StudyError))

    def means(self, starts: Sequence[int]) -> Array:
        """Return the mean cost (S, E + 1) over some of the starts, by index."""
        return self.costs[:, :, list(starts)].mean(axis=2)


@dataclass(frozen=True)
class StartGroup:
    """Some of the test starts, by index, under one name, with the means of the best and of other costs known there."""

    name: str
    starts: Sequence[int]
    best: float | None = None
    others: Sequence[tuple[str, float]] = ()


@rc_context(STYLE)
def plot_learning(curves: Sequence[LearningCurve], groups: Sequence[StartGroup]) -> Figure:
    """Return learning curves, one panel per group of starts: the median over seeds and a band between the quartiles.

    Each seed counts with its mean cost over the group; the axis is logarithmic. Violations in training are summed
    below, if there were any. Raises StudyError if there is no curve or group, or one does not fit the other.
    """
    _check(curves, groups)
    counted = [curve for curve in curves if curve.violations is not None and np.any(curve.violations)]
    figure = Figure(figsize=(WIDTH + 0.4, 3.5 + 1.4 * bool(counted)), layout="constrained")
    grid = figure.add_gridspec(1 + bool(counted), len(groups), height_ratios=[3.0, 1.3][: 1 + bool(counted)])
    panels = [figure.add_subplot(grid[0, i]) for i in range(len(groups))]
    colours = method_colours(curve.method for curve in curves)
    for panel, group in zip(panels, groups, strict=True):
        _draw_group(panel, curves, group, colours)
    panels[0].set_ylabel("mean test cost")
    if counted:
        _draw_violations(figure.add_subplot(grid[1, :]), counted, colours)
    lines = {str(line.get_label()): line for panel in panels for line in panel.get_lines()}
    figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=4)
    return figure


def _draw_group(panel: Axes, curves: Sequence[LearningCurve], group: StartGroup, colours: dict[str, str]) -> None:
    for curve in curves:
        means = curve.means(group.starts)
        low, middle, high = np.quantile(means, [0.25, 0.5, 0.75], axis=0)
        episodes = np.arange(means.shape[1])
        panel.fill_between(episodes, low, high, color=colours[curve.method], alpha=0.22, linewidth=0)
        panel.plot(episodes, middle, color=colours[curve.method], label=curve.method)
    if group.best is not None:
        panel.axhline(group.best, color=BLACK, linewidth=1.1, linestyle=(0, (5, 2)), label="best known")
    for (name, cost), line in zip(group.others, cycle((":", (0, (1, 1)), (0, (6, 2, 1, 2)))), strict=False):
        panel.axhline(cost, color=GREY, linewidth=1.1, linestyle=line, label=name)
    panel.set_yscale("log")
    panel.set(title=group.name, xlabel="episodes of training")
    panel.grid(visible=True, axis="y")
    panel.margins(x=0.01)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    log_ticks(panel.yaxis)


def _draw_violations(panel: Axes, curves: Sequence[LearningCurve], colours: dict[str, str]) -> None:
    for curve in curves:
        totals = np.cumsum(curve.violations, axis=1)
        low, middle, high = np.quantile(totals, [0.25, 0.5, 0.75], axis=0)
        episodes = np.arange(1, totals.shape[1] + 1)
        panel.fill_between(episodes, low, high, color=colours[curve.method], alpha=0.22, linewidth=0)
        panel.plot(episodes, middle, color=colours[curve.method])
    panel.set(xlabel="episodes of training", ylabel="violations", ylim=(0, None))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.margins(x=0.01)


def _check(curves: Sequence[LearningCurve], groups: Sequence[StartGroup]) -> None:
    if not curves or not groups:
        raise StudyError(f"there are {len(curves)} `curves` and {len(groups)} `groups`; at least 1 of each is needed")
    for curve in curves:
        starts = curve.costs.shape[2]
        for group in groups:
            if not group.starts or min(group.starts) < 0 or max(group.starts) >= starts:
                raise StudyError(
                    f"group {group.name!r} has the starts {list(group.starts)}, but {curve.method} was tested from "
                    f"{starts}, numbered from 0"
                )
        if (curve.costs <= 0).any():
            raise StudyError(f"`costs` of {curve.method} has an entry of 0 or less; a logarithmic axis needs more")
