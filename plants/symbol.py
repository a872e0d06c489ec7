"""Symbols that numpy can calculate with: numbers of a plain Python function, each an SX expression underneath."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import casadi as ca
import numpy as np
from casadi import SX
from numpy.lib.mixins import NDArrayOperatorsMixin

from plants.numpy_functions import FUNCTIONS


class Deciding(Protocol):
    """Whoever answers when Python asks a condition for True or False."""

    def decide(self, condition: SX) -> bool:
        """Return the answer of the run under way."""
        ...


class NumberNeeded(TypeError):
    """A symbol was to become a plain number, as by math.sin, float() or a place in an array of floats."""


class _Numpy(NDArrayOperatorsMixin):
    """What symbols and arrays of them share: every function of numpy comes here first."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function = FUNCTIONS.get(ufunc)
        out = options.pop("out", None)
        plain = [_plain(value) for value in inputs]
        if ufunc is np.matmul:
            result = np.matmul(*plain)
        elif function is None:
            raise TypeError(f"numpy.{ufunc.__name__} has no counterpart in CasADi")
        else:
            symbolic = np.frompyfunc(_on_symbols(function, _decider(plain)), ufunc.nin, 1)
            result = getattr(symbolic, method)(*plain, **options)
        if out is not None and isinstance(out[0], np.ndarray):
            out[0].view(np.ndarray)[...] = result
            return out[0]
        return _dressed(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        del types
        if function in _WHOLE:
            return _WHOLE[function](*args, **kwargs)
        plain = _as_arrays(args), _as_arrays(kwargs)
        result = np.ndarray.__array_function__(np.empty(0), function, (np.ndarray,), *plain)
        return _dressed(result)


class Symbol(_Numpy):
    """One number: an SX scalar. In a condition it asks `decider` which way to go."""

    __hash__ = None

    def __init__(self, value: SX, decider: Deciding) -> None:
        self.value, self.decider = value, decider

    def __SX__(self) -> SX:  # noqa: N802  CasADi asks by this name
        """Return the expression: functions of CasADi take symbols too."""
        return self.value

    def __bool__(self) -> bool:
        if self.value.is_constant():
            return bool(float(self.value))
        return self.decider.decide(self.value)

    def __float__(self) -> float:
        raise NumberNeeded(f"a plain number is asked for, but {str(self.value)[:40]} is a symbol")

    __int__ = __index__ = __complex__ = __float__

    def __round__(self, digits: int | None = None) -> Any:
        return np.rint(self) if digits is None else np.rint(self * 10.0**digits) / 10.0**digits

    def __floor__(self) -> Any:
        return np.floor(self)

    def __ceil__(self) -> Any:
        return np.ceil(self)

    def __trunc__(self) -> Any:
        return np.trunc(self)

    def __repr__(self) -> str:
        return f"Symbol({self.value})"


class Symbols(_Numpy, np.ndarray):
    """An array of symbols and numbers, dtype object."""

    def __getitem__(self, index: Any) -> Any:
        return _dressed(self.view(np.ndarray)[index])


def symbols(column: SX, decider: Deciding) -> Symbols:
    """Return the entries of a column (k, 1) as an array of symbols (k,)."""
    entries = np.empty(column.numel(), dtype=object)
    entries[:] = [Symbol(entry, decider) for entry in ca.vertsplit(ca.densify(column))]
    return entries.view(Symbols)


def expression(value: Any) -> SX:
    """Return what a function gave, nested as it may be, as a column of SX: one entry for each number in it."""
    if isinstance(value, SX | ca.DM):
        return ca.densify(ca.vec(SX(value)))
    if isinstance(value, Symbol):
        return value.value
    if isinstance(value, np.ndarray | list | tuple):
        entries = value.ravel().tolist() if isinstance(value, np.ndarray) else value
        return ca.vertcat(*[expression(entry) for entry in entries])
    return SX(float(value))


def _plain(value: Any) -> Any:
    """Return an operand as a plain array, 0-d for a single number: numpy does not come here again."""
    if isinstance(value, Symbols):
        return value.view(np.ndarray)
    if isinstance(value, Symbol | SX):
        held = np.empty((), dtype=object)
        held[()] = value
        return held
    return np.asarray(value)


def _as_arrays(value: Any) -> Any:
    """Return arguments with every single symbol as an array of no axes."""
    if isinstance(value, Symbol):
        return _plain(value).view(Symbols)
    if isinstance(value, tuple | list):
        return type(value)(_as_arrays(entry) for entry in value)
    return {key: _as_arrays(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def _dressed(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value[()] if value.ndim == 0 else value.view(Symbols)
    return value


def _decider(values: Sequence[Any]) -> Deciding:
    entries = (entry for value in values for entry in np.ravel(value))
    return next(entry.decider for entry in entries if isinstance(entry, Symbol))


def _on_symbols(function: Callable[..., SX], decider: Deciding) -> Callable[..., Any]:
    """Return `function` of SX for symbols and numbers."""

    def called(*values: Any) -> Symbol:
        return Symbol(SX(function(*[v.value if isinstance(v, Symbol) else SX(v) for v in values])), decider)

    return called


def _where(condition: Any, *choices: Any) -> Any:
    """Return numpy's where of three arguments, entry by entry; of one argument it asks for numbers."""
    operands = [_plain(value) for value in (condition, *choices)]
    chosen = np.frompyfunc(_on_symbols(ca.if_else, _decider(operands)), 3, 1)
    return _dressed(chosen(*operands))


def _clip(value: Any, lower: Any = None, upper: Any = None, **names: Any) -> Any:
    lower, upper = names.get("a_min", names.get("min", lower)), names.get("a_max", names.get("max", upper))
    raised = value if lower is None else np.maximum(value, lower)
    return raised if upper is None else np.minimum(raised, upper)


def _interp(x: Any, points: Any, values: Any) -> Any:
    """Return numpy's linear interpolation in a table of plain numbers, constant beyond its ends."""
    result, slopes = values[0], np.diff(values) / np.diff(points)
    for slope, low, high in zip(slopes, points[:-1], points[1:], strict=True):
        result = result + slope * (_clip(x, low, high) - low)
    return result


_WHOLE: dict[Any, Callable[..., Any]] = {np.where: _where, np.clip: _clip, np.interp: _interp}


def _method(ufunc: np.ufunc) -> Callable[..., Any]:
    def called(self: Symbol, *others: Any) -> Any:
        return ufunc(self, *others)

    return called


for _ufunc in FUNCTIONS:  # an array of dtype object asks its entries by these names
    if not hasattr(Symbol, _ufunc.__name__):
        setattr(Symbol, _ufunc.__name__, _method(_ufunc))
