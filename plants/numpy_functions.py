"""What numpy's functions of numbers are among CasADi's expressions."""

import operator
from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np
from casadi import SX


def _remainder(a: SX, b: SX) -> SX:
    return a - b * ca.floor(a / b)


def _rounded(a: SX) -> SX:
    """Return the nearest whole number, the even one of two that are as near, as numpy does."""
    half = ca.floor(a + 0.5)
    tie = ca.logic_and(half - a == 0.5, _remainder(half, SX(2)) == 1)
    return ca.if_else(tie, half - 1, half)


FUNCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    **{getattr(np, name): getattr(ca, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1")},
    **{getattr(np, name): getattr(ca, name) for name in ("log", "log10", "log1p", "sqrt", "floor", "ceil", "sign")},
    **{getattr(np, name): getattr(ca, name) for name in ("fmin", "fmax", "arctan2", "hypot", "copysign", "fmod")},
    **{getattr(np, "arc" + name): getattr(ca, "a" + name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{getattr(np, name): getattr(ca, "logic_" + name[8:]) for name in ("logical_and", "logical_or", "logical_not")},
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: operator.pow,
    np.float_power: operator.pow,
    np.floor_divide: lambda a, b: ca.floor(a / b),
    np.remainder: _remainder,
    np.negative: operator.neg,
    np.positive: lambda a: a,
    np.absolute: ca.fabs,
    np.fabs: ca.fabs,
    np.square: lambda a: a * a,
    np.reciprocal: lambda a: 1 / a,
    np.cbrt: lambda a: ca.sign(a) * ca.fabs(a) ** (1 / 3),
    np.exp2: lambda a: 2**a,
    np.log2: lambda a: ca.log(a) / np.log(2),
    np.deg2rad: lambda a: a * (np.pi / 180),
    np.radians: lambda a: a * (np.pi / 180),
    np.rad2deg: lambda a: a * (180 / np.pi),
    np.degrees: lambda a: a * (180 / np.pi),
    np.rint: _rounded,
    np.trunc: lambda a: ca.sign(a) * ca.floor(ca.fabs(a)),
    np.heaviside: lambda a, b: ca.if_else(a == 0, b, a > 0),
    np.maximum: ca.fmax,
    np.minimum: ca.fmin,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.bitwise_and: ca.logic_and,
    np.bitwise_or: ca.logic_or,
    np.invert: ca.logic_not,
}
