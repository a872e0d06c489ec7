"""The plant's own step as an expression that optimisers can follow: nothing wrapped or clipped, caps rounded off."""

from typing import Any

import casadi as ca
import numpy as np
from casadi import SX

from plants import Plant, SemiImplicitEuler
from plants.arrays import Array
from plants.dynamics import Flow, plant_motion, symbolic
from plants.validation import RUNAWAY

BAND = 0.01  # a cap is rounded off within this share of half the distance between the two caps


def smooth_step(plant: Plant) -> Any:
    """Return the plant's step as a CasADi function (x, u) -> x+; its angles do not wrap and its inputs are not clipped.

    It is the same arithmetic as `plant.step` wherever no state comes nearer to a cap than BAND. Nearer, and beyond, the
    corner of the cap is a parabola, below the cap by at most a quarter of the band, so that Newton's method can pass.
    It takes SX and MX, except where the plant's integrator asks for MX, as CVODES does: MX alone.
    """
    kind = getattr(plant.integrator, "symbols", SX) if plant.is_continuous else SX
    x, u = kind.sym("x", plant.n), kind.sym("u", plant.m)
    flow = symbolic(plant)
    caps = _declared_caps(plant)
    pairs = _pairs(plant)
    after = flow(x, u)
    if plant.is_continuous:
        no_caps = np.full(plant.n, -np.inf), np.full(plant.n, np.inf)
        slowed = _capped_rates(flow, caps, [rate for _, rate in pairs], plant.sample_time)
        motion = plant_motion(plant, slowed, no_caps, plant.constant_values)
        after = plant.integrator.advance(motion, x, u)
    entries = ca.vertsplit(after)
    done = {rate for _, rate in pairs}
    slopes: list[Any] = [1.0] * plant.n
    for i in set(range(plant.n)) - done:
        entries[i], slopes[i] = _rounded(entries[i], caps[0][i], caps[1][i])
    for position, rate in pairs:
        entries[rate] *= slopes[position]  # a position that meets its cap stops there
    return ca.Function("step", [x, u], [ca.densify(ca.vertcat(*entries))], {"cse": kind is SX})


def _declared_caps(plant: Plant) -> tuple[Array, Array]:
    lower, upper = (np.where(np.abs(cap) >= RUNAWAY, np.copysign(np.inf, cap), cap) for cap in plant.state_caps)
    for i in plant.angle_indices:
        lower[i], upper[i] = -np.inf, np.inf
    return lower, upper


def _pairs(plant: Plant) -> list[tuple[int, int]]:
    """Return the indices of positions and their rates, if the integrator has such pairs."""
    method = plant.integrator
    if not (plant.is_continuous and isinstance(method, SemiImplicitEuler)):
        return []
    index = list(plant.state_names).index
    return [(index(p), index(r)) for p, r in zip(method.positions, method.rates, strict=True)]


def _capped_rates(flow: Flow, caps: tuple[Array, Array], rates: list[int], period: float) -> Flow:
    """Return the derivative with which one Euler step of `period` takes each rate no further than its cap."""

    def slowed(x: Any, u: Any, constants: Any) -> Any:
        entries = ca.vertsplit(flow(x, u, constants))
        for i in rates:
            if np.isfinite([caps[0][i], caps[1][i]]).any():
                entries[i] = (_rounded(x[i] + period * entries[i], caps[0][i], caps[1][i])[0] - x[i]) / period
        return ca.vertcat(*entries)

    return slowed


def _rounded(value: Any, lower: float, upper: float) -> tuple[Any, Any]:
    """Return the value within its caps, corners rounded off, and its slope: 1 inside, 0 at a cap."""
    width = (upper - lower) / 2
    band = BAND * (width if np.isfinite(width) else max(1.0, min(abs(lower), abs(upper))))
    slope = 1.0
    for side, cap in ((1, upper), (-1, lower)):
        if np.isfinite(cap):
            into = ca.fmin(ca.fmax(side * value - (side * cap - band), 0), 2 * band)
            beyond = ca.fmax(side * value - (side * cap + band), 0)
            value = value - side * (into**2 / (4 * band) + beyond)
            slope = slope * (1 - into / (2 * band))
    return value, slope
