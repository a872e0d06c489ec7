"""What fine-tuning changed: the trained input minus the initial one, over two parameters of the law."""

from collections.abc import Callable

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mpc import PiecewiseAffineLaw
from plants.arrays import Array, real_array, real_points, real_scalar, whole_number
from studies.errors import StudyError
from studies.plane import LawPlane, Plane, index_among, laid
from studies.region_map import frame
from studies.style import BLACK, STYLE, WIDTH, check_axes, quantity

_FIRST_PLANE = Plane()
_MASK = 240  # points along each side of the grid that finds where the law has no region


def input_change(
    law: PiecewiseAffineLaw,
    initial: Callable[[Array], Array],
    trained: Callable[[Array], Array],
    plane: Plane = _FIRST_PLANE,
    points: int = 241,
) -> Array:
    """Return trained(theta) - initial(theta), (points, points, m), on an even grid of a plane with both its ends.

    The first axis goes across, the second up. Both controllers are called once with rows (points**2, t).
    """
    view, count = laid(plane, law), whole_number(points, "points", StudyError, least=2)
    theta = _grid(view, count).reshape(-1, law.t)
    before, after = (_inputs(c, theta, law, n) for c, n in ((initial, "initial"), (trained, "trained")))
    return (after - before).reshape(count, count, law.m)


@rc_context(STYLE)
def plot_change(
    law: PiecewiseAffineLaw,
    change: ArrayLike,
    axes: Axes | None = None,
    input: int | str = 0,  # noqa: A002
    visited: ArrayLike | None = None,
    plane: Plane = _FIRST_PLANE,
    limit: float | None = None,
) -> Figure:
    """Return a heat map of a change of the input, with the borders of the law's regions over it.

    `change` (across, up, m) is what `input_change` returns: values on an even grid from bound to bound. `visited`
    (..., t) are states of training, drawn as dots. Colours are symmetric around 0 and end at +-`limit`, in the
    input's unit, by default the largest change. Hatching: the law has no feasible solution there. Raises StudyError for
    arguments that do not fit the law.
    """
    check_axes(axes)
    view, column = laid(plane, law), index_among(input, law.input_names, "input")
    values = real_array(change, "change", (None, None, law.m), StudyError)[..., column]
    if min(values.shape) < 2:
        raise StudyError(f"`change` has {values.shape} points, but at least 2 along each axis are needed")
    largest = float(np.abs(values).max())
    end = largest or 1.0 if limit is None else real_scalar(limit, "limit", StudyError, positive=True)
    if axes is None:
        axes = Figure(figsize=(WIDTH, 4.7), layout="constrained").subplots()
    lower, upper = view.box
    cell = (upper - lower) / (np.array(values.shape) - 1)
    (left, low), (right, high) = lower - cell / 2, upper + cell / 2
    image = axes.imshow(
        values.T, cmap="RdBu_r", vmin=-end, vmax=end, origin="lower", extent=(left, right, low, high), aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    label = quantity(f"change of {law.input_names[column]}", law.input_units[column])
    beyond = "both" if largest > end else "neither"
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.03, aspect=28, extend=beyond)
    _draw_law(axes, view)
    if visited is not None:
        states = real_points(visited, "visited", law.parameter_names, StudyError).reshape(-1, law.t)
        axes.scatter(*states[:, view.axes].T, s=2.0, color=BLACK, alpha=0.25, linewidths=0, rasterized=True)
    frame(axes, view)
    return axes.figure  # type: ignore[return-value]


def _draw_law(axes: Axes, view: LawPlane) -> None:
    """Draw the borders of the regions, and hatching where there is none."""
    inside = view.law.nearest(_grid(view, _MASK))[2]
    if not inside.all():
        across, up = (np.linspace(low, high, _MASK) for low, high in zip(*view.box, strict=True))
        axes.contourf(across, up, ~inside.T, levels=[0.5, 1.5], colors="none", hatches=["////"])
    borders = PolyCollection(list(view.regions().values()), facecolors="none", edgecolors="#444444", linewidths=0.6)
    axes.add_collection(borders)


def _grid(view: LawPlane, count: int) -> Array:
    """Return the parameters (count, count, t) of an even grid: across, then up."""
    across, up = (np.linspace(low, high, count) for low, high in zip(*view.box, strict=True))
    return view.lift(np.stack(np.meshgrid(across, up, indexing="ij"), axis=-1))


def _inputs(controller: Callable[[Array], Array], theta: Array, law: PiecewiseAffineLaw, name: str) -> Array:
    if not callable(controller):
        raise StudyError(f"`{name}` is {type(controller).__name__}; pass a function of the parameters (rows, {law.t})")
    inputs = real_points(controller(theta), f"{name}(theta)", law.input_names, StudyError)
    if inputs.shape != (len(theta), law.m):
        raise StudyError(f"`{name}(theta)` has shape {inputs.shape}, but ({len(theta)}, {law.m}) is needed")
    return inputs
