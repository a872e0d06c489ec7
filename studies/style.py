"""How every figure looks: sizes, colours that colour-blind readers tell apart, names with units."""

from collections.abc import Iterable
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from plants.arrays import instance_of
from studies.errors import StudyError

STYLE: dict[Any, Any] = {
    "font.size": 10.0,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "yann-control",
}
WIDTH = 6.6  # inches

BLACK, GREY, LIGHT_GREY = "#000000", "#666666", "#ececec"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
KNOWN_COLOURS = {
    "YANN-DDPG": BLUE, "DDPG": VERMILLION, "MPC": BLACK, "linear MPC": BLACK,
    "YANN-DDPG+filter": SKY, "DDPG+filter": ORANGE, "SAC-Lagrangian": GREEN,
}  # fmt: skip
FURTHER_COLOURS = (GREEN, PURPLE, ORANGE, SKY, GREY)


def check_axes(axes: object) -> None:
    """Raise StudyError unless `axes` is one panel to draw on, or None for a new figure."""
    if axes is not None:
        instance_of(axes, Axes, "axes", StudyError, "pass one panel of matplotlib, or None for a new figure")


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """Return a colour (Okabe & Ito's palette) for each method; the common ones look the same in every figure."""
    further = cycle(FURTHER_COLOURS)
    return {method: KNOWN_COLOURS.get(method) or next(further) for method in dict.fromkeys(methods)}


def quantity(name: str, unit: str) -> str:
    """Return "name [unit]", or the name alone where there is no unit."""
    return f"{name} [{unit}]" if unit not in ("", "-") else name


def ratio_unit(above: str, below: str) -> str:
    """Return the unit of a ratio, such as "N m/(rad/s)"."""
    if below in ("", "-"):
        return above
    divisor = f"({below})" if any(sign in below for sign in "/ ") else below
    return f"{above if above not in ('', '-') else '1'}/{divisor}"


def log_ticks(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, more of them where the range is short."""
    low, high = sorted(axis.get_view_interval())
    short = high < 60 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
