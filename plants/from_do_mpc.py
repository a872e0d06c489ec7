"""A plant from a model of do-mpc: its equations as they are, everything else as a Plant asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import casadi as ca
from casadi import SX

from plants.constants import Constant
from plants.errors import PlantError
from plants.names import index_of
from plants.plant import Plant

_OWN = ("derivative", "update", "state_names", "input_names")


@dataclass(frozen=True, eq=False)
class DoMpcEquations:
    """The right-hand side of a model of do-mpc as a function of columns x, u and the constants p by name.

    `function` takes x, u, the time-varying parameters and the parameters, `varying` and `parameters` being their names.
    """

    function: ca.Function
    varying: Sequence[str]
    parameters: Sequence[str]

    def __call__(self, x: Any, u: Any, p: Any = None) -> Any:
        """Return dx/dt, or the next state, (n, 1)."""
        varying, parameters = ([getattr(p, name) for name in names] for names in (self.varying, self.parameters))
        return self.function(x, u, ca.vertcat(*varying), ca.vertcat(*parameters))


def plant_from_do_mpc(model: Any, *, constants: Sequence[Constant] = (), **arguments: Any) -> Plant:
    """Return the plant of a do_mpc.model.Model that is set up, continuous or discrete.

    States and inputs keep their names; entries of a vector `T` are called T_0, T_1, and so on. Every parameter and
    time-varying parameter becomes a constant: `constants` has a value and a unit for each. `arguments` are the
    rest of what a Plant asks for (units, bounds, equilibrium, cost, ...). Auxiliary expressions and measurements are
    left out, process noise is 0.

    Raises PlantError for a model that is not set up, algebraic states, parameters without a constant and constants
    without a parameter, and for whatever does not fit a Plant.
    """
    _check(model)
    for name in _OWN:
        if name in arguments:
            raise PlantError(f"`{name}` comes from the model; leave it out")
    varying, parameters = _labels(model.tvp), _labels(model.p)
    given = [constant.name for constant in constants]
    for name in [*varying, *parameters]:
        if name not in given:
            raise PlantError(
                f"`constants` has no value for the model's parameter {name!r}; pass constants=(Constant({name!r}, "
                "value, unit), ...), one for each of " + ", ".join([*varying, *parameters])
            )
    for name in given:
        if not varying + parameters:
            raise PlantError(f"`constants` has {name!r}, but the model has no parameters; leave it out")
        index_of(name, [*varying, *parameters], "constants")
    kind = "derivative" if model.model_type == "continuous" else "update"
    equations = DoMpcEquations(_right_hand_side(model), tuple(varying), tuple(parameters))
    names = {"state_names": _labels(model.x), "input_names": _labels(model.u)}
    return Plant(**{**arguments, **names, kind: equations, "constants": tuple(constants)})


def _check(model: Any) -> None:
    """Refuse what is no model of do-mpc, one that is not set up, and one with algebraic states or no inputs."""
    flags = getattr(model, "flags", None)
    if not isinstance(flags, dict) or "setup" not in flags or not hasattr(model, "model_type"):
        raise PlantError(f"`model` is a {type(model).__name__}, but a do_mpc.model.Model is needed")
    if not flags["setup"]:
        raise PlantError("`model` is not set up yet; call model.setup() once all of its equations are there")
    algebraic = _labels(model.z)
    if algebraic:
        raise PlantError(
            f"`model` has the algebraic states {', '.join(algebraic)}, which a Plant cannot have; solve its algebraic "
            "equations for them, put the results into set_rhs, and leave set_alg out"
        )
    if not _labels(model.u):
        raise PlantError("`model` has no inputs, so there is nothing to control; declare one with set_variable('_u')")


def _labels(structure: Any) -> list[str]:
    """Return the names of the entries of a structure of do-mpc, in order; those of vectors are numbered."""
    names = []
    for name in structure.keys():  # noqa: SIM118  structures of CasADi cannot be iterated over
        size = structure[name].numel()
        if size and name != "default":
            names += [name] if size == 1 else [f"{name}_{i}" for i in range(size)]
    return names


def _right_hand_side(model: Any) -> ca.Function:
    sizes = model.n_x, model.n_u, model.n_tvp, model.n_p
    x, u, varying, parameters = (SX.sym(name, size) for name, size in zip("xutp", sizes, strict=True))
    function = model._rhs_fun
    value = function(x, u, SX(model.n_z, 1), varying, parameters, SX(ca.DM.zeros(model.n_w)))
    return ca.Function("right_hand_side", [x, u, varying, parameters], [ca.densify(value)], {"cse": True})
