"""How far a plant's own step may be from a linear model, anywhere in a box: by intervals over cells, never by samples.

In a cell with the centre c, step(z) - model(z) lies in step(c) - model(c) + (slopes in the cell - those of the model)
(z - c), the mean-value form (Moore, Interval Analysis, 1966), and in what the intervals of the step itself say. Cells
that bound the outcome are halved until it is close to a value that is taken.
"""

from dataclasses import dataclass

import casadi as ca
import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.safety.enclosure import enclosure, jumps, plain_instructions, slope_bounds
from mpc.safety.interval import Interval, IntervalError
from mpc.sampling import sampled_step
from plants.arrays import Array
from plants.plant import Plant

CLOSE = 0.02  # of the width of the outcome: how much of it need not be taken anywhere
LEAST = 1e-13  # of the region's width: what is not worth a halving
ROUNDS = 40
HALVINGS = 10  # of all cells, where the step is not defined in some


@dataclass(frozen=True, eq=False)
class ModelError:
    """step(x, u) - model(x, u) lies between `lower` and `upper` (n,), and reaches `reached` (2, n) of it at least."""

    lower: Array
    upper: Array
    reached: tuple[Array, Array]
    cells: int


@dataclass(frozen=True, eq=False)
class _Difference:
    """step - model as a function of z = (x, u), with its slopes, which say nothing of those `jumping` (n,)."""

    step: ca.Function
    slopes: ca.Function
    jumping: np.ndarray
    matrix: Array
    offset: Array

    def at(self, z: Array) -> Interval:
        """Return its values (rows, n) at points (rows, k), with their rounding."""
        (value,) = enclosure(self.step, Interval(z))
        return value - self._model(Interval(z))

    def within(self, cells: Interval) -> Interval:
        """Return bounds (rows, n) of its values in cells (rows, k)."""
        (value,) = enclosure(self.step, cells)
        plain = value - self._model(cells)
        centre = cells.middle
        spread = (cells - centre)[:, None, :]
        gradient = self._gradient(cells)
        moved = self.at(centre)
        for j in range(centre.shape[1]):
            moved = moved + (gradient[:, :, j] * spread[:, :, j])
        return moved.intersection(plain)

    def weights(self, cells: Interval) -> Array:
        """Return how much the bounds of each cell owe to each variable, (rows, n, k)."""
        width = (cells.upper - cells.lower)[:, None, :]
        gradient = self._gradient(cells)
        return np.minimum(gradient.upper - gradient.lower, 1e100) * width

    def _gradient(self, cells: Interval) -> Interval:
        """Return bounds (rows, n, k) of the slopes of the difference; unbounded where they are not defined, or jump."""
        n, k = self.matrix.shape
        flat = slope_bounds(self.slopes, cells)
        sides = [side.reshape(len(cells.lower), k, n).transpose(0, 2, 1) for side in (flat.lower, flat.upper)]
        sides = [np.where(self.jumping[:, None], far, side) for side, far in zip(sides, (-np.inf, np.inf), strict=True)]
        return Interval(*sides) - self.matrix

    def _model(self, z: Interval) -> Interval:
        total = Interval(np.broadcast_to(self.offset, (len(z.lower), len(self.offset))))
        for j, column in enumerate(self.matrix.T):
            total = total + z[:, j : j + 1] * column
        return total


def model_error(plant: Plant, model: LinearModel, box: tuple[Array, Array], most_cells: int = 20_000) -> ModelError:
    """Return bounds of the plant's own step less the model's next state over a box (lower, upper) of (x, u), (n + m,).

    Input limits, caps and the wrapping of angles are left out of the step, so the box must lie within them. Raises
    NotEnclosed for a step that no bounds are computed of, ProblemError where it is not defined in all of the box.
    """
    difference = _difference(plant, model)
    cells = Interval(box[0][None], box[1][None])
    relative = np.maximum(box[1] - box[0], 1e-300)
    trouble = None
    for _ in range(HALVINGS + 1):  # until the step is defined in every cell
        try:
            return _refined(difference, cells, difference.within(cells), most_cells)
        except IntervalError as cause:
            trouble = cause
        cells = _halved(cells, ((cells.upper - cells.lower) / relative).argmax(axis=1))
    raise ProblemError(
        f"the step of {plant.name!r} has no bounds over the limits: {trouble}; narrow the limits"
    ) from trouble


def _difference(plant: Plant, model: LinearModel) -> _Difference:
    n, m = plant.n, plant.m
    z = ca.SX.sym("z", n + m)
    step = plain_instructions(sampled_step(plant))
    after = step(z[:n], z[n:])
    value = ca.Function("step", [z], [ca.densify(after)], {"cse": True})
    slopes = ca.Function("slopes", [z], [ca.densify(ca.jacobian(after, z))], {"cse": True})
    jumping = np.array([jumps(ca.Function("entry", [z], [entry])) for entry in ca.vertsplit(ca.densify(after))])
    return _Difference(value, slopes, jumping, np.c_[model.A, model.B], model_offset(model))


def model_offset(model: LinearModel) -> Array:
    """Return c (n,) of x+ = A x + B u + c, in physical units."""
    return model.state - model.A @ model.state - model.B @ model.input


def _refined(difference: _Difference, cells: Interval, bounds: Interval, most: int) -> ModelError:
    """Return the bounds once cells that reach furthest have been halved until that is of little use."""
    count, taken = len(cells.lower), difference.at(cells.middle)
    low, high = taken.upper.min(axis=0), taken.lower.max(axis=0)
    for _ in range(ROUNDS):
        allowed = CLOSE * (bounds.upper.max(axis=0) - bounds.lower.min(axis=0)) + LEAST
        far = (bounds.upper > high + allowed) | (bounds.lower < low - allowed)
        chosen = far.any(axis=1)
        if not chosen.any() or count + chosen.sum() > most:
            break
        weights = np.where(far[chosen][:, :, None], difference.weights(cells[chosen]), 0.0)
        scale = np.maximum(allowed, 1e-300)[None, :, None]
        new = _halved(cells[chosen], (weights / scale).sum(axis=1).argmax(axis=1))
        found, points = difference.within(new), difference.at(new.middle)
        low, high = np.minimum(low, points.upper.min(axis=0)), np.maximum(high, points.lower.max(axis=0))
        cells, bounds = _joined(cells[~chosen], new), _joined(bounds[~chosen], found)
        count = len(cells.lower)
    return ModelError(bounds.lower.min(axis=0), bounds.upper.max(axis=0), (low, high), count)


def _halved(cells: Interval, along: np.ndarray) -> Interval:
    """Return both halves of each cell (rows, k), cut across the variable `along` (rows,)."""
    cut = np.arange(cells.shape[1]) == along[:, None]
    lower, upper = np.where(cut, cells.middle, cells.lower), np.where(cut, cells.middle, cells.upper)
    return Interval(np.vstack([cells.lower, lower]), np.vstack([upper, cells.upper]))


def _joined(one: Interval, two: Interval) -> Interval:
    return Interval(np.vstack([one.lower, two.lower]), np.vstack([one.upper, two.upper]))
