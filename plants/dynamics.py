"""From a user's equations to the three compiled functions of a plant: derivative, Jacobians and step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import casadi as ca
import numpy as np
from casadi import SX

from plants.batched import BatchedFunction
from plants.errors import PlantError
from plants.integrate import Motion

if TYPE_CHECKING:
    from plants.plant import Plant

Equations = Callable[[Any, Any], Any]


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The compiled functions of one plant, called with rows (rows, n) and (rows, m)."""

    flow: BatchedFunction
    jacobians: BatchedFunction
    step: BatchedFunction


def compiled(plant: "Plant") -> Dynamics:
    """Return the functions of `plant`; raise PlantError if its equations fail or return too few or many entries."""
    x, u = SX.sym("x", plant.n), SX.sym("u", plant.m)
    flow = symbolic(plant.equations, plant.equations_name, plant.state_names)
    value = flow(x, u)
    clipped = ca.fmax(ca.fmin(u, plant.input_bounds[1]), plant.input_bounds[0])
    if plant.is_continuous:
        turning = np.isin(np.arange(plant.n), plant.angle_indices)
        lower, upper = plant.state_caps
        caps = (np.where(turning, -np.inf, lower), np.where(turning, np.inf, upper))
        motion = Motion(flow, plant.sample_time, plant.state_names, caps)
        after = plant.integrator.advance(motion, x, clipped)
        rising = flow(x, clipped)
    else:
        after = flow(x, clipped)
        rising = x - (plant.state_caps[0] + plant.state_caps[1]) / 2
    after = _confined(after, rising, plant)
    return Dynamics(
        flow=_function("flow", x, u, [value], plant.equations_name),
        jacobians=_function("jacobians", x, u, [ca.jacobian(value, s).T for s in (x, u)], plant.equations_name),
        step=_function("step", x, u, [after], plant.equations_name),
    )


def symbolic(equations: Equations, argument: str, names: Sequence[str]) -> Callable[[SX, SX], SX]:
    """Return `equations` as a function of CasADi columns that always gives a column of one entry per state."""
    label = f"`{argument}` ({getattr(equations, '__name__', type(equations).__name__)})"

    def column(x: SX, u: SX) -> SX:
        try:
            value = equations(x, u)
            result = value if isinstance(value, SX) else SX(ca.vertcat(*np.ravel(np.asarray(value, dtype=object))))
        except Exception as cause:
            first, *_ = [*str(cause).splitlines(), "no reason given"]
            raise PlantError(
                f"{label} fails on CasADi symbols: {type(cause).__name__}: {first}; "
                "return one CasADi expression per state, built with casadi.sin, casadi.exp and their like"
            ) from cause
        if result.numel() != len(names):
            raise PlantError(
                f"{label} returns {result.numel()} entries, but the plant has {len(names)} states "
                f"({', '.join(names)}); return one entry per state"
            )
        return ca.densify(ca.vec(result))

    return column


def _function(name: str, x: SX, u: SX, results: list[SX], argument: str) -> BatchedFunction:
    function = ca.Function(name, [x, u], [ca.densify(r) for r in results], {"allow_free": True, "cse": True})
    if function.has_free():
        strangers = ", ".join(str(symbol) for symbol in function.get_free())
        raise PlantError(f"`{argument}` uses symbols that it was not given: {strangers}; replace them by numbers")
    return BatchedFunction(function)


def _confined(after: SX, rising: SX, plant: "Plant") -> SX:
    """Wrap the angles and keep every entry within its caps; a NaN goes to the upper one if it was `rising` > 0.

    CasADi's fmin(NaN, b) and fmax(NaN, b) are b, as in C.
    """
    entries = ca.vertsplit(after)
    for i in plant.angle_indices:
        entries[i] = entries[i] - 2 * np.pi * ca.ceil((entries[i] - np.pi) / (2 * np.pi))
    lower, upper = plant.state_caps
    for i, entry in enumerate(entries):
        from_above = ca.fmax(ca.fmin(entry, upper[i]), lower[i])
        from_below = ca.fmin(ca.fmax(entry, lower[i]), upper[i])
        entries[i] = ca.if_else(rising[i] > 0, from_above, from_below)
    return ca.vertcat(*entries)
