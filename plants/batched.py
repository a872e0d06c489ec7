"""A CasADi function over rows of numpy arrays: one call into compiled code for a whole batch."""

from functools import lru_cache
from threading import Lock, local
from typing import Any

import casadi as ca
import numpy as np

from plants.arrays import Array
from plants.muted import muted, stop_if_asked

_KEPT_SIZES = 32


class BatchedFunction:
    """A CasADi function of columns, called with float64 rows (rows, width) and returning rows.

    A matrix result comes back as (rows, ...) with its CasADi columns as rows: let the function return
    the transpose. The mapped function of each batch size is made once and kept (the last 32 sizes).
    """

    def __init__(self, function: ca.Function) -> None:
        self._function = function
        self._lock = Lock()
        self._buffer = lru_cache(maxsize=_KEPT_SIZES)(self._mapped)
        self._widths = [function.size1_out(i) * function.size2_out(i) for i in range(function.n_out())]

    def __call__(self, *rows: Array) -> list[Array]:
        """Return every result (rows, entries) of the function for the given rows of its arguments."""
        count = len(rows[0])
        results = [np.empty((count, width)) for width in self._widths]
        if count == 0:
            return results
        ordered = [np.ascontiguousarray(argument) for argument in rows]
        with self._lock:
            buffer, run = self._buffer(count)
            for i, argument in enumerate(ordered):
                buffer.set_arg(i, argument.data)
            for i, result in enumerate(results):
                buffer.set_res(i, result.data)
            run()
        return results

    def _mapped(self, count: int) -> tuple[Any, Any]:
        return self._function.map(count).buffer()


class RowFunction:
    """A CasADi function of columns that may fail, called like a BatchedFunction: a row in which it fails is NaN.

    Rows are evaluated one by one, since a mapped function fails as a whole. Threads may share it: each has its arrays.
    """

    def __init__(self, function: ca.Function) -> None:
        self._function = function
        self._own = local()

    def __call__(self, *rows: Array) -> list[Array]:
        """Return every result (rows, entries) of the function for the given rows of its arguments."""
        arguments, results, run = self._buffers()
        every = [np.full((len(rows[0]), len(result)), np.nan) for result in results]
        with muted() as dropped:
            for i, row in enumerate(zip(*rows, strict=True)):
                for argument, values in zip(arguments, row, strict=True):
                    argument[:] = values
                try:
                    run()
                except RuntimeError:
                    stop_if_asked(dropped)
                    continue
                stop_if_asked(dropped)
                for result, values in zip(results, every, strict=True):
                    values[i] = result
        return every

    def _buffers(self) -> tuple[list[Array], list[Array], Any]:
        """Return this thread's arrays for arguments and results, and what evaluates the one into the other."""
        if not hasattr(self._own, "buffers"):
            function = self._function
            arguments = [np.empty(function.numel_in(i)) for i in range(function.n_in())]
            results = [np.empty(function.numel_out(i)) for i in range(function.n_out())]
            buffer, run = self._evaluator()
            for i, argument in enumerate(arguments):
                buffer.set_arg(i, argument.data)
            for i, result in enumerate(results):
                buffer.set_res(i, result.data)
            self._own.buffers = arguments, results, run, buffer
        return self._own.buffers[:3]

    def _evaluator(self) -> tuple[Any, Any]:
        return self._function.buffer()
