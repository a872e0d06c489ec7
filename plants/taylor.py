"""A cost near one point: its value, slope and curvature, exact, and refused where it has a corner."""

from typing import Any, NamedTuple

import casadi as ca
import numpy as np
from casadi import SX

from plants.arrays import Array
from plants.cost import Cost
from plants.errors import PlantError

_STEPS = (1e-4, 1e-5)  # in units of `scales`: how far from the point the slope is compared with what is foretold
_SMOOTH = 30  # the nearer step shall surprise less by this factor: 1000 where all is smooth, 10 where a curvature jumps
_NOISE = 1e-9  # surprises below this share of slope and curvature are rounding
_MEND = "round it off, as in sqrt(z^2 + 1e-4) for fabs(z)"


class Taylor(NamedTuple):
    """value + gradient'z + z'hessian z / 2 for deviations z = (s, v) of state and input: (n + m,), (n + m, n + m)."""

    value: float
    gradient: Array
    hessian: Array


def taylor(cost: Cost, x: Array, u: Array, scales: Array) -> Taylor:
    """Return the cost near the state x (n,) and input u (m,); `scales` (n + m,) says how far is far.

    Raises PlantError where a value or derivative is not finite, and where slope or curvature jumps.
    """
    z, point = SX.sym("z", cost.n + cost.m), np.concatenate([x, u])
    value = cost.expression(z[: cost.n], z[cost.n :])
    hessian, gradient = ca.hessian(value, z)
    slope = ca.Function("slope", [z], [gradient])
    found = ca.Function("taylor", [z], [value, gradient, hessian], {"cse": True})(point)
    parts = [np.array(ca.DM(part).full()) for part in found]
    for name, part in zip(("value", "slope", "curvature"), parts, strict=True):
        if not np.isfinite(part).all():
            raise PlantError(
                f"`cost` has no finite {name} at state {x}, input {u}, and cannot be made quadratic there: {_MEND}"
            )
    here = Taylor(float(parts[0][0, 0]), parts[1].ravel(), parts[2])
    for i, jumps in enumerate(_jumps(here, slope, point, scales)):
        if jumps:
            place = f"x[{i}]" if i < cost.n else f"u[{i - cost.n}]"
            raise PlantError(
                f"`cost` has a corner at state {x}, input {u}: its slope or curvature jumps along {place}, and it "
                f"cannot be made quadratic there: {_MEND}"
            )
    return here


def _jumps(here: Taylor, slope: Any, point: Array, scales: Array) -> list[bool]:
    """Return for each component whether the slope around the point is other than slope and curvature foretell."""
    scaled = [np.abs(here.gradient * scales).max(), np.abs(here.hessian * np.outer(scales, scales)).max()]
    answers = []
    for i, scale in enumerate(scales):
        surprises = []
        for share in _STEPS:
            step = np.zeros(len(point))
            step[i] = share * scale
            rise = (slope(point + step) - slope(point - step)).full().ravel()
            surprises.append(float(np.abs((rise - 2 * here.hessian @ step) * scales).max()))
        far, near = surprises
        answers.append(bool(near > _NOISE * max(scaled) and near > far / _SMOOTH))
    return answers
