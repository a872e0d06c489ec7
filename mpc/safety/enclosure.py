"""Bounds of a CasADi function over boxes: its instructions carried out one after another with intervals."""

from collections.abc import Callable, Mapping

import casadi as ca
import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.safety import interval_functions as functions
from mpc.safety.interval import Interval, IntervalError, interval
from plants.arrays import Array


class NotEnclosed(ProblemError):
    """A function of which no bounds can be computed; the message names the operation."""


def plain_instructions(function: ca.Function) -> ca.Function:
    """Return the function as one of scalar operations alone; raises NotEnclosed for one that is solved by iteration."""
    if function.is_a("SXFunction"):
        return function
    words = (
        f"{function.name()!r} is no sequence of plain operations (an adaptive integrator or a solver is in it), so no "
        "bounds over a region can be computed; give the plant an integrator of fixed steps, as RungeKutta4()"
    )
    try:
        opened = function.expand()
    except RuntimeError as cause:
        raise NotEnclosed(words) from cause
    if any(opened.instruction_id(k) == ca.OP_CALL for k in range(opened.n_instructions())):
        raise NotEnclosed(words)
    return opened


def enclosure(
    function: ca.Function, arguments: Interval, instead: Mapping[int, Callable[..., Interval]] | None = None
) -> list[Interval]:
    """Return bounds of each output of a function of one column (k, 1), for `arguments` (rows, k): (rows, entries).

    Every value that the function takes in a row's box is inside. Outputs are dense, column by column. Raises
    NotEnclosed for an operation without bounds, IntervalError where one is not defined everywhere in a box. `instead`
    has operations that take the place of the usual ones.
    """
    table = {**OPERATIONS, **(instead or {})}
    work: dict[int, Interval] = {}
    rows = len(arguments.lower)
    lower = [np.zeros((rows, function.numel_out(i))) for i in range(function.n_out())]
    upper = [side.copy() for side in lower]
    for k in range(function.n_instructions()):
        operation, ins = function.instruction_id(k), function.instruction_input(k)
        outs = function.instruction_output(k)
        if operation == ca.OP_OUTPUT:
            found, (part, entry) = work[ins[0]], outs
            lower[part][:, entry], upper[part][:, entry] = found.lower, found.upper
        elif operation == ca.OP_INPUT:
            work[outs[0]] = arguments[:, ins[1]]
        elif operation == ca.OP_CONST:
            work[outs[0]] = interval(float(function.instruction_constant(k)))
        else:
            work[outs[0]] = _carried_out(table, operation, [work[i] for i in ins], ins)
    return [Interval(*sides) for sides in zip(lower, upper, strict=True)]


def slope_bounds(function: ca.Function, arguments: Interval) -> Interval:
    """Return `enclosure` of the one output of a function of slopes: unbounded where a division by 0 may occur in it."""
    try:
        return enclosure(
            function, arguments, {ca.OP_DIV: _loose_quotient, ca.OP_INV: lambda x: _loose_quotient(1.0, x)}
        )[0]
    except IntervalError:
        shape = len(arguments.lower), function.numel_out(0)
        return Interval(np.full(shape, -np.inf), np.full(shape, np.inf))


def jumps(function: ca.Function) -> bool:
    """Return whether there are operations in it whose values jump, so that slopes say nothing about differences."""
    return any(function.instruction_id(k) in JUMPS for k in range(function.n_instructions()))


def _loose_quotient(x: Interval | float, y: Interval) -> Interval:
    nought = y.contains(0.0)
    found = x / Interval(np.where(nought, 1.0, y.lower), np.where(nought, 1.0, y.upper))
    return Interval(np.where(nought, -np.inf, found.lower), np.where(nought, np.inf, found.upper))


def _carried_out(
    table: Mapping[int, Callable[..., Interval]], operation: int, operands: list[Interval], places: list[int]
) -> Interval:
    if operation == ca.OP_MUL and places[0] == places[1]:
        return functions.square(operands[0])
    if operation == ca.OP_SUB and places[0] == places[1]:
        return interval(0.0)
    if operation not in table:
        names = [name for name in dir(ca) if name.startswith("OP_") and getattr(ca, name) == operation]
        name = names[0][3:].lower() if names else operation
        raise NotEnclosed(
            f"the operation {name} has no bounds here; write the equations with "
            "+ - * /, powers, exp, log, sqrt, sin, cos, tanh, atan, fmin, fmax, fabs and if_else"
        )
    return table[operation](*operands)


def _truth(surely: np.ndarray, surely_not: np.ndarray) -> Interval:
    return Interval(np.where(surely, 1.0, 0.0), np.where(surely_not, 0.0, 1.0))


def _less(x: Interval, y: Interval) -> Interval:
    return _truth(x.upper < y.lower, x.lower >= y.upper)


def _less_or_equal(x: Interval, y: Interval) -> Interval:
    return _truth(x.upper <= y.lower, x.lower > y.upper)


def _equal(x: Interval, y: Interval) -> Interval:
    same = (x.lower == x.upper) & (y.lower == y.upper) & (x.lower == y.lower)
    return _truth(same, (x.upper < y.lower) | (y.upper < x.lower))


def _not(x: Interval) -> Interval:
    return _truth((x.lower == 0) & (x.upper == 0), (x.lower > 0) | (x.upper < 0))


def _and(x: Interval, y: Interval) -> Interval:
    return functions.minimum(_not(_not(x)), _not(_not(y)))


def _or(x: Interval, y: Interval) -> Interval:
    return functions.maximum(_not(_not(x)), _not(_not(y)))


def _where(condition: Interval, value: Interval) -> Interval:
    return _not(_not(condition)) * value


def _sign(x: Interval) -> Interval:
    return Interval(np.sign(x.lower), np.sign(x.upper))


def _tan(x: Interval) -> Interval:
    return functions.sin(x) / functions.cos(x)


def _floor(x: Interval) -> Interval:
    return Interval(np.floor(x.lower), np.floor(x.upper))


def _ceil(x: Interval) -> Interval:
    return Interval(np.ceil(x.lower), np.ceil(x.upper))


def _arc(function: Callable[[Array], Array], falls: bool) -> Callable[[Interval], Interval]:
    """Return an arcsine or arccosine, which are defined from -1 to 1."""

    def of(x: Interval) -> Interval:
        beyond = x.magnitude > 1
        if beyond.any():
            raise IntervalError(f"an arcsine or arccosine of numbers up to {x.magnitude.max():g}, beyond 1")
        return -functions.rising(lambda side: -function(side), x) if falls else functions.rising(function, x)

    return of


OPERATIONS: dict[int, Callable[..., Interval]] = {
    ca.OP_ASSIGN: lambda x: x,
    ca.OP_ADD: lambda x, y: x + y,
    ca.OP_SUB: lambda x, y: x - y,
    ca.OP_MUL: lambda x, y: x * y,
    ca.OP_DIV: lambda x, y: x / y,
    ca.OP_NEG: lambda x: -x,
    ca.OP_INV: lambda x: 1.0 / x,
    ca.OP_TWICE: lambda x: 2.0 * x,
    ca.OP_SQ: functions.square,
    ca.OP_SQRT: functions.sqrt,
    ca.OP_POW: functions.power,
    ca.OP_CONSTPOW: functions.power,
    ca.OP_EXP: functions.exp,
    ca.OP_LOG: functions.log,
    ca.OP_SIN: functions.sin,
    ca.OP_COS: functions.cos,
    ca.OP_TAN: _tan,
    ca.OP_ASIN: _arc(np.arcsin, falls=False),
    ca.OP_ACOS: _arc(np.arccos, falls=True),
    ca.OP_ATAN: functions.arctan,
    ca.OP_SINH: functions.sinh,
    ca.OP_COSH: functions.cosh,
    ca.OP_TANH: functions.tanh,
    ca.OP_FABS: functions.absolute,
    ca.OP_FMIN: functions.minimum,
    ca.OP_FMAX: functions.maximum,
    ca.OP_LT: _less,
    ca.OP_LE: _less_or_equal,
    ca.OP_EQ: _equal,
    ca.OP_NE: lambda x, y: _not(_equal(x, y)),
    ca.OP_NOT: _not,
    ca.OP_AND: _and,
    ca.OP_OR: _or,
    ca.OP_IF_ELSE_ZERO: _where,
    ca.OP_SIGN: _sign,
    ca.OP_FLOOR: _floor,
    ca.OP_CEIL: _ceil,
}

JUMPS = {
    ca.OP_LT, ca.OP_LE, ca.OP_EQ, ca.OP_NE, ca.OP_NOT, ca.OP_AND, ca.OP_OR,
    ca.OP_IF_ELSE_ZERO, ca.OP_SIGN, ca.OP_FLOOR, ca.OP_CEIL,
}  # fmt: skip
