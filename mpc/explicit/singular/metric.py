"""Metric: a size for every variable that follows its units, so that "the least minimiser" does not depend on them.

A variable is measured from the middle of its range over all feasible (z, theta), in half widths. Where it has no
finite range: from its only limit (or 0), in a size that logarithmic least squares take from the coefficients
(after Curtis & Reid, IMA J. Appl. Math. 10, 1972), which follows the units of variables, parameters and rows too.
"""

import numpy as np

from mpc.explicit.linear import balanced, linear_program
from plants.arrays import Array

NO_WIDTH = 1e-9  # a range that is this much narrower than its limits are large is a point
TRACE = 1e-9  # a coefficient this small beside the largest of its row that has a known size is rounding
UNBOUNDED = 1e9  # balanced coordinates: further than this is nowhere


def variable_scale(A: Array, b: Array, n: int) -> tuple[Array, Array]:
    """Return middle (n,) and half width (n,) of the first n components of x over the non-empty {A x <= b}.

    The other components are parameters of size 1.
    """
    low, high = _ranges(A, b, n)
    bounded = np.isfinite(low) & np.isfinite(high)
    middle = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    middle[bounded] += (high[bounded] - low[bounded]) / 2
    scale = np.where(bounded, high - low, 0.0) / 2
    known = bounded & (scale > NO_WIDTH * np.maximum(np.abs(low), np.abs(high)))
    if not known.all():
        scale[~known] = _fitted(A, b, np.where(known, scale, 1.0), known)[~known]
    return middle, scale


def _ranges(A: Array, b: Array, n: int) -> tuple[Array, Array]:
    """Return the least and largest values of the first n components, infinite where a linear program finds none."""
    rows, levels, unit = balanced(A, b)
    ends = np.zeros((2, n))
    for j in range(n):
        for side, sign in enumerate((1.0, -1.0)):
            cost = np.zeros(len(unit))
            cost[j] = sign
            result = linear_program(cost, rows, levels)
            found = result.success and abs(result.fun) < UNBOUNDED
            ends[side, j] = sign * (result.fun * unit[j] if found else -np.inf)
    return ends[0], ends[1]


def _fitted(A: Array, b: Array, scale: Array, known: np.ndarray) -> Array:
    """Return sizes s (n,) such that |A_ij| s_j, |A_ik| and |b_i| of a row are alike; `known` ones stay as they are."""
    n, unknown = len(scale), np.flatnonzero(~known)
    sizes = np.abs(np.c_[A[:, :n] * scale, A[:, n:], b])
    alike = np.ones(sizes.shape[1], dtype=bool)
    alike[unknown] = False
    sizes[alike & (sizes <= TRACE * sizes[:, alike].max(axis=1, initial=0.0, keepdims=True))] = 0.0
    row, column = np.nonzero(sizes > 0)
    place = np.full(sizes.shape[1], -1)
    place[unknown] = np.arange(len(unknown))
    equations = np.zeros((len(row), len(unknown) + len(A)))
    counted = place[column] >= 0
    equations[np.flatnonzero(counted), place[column[counted]]] = 1.0
    equations[np.arange(len(row)), len(unknown) + row] = -1.0
    fitted = np.linalg.lstsq(equations, -np.log(sizes[row, column]), rcond=None)[0][: len(unknown)]
    scale = scale.copy()
    scale[unknown] = np.exp(fitted)
    return scale
