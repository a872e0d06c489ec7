"""Double-double arithmetic: numbers as unevaluated sums of two float64, about 32 digits; compiled.

Sums and products without error after Knuth (The Art of Computer Programming, vol. 2, 4.2.2) and Dekker (Numer. Math.
18, 1971), the products by fused multiplication. The compiler keeps every operation: nothing here is compiled fast-math.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from mpc.explicit.compiled import compiled, inlined
from plants.arrays import Array


class Pair(NamedTuple):
    """Numbers high + low, with high the nearest float64 to their sum."""

    high: Array
    low: Array


@intrinsic
def fused(_typing: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """Return a b + c, rounded once: one instruction where the processor has it, exact library code elsewhere."""

    def machine_code(_context: Any, builder: Any, _signature: Any, numbers: Any) -> Any:
        return builder.fma(*numbers)

    return types.float64(types.float64, types.float64, types.float64), machine_code


@inlined
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Return a + b, rounded, and what the rounding lost."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@inlined
def add_product(high: float, low: float, a: float, b: float, b_low: float) -> tuple[float, float]:
    """Return high + low + a (b + b_low) as a pair."""
    product = a * b
    total, lost = two_sum(high, product)
    lost += fused(a, b, -product) + a * b_low  # type: ignore[reportCallIssue]  # numba supplies the first argument
    return total, low + lost


@compiled
def zeros(rows: int, columns: int) -> Pair:
    """Return a matrix of zeros."""
    return Pair(np.zeros((rows, columns)), np.zeros((rows, columns)))


@compiled
def affine(slope: Array, maps: Array, offset: Array) -> Pair:
    """Return slope (r, t) times maps (t, c), transposed (c, r), with the offset (r,) added to its first row."""
    result = zeros(maps.shape[1], len(slope))
    for c in range(maps.shape[1]):
        for i in range(len(slope)):
            high, low = (offset[i] if c == 0 else 0.0), 0.0
            for j in range(len(maps)):
                high, low = add_product(high, low, slope[i, j], maps[j, c], 0.0)
            result.high[c, i], result.low[c, i] = two_sum(high, low)
    return result
