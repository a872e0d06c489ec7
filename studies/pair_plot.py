"""Each test start's cost before and after training, side by side for every method."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plants.arrays import Array
from studies.comparison import Comparison
from studies.errors import StudyError
from studies.style import BLACK, GREY, LIGHT_GREY, STYLE, WIDTH, check_axes, log_ticks, method_colours

_ARROW = {"arrowstyle": "-|>", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 3, "mutation_scale": 8}


@rc_context(STYLE)
def plot_pairs(comparison: Comparison, axes: Axes | None = None) -> Figure:
    """Return one row per start: for each method an arrow from its cost before training to its cost after.

    Arrows join the means over seeds; a thin line spans all seeds after training; a black bar marks the best known
    cost. The axis is logarithmic. Raises StudyError for a cost that it cannot show.
    """
    check_axes(axes)
    smallest = min(float(np.min(costs)) for m in comparison.methods for _, costs in m.stages())
    if min(smallest, float(np.min(comparison.best))) <= 0:
        raise StudyError(f"`comparison` has a cost of {smallest:g}, but a logarithmic axis needs costs above 0")
    rows, count = len(comparison.starts), len(comparison.methods)
    if axes is None:
        height = 1.1 + rows * (0.2 + 0.09 * count)
        axes = Figure(figsize=(WIDTH, height), layout="constrained").subplots()
    axes.set_xscale("log")
    colours = method_colours(m.method for m in comparison.methods)
    for k in range(0, rows, 2):
        axes.axhspan(k - 0.5, k + 0.5, color=LIGHT_GREY, linewidth=0, zorder=0, alpha=0.6)
    for j, method in enumerate(comparison.methods):
        heights = np.arange(rows, dtype=np.float64) + 0.64 * ((j + 0.5) / count - 0.5)
        (_, before), (_, after) = method.stages()
        _draw_method(axes, heights, before, after, colours[method.method], method.method)
    best = comparison.best
    axes.vlines(best, np.arange(rows) - 0.42, np.arange(rows) + 0.42, color=BLACK, linewidth=1.8, label="best known")
    axes.set(yticks=range(rows), yticklabels=comparison.starts, ylim=(rows - 0.5, -0.5), xlabel="cost of an episode")
    axes.tick_params(axis="y", length=0)
    log_ticks(axes.xaxis)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    for face, stage in (("white", "before training"), (GREY, "after")):
        axes.plot([], [], "o", color=face, markeredgecolor=GREY, markersize=4.5, label=stage)
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return axes.figure  # type: ignore[return-value]


def _draw_method(axes: Axes, heights: Array, before: Array, after: Array, colour: str, name: str) -> None:
    axes.hlines(heights, after.min(axis=0), after.max(axis=0), color=colour, linewidth=4.5, alpha=0.28)
    start, end = before.mean(axis=0), after.mean(axis=0)
    for y, first, last in zip(heights, start, end, strict=True):
        axes.annotate("", (last, y), (first, y), arrowprops=_ARROW | {"color": colour})
    axes.plot(start, heights, "o", color="white", markeredgecolor=colour, markersize=4.5)
    axes.plot(end, heights, "o", color=colour, markersize=4.5, label=name)
