"""The plane on which a law of any number of parameters is drawn, and its regions as polygons."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc import PiecewiseAffineLaw
from plants.arrays import Array, instance_of, real_array, whole_number
from studies.errors import StudyError
from studies.style import quantity

_SMALLEST = 1e-12  # area of a polygon, as a share of the map, below which there is nothing to draw


@dataclass(frozen=True, eq=False)
class Plane:
    """Two parameters of a law, by name or index, and the point `at` (t,) through which the plane passes.

    `at` only matters for laws with more than two parameters; None is the centre of the parameter set. `window` is the
    part to draw, (lower, upper) of the two parameters; None is all that the parameter set allows.
    """

    across: int | str = 0
    up: int | str = 1
    at: ArrayLike | None = None
    window: ArrayLike | None = None

    def on(self, law: PiecewiseAffineLaw) -> "LawPlane":
        """Return this plane laid through `law`; raises StudyError if it does not fit."""
        if not isinstance(law, PiecewiseAffineLaw):
            raise StudyError(f"`law` is {type(law).__name__}; pass a PiecewiseAffineLaw, as solve_explicit returns it")
        if law.t < 2:
            raise StudyError(f"`law` has {law.t} parameter ({law.parameter_names[0]}), but a map needs 2")
        axes = tuple(index_among(v, law.parameter_names, n) for v, n in ((self.across, "across"), (self.up, "up")))
        if axes[0] == axes[1]:
            raise StudyError(f"`across` and `up` are both {law.parameter_names[axes[0]]}; name two parameters")
        at = law.centre if self.at is None else real_array(self.at, "at", (law.t,), StudyError)
        lower, upper = law.parameter_bounds
        box = np.array([lower[list(axes)], upper[list(axes)]])
        if self.window is not None:
            box = real_array(self.window, "window", (2, 2), StudyError)
        if not (box[0] < box[1]).all():
            raise StudyError(f"`window` is {box[0]} to {box[1]}, but its lower ends must be below its upper ones")
        return LawPlane(law, axes, at, (box[0], box[1]))  # type: ignore[arg-type]


def laid(plane: Plane, law: PiecewiseAffineLaw) -> "LawPlane":
    """Return the plane laid through `law`; raises StudyError for what is no plane, or does not fit."""
    instance_of(plane, Plane, "plane", StudyError, "pass Plane(across, up)")
    return plane.on(law)


@dataclass(frozen=True, eq=False)
class LawPlane:
    """A law seen on the plane of two of its parameters, `axes`, with the others as in `at` (t,).

    `box` is (lower, upper), each (2,): the part of the plane that is drawn.
    """

    law: PiecewiseAffineLaw
    axes: tuple[int, int]
    at: Array
    box: tuple[Array, Array]

    @property
    def labels(self) -> tuple[str, str]:
        """Return the names of the two parameters with their units."""
        names, units = self.law.parameter_names, self.law.parameter_units
        return quantity(names[self.axes[0]], units[self.axes[0]]), quantity(names[self.axes[1]], units[self.axes[1]])

    @property
    def held(self) -> str:
        """Return in words at what the other parameters are held; empty for a law with two parameters."""
        names, units = self.law.parameter_names, self.law.parameter_units
        others = (i for i in range(self.law.t) if i not in self.axes)
        return ", ".join(f"{names[i]} = {self.at[i]:.4g} {units[i]}".rstrip(" -") for i in others)

    def polygon(self, A: Array, b: Array) -> Array:
        """Return the corners (k, 2), in order, of {theta: A theta <= b} on this plane; (0, 2) where it has no area."""
        chosen = list(self.axes)
        rest = np.delete(np.arange(self.law.t), chosen)
        limits = b - A[:, rest] @ self.at[rest]
        (left, low), (right, high) = self.box
        corners = cut_out(self.box, A[:, chosen], limits)
        return corners if area(corners) > _SMALLEST * (right - left) * (high - low) else np.empty((0, 2))

    def regions(self) -> dict[int, Array]:
        """Return the polygon of each region that the plane meets, by the region's number."""
        polygons = {i: self.polygon(region.A, region.b) for i, region in enumerate(self.law.regions)}
        return {i: corners for i, corners in polygons.items() if len(corners)}

    def parameter_set(self) -> Array:
        """Return the polygon of the whole parameter set, feasible or not."""
        return self.polygon(self.law.parameter_set.A, self.law.parameter_set.b)

    def lift(self, points: Array) -> Array:
        """Return the parameters (..., t) of points (..., 2) of the plane."""
        theta = np.broadcast_to(self.at, (*points.shape[:-1], self.law.t)).copy()
        theta[..., list(self.axes)] = points
        return theta


def cut_out(box: tuple[Array, Array], A: Array, b: Array) -> Array:
    """Return the corners (k, 2), in order, of {y in box: A y <= b}, with A (q, 2); (0, 2) where there is none."""
    (left, low), (right, high) = box
    corners = np.array([[left, low], [right, low], [right, high], [left, high]])
    for row, limit in zip(A, b, strict=True):
        corners = _cut(corners, row, limit)
    return corners


def area(corners: Array) -> float:
    """Return the area of a polygon with corners (k, 2) in order, anticlockwise."""
    x, y = corners.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def index_among(value: Any, names: tuple[str, ...], argument: str) -> int:
    """Return the index of a component given by name or index; raises StudyError naming the argument."""
    if isinstance(value, str):
        if value not in names:
            raise StudyError(f"`{argument}` is {value!r}, but the names are: {', '.join(names)}")
        return names.index(value)
    index = whole_number(value, argument, StudyError)
    if index >= len(names):
        raise StudyError(f"`{argument}` is {index}, but there are {len(names)} to choose from: {', '.join(names)}")
    return index


def _cut(corners: Array, row: Array, limit: float) -> Array:
    """Return the part of a convex polygon on which row . x <= limit."""
    slack = limit - corners @ row
    after = np.roll(slack, -1)
    inside, crosses = slack >= 0, (slack >= 0) != (after >= 0)
    share = np.where(crosses, slack, 0.0) / np.where(crosses, slack - after, 1.0)
    crossings = corners + share[:, None] * (np.roll(corners, -1, axis=0) - corners)
    both = np.stack([corners, crossings], axis=1)
    return both[np.stack([inside, crosses], axis=1)]
