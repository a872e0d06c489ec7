"""A safe set on a plane, with the safe limits and closed loops from its border."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plants import Plant
from plants.arrays import Array
from studies.plane import cut_out
from studies.runs import Run
from studies.safety_views import View
from studies.style import BLACK, GREY, STYLE, VERMILLION, WIDTH, method_colours, quantity

_INSIDE = "#d7ece3"


@rc_context(STYLE)
def plot_set(view: View, half_spaces: tuple[Array, Array], runs: Mapping[str, Run]) -> Figure:
    """Return one panel per method: the set {A x <= b} in green, what is beyond the safe limits in red, and its runs.

    A dot is a start; a cross, where a run ended unsafe.
    """
    plant, colours = view.plant(), method_colours(runs)
    across = min(3, len(runs))
    rows = -(-len(runs) // across)
    figure = Figure(figsize=(WIDTH + 0.9, 2.5 * rows + 0.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, across, sharex=True, sharey=True)).ravel()
    for panel, (name, run) in zip(panels, runs.items(), strict=False):
        _draw_set(panel, view, half_spaces, plant)
        _draw_runs(panel, view, run, colours[name])
        panel.set_title(name)
    for spare in panels[len(runs) :]:
        spare.set_axis_off()
    for panel in panels[len(runs) - across : len(runs)]:
        panel.tick_params(axis="x", labelbottom=True)
    names = [quantity(plant.state_names[i], plant.state_units[i]) for i in view.shown]
    figure.supxlabel(names[0], fontsize=10)
    figure.supylabel(names[1], fontsize=10)
    return figure


def _draw_set(panel: Axes, view: View, half_spaces: tuple[Array, Array], plant: Plant) -> None:
    (left, low), (right, high) = view.window
    corners = cut_out(view.window, *view.cut(*half_spaces))
    panel.fill(*corners.T, facecolor=_INSIDE, edgecolor=GREY, linewidth=0.8, zorder=1)
    lower, upper = plant.safe_limits
    for axis, span, line in ((0, panel.axvspan, panel.axvline), (1, panel.axhspan, panel.axhline)):
        ends = (left, right) if axis == 0 else (low, high)
        for limit, end in ((lower[view.shown[axis]], ends[0]), (upper[view.shown[axis]], ends[1])):
            if ends[0] < limit < ends[1]:
                span(limit, end, color="#f7d9c4", linewidth=0, zorder=0.5)
                line(limit, color=VERMILLION, linewidth=0.8, zorder=0.6)
    panel.set(xlim=(left, right), ylim=(low, high))


def _draw_runs(panel: Axes, view: View, run: Run, colour: str) -> None:
    ends, unsafe = np.ravel(run.trajectory.ended_at), np.ravel(run.trajectory.unsafe)
    for states, end, lost in zip(run.states, ends, unsafe, strict=True):
        path = view.seen(states[: end + 1])
        panel.plot(*path.T, color=colour, linewidth=1.1, zorder=2)
        panel.plot(*path[0], "o", color=BLACK, markersize=3, zorder=3)
        if lost:
            panel.plot(*path[-1], "x", color=BLACK, markersize=6, markeredgewidth=1.6, zorder=3, clip_on=False)
