"""How far a reactor's facets are from being left: bounds over cells that cover the whole set, between samples too."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mpc.safety.heat_model import HeatModel
from mpc.safety.heat_motion import HeatMotion
from mpc.safety.heat_ranges import HeatRanges
from mpc.safety.interval import Interval
from plants.arrays import Array

CHUNK = 4096


@dataclass(frozen=True)
class HeatGrid:
    """Cells below each facet: `layers` even ones over the ramp, then each `growth` times as deep as the one above.

    They are `width` [mol/L] wide on the ramp, where it is close, and `coarse` times that below.
    """

    width: float = 5e-4
    layers: int = 24
    coarse: int = 20
    growth: float = 1.25


@dataclass(frozen=True)
class WorstCell:
    """Where a facet is closest to being left: `slack` [K per sample], below 0 where it is kept."""

    slack: float
    concentration: tuple[float, float]
    temperature: tuple[float, float]


@dataclass(frozen=True, eq=False)
class HeatCells:
    """Intervals of C_A, T and the depth below facet i, some on its ramp and some below it; `ramped` says which."""

    A: Interval
    T: Interval
    depth: Interval
    ramped: np.ndarray

    def parts(self) -> Iterator["HeatCells"]:
        """Return them a few thousand at a time, so that arrays stay close to the processor."""
        for k in range(0, len(self.ramped), CHUNK):
            some = slice(k, k + CHUNK)
            yield HeatCells(self.A[some], self.T[some], self.depth[some], self.ramped[some])


def cells_below(model: HeatModel, ranges: HeatRanges, facets: Array, i: int, grid: HeatGrid) -> HeatCells:
    """Return the cells below facet i that the set meets, cut down to what all of the facets leave of them."""
    slope, level = (float(value) for value in facets[i])
    ramp, depths = model.ramp, level - ranges.coldest
    steps = max(0, int(np.ceil(np.log(max(depths / ramp, 1)) / np.log(grid.growth)))) + 1
    even = ramp * np.arange(grid.layers + 1) / grid.layers
    deeper = ramp * grid.growth ** np.arange(steps + 1)
    near = _rectangles(ranges.concentration, grid.width, even)
    far = _rectangles(ranges.concentration, grid.width * grid.coarse, np.r_[even[-1], deeper[1:]])
    A_low, A_high, shallow, deep = (np.concatenate(pair) for pair in zip(near, far, strict=True))
    ramped = np.arange(len(A_low)) < len(near[0])
    A, depth = Interval(A_low, A_high), Interval(shallow, deep)
    T = level - depth - slope * A
    tops = np.min([(other - lean * Interval(A_low)).upper for lean, other in facets], axis=0)
    lower, upper = np.maximum(T.lower, ranges.coldest), np.minimum(T.upper, tops)
    met = lower <= upper
    A, T, depth, ramped = A[met], Interval(lower[met], upper[met]), depth[met], ramped[met]
    return HeatCells(A, T, depth.intersection(level - T - slope * A), ramped)


def _rectangles(most: float, width: float, edges: Array) -> tuple[Array, Array, Array, Array]:
    """Return C_A from and to, depth from and to, of all cells between these edges of depth."""
    number = max(1, int(np.ceil(most / width)))
    A = np.minimum(np.arange(number + 1) * (most / number), most)
    A[-1] = most
    ends = zip((A[:-1], A[1:]), (edges[:-1], edges[1:]), strict=True)
    grids = [np.meshgrid(a, layer, indexing="ij") for a, layer in ends]
    return grids[0][0].ravel(), grids[1][0].ravel(), grids[0][1].ravel(), grids[1][1].ravel()


def worst_cells(model: HeatModel, ranges: HeatRanges, facets: Array, grid: HeatGrid) -> tuple[list[WorstCell], int]:
    """Return the worst cell of each facet, and how many cells there were in all."""
    motion, worst, count = HeatMotion(model, ranges), [], 0
    for i, slope in enumerate(facets[:, 0].tolist()):
        cells = cells_below(model, ranges, facets, i, grid)
        slacks = np.concatenate([_slacks(motion, slope, part) for part in cells.parts()])
        count += len(slacks)
        k = int(slacks.argmax())
        A, T = ((float(x.lower[k]), float(x.upper[k])) for x in (cells.A, cells.T))
        worst.append(WorstCell(float(slacks[k]), A, T))
    return worst, count


def _slacks(motion: HeatMotion, slope: float, cells: HeatCells) -> Array:
    """Return for each cell a bound of T + slope C_A less its level, one sample later; infinite where none is found.

    y + t y' + t^2 y''/2 with the least input of the cell. Its ramp takes part with the depth, as one term.
    """
    model, d = motion.model, Interval(motion.model.sample_time)
    low, high = model.input
    warm, least, span = motion.above_coolant(cells.T), Interval(motion.transfer.lower), Interval(high) - low
    eased = (high - span * cells.depth / model.ramp).lower
    u = Interval(np.where(cells.ramped, np.clip(eased, low, high), low), np.full(len(eased), high))
    box, enclosed = _enclosure(motion, cells, u)
    bent = np.maximum(motion.bend(slope, *box, u).upper, 0.0)
    lost = d * least * span / model.ramp * warm * cells.ramped.astype(float)
    rise = motion.rise(slope, cells.A, cells.T) - least * warm * np.where(cells.ramped, high, low)
    total = (lost - 1.0) * cells.depth + d * rise + d * d * Interval(bent) / 2.0
    return np.where(enclosed, total.upper, np.inf)


def _enclosure(motion: HeatMotion, cells: HeatCells, u: Interval) -> tuple[tuple[Interval, Interval], np.ndarray]:
    """Return intervals of C_A and T that are not left within a sample (Picard's test), and where that is certain."""
    d, ranges = motion.model.sample_time, motion.ranges
    possible = Interval(0.0, ranges.concentration), Interval(ranges.coldest, np.inf)

    def moved(time: Interval, A: Interval, T: Interval) -> tuple[Interval, Interval]:
        to_A, to_T = motion.rates(A, T, u)
        return cells.A + time * to_A, cells.T + time * to_T

    guess = cells.A, cells.T
    for _ in range(2):
        guess = moved(Interval(-2 * d, 2 * d), *guess)
        guess = guess[0], guess[1].intersection(Interval(ranges.coldest / 2, np.inf))
    box = moved(Interval(0.0, d), *guess)
    certain = guess[0].contains(box[0]) & guess[1].contains(box[1])
    for _ in range(2):
        box = box[0].intersection(possible[0]), box[1].intersection(possible[1])
        box = moved(Interval(0.0, d), *box)
    return (box[0].intersection(possible[0]), box[1].intersection(possible[1])), certain
