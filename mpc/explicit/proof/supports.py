"""Support values: max c'x over many small polytopes at once, each proved by a vector of non-negative multipliers.

A dual simplex walks all problems in step, in plain numpy. It starts at the corner of a box, whose multipliers are
|c|, and lets the most violated row in; each corner on the way bounds the maximum from above. What it says is not
trusted: the multipliers of its last corner are solved for again, clipped at 0, and what they leave of c is charged
against the box (weak duality). Problems that it does not finish go to HiGHS, whose multipliers pass the same check.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.proof.program import Program
from plants.arrays import Array, Indices

PASSED = 1e-13  # a row that a corner passes by less holds there
PIVOT = 1e-10  # smaller pivots would make the corner's equations singular
STEPS = 150  # of the dual simplex; what takes longer goes to HiGHS
CHUNK = 200_000  # entries that a block of problems may hold


@dataclass(frozen=True, eq=False)
class Polytopes:
    """Many sets {x : A x <= b, |x_j| <= box}, A (k, q, d) and b (k, q); rows of zeros fill up shorter ones."""

    A: Array
    b: Array
    box: float

    @classmethod
    def stack(cls, sets: Sequence[tuple[Array, Array]], box: float) -> Self:
        """Return the sets (A, b) filled up to one number of rows."""
        most = max(len(b) for _, b in sets)
        A, b = np.zeros((len(sets), most, sets[0][0].shape[1])), np.ones((len(sets), most))
        for i, (rows, levels) in enumerate(sets):
            A[i, : len(levels)], b[i, : len(levels)] = rows, levels
        return cls(A, b, box)

    def take(self, which: Indices) -> Self:
        """Return some of the sets."""
        return replace(self, A=self.A[which], b=self.b[which])

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self.b)

    @property
    def dimension(self) -> int:
        """Return d, the number of components of x."""
        return self.A.shape[2]


class Supports(NamedTuple):
    """Proved upper bounds (k,) of c'x, and corners (k, d) that reach them; -inf and any corner for an empty set."""

    value: Array
    corner: Array


def supports(sets: Polytopes, which: Indices, costs: Array, enough: Array | None = None) -> Supports:
    """Return the supports of sets[which] along the `costs` (k, d).

    Where a bound at or below `enough` (k,) is proved, the search for a better one ends.
    """
    value, corner = np.zeros(len(which)), np.zeros((len(which), sets.dimension))
    if not sets.dimension:
        return Supports(np.where(sets.b.min(axis=1)[which] < -PASSED, -np.inf, 0.0), corner)
    goal = np.full(len(which), -np.inf) if enough is None else enough
    step = max(1, CHUNK // ((sets.A.shape[1] + 2 * sets.dimension) * sets.dimension))
    for start in range(0, len(which), step):
        block = slice(start, start + step)
        value[block], corner[block] = _block(sets, which[block], costs[block], goal[block])
    return Supports(value, corner)


def balls(sets: Polytopes) -> tuple[Array, Array]:
    """Return radius (k,), a proved bound, and centre (k, d) of a largest ball in each set; negative for empty ones."""
    k, d = len(sets), sets.dimension
    lifted = Polytopes(np.concatenate([sets.A, np.linalg.norm(sets.A, axis=2)[..., None]], axis=2), sets.b, sets.box)
    cost = np.zeros((k, d + 1))
    cost[:, -1] = 1.0
    found = supports(lifted, np.arange(k), cost)
    return found.value, found.corner[:, :-1]


def _block(sets: Polytopes, which: Indices, costs: Array, goal: Array) -> tuple[Array, Array]:
    """Return values and corners of one block of problems."""
    k, d = costs.shape
    sides = np.broadcast_to(np.vstack([np.eye(d), -np.eye(d)]), (k, 2 * d, d))
    rows = np.concatenate([sets.A[which], sides], axis=1)
    levels = np.concatenate([sets.b[which], np.full((k, 2 * d), sets.box)], axis=1)
    basis, corner, state = _walk(rows, levels, costs, goal)
    value = _proved(rows, levels, costs, basis, sets.box)
    value[state < 0] = -np.inf
    rough = value > costs_at(costs, corner) + 1e-11 * (1 + np.abs(value))
    for i in np.flatnonzero((state == 0) | ((state > 0) & rough & (value > goal))):
        try:
            better = Program(rows[i], levels[i]).support(costs[i])
        except NumericalError:
            continue  # the walk's own bound is proved, if rough
        bound = weak_bound(rows[i], levels[i], costs[i], better.multipliers, sets.box)
        if better.empty:
            value[i] = -np.inf
        else:  # the walk's own bound may be as good, but its corner falls short of it
            value[i], corner[i] = min(bound, value[i]), better.point
    return value, corner


def costs_at(costs: Array, points: Array) -> Array:
    """Return c'x row by row."""
    return np.einsum("kd,kd->k", costs, points)


def _walk(rows: Array, levels: Array, costs: Array, goal: Array) -> tuple[Indices, Array, np.ndarray]:
    """Return the last basis (k, d), corner (k, d) and state (k,): 1 at an optimum or goal, -1 empty, 0 not finished."""
    k, d = costs.shape
    sides = rows.shape[1] - 2 * d
    sign = np.where(costs >= 0, 1.0, -1.0)
    basis = sides + np.arange(d) + np.where(costs >= 0, 0, d)
    inverse = sign[:, :, None] * np.eye(d)
    weight = np.abs(costs)
    corner = sign * levels[:, -1:]
    out_basis, out_corner, state = basis.copy(), corner.copy(), np.zeros(k, dtype=int)
    at = np.arange(k)
    for _ in range(STEPS):
        excess = np.matmul(rows, corner[:, :, None])[:, :, 0] - levels
        entering = excess.argmax(axis=1)
        each = np.arange(len(at))
        by = excess[each, entering]
        alpha = np.matmul(rows[each, entering][:, None, :], inverse)[:, 0, :]
        ratio = np.where(alpha > PIVOT, weight / np.where(alpha > PIVOT, alpha, 1.0), np.inf)
        least = ratio.min(axis=1)
        done = (by <= PASSED) | (costs_at(costs, corner) <= goal)
        stuck = ~done & ~np.isfinite(least)
        ended = done | stuck
        if ended.any():
            out_basis[at[ended]], out_corner[at[ended]] = basis[ended], corner[ended]
            none = stuck & _no_point(rows, levels, basis, entering, alpha)
            state[at[ended]] = np.where(done, 1, np.where(none, -1, 0))[ended]
            on = ~ended
            if not on.any():
                return out_basis, out_corner, state
            rows, levels, costs, goal, at = rows[on], levels[on], costs[on], goal[on], at[on]
            basis, inverse, weight, corner = basis[on], inverse[on], weight[on], corner[on]
            entering, by, alpha, ratio, least = entering[on], by[on], alpha[on], ratio[on], least[on]
            each = np.arange(len(at))
        leaving = np.where(ratio <= least[:, None] * (1 + 1e-12) + 1e-15, alpha, -np.inf).argmax(axis=1)
        pivot = alpha[each, leaving]
        column = inverse[each, :, leaving] / pivot[:, None]
        inverse = inverse - column[:, :, None] * alpha[:, None, :]
        inverse[each, :, leaving] = column
        share = weight[each, leaving] / pivot
        weight = np.maximum(weight - share[:, None] * alpha, 0.0)
        weight[each, leaving] = share
        corner = corner - by[:, None] * column
        basis[each, leaving] = entering
    out_basis[at], out_corner[at] = basis, corner
    return out_basis, out_corner, state


def _no_point(rows: Array, levels: Array, basis: Indices, entering: Indices, alpha: Array) -> np.ndarray:
    """Return where the entering row and the basis, with multipliers 1 and -alpha, prove that there is no point."""
    each, box = np.arange(len(basis)), levels[:, -1]
    weight = np.maximum(-alpha, 0.0)
    taken = np.take_along_axis(rows, basis[:, :, None], axis=1)
    left = rows[each, entering] + np.matmul(weight[:, None, :], taken)[:, 0, :]
    height = levels[each, entering] + np.einsum("kd,kd->k", weight, np.take_along_axis(levels, basis, axis=1))
    return height < -box * np.abs(left).sum(axis=1)


def _proved(rows: Array, levels: Array, costs: Array, basis: Indices, box: float) -> Array:
    """Return the bounds (k,) that the rows of each basis prove, their multipliers solved for anew."""
    taken = np.take_along_axis(rows, basis[:, :, None], axis=1)
    height = np.take_along_axis(levels, basis, axis=1)
    try:
        weight = np.linalg.solve(taken.transpose(0, 2, 1), costs[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        weight = np.stack([np.linalg.lstsq(B.T, c, rcond=None)[0] for B, c in zip(taken, costs, strict=True)])
    weight = np.maximum(weight, 0.0)
    left = costs - np.matmul(weight[:, None, :], taken)[:, 0, :]
    return np.einsum("kd,kd->k", weight, height) + box * np.abs(left).sum(axis=1)


def weak_bound(A: Array, b: Array, cost: Array, multipliers: Array, box: float) -> float:
    """Return the upper bound of cost'x over {A x <= b, |x_j| <= box} that the multipliers prove, clipped at 0."""
    weight = np.maximum(multipliers, 0.0)
    return float(weight @ b + box * np.abs(cost - weight @ A).sum())
