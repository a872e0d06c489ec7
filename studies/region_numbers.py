"""Numbers on a map of regions: inside where they fit, else beside with a line to the region."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpc import PiecewiseAffineLaw
from plants.arrays import Array
from studies.plane import area

_MOST = 60  # numbers inside regions on one map
_MOST_BESIDE = 14  # numbers beside narrow regions
_HALF = 7.5  # points from the middle of a number to where something else may begin
_ROOMY = 40.0  # the same where the input may be written under the number
_REACH = (16.0, 22.0, 30.0, 40.0, 52.0)  # points from a narrow region to its number
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 0.8}


def write_numbers(axes: Axes, law: PiecewiseAffineLaw, polygons: dict[int, Array], row: int) -> None:
    """Write the number of each region on the map, the largest first; in wide saturated ones the input too."""
    figure: Any = axes.figure.figure
    figure.draw_without_rendering()
    points = 72.0 / figure.dpi
    to_screen, to_data = axes.transData, axes.transData.inverted()
    screen = {i: points * to_screen.transform(corners) for i, corners in polygons.items()}
    window = points * axes.get_window_extent().get_points()
    taken: list[tuple[Array, float]] = []
    narrow: list[int] = []
    for i in sorted(screen, key=lambda i: -area(screen[i]))[:_MOST]:
        centre = centroid(screen[i])
        room = clearance(centre, screen[i])
        if room < _HALF or not _apart(centre, taken):
            narrow.append(i)
            continue
        text = _text(law, i, row, room)
        taken.append((centre, _ROOMY if "\n" in text else _HALF))
        _write(axes, text, to_data.transform(centre / points))
    for i in narrow[:_MOST_BESIDE]:
        anchor = centroid(screen[i])
        place = next(_free_places(anchor, list(screen.values()), taken, window), None)
        if place is not None:
            taken.append((place, _HALF))
            _write(axes, str(i), to_data.transform(place / points), to_data.transform(anchor / points))


def centroid(corners: Array) -> Array:
    """Return the centre of area (2,) of a polygon with corners (k, 2) in order."""
    following = np.roll(corners, -1, axis=0)
    weights = corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]
    return (weights @ (corners + following)) / (3 * weights.sum())


def clearance(point: Array, corners: Array) -> float:
    """Return the distance from a point to the border of a convex polygon, negative outside."""
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(edges, axis=1)
    keep = lengths > 1e-9
    offsets = point - corners
    cross = edges[:, 0] * offsets[:, 1] - edges[:, 1] * offsets[:, 0]
    return float((cross[keep] / lengths[keep]).min())


def _free_places(
    anchor: Array, polygons: list[Array], taken: list[tuple[Array, float]], window: Array
) -> Iterator[Array]:
    """Yield places near the anchor that lie within the map, well inside a region and off other numbers."""
    for reach in _REACH:
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            place = anchor + reach * np.array([np.cos(angle), np.sin(angle)])
            inside = (place > window[0] + _HALF).all() and (place < window[1] - _HALF).all()
            if inside and _apart(place, taken) and any(clearance(place, corners) >= _HALF for corners in polygons):
                yield place


def _apart(place: Array, taken: list[tuple[Array, float]]) -> bool:
    return all(np.linalg.norm(place - other) >= _HALF + radius for other, radius in taken)


def _text(law: PiecewiseAffineLaw, index: int, row: int, room: float) -> str:
    region = law.regions[index]
    if room < _ROOMY or region.gain[row].any():
        return str(index)
    return f"{index}\n{law.input_names[row]} = {region.offset[row]:.4g} {law.input_units[row]}".rstrip(" -")


def _write(axes: Axes, text: str, place: Any, anchor: Any = None) -> None:
    arrow = None
    if anchor is not None:
        arrow = {"arrowstyle": "-", "linewidth": 0.8, "color": "#222222", "shrinkA": 5, "shrinkB": 0}
        axes.plot(*anchor, "o", markersize=3.2, color="white", markeredgecolor="#222222", markeredgewidth=0.8, zorder=5)
    axes.annotate(
        text, place if anchor is None else anchor, place, ha="center", va="center", fontsize=9, linespacing=1.3,
        bbox=_PAPER, arrowprops=arrow, zorder=5,
    )  # fmt: skip
