"""From a user's equations to the compiled functions of a plant: derivative, Jacobians and step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import casadi as ca
import numpy as np
from casadi import SX

from plants.batched import BatchedFunction, RowFunction
from plants.equations import columns
from plants.equilibrium import state_scales
from plants.errors import PlantError
from plants.integrate import Motion

if TYPE_CHECKING:
    from plants.plant import Plant

Equations = Callable[..., Any]
"""A user's function of CasADi columns x (n, 1) and u (m, 1), and of the constants by name where there are any."""

Flow = Callable[..., Any]
"""(x, u) or (x, u, p) -> a column of one entry per state, p (k, 1) being the constants, by default the plant's own."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The compiled functions of one plant, called with rows (rows, n), (rows, m) and, if `any_`, constants (rows, k).

    The others have the plant's own constants built in, and are faster.
    """

    flow: BatchedFunction
    jacobians: BatchedFunction
    step: BatchedFunction | RowFunction
    any_flow: BatchedFunction
    any_jacobians: BatchedFunction
    any_step: BatchedFunction | RowFunction


def compiled(plant: "Plant") -> Dynamics:
    """Return the functions of `plant`; raise PlantError if its equations fail or return too few or many entries."""
    flow = symbolic(plant)
    own = _functions(plant, flow, fixed=True)
    any_ = _functions(plant, flow, fixed=False) if plant.constants else {f"any_{name}": f for name, f in own.items()}
    return Dynamics(**own, **any_)


def symbolic(plant: "Plant") -> Flow:
    """Return the equations of `plant`: in SX as its author wrote them, in MX as a call of the finished function."""
    ask, own = columns(plant), plant.constant_values

    def column(x: Any, u: Any, p: Any = own) -> Any:
        if any(isinstance(part, ca.MX) for part in (x, u, p)):
            return _finished(column, plant)(x, u, p)
        return ask(x, u, SX(p))

    return column


def _finished(flow: Flow, plant: "Plant") -> ca.Function:
    x, u, p = (SX.sym(name, size) for name, size in zip("xup", (plant.n, plant.m, len(plant.constants)), strict=True))
    return ca.Function("flow", [x, u, p], [flow(x, u, p)], {"cse": True})


def _functions(plant: "Plant", flow: Flow, fixed: bool) -> dict[str, Any]:
    """Return flow, Jacobians and step by name, with the constants `fixed` or as a third argument under `any_`."""
    kind = step_symbols(plant)
    sizes = (plant.n, plant.m) if fixed else (plant.n, plant.m, len(plant.constants))
    x, u, *rest = (SX.sym(name, size) for name, size in zip("xup", sizes, strict=False))
    moved = [kind.sym(name, size) for name, size in zip("xup", sizes, strict=False)]
    value = flow(x, u, *rest)
    slopes = [ca.jacobian(value, s).T for s in (x, u)]
    results: dict[str, tuple[list[Any], list[Any]]] = {
        "flow": ([x, u, *rest], [value]),
        "jacobians": ([x, u, *rest], slopes),
        "step": (moved, [_after(plant, flow, moved[0], moved[1], moved[2] if rest else plant.constant_values)]),
    }
    prefix, argument = "" if fixed else "any_", plant.equations_name
    functions = {name: _function(name, *parts, argument) for name, parts in results.items()}
    may_fail = plant.is_continuous and getattr(plant.integrator, "may_give_up", False)
    kinds = {name: RowFunction if may_fail and name == "step" else BatchedFunction for name in functions}
    return {prefix + name: kinds[name](function) for name, function in functions.items()}


def step_symbols(plant: "Plant") -> Any:
    """Return the kind of symbols, SX or MX, that a step of the plant takes."""
    return getattr(plant.integrator, "symbols", SX) if plant.is_continuous else SX


def stepped(plant: "Plant", x: Any, u: Any, constants: Any) -> Any:
    """Return the expression of `plant.step` of columns x (n, 1), u (m, 1) under `constants` (k, 1)."""
    return _after(plant, symbolic(plant), x, u, constants)


def _after(plant: "Plant", flow: Flow, x: Any, u: Any, constants: Any) -> Any:
    """Return the state one sample period after x under u, clipped, wrapped and within its caps."""
    clipped = ca.fmax(ca.fmin(u, plant.input_bounds[1]), plant.input_bounds[0])
    lower, upper = plant.state_caps
    if not plant.is_continuous:
        return _confined(flow(x, clipped, constants), x - (lower + upper) / 2, plant)
    turning = np.isin(np.arange(plant.n), plant.angle_indices)
    caps = (np.where(turning, -np.inf, lower), np.where(turning, np.inf, upper))
    motion = plant_motion(plant, flow, caps, constants)
    return _confined(plant.integrator.advance(motion, x, clipped), flow(x, clipped, constants), plant)


def plant_motion(plant: "Plant", flow: Flow, caps: tuple[Any, Any], constants: Any) -> Motion:
    """Return what the plant's integrator is told, with a flow, caps and constants that may be others than its own."""
    scales = state_scales(plant, plant.equilibrium[0])
    return Motion(flow, plant.sample_time, plant.state_names, caps, constants, scales)


def _function(name: str, arguments: list[Any], results: list[Any], argument: str) -> ca.Function:
    options = {"allow_free": True, "cse": True} if isinstance(arguments[0], SX) else {}
    function = ca.Function(name, arguments, [ca.densify(r) for r in results], options)
    if function.has_free():
        strangers = ", ".join(str(symbol) for symbol in function.get_free())
        raise PlantError(f"`{argument}` uses symbols that it was not given: {strangers}; replace them by numbers")
    return function


def _confined(after: Any, rising: Any, plant: "Plant") -> Any:
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
