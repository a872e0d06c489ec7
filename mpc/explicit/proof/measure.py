"""Measure: a problem in units in which 1 is the size of the law, so that residuals can be judged.

theta = place + spread y (see hull.py) and z = size * x. Rows of G are scaled to unit length over x; equal rows are one
row, and rows that come with their opposite hold with equality, as the declared ones do. With v = R x, R'R the scaled
H, the gradient is v + g0 + g1 y; where H is singular, v = x and the gradient stays as it is. R may be rounded, as any
other coordinates would do; what is measured in them is computed in extended precision from the problem's own numbers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from mpc.explicit.linear import row_lengths
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.proof.extended import DEPENDENT, Extended, extended, fit, unit_rows
from mpc.explicit.proof.hull import Hull
from mpc.explicit.proof.natural import natural_size
from plants.arrays import Array, Indices

SAME = 1e-12  # rows of unit length that differ by less are one row
SINGULAR = 1e-12  # least eigenvalue of H, its diagonal scaled to 1
FAINT = 1e-4  # a component of z is at least this large, beside the largest one in the norm of H and the problem's scale
IGNORED = 1e-7  # shares of its terms: a cost that changes by less along a step does not know it
HARMLESS = 1e-10  # what moves the solution by a smaller share of its size is no failure


@dataclass(frozen=True, eq=False)
class Measure:
    """min 1/2 x'Hx + (f + F y)'x s.t. G x <= w + S y; x = back v; `first` names the problem's row of each row here.

    `twin` gives each row of the problem its row here; `always` marks equalities and `free` spans their null space in v,
    in which gradients and `normals`, the rows of G at unit length, are given.
    """

    H: Extended
    f: Extended
    F: Extended
    G: Extended
    w: Extended
    S: Extended
    size: Array
    back: Extended
    strict: bool
    first: Indices
    twin: Indices
    always: np.ndarray
    free: Extended
    names: tuple[str, ...]

    @classmethod
    def of(cls, problem: MultiparametricQP, largest: Array, hull: Hull) -> Self:
        """Return the problem in the coordinates of a hull, for a law whose z is as large as `largest` (n,)."""
        size = np.maximum(_size(problem.H, largest), FAINT * natural_size(problem, hull))
        size = np.where(size > 0, size, 1.0)
        units, place, spread = extended(size), extended(hull.place), extended(hull.spread)
        H, (G, w, S) = problem.H * np.outer(units, units), _rows(problem, hull, units)
        first, twin, always = _distinct(np.c_[G, S, w].astype(float), problem.equality_rows)
        rounded = H.astype(float)
        strict = _strict(rounded)
        back = extended(np.linalg.inv(np.linalg.cholesky(rounded).T) if strict else np.eye(len(H)))
        return cls(
            H=H,
            f=units * (problem.f + problem.F @ place),
            F=units[:, None] * (problem.F @ spread),
            G=G[first],
            w=w[first],
            S=S[first],
            size=size,
            back=back,
            strict=strict,
            first=first,
            twin=twin,
            always=always,
            free=null_space(G[first][always] @ back),
            names=(*problem.names.rows, *(f"parameter set row {i}" for i in range(len(problem.b_theta)))),
        )

    def gradients(self, gains: Array, offsets: Array) -> Extended:
        """Return the gradient (p, k, 1 + t) over (1, y), along `free`, of the laws z = gains y + offsets."""
        x = self._scaled(gains, offsets)
        return self.free.T @ (self.back.T @ (self.H @ x + np.c_[self.f, self.F]))

    def slacks(self, gains: Array, offsets: Array) -> Array:
        """Return w + S y - G x (p, q, 1 + t) over (1, y) of the laws z = gains y + offsets."""
        return (np.c_[self.w, self.S] - self.G @ self._scaled(gains, offsets)).astype(float)

    def vanishing(self, slacks: Array, tolerance: float) -> np.ndarray:
        """Return which slacks (..., 1 + t) are 0 everywhere, beside the size of their rows."""
        sizes = (1 + np.abs(self.w) + np.abs(self.S).sum(axis=1)).astype(float)
        return np.abs(slacks).sum(axis=-1) <= tolerance * sizes

    def name(self, row: int) -> str:
        """Return the label of the problem's first row that is this row."""
        return self.names[self.first[row]]

    def share(self, steps: Extended) -> float:
        """Return by which share of its size z changes at most when the gradient changes by all `steps` (k, any)."""
        moved = np.abs(self._moves @ steps.astype(float))
        return float(moved.sum(axis=1).max(initial=0.0))

    def is_free(self, step: Array, y: Array) -> bool:
        """Return whether a step (n,) of z leads from a minimiser at y to another: H and the linear cost ignore it."""
        if self.strict:
            return False
        x, linear = step / self.size, self.f + self.F @ y
        weight = np.abs(x)
        curved = np.abs(self.H @ x) <= IGNORED * (np.abs(self.H) @ weight)
        terms = (np.abs(self.f) + np.abs(self.F).sum(axis=1)) @ weight
        return bool(curved.all() and np.abs(linear @ x) <= IGNORED * terms)

    def _scaled(self, gains: Array, offsets: Array) -> Extended:
        return np.concatenate([offsets[:, :, None], gains], axis=2) / extended(self.size)[:, None]

    @cached_property
    def normals(self) -> Extended:
        """Return the rows of G along `free`, of unit length."""
        return unit_rows(self.G @ self.back @ self.free)

    @cached_property
    def effect(self) -> Array:
        """Return for each row by which share of its size z moves for a multiplier of 1."""
        return np.abs(self._moves @ self.normals.astype(float).T).max(axis=0, initial=0.0)

    @cached_property
    def _moves(self) -> Array:
        """Return how x answers to gradients along `free`; for a singular H, the gradient's own share instead."""
        if self.strict:
            return (self.back @ self.free).astype(float)
        size = np.abs(self.H).sum(axis=1) + np.abs(self.f) + np.abs(self.F).sum(axis=1)
        return (self.free / (size.max() or 1.0)).astype(float)


def _size(H: Array, largest: Array) -> Array:
    """Return the size (n,) of z, those of faint components raised so that noise does not count."""
    weight = np.sqrt(np.maximum(np.diag(H), 0.0))
    faint = FAINT * (weight * largest).max() / np.where(weight > 0, weight, np.inf)
    return np.maximum(largest, faint)


def _rows(problem: MultiparametricQP, hull: Hull, units: Extended) -> tuple[Extended, Extended, Extended]:
    """Return G, w, S over (x, y), those of the parameter set last; G of unit rows, where z counts."""
    sides = np.zeros((len(problem.b_theta), problem.n))
    G = np.vstack([problem.G, sides]) * units
    S = extended(np.vstack([problem.S, -problem.A_theta]))
    w = extended(np.concatenate([problem.w, problem.b_theta])) + S @ extended(hull.place)
    length = np.linalg.norm(G, axis=1)
    plain = np.abs(w) + np.abs(S) @ hull.half_width
    length = extended(np.where(length > 0, length, np.where(plain > 0, plain, 1.0)))
    return G / length[:, None], w / length, S @ extended(hull.spread) / length[:, None]


def _distinct(rows: Array, equalities: tuple[int, ...]) -> tuple[Indices, Indices, np.ndarray]:
    """Return the first of equal rows, the place of every row among these, and which hold with equality."""
    unit = rows / row_lengths(rows)[:, None]
    key = unit @ np.random.default_rng(1).normal(size=unit.shape[1])
    declared = set(equalities)
    first: list[int] = []
    twin, always = np.zeros(len(rows), dtype=np.intp), []
    for i in range(len(rows)):
        near = [j for j, k in enumerate(first) if abs(abs(key[k]) - abs(key[i])) <= 1e-9]
        same = [j for j in near if np.abs(unit[first[j]] - unit[i]).max() <= SAME]
        opposite = [j for j in near if np.abs(unit[first[j]] + unit[i]).max() <= SAME]
        if same or opposite:
            twin[i] = (same or opposite)[0]
            always[twin[i]] |= bool(opposite) or i in declared
        else:
            twin[i] = len(first)
            first.append(i)
            always.append(i in declared)
    return np.array(first, dtype=np.intp), twin, np.array(always, dtype=bool)


def _strict(H: Array) -> bool:
    root = np.sqrt(np.maximum(np.diag(H), 0.0))
    return bool((root > 0).all() and np.linalg.eigvalsh(H / np.outer(root, root))[0] > SINGULAR)


def null_space(rows: Extended) -> Extended:
    """Return a basis (n, k) of all v with rows v = 0, orthonormal up to rounding."""
    unit = unit_rows(rows)
    _, s, vt = np.linalg.svd(unit.astype(float))
    return fit(unit, extended(vt[int((s > DEPENDENT).sum()) :].T)).left
