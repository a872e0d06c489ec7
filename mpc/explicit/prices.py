"""Prices: what moving a limit is worth at one theta, as an interval where tight rows depend on one another."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.linear import linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multipliers import TightRows, multipliers_at, tight_rows
from plants.arrays import Array

DEPENDENT = 1e-9  # a singular value of unit rows below this counts as 0
SAME = 1e-7  # prices that differ by less than this, beside the largest one, are one


@dataclass(frozen=True)
class Price:
    """The multipliers that a tight row can have: `low` to `high`, one number where they are unique.

    Per `unit` of more room the cost falls at the rate `low`, per unit of less room it rises at the rate `high`
    (infinite: no room can be given up, or only at a cost that no rate bounds). `equality`: the row holds with equality,
    and room means a larger right-hand side.
    """

    row: str
    unit: str
    low: float
    high: float
    equality: bool = False

    @property
    def unique(self) -> bool:
        """Return whether the row has one multiplier only."""
        return self.low == self.high

    def __str__(self) -> str:
        """Return a sentence: the row, and what one unit more of room (or less) would mean for the cost."""
        one = f"1 {self.unit}".rstrip()
        more = f"{self.row}: {one} more would {_changes(self.low)}"
        if self.unique:
            return more
        if np.isinf(self.high):
            return f"{more}, less would cost without limit"
        return f"{more}, less would {_changes(-self.high)}"

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers and texts; None for a rate without limit."""
        low, high = (rate if np.isfinite(rate) else None for rate in (self.low, self.high))
        return {
            "row": self.row, "unit": self.unit, "low": low, "high": high, "unique": self.unique,
            "equality": self.equality,
        }  # fmt: skip


def prices_at(problem: MultiparametricQP, theta: Array, z: Array) -> tuple[Price, ...]:
    """Return the prices of all tight rows at one theta, the largest first; z is the minimiser there.

    Source: the slopes of a convex program's value are the ends of its multipliers' range (Gauvin, Mathematical
    Programming 12, 1977). Raises NumericalError if z is no minimiser.
    """
    tight = tight_rows(problem, theta, z)
    one = multipliers_at(problem, theta, z)[tight.rows]
    low, high = _range(tight, one)
    names = problem.names
    prices = [
        Price(names.rows[row], row_unit(problem, row), float(low[i]), float(high[i]), bool(tight.equal[i]))
        for i, row in enumerate(tight.rows)
    ]
    return tuple(sorted(prices, key=lambda price: -max(abs(price.low), abs(price.high))))


def row_unit(problem: MultiparametricQP, row: int) -> str:
    """Return the unit of a row: the labels' own, or that of the variable or readout that it limits; or empty."""
    names = problem.names
    if names.row_units:
        return names.row_units[row]
    G, S = problem.G[row], problem.S[row]
    (used,) = np.nonzero(G)
    if len(used) == 1 and abs(G[used[0]]) == 1 and names.variable_units:
        return names.variable_units[used[0]]
    for one in problem.readouts:
        for sign in (1.0, -1.0):
            if np.array_equal(G, sign * one.z_map) and np.array_equal(S, -sign * one.theta_map):
                return one.unit
    return ""


def _changes(saving: float) -> str:
    return f"save {saving:.4g} of cost" if saving >= 0 else f"cost {-saving:.4g}"


def _range(tight: TightRows, one: Array) -> tuple[Array, Array]:
    """Return the least and largest multiplier of every tight row, around `one` set of them."""
    free = _null_space(tight.columns)
    if not free.shape[1]:
        return one, one
    weights = one * tight.length
    size = np.abs(weights).max() or 1.0
    signed = ~tight.equal
    ends = np.array([weights, weights])
    for i in np.flatnonzero(np.abs(free).max(axis=1) > DEPENDENT):
        for end, sign in enumerate((1.0, -1.0)):
            result = linear_program(sign * free[i], -free[signed], np.maximum(weights[signed], 0.0) / size)
            # weights themselves are feasible, so that a program without a solution has no limit
            ends[end, i] += size * sign * result.fun if result.success else -sign * np.inf
    same = ends[1] - ends[0] <= SAME * size
    low, high = np.where(same, weights, ends) / tight.length
    return low, high


def _null_space(columns: Array) -> Array:
    """Return an orthonormal basis (k, r) of all weights that columns (n, k) take to 0."""
    _, values, basis = np.linalg.svd(columns, full_matrices=True)
    return basis[int((values > DEPENDENT).sum()) :].T
