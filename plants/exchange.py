"""Plants for other tools: CasADi functions, do-mpc models and simulators; and plants from models of do-mpc."""

import re
import warnings
from collections.abc import Sequence
from typing import Any

import casadi as ca
import numpy as np
from casadi import SX
from numpy.typing import ArrayLike

from plants.arrays import instance_of, real_array
from plants.dynamics import step_symbols, stepped, symbolic
from plants.errors import PlantError
from plants.plant import Plant

_MEND = "pass the Plant, such as clipped_pendulum()"


def casadi_function(plant: Plant) -> ca.Function:
    """Return the plant's equations as a CasADi function (x, u) or, with constants, (x, u, p), of SX inside.

    x (n,), u (m,), p (k,) in the plant's order; the outcome is called `derivative`, dx/dt, or `next_state` for a plant
    given by `update`. Nothing is clipped, wrapped or capped. PlantError for what is no plant.
    """
    instance_of(plant, Plant, "plant", PlantError, _MEND)
    flow, given = symbolic(plant), _columns(plant, SX)
    result = "derivative" if plant.is_continuous else "next_state"
    return ca.Function(identifier(plant.name), given, [flow(*given)], _names(given), [result], {"cse": True})


def casadi_step(plant: Plant) -> ca.Function:
    """Return `plant.step` as a CasADi function (x, u) or, with constants, (x, u, p) -> `next_state`.

    It clips, wraps and caps as the plant does, by the plant's own integrator: the numbers are those of `step`.
    """
    instance_of(plant, Plant, "plant", PlantError, _MEND)
    given = _columns(plant, step_symbols(plant))
    after = stepped(plant, *given, *([] if plant.constants else [plant.constant_values]))
    return ca.Function(identifier(plant.name), given, [after], _names(given), ["next_state"])


def to_do_mpc(plant: Plant) -> Any:
    """Return a do_mpc.model.Model, set up, with one scalar variable for each state, input and constant (parameter).

    It is continuous, or discrete for a plant given by `update`, and has the plant's equations, neither clipped, wrapped
    nor capped: limits are for the controller to keep. Names become identifiers ('feed rate': feed_rate); the cost does
    not come along: `plant.cost.expression(model.x.cat, model.u.cat)` is one for do-mpc's `set_objective`. Raises
    PlantError where two names become one.
    """
    instance_of(plant, Plant, "plant", PlantError, _MEND)
    do_mpc = _do_mpc()
    model = do_mpc.model.Model("continuous" if plant.is_continuous else "discrete", "SX")
    states, inputs, constants = do_mpc_names(plant)
    x = ca.vertcat(*[model.set_variable("_x", name) for name in states])
    u = ca.vertcat(*[model.set_variable("_u", name) for name in inputs])
    p = [ca.vertcat(*[model.set_variable("_p", name) for name in constants])] if constants else []
    for name, entry in zip(states, ca.vertsplit(symbolic(plant)(x, u, *p)), strict=True):
        model.set_rhs(name, entry)
    model.setup()
    return model


def do_mpc_simulator(plant: Plant, start: ArrayLike | None = None) -> Any:
    """Return a do_mpc.simulator.Simulator of the plant, set up: CVODES at 1e-10, the plant's sample time and constants.

    It begins at `start` (n,), by default at rest. `make_step(u)`, u (m, 1), gives the next state (n, 1). What the plant
    does beyond its equations (clipped inputs, turning angles, caps) it does not know.
    """
    instance_of(plant, Plant, "plant", PlantError, _MEND)
    first = plant.equilibrium[0] if start is None else real_array(start, "start", (plant.n,), PlantError)
    simulator = _do_mpc().simulator.Simulator(to_do_mpc(plant))
    simulator.settings.t_step = plant.sample_time
    if plant.constants:
        values = simulator.get_p_template()
        values.master = ca.DM(plant.constant_values)
        simulator.set_p_fun(lambda _: values)
    simulator.setup()
    simulator.x0 = np.array(first)
    return simulator


def do_mpc_names(plant: Plant) -> tuple[list[str], list[str], list[str]]:
    """Return the names of states, inputs and constants in do-mpc; PlantError where two of them become one."""
    groups = plant.state_names, plant.input_names, [constant.name for constant in plant.constants]
    taken: dict[str, str] = {}
    for name in [name for group in groups for name in group]:
        known = taken.setdefault(identifier(name), name)
        if known != name:
            raise PlantError(
                f"the names {known!r} and {name!r} of {plant.name!r} both become {identifier(name)!r}, since names "
                "in do-mpc are identifiers; rename one"
            )
    states, inputs, constants = ([identifier(name) for name in group] for group in groups)
    return states, inputs, constants


def identifier(name: str) -> str:
    """Return a name as an ASCII identifier that begins with a letter: other characters become '_'."""
    plain = re.sub(r"[^0-9a-zA-Z]+", "_", name).strip("_")
    return plain if plain[:1].isalpha() and plain != "default" else f"v_{plain}"


def _columns(plant: Plant, kind: Any) -> list[Any]:
    sizes: Sequence[int] = (plant.n, plant.m, len(plant.constants))
    return [kind.sym(name, size) for name, size in zip("xup", sizes, strict=True) if size]


def _names(given: list[Any]) -> list[str]:
    return list("xup"[: len(given)])


def _do_mpc() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optional parts
        import do_mpc  # noqa: PLC0415  it takes seconds, and loads torch where that is installed
    return do_mpc
