"""How often a filter had to change the input, episode by episode, and what every seed of a method ends at."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from plants.arrays import Array
from studies.errors import StudyError
from studies.style import BLACK, STYLE, WIDTH, log_ticks, method_colours


@rc_context(STYLE)
def plot_stops(shares: Mapping[str, Array]) -> Figure:
    """Return the share of steps (S, E) that the filter changed, by method: median over seeds, band of the quartiles.

    A thin line is the seed with most. Raises StudyError where there is no method.
    """
    if not shares:
        raise StudyError("`shares` is empty: no method of this study ends in a filter")
    figure = Figure(figsize=(WIDTH + 0.4, 2.9), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(shares), sharey=True))
    colours = method_colours(shares)
    for panel, (name, values) in zip(panels, shares.items(), strict=True):
        episodes = np.arange(1, values.shape[1] + 1)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        panel.fill_between(episodes, low, high, color=colours[name], alpha=0.3, linewidth=0)
        panel.plot(episodes, middle, color=colours[name])
        panel.plot(episodes, values.max(axis=0), color=colours[name], linewidth=0.7)
        panel.set(title=name, xlabel="episode of training", ylim=(0, max(0.01, 1.05 * _largest(shares))))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.yaxis.set_major_formatter(PercentFormatter(1.0))
        panel.grid(visible=True, axis="y")
        panel.margins(x=0.01)
    panels[0].set_ylabel("steps that the filter changed")
    return figure


@rc_context(STYLE)
def plot_ends(ends: Mapping[str, Array], known: Mapping[str, float]) -> Figure:
    """Return a dot for each seed's final cost (S,) by method, a bar at the median, and a line for what is known.

    The axis is logarithmic. Raises StudyError for costs that it cannot show.
    """
    if min(float(values.min()) for values in ends.values()) <= 0:
        raise StudyError("`ends` has a cost of 0 or less, but a logarithmic axis needs more")
    figure = Figure(figsize=(WIDTH, 0.9 + 0.36 * len(ends)), layout="constrained")
    panel, colours = figure.subplots(), method_colours(ends)
    for row, (name, values) in enumerate(ends.items()):
        spread = row + np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.array([row])
        panel.plot(np.sort(values), spread, "o", color=colours[name], markersize=4, alpha=0.85)
        panel.vlines(np.median(values), row - 0.32, row + 0.32, color=BLACK, linewidth=1.6)
    for name, cost in known.items():
        panel.axvline(cost, color=BLACK, linewidth=1.0, linestyle=(0, (5, 2)), label=name)
    panel.set_xscale("log")
    panel.set(yticks=range(len(ends)), yticklabels=list(ends), ylim=(len(ends) - 0.4, -0.6))
    panel.set_xlabel("mean cost of an episode after training")
    panel.tick_params(axis="y", length=0)
    log_ticks(panel.xaxis)
    panel.grid(visible=True, axis="x")
    panel.set_axisbelow(True)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _largest(shares: Mapping[str, Array]) -> float:
    return max(float(values.max()) for values in shares.values())
