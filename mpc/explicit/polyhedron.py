"""Polyhedron {x : A x <= b} and the few linear programs that everything else asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import HalfspaceIntersection, QhullError

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.linear import balanced, linear_program
from mpc.explicit.rebuilt import Rebuilt
from plants.arrays import Array, bounds_pair, real_array, real_scalar

SHARE = 1e-9  # a component with this share of the largest is named


@dataclass(frozen=True, eq=False)
class Polyhedron(Rebuilt):
    """The set {x : A x <= b}; A is (q, n), b is (q,).

    Raises ProblemError for NaN or infinite entries, lengths that differ, and a zero row that nothing satisfies.
    """

    A: Array
    b: Array

    def __init__(self, A: ArrayLike, b: ArrayLike) -> None:
        object.__setattr__(self, "A", real_array(A, "A", (None, None), ProblemError))
        object.__setattr__(self, "b", real_array(b, "b", (None,), ProblemError))
        if len(self.A) != len(self.b):
            raise ProblemError(f"`A` has {len(self.A)} rows but `b` has {len(self.b)} entries; give one entry per row")
        impossible = ~self.A.any(axis=1) & (self.b < 0)
        if impossible.any():
            row = int(np.flatnonzero(impossible)[0])
            raise ProblemError(f"row {row} says 0 <= {self.b[row]:g}, which is infeasible; remove it or mend `A`")

    @classmethod
    def from_bounds(cls, lower: ArrayLike, upper: ArrayLike) -> Self:
        """Return the box lower <= x <= upper, without rows for infinite bounds."""
        if isinstance(lower, Sequence) and not isinstance(lower, str):
            size = len(lower)
        else:
            size = real_array(lower, "lower", (None,), ProblemError, infinite=True).size
        low, high = bounds_pair((lower, upper), "bounds", [f"x{i}" for i in range(size)], ProblemError)
        A = np.vstack([np.eye(size), -np.eye(size)])
        b = np.concatenate([high, -low])
        keep = np.isfinite(b)
        return cls(A[keep], b[keep])

    @property
    def dimension(self) -> int:
        """Return n, the number of components of x."""
        return self.A.shape[1]

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        return f"Polyhedron({len(self.b)} half-spaces in {self.dimension} dimensions)"

    def contains(self, points: ArrayLike, tolerance: float = 0.0) -> np.bool_ | NDArray[np.bool_]:
        """Return for points (..., n) whether A x <= b + tolerance holds in every row, as booleans (...)."""
        x = real_array(points, "points", None, ProblemError)
        real_scalar(tolerance, "tolerance", ProblemError)
        if x.ndim == 0 or x.shape[-1] != self.dimension:
            raise ProblemError(f"`points` has shape {x.shape}, but its last axis must be {self.dimension} long")
        return (x @ self.A.T <= self.b + tolerance).all(axis=-1)

    def chebyshev(self) -> tuple[float, Array]:
        """Return (radius, centre) of a largest ball inside; the radius is negative if the set is empty.

        An unbounded set gives a ball of radius 1e9 at most.
        """
        n = self.dimension
        norms = np.linalg.norm(self.A, axis=1)
        result = linear_program(np.r_[np.zeros(n), -1.0], np.c_[self.A, norms], self.b, last=(None, 1e9))
        if not result.success:
            raise NumericalError(f"the largest ball of {self!r} was not found: {result.message}")
        return float(result.x[-1]), result.x[:-1]

    def box(self, names: Sequence[str] | None = None) -> tuple[Array, Array]:
        """Return (lower, upper) of the smallest box around the set.

        Raises ProblemError if the set is empty, or unbounded (naming the direction).
        """
        lower, upper, plain = self._plain_bounds()
        if not plain.all():
            bounded = np.isfinite(lower) & np.isfinite(upper)
            origin = np.where(bounded, lower, 0.0) / 2 + np.where(bounded, upper, 0.0) / 2
            edges = [[self._extent(i, sign, origin, names) for i in range(self.dimension)] for sign in (1.0, -1.0)]
            return np.array(edges[0]), np.array(edges[1])
        for i in range(self.dimension):
            if lower[i] > upper[i]:
                raise ProblemError(
                    f"the set is empty: {_name(i, names)} would be at least {lower[i]:g} and at most {upper[i]:g}; "
                    "widen one of the two"
                )
            for side, limit in (("below", lower[i]), ("above", upper[i])):
                if not np.isfinite(limit):
                    raise _unbounded(i, side, names)
        return lower, upper

    def vertices(self) -> Array:
        """Return the vertices (v, n) of a bounded set with an interior; raises ProblemError otherwise."""
        radius, centre = self.chebyshev()
        if radius <= 0:
            raise ProblemError(f"{self!r} has no interior (radius {radius:.2g}), so its vertices are not listed")
        lower, upper = self.box()
        if self.dimension == 1:
            return np.array([lower, upper])
        width = upper - lower
        rows = np.c_[self.A * width, self.A @ centre - self.b]
        scale = np.maximum(np.linalg.norm(rows[:, :-1], axis=1, keepdims=True), np.finfo(float).tiny)
        try:
            corners = HalfspaceIntersection(rows / scale, np.zeros(self.dimension)).intersections
        except QhullError as cause:
            raise NumericalError(f"the vertices of {self!r} were not found") from cause
        return centre + width * np.unique(corners.round(13), axis=0)

    def _plain_bounds(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Return lower and upper (n,) from the rows with a single entry, and which rows these are; no solver needed."""
        plain = np.count_nonzero(self.A, axis=1) <= 1
        lower, upper = np.full(self.dimension, -np.inf), np.full(self.dimension, np.inf)
        for row, level in zip(self.A[plain], self.b[plain], strict=True):
            for i in np.flatnonzero(row):
                if row[i] > 0:
                    upper[i] = min(upper[i], level / row[i])
                else:
                    lower[i] = max(lower[i], level / row[i])
        return lower, upper, plain

    def _extent(self, index: int, sign: float, origin: Array, names: Sequence[str] | None) -> float:
        """Return the least (sign 1) or largest (sign -1) value of a component, by a linear program around `origin`."""
        cost = np.zeros(self.dimension)
        cost[index] = sign
        rows, levels, unit = balanced(self.A, self.b - self.A @ origin)
        result = linear_program(cost, rows, levels)
        if result.status == 3:
            raise _unbounded(index, "below" if sign > 0 else "above", names, unit * _ray(rows, cost))
        if result.status == 2:
            raise ProblemError(f"the set is empty: its {len(self.b)} rows contradict one another; widen one of them")
        if not result.success:
            raise NumericalError(f"the extent of {self!r} was not found: {result.message}")
        return float(origin[index] + sign * result.fun * unit[index])


def _name(index: int, names: Sequence[str] | None) -> str:
    return names[index] if names else f"component {index}"


def _ray(A: Array, cost: Array) -> Array:
    """Return a direction in {A d <= 0, |d| <= 1} along which the cost falls most; zeros if none is found."""
    n = len(cost)
    rows = np.vstack([A, np.eye(n), -np.eye(n)])
    result = linear_program(cost, rows, np.r_[np.zeros(len(A)), np.ones(2 * n)])
    return result.x if result.success else np.zeros(n)


def _unbounded(index: int, side: str, names: Sequence[str] | None, ray: Array | None = None) -> ProblemError:
    way, size = "", np.zeros(0) if ray is None else np.abs(ray)
    if ray is not None and (size > SHARE * size.max()).sum() > 1:
        moves = [
            f"{ray[j] / size[index]:+.4g} {_name(j, names)}" for j in np.flatnonzero(size > SHARE * size.max()).tolist()
        ]
        way = f" ({', '.join(moves)}, again and again, stays inside)"
    return ProblemError(
        f"the set is unbounded: {_name(index, names)} has no limit {side}{way}; add a finite bound for it"
    )
