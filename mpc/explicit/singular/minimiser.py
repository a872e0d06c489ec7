"""Minimiser: one parameter's minimisers of a unit-free problem, the least of them, and the rows that make it so."""

from typing import NamedTuple

import daqp
import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from mpc.explicit.singular.hull import null_space
from mpc.explicit.singular.unit_free import UnitFree
from plants.arrays import Array, Indices

SOLVED = 1e-9  # largest violation, wrong multiplier or slope left over, beside what it is the difference of
PUSHES = 1e-8  # a multiplier smaller than this beside the largest may be what DAQP's tolerance leaves
FORCE = 1e-10  # a smaller multiplier pushes nothing
ROUNDING = 1e-4  # of the largest coefficient: slopes without curvature are known to that, times SOLVED
HAIR = 1e-12  # room for the rounding of the first minimiser
PROXIMAL = (1e-3, 1e-5, 1e-2, 1e-4, 1e-1)  # curvatures that DAQP's proximal steps add and take off again, in turn
SETTLED = 1e-10  # DAQP's proximal steps end at one this small


class Minimiser(NamedTuple):
    """The least minimiser y (n,), multipliers (m,) that prove it one, and the rows that prove it the least.

    Multipliers are those of the objective divided by `UnitFree.push`.

    `residual` is the largest violation of the KKT conditions, beside the size of what they compare.
    """

    y: Array
    multipliers: Array
    active: Indices
    residual: float


def least_minimiser(one: UnitFree, p: Array) -> Minimiser | None:
    """Return the least minimiser at a parameter p (t,); None where no y keeps all rows.

    A linear program goes to HiGHS, a quadratic one to DAQP. Raises NumericalError where neither has an answer.
    """
    linear, right = (one.f + one.F @ p) / one.push, one.w + one.S @ p
    first = (_quadratic if one.H.any() else _linear)(one, linear, right)
    if first is None:
        return None
    multipliers = first[1]
    y, active = _least(one, first[0], multipliers, right)
    return Minimiser(y, multipliers, active, _residual(one, y, multipliers, linear, right))


def feasible_at(one: UnitFree, right: Array) -> bool:
    """Return whether some y keeps all rows {G y <= right}."""
    rows, levels = _rows(one, right)
    return linear_program(np.zeros(len(one.f)), rows, levels).status != 2


def _rows(one: UnitFree, right: Array) -> tuple[Array, Array]:
    """Return all rows as inequalities, those of `fixed` from both sides."""
    return np.vstack([one.G, -one.G[one.fixed]]), np.concatenate([right, -right[one.fixed]])


def _linear(one: UnitFree, linear: Array, right: Array) -> tuple[Array, Array] | None:
    """Return a vertex that minimises linear'y, and the multipliers of all rows."""
    result = linear_program(linear, *_rows(one, right))
    if result.status == 2:
        return None
    if not result.success:
        raise NumericalError(f"HiGHS gave no answer: {result.message}")
    multipliers = -result.ineqlin.marginals[: len(right)]
    multipliers[one.fixed] += result.ineqlin.marginals[len(right) :]
    return result.x, multipliers


def _quadratic(one: UnitFree, linear: Array, right: Array) -> tuple[Array, Array] | None:
    """Return the best answer that any of PROXIMAL gives: DAQP may cycle with one of them where others end at once."""
    H, sense = one.H / one.push, np.zeros(len(right), np.int32)
    sense[one.fixed] = 5
    lower, best, residual = np.where(sense == 5, right, -1e30), None, np.inf
    for proximal in PROXIMAL:
        y, _, flag, info = daqp.solve(
            H, linear, one.G, right, lower, sense.copy(), primal_tol=1e-12, eps_prox=proximal, eta_prox=SETTLED
        )
        if flag == -1 and not feasible_at(one, right):
            return None
        if flag <= 0:
            continue
        answer = _polished(one, np.array(y), np.array(info["lam"]), linear, right)
        found = _residual(one, *answer, linear, right)
        if found < residual:
            best, residual = answer, found
        if residual <= SOLVED:
            break
    if best is None:
        raise NumericalError(f"DAQP gave no answer with any of the proximal curvatures {PROXIMAL}")
    return best


def _polished(one: UnitFree, y: Array, multipliers: Array, linear: Array, right: Array) -> tuple[Array, Array]:
    """Return y and multipliers after the least step onto the equations of the active rows."""
    n, H = len(y), one.H / one.push
    held = np.abs(multipliers) > PUSHES * np.abs(multipliers).max(initial=0.0)
    held[one.fixed] = True
    rows, zero = one.G[held], np.zeros((held.sum(), held.sum()))
    both = np.r_[-linear - H @ y - rows.T @ multipliers[held], right[held] - rows @ y]
    step = np.linalg.lstsq(np.block([[H, rows.T], [rows, zero]]), both, rcond=None)[0]
    full = np.zeros(len(right))
    full[held] = multipliers[held] + step[n:]
    return y + step[:n], full


def _least(one: UnitFree, y: Array, multipliers: Array, right: Array) -> tuple[Array, Indices]:
    """Return the least point of the face of all minimisers, which y and its multipliers describe, and its rows."""
    G = one.G
    held = np.abs(multipliers) > FORCE
    held[one.fixed] = True
    free, active = null_space(np.vstack([one.H, G[held]])), held.copy()
    if free.shape[1]:
        y, active[~held] = _shortened(y, free, G[~held], right[~held])
    y = y + np.linalg.lstsq(G[active], right[active] - G[active] @ y, rcond=None)[0]
    return y, np.setdiff1d(np.flatnonzero(active), one.fixed)


def _shortened(y: Array, free: Array, G: Array, right: Array) -> tuple[Array, np.ndarray]:
    """Return the least y + free s that keeps the rows {G y <= right}, and which rows keep it from being shorter.

    y itself keeps them, but for rounding.
    """
    rows, room = G @ free, np.maximum(right - G @ y, 0.0) + HAIR
    real, stopped = np.linalg.norm(rows, axis=1) > FORCE, np.zeros(len(G), dtype=bool)
    rows, room, k = np.ascontiguousarray(rows[real]), room[real], free.shape[1]
    if not len(rows):
        return y - free @ (free.T @ y), stopped
    lower, sense = np.full(len(room), -1e30), np.zeros(len(room), np.int32)
    s, _, flag, info = daqp.solve(np.eye(k), free.T @ y, rows, room, lower, sense, primal_tol=1e-13)
    if flag != 1:
        return y, stopped
    stopped[real] = np.array(info["lam"]) > FORCE
    return y + free @ np.array(s), stopped


def _residual(one: UnitFree, y: Array, multipliers: Array, linear: Array, right: Array) -> float:
    slack, spans = right - one.G @ y, np.maximum(np.abs(one.G) @ np.abs(y), 1.0)
    inequality = np.ones(len(right), dtype=bool)
    inequality[one.fixed] = False
    size = max(np.abs(linear).max(initial=0.0), np.abs(multipliers).max(initial=0.0), np.finfo(float).tiny)
    left = one.H @ y / one.push + linear + one.G.T @ multipliers
    flat = np.abs(one.free_directions.T @ left).max(initial=0.0) / max(1.0, ROUNDING * size)
    sign = -multipliers[inequality].min(initial=0.0) / size
    slack = slack / spans
    both = np.abs(multipliers[inequality] * slack[inequality]).max(initial=0.0) / size
    violation = max(-slack.min(initial=0.0), np.abs(slack[one.fixed]).max(initial=0.0))
    return float(max(np.abs(left).max() / size, flat, sign, both, violation))
