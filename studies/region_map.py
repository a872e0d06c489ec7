"""The map of a law's critical regions, coloured by gain, with closed-loop paths on it."""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke

from mpc import PiecewiseAffineLaw
from plants.arrays import Array, instance_of
from studies.errors import StudyError
from studies.plane import LawPlane, Plane, index_among, laid
from studies.region_numbers import write_numbers
from studies.runs import Run, Runs, as_runs
from studies.style import BLACK, LIGHT_GREY, STYLE, WIDTH, check_axes, method_colours, quantity, ratio_unit

_HALO = [withStroke(linewidth=3.4, foreground="white")]


@dataclass(frozen=True)
class GainOf:
    """Colour by the gain of one parameter on one input, each by name or index."""

    parameter: int | str = 0
    input: int | str = 0

    def entries(self, law: PiecewiseAffineLaw) -> tuple[int, int]:
        """Return the indices (input, parameter); raises StudyError for one that the law does not have."""
        row = index_among(self.input, law.input_names, "input")
        return row, index_among(self.parameter, law.parameter_names, "parameter")

    def label(self, law: PiecewiseAffineLaw) -> str:
        """Return the name of the gain with its unit."""
        row, column = self.entries(law)
        name = f"gain of {law.parameter_names[column]} on {law.input_names[row]}"
        return quantity(name, ratio_unit(law.input_units[row], law.parameter_units[column]))


_FIRST_GAIN, _FIRST_PLANE = GainOf(), Plane()


@rc_context(STYLE)
def plot_regions(
    law: PiecewiseAffineLaw,
    axes: Axes | None = None,
    colour: GainOf = _FIRST_GAIN,
    paths: Runs = (),
    plane: Plane = _FIRST_PLANE,
    numbers: bool = True,
) -> Figure:
    """Return a map of the critical regions of `law` on a plane of two of its parameters.

    Regions are drawn from their exact corners and carry their `numbers` (as in `law.regions`); what of the
    parameter set has no feasible solution is hatched grey. `paths` are closed-loop trajectories, drawn from a
    dot at their start; a line is broken where it jumps by more than half the map, as a wrapped angle does.
    With `axes` it draws there and returns their figure. Raises StudyError for arguments that do not fit the law.
    """
    instance_of(colour, GainOf, "colour", StudyError, "pass GainOf(parameter, input)")
    instance_of(numbers, bool, "numbers", StudyError, "pass True or False")
    check_axes(axes)
    view, runs = laid(plane, law), as_runs(paths, "paths")
    check_paths(runs, view)
    row, column = colour.entries(law)
    if axes is None:
        axes = Figure(figsize=(WIDTH, 4.9), layout="constrained").subplots()
    polygons = view.regions()
    if not polygons:
        raise StudyError(f"`plane` meets no region of the law at {view.held or 'all'}; choose another `at`")
    shown = law.gains[list(polygons), row, column]
    colours, scale = gain_colours(shown)
    draw_infeasible(axes, view)
    faces = PolyCollection(list(polygons.values()), cmap=colours, norm=scale, edgecolors="#333333", linewidths=0.6)
    faces.set_array(shown)
    axes.add_collection(faces)
    axes.figure.colorbar(ScalarMappable(scale, colours), ax=axes, label=colour.label(law), pad=0.03, aspect=28)
    frame(axes, view)
    draw_paths(axes, runs, view)
    if numbers:
        write_numbers(axes, law, polygons, row)
    return axes.figure  # type: ignore[return-value]


def gain_colours(gains: Array) -> tuple[Colormap, Normalize]:
    """Return a colour map and its scale: 0 is light; two colours only where gains of both signs occur."""
    low, high = min(0.0, float(gains.min())), max(0.0, float(gains.max()))
    if low < 0 < high:
        limit = max(-low, high)
        return colormaps["PuOr"], Normalize(-limit, limit)
    return colormaps["YlGnBu_r" if low < 0 else "YlGnBu"], Normalize(low, high if high > low else 1.0)


def draw_infeasible(axes: Axes, view: LawPlane) -> None:
    """Hatch the parameter set; regions drawn over it leave what is infeasible."""
    whole = view.parameter_set()
    axes.add_patch(Polygon(whole, facecolor=LIGHT_GREY, edgecolor="#999999", hatch="////", linewidth=0.0, zorder=0.5))


def frame(axes: Axes, view: LawPlane) -> None:
    """Put names, units and limits on the axes."""
    (left, low), (right, high) = view.box
    axes.set(xlim=(left, right), ylim=(low, high), xlabel=view.labels[0], ylabel=view.labels[1])
    if view.held:
        axes.set_title(f"at {view.held}")


def check_paths(runs: tuple[Run, ...], view: LawPlane) -> None:
    """Raise StudyError for a trajectory whose states do not reach the two parameters of the plane."""
    for run in runs:
        n = run.states.shape[-1]
        if n <= max(view.axes):
            names = ", ".join(view.law.parameter_names)
            raise StudyError(f"`paths` holds states of {n} components, but the law's parameters are {names}")


def draw_paths(axes: Axes, runs: tuple[Run, ...], view: LawPlane) -> None:
    """Draw each episode from a dot at its start, in its method's colour, and a legend where methods have names."""
    colours = method_colours(run.method for run in runs)
    named: set[str] = set()
    for run in runs:
        colour = colours[run.method] if run.method else BLACK
        for states in run.states[..., list(view.axes)]:
            label = "_" if run.label in named else run.label or "_"
            named.add(run.label)
            x, y = broken(states, view.box).T
            axes.plot(x, y, color=colour, linestyle=run.line, linewidth=1.5, path_effects=_HALO, label=label, zorder=3)
            axes.plot(*states[0], "o", color=colour, markersize=5.5, markeredgecolor="white", zorder=4, label="_")
    if named - {""}:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)


def broken(states: Array, box: tuple[Array, Array]) -> Array:
    """Return states (k, 2) with a row of NaN wherever a step jumps by more than half the box."""
    jumps = (np.abs(np.diff(states, axis=0)) > (box[1] - box[0]) / 2).any(axis=1)
    return np.insert(states, np.flatnonzero(jumps) + 1, np.nan, axis=0)
