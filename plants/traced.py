"""A plain Python function traced: called once with symbols, so that what it calculates becomes one expression."""

import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from casadi import SX

from plants.branches import MOST_WAYS, TooManyWays, Way, all_ways
from plants.errors import PlantError
from plants.symbol import NumberNeeded, Symbols, expression, symbols

_NUMBER = (
    "a state or an input is a symbol while the function is traced, and no number: write np.sin for math.sin (and its "
    "like), leave out float() and int(), and return np.array([...]), or fill np.zeros_like(x) for np.zeros(2)"
)
_WAYS = (
    f"its conditions on states or inputs allow more than {MOST_WAYS} ways through it: write np.where(condition, a, b) "
    "for if, np.maximum and np.minimum for max and min, and no loop that ends on such a condition"
)


class NotTraceable(PlantError):
    """A function that asks for what no symbol has; the message says where, and what to write there."""


@dataclass(frozen=True)
class Traced:
    """`function`, written for numpy arrays x (n,), u (m,), as one of CasADi columns; see `traced`."""

    function: Callable[..., Any]

    @property
    def __name__(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __call__(self, x: Any, u: Any, p: Any = None) -> Any:
        """Return what the function gives: for CasADi columns one column, for arrays of numbers its own answer."""
        if not isinstance(x, SX):
            return self.function(x, u) if p is None else self.function(x, u, p)
        try:
            with np.errstate(all="ignore"):  # of numbers among the symbols: what is not finite is found at the points
                return all_ways(lambda way: expression(self.function(*_arguments(way, x, u, p))))
        except NumberNeeded as cause:
            raise NotTraceable(f"{self._where(cause)}: {cause}; {_NUMBER}") from cause
        except TooManyWays as cause:
            raise NotTraceable(f"{self._where(cause)}: {_WAYS}") from cause

    def _where(self, cause: BaseException) -> str:
        """Return the function's name, and the last line of its file that was run."""
        code = getattr(self.function, "__code__", None)
        frames = traceback.extract_tb(cause.__traceback__)
        own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
        if not own:
            return self.__name__
        text = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
        return f"{self.__name__}, line {own[-1].lineno}" + (f" (`{text}`)" if text else "")


def traced(function: Callable[..., Any]) -> Traced:
    """Return the equations that a plain function of numpy arrays calculates, as a Plant's `derivative` or `update`.

    `function` takes x (n,), u (m,) and, where the plant has constants, p with their names, and returns one number for
    each state: an array, a tuple or a list. It is called with symbols for the numbers, so functions of numpy, the
    operators, `@`, slices and loops of fixed length are followed; of `if`, `max`, `min` and other conditions on states
    all ways are, up to 64, and each counts where its conditions hold. It must depend on its arguments alone.

    A Plant does this by itself with a function that CasADi cannot take as it is, and compares the outcome with the
    function's own answers at points within its bounds. Raises PlantError for whatever cannot be called; when called,
    where a plain number is asked for, or with too many ways, with the line and what to write there.
    """
    if isinstance(function, type) or not callable(function):
        raise PlantError(f"`function` is {function!r}, but a function of arrays (x, u) is needed; pass it uncalled")
    return function if isinstance(function, Traced) else Traced(function)


def _arguments(way: Way, x: SX, u: SX, p: Any) -> list[Any]:
    given: list[Symbols | SimpleNamespace] = [symbols(x, way), symbols(u, way)]
    if p is not None:
        values = {name: symbols(SX(value), way)[0] for name, value in vars(p).items()}
        given.append(SimpleNamespace(**values))
    return given
