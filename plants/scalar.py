"""One number as a CasADi expression that a user writes: what every such function must be."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import casadi as ca
from casadi import SX

from plants.errors import PlantError


def scalar_function(formula: Callable[..., Any], label: str, sizes: Mapping[str, int], mend: str) -> ca.Function:
    """Return `formula` as a CasADi function of one column for each of `sizes`, and of one entry.

    Raises PlantError, naming `label` and with the `mend`, for one that fails on symbols, returns more than one entry
    or no finite constant, or uses symbols that it was not given.
    """
    columns = [SX.sym(name, size) for name, size in sizes.items()]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\s*casadi: a numpy function", FutureWarning)
            value = ca.densify(SX(formula(*columns)))
    except Exception as cause:
        first, *_ = [*str(cause).splitlines(), "no reason given"]
        raise PlantError(f"{label} fails on CasADi symbols: {type(cause).__name__}: {first}; {mend}") from cause
    if value.numel() != 1:
        raise PlantError(f"{label} returns {value.numel()} entries, but 1 is needed; {mend}")
    if value.is_constant() and not value.is_regular():
        raise PlantError(f"{label} returns {value} whatever it is given, as where a symbol is made a float; {mend}")
    function = ca.Function("scalar", columns, [value], {"allow_free": True, "cse": True})
    if function.has_free():
        strangers = ", ".join(str(symbol) for symbol in function.get_free())
        raise PlantError(f"{label} uses symbols that it was not given: {strangers}; replace them by numbers")
    return function
