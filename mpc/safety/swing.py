"""Swing: the facts of a pendulum, and how much of its torque the rows of a polygon leave unused at worst."""

from dataclasses import dataclass
from typing import Self

import casadi as ca
import numpy as np
from casadi import SX

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.safety import interval_functions as functions
from mpc.safety.interval import Interval, interval
from plants.arrays import Array
from plants.dynamics import symbolic
from plants.integrate import SemiImplicitEuler
from plants.plant import Plant

DEPTH = 100  # of expressions that are compared
BESIDE = 1e-9  # rad: a cell this close to the set is asked as well


@dataclass(frozen=True, eq=False)
class Swing:
    """rate+ = rate + d (gravity sin(angle) + gain u), angle+ = angle + d rate+, within `limits` (lower, upper)."""

    gravity: float
    gain: float
    d: float
    limits: tuple[Array, Array]
    torque: tuple[float, float]

    @classmethod
    def of(cls, plant: Plant, limits: tuple[Array, Array]) -> Self:
        """Return the facts of a pendulum; raises ProblemError for another plant, or limits that it cannot keep."""
        gravity, gain = _pull(plant)
        lower, upper = (np.array(side, dtype=float) for side in limits)
        caps = plant.state_caps
        lower, upper = np.where(np.isfinite(lower), lower, caps[0]), np.where(np.isfinite(upper), upper, caps[1])
        for i, name in enumerate(plant.state_names):
            if lower[i] < caps[0][i] or upper[i] > caps[1][i]:
                raise ProblemError(
                    f"the limits of {name} are {lower[i]:g} to {upper[i]:g}, but the plant holds it within "
                    f"{caps[0][i]:g} to {caps[1][i]:g} by itself; narrow the limits to that"
                )
        furthest = max(abs(lower[0]), abs(upper[0]))
        if furthest >= np.pi:
            raise ProblemError(
                f"the limits of {plant.state_names[0]} reach {furthest:g} rad, a whole turn, which is no limit; they "
                "must stay below pi = 3.14159; narrow them"
            )
        torque = float(plant.input_bounds[0][0]), float(plant.input_bounds[1][0])
        return cls(gravity, gain, plant.sample_time, (lower, upper), torque)

    @property
    def drift(self) -> Array:
        """Return what the step does with the state."""
        return np.array([[1.0, self.d], [0.0, 1.0]])

    @property
    def push(self) -> Array:
        """Return what it does with gravity sin(angle) + gain u."""
        return np.array([self.d * self.d, self.d])

    def sector(self) -> tuple[LinearModel, LinearModel]:
        """Return the two models between which the step is: slope 1 for the sine, and the least slope in the limits."""
        furthest = max(abs(self.limits[0][0]), abs(self.limits[1][0]))
        return self._model(1.0), self._model(float(np.sin(furthest) / furthest))

    def _model(self, slope: float) -> LinearModel:
        A = self.drift + self.gravity * slope * np.outer(self.push, [1.0, 0.0])
        return LinearModel(
            A, self.gain * self.push, self.d, state_names=("angle", "rate"), state_units=("rad", "rad/s")
        )

    def torque_slack(self, A: Array, b: Array, corners: Array, rows: tuple[Array, Array, Array], cells: int) -> float:
        """Return by how much the rows (X, U, h) ask for more torque than there is, in {A x <= b} with its corners.

        The angle being in one of the `cells`, into which its limits are divided, a row asks for most where the rate is
        at an edge of the set: there the torque is an affine function of the angle. Outward rounding; negative where
        torque is left.
        """
        X, U, h = rows
        edges = np.linspace(self.limits[0][0], self.limits[1][0], cells + 1)
        met = (edges[1:] >= corners[:, 0].min() - BESIDE) & (edges[:-1] <= corners[:, 0].max() + BESIDE)
        angle = Interval(edges[:-1][met], edges[1:][met])
        swung = functions.sin(angle) * (interval(self.gravity) / self.gain)
        slacks = [-np.inf]
        for row, push, level in zip(X, U, h, strict=True):
            asked = interval(level) / push, interval(-row) / push  # u + g sin beyond asked[0] + asked[1] x
            if push < 0:
                over = _highest(asked, A, b, angle) - (swung.lower + self.torque[1])
            else:
                over = _highest((-asked[0], -asked[1]), A, b, angle) + (swung.upper + self.torque[0])
            slacks.append(float(over.max()))
        return max(slacks)

    def gap_slack(self, corners: Array, X: Array, U: Array, h: Array) -> float:
        """Return by how much a lower bound of the rows is above an upper one, at most, over corners (c, 2)."""
        asked = (h - corners @ X.T) / U
        return float((asked[:, U < 0].max(axis=1) - asked[:, U > 0].min(axis=1)).max())


def _highest(affine: tuple[Interval, Interval], A: Array, b: Array, angle: Interval) -> Array:
    """Return an upper bound of offset + slopes x over the states of {A x <= b} in each cell of the angle."""
    offset, slopes = affine
    up = slopes[1].lower > 0
    rows = np.flatnonzero(A[:, 1] > 0) if up else np.flatnonzero(A[:, 1] < 0)
    per = slopes[1] / A[rows, 1]
    offset, slope = offset + per * b[rows], slopes[0] - per * A[rows, 0]
    value = offset[:, None] + slope[:, None] * Interval(angle.lower[None], angle.upper[None])
    return value.upper.min(axis=0)


def _pull(plant: Plant) -> tuple[float, float]:
    """Return gravity and gain of angle'' = gravity sin(angle) + gain u; raise ProblemError for another plant."""
    if (plant.n, plant.m) != (2, 1) or not plant.is_continuous:
        raise ProblemError(
            f"{plant.name!r} has {plant.n} states and {plant.m} inputs, but a pendulum has an angle, a rate, one "
            "torque and a `derivative`; leave the choice of the design to safe_set(plant)"
        )
    angle, rate = plant.state_names
    method = SemiImplicitEuler(positions=(angle,), rates=(rate,))
    if plant.integrator != method:
        raise ProblemError(
            f"{plant.name!r} is integrated by {plant.integrator}, but a pendulum's set is for {method}; take that one"
        )
    x, u = SX.sym("x", 2), SX.sym("u", 1)
    motion = symbolic(plant)(x, u)
    flow = ca.Function("flow", [x, u], [motion])
    gravity, gain = (float(flow(*point)[1]) for point in (([np.pi / 2, 0], 0), ([0, 0], 1)))
    form = ca.vertcat(x[1], gravity * ca.sin(x[0]) + gain * u[0])
    if gain == 0 or not ca.is_equal(ca.cse(motion), form, DEPTH):
        raise ProblemError(
            f"the motion of {plant.name!r} is {motion}, but a pendulum's is (rate, gravity sin(angle) + gain torque); "
            "leave the choice of the design to safe_set(plant)"
        )
    return gravity, gain
