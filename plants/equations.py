"""A user's equations, asked for expressions: as CasADi takes them, or traced where they are written for numpy."""

import inspect
import warnings
from collections.abc import Callable
from difflib import get_close_matches
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import casadi as ca
import numpy as np
from casadi import SX

from plants.errors import PlantError
from plants.symbol import expression
from plants.traced import NotTraceable, Traced, traced

if TYPE_CHECKING:
    from plants.plant import Plant

Columns = Callable[[SX, SX, SX], SX]
"""Columns x (n, 1), u (m, 1), p (k, 1) -> a column (n, 1)."""

_MEND = (
    "return one CasADi expression per state, built with casadi.sin, casadi.exp and their like, "
    "or one number per state from functions of numpy"
)


def label_of(plant: "Plant") -> str:
    """Return how the plant's equations are called in an error: the argument, and the function's own name."""
    return f"`{plant.equations_name}` ({getattr(plant.equations, '__name__', type(plant.equations).__name__)})"


def columns(plant: "Plant") -> Columns:
    """Return the plant's equations for columns of SX: as they are if CasADi can take them, else traced.

    Raises PlantError for equations that fail either way, or give too few or too many entries.
    """
    _check_signature(plant)
    own, given = _caller(plant, plant.equations), _named_symbols(plant)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"\s*casadi: a numpy function", FutureWarning)
            column = own(*given)
    except Exception as cause:  # noqa: BLE001  a user's function may raise anything
        return _traced_columns(plant, given, cause)
    return _traced_columns(plant, given, None) if _has_nan(column, given) else own


def _traced_columns(plant: "Plant", given: tuple[SX, SX, SX], refused: Exception | None) -> Columns:
    """Return the equations as tracing finds them; raise PlantError saying why neither way is open."""
    try:
        column = _caller(plant, traced(plant.equations))(*given)
    except NotTraceable as cause:
        raise NotTraceable(f"`{plant.equations_name}`: {cause}") from cause
    except PlantError:
        raise
    except Exception as cause:  # noqa: BLE001
        numeric = refused is None or isinstance(refused, FutureWarning) or isinstance(plant.equations, Traced)
        told = [] if numeric else [f"on CasADi symbols: {_reason(refused)}"]
        if numeric or _reason(cause) != _reason(refused):
            told.append(f"when traced as a function of numpy arrays: {_reason(cause)}")
        mend = _misread(plant, cause) or _MEND
        raise PlantError(f"{label_of(plant)} fails {', and '.join(told)}; {mend}") from (cause if numeric else refused)
    function = ca.Function("equations", list(given), [column], {"cse": True, "allow_free": True})
    return (lambda *_: column) if function.has_free() else function


def _named_symbols(plant: "Plant") -> tuple[SX, SX, SX]:
    names = plant.state_names, plant.input_names, [constant.name for constant in plant.constants]
    x, u, p = (ca.vertcat(SX(0, 1), *[SX.sym(name) for name in group]) for group in names)
    return x, u, p


def _caller(plant: "Plant", equations: Callable[..., Any]) -> Columns:
    """Return `equations` as a function of columns that gives one column, checked for its length."""

    def called(x: SX, u: SX, p: SX) -> SX:
        named = [plant.named_constants(p)] if plant.constants else []
        result = expression(equations(SX(x), SX(u), *named))
        if result.numel() != plant.n:
            raise PlantError(
                f"{label_of(plant)} returns {result.numel()} entries, but the plant has {plant.n} states "
                f"({', '.join(plant.state_names)}); return one entry per state"
            )
        return result

    return called


def _check_signature(plant: "Plant") -> None:
    try:
        signature = inspect.signature(plant.equations)
    except (TypeError, ValueError):  # some callables, those of CasADi among them, do not tell
        return
    names = ", ".join(constant.name for constant in plant.constants)
    wanted = "xup" if names else "xu"
    try:
        signature.bind(*wanted)
    except TypeError as cause:
        why = f"with {names} among the `constants`" if names else "without `constants`"
        mend = "take p, which has them by name, as the third" if names else "declare any others as constants"
        raise PlantError(
            f"{label_of(plant)} takes {signature}, but a plant {why} calls it as ({', '.join(wanted)}); {mend}"
        ) from cause


def _has_nan(column: SX, given: tuple[SX, SX, SX]) -> bool:
    """Return whether NaN is among the numbers of an expression: what float() makes of a symbol of CasADi."""
    function = ca.Function("column", list(given), [column], {"allow_free": True})
    constants = (k for k in range(function.n_instructions()) if function.instruction_id(k) == ca.OP_CONST)
    return any(np.isnan(function.instruction_constant(k)) for k in constants)


def _reason(cause: Exception | None) -> str:
    first, *_ = [*str(cause).splitlines(), "no reason given"]
    return f"{type(cause).__name__}: {first.rstrip('.')}"


def _misread(plant: "Plant", cause: Exception) -> str:
    """Return what to say of a constant that there is not; nothing where that was not the cause."""
    if not (isinstance(cause, AttributeError) and isinstance(cause.obj, SimpleNamespace)):
        return ""
    known = [constant.name for constant in plant.constants]
    (close,) = get_close_matches(str(cause.name), known, n=1, cutoff=0.0)
    return f"it reads p.{cause.name}, but the `constants` are {', '.join(known)}: did you mean p.{close}?"
