"""Refinement: solution, multipliers and facets of all regions at once, from the problem's own data, to full precision.

The kernel's v carries the rounding of the Cholesky factor, 1e8 times more where H is nearly singular. Here each active
set's KKT conditions in z are solved again: residuals in extended precision, corrections by the factored problem.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.explore import Exploration
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.presolve import LeastDistanceProblem
from plants.arrays import Array

PRECISIONS = (np.float64, *[np.longdouble] * 6)  # the first round solves, the others correct
DONE = 1e-9  # a correction this small beside what it corrects is the last: the next would be as small beside it
AT_ONCE = 4096  # regions in memory in extended precision

Extended = np.ndarray


class Solutions(NamedTuple):
    """For each region z = solution (1, phi), (p, n, s + 1), and the rows {A phi <= b} of its facets, of unit length."""

    solution: Array
    A: Array
    b: Array


def refined(problem: MultiparametricQP, ldp: LeastDistanceProblem, found: Exploration) -> Solutions:
    """Return solutions and facets of all regions over scaled parameters phi, level first and gain after it."""
    data = _Data.of(problem, ldp)
    ends = np.cumsum(found.facet_count)
    solutions, facets = [], []
    for first in range(0, len(found.active), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        z, multipliers, place = _solved(data, found.active[part])
        owner = np.repeat(np.arange(len(z)), found.facet_count[part])
        codes = found.facets[ends[first] - found.facet_count[first] : ends[min(first + AT_ONCE, len(ends)) - 1]]
        solutions.append(z.astype(np.float64))
        facets.append(_facets(data, z, multipliers, place, owner, codes))
    rows = np.concatenate(facets)
    length = np.linalg.norm(rows[:, 1:], axis=1)
    return Solutions(np.concatenate(solutions), -rows[:, 1:] / length[:, None], rows[:, 0] / length)


class _Data(NamedTuple):
    """The problem over (1, phi) in extended precision, and the maps that corrections need."""

    H: Extended
    linear: Extended  # f + F theta over (1, phi)
    G: Extended
    right: Extended  # w + S theta over (1, phi)
    base: Array  # z with the equalities met, before any other row is active
    T: Array
    steps: Array  # G T, row by row of the problem
    back: Array  # z that takes a residual off the equality rows
    parameter_rows: Array
    rows: np.ndarray
    equalities: np.ndarray
    curvature: float

    @classmethod
    def of(cls, problem: MultiparametricQP, ldp: LeastDistanceProblem) -> "_Data":
        exact = np.longdouble
        map_of = np.c_[ldp.frame.centre, ldp.frame.directions].astype(exact)
        linear, right = problem.F.astype(exact) @ map_of, problem.S.astype(exact) @ map_of
        linear[:, 0] += problem.f
        right[:, 0] += problem.w
        return cls(
            problem.H.astype(exact),
            linear,
            problem.G.astype(exact),
            right,
            np.c_[ldp.z0, ldp.Z],
            ldp.T,
            problem.G @ ldp.T,
            ldp.back,
            np.c_[ldp.e, -ldp.E],
            ldp.rows,
            ldp.equalities,
            ldp.curvature,
        )


def _solved(data: _Data, active: np.ndarray) -> tuple[Extended, Extended, np.ndarray]:
    """Return z (p, n, s + 1), multipliers (p, k, s + 1) and the place (p, q) of each row's multiplier."""
    p, k = len(active), int(active.sum(axis=1).max(initial=0))
    order = np.argsort(~active, axis=1, kind="stable")[:, :k]
    used = np.arange(k) < active.sum(axis=1)[:, None]
    rows = data.rows[order] if k else np.zeros((p, 0), dtype=np.intp)
    inverse, free = _inverse(data, rows, used), data.T.shape[1]
    z = np.broadcast_to(data.base, (p, *data.base.shape))
    multipliers = np.zeros((p, k, z.shape[2]))
    for precision in PRECISIONS:
        H, linear, G, right = (part.astype(precision) for part in (data.H, data.linear, data.G, data.right))
        z, multipliers = z.astype(precision), multipliers.astype(precision)
        G_active = np.where(used[:, :, None], G[rows], 0)
        gradient = H @ z + linear + G_active.transpose(0, 2, 1) @ multipliers
        missed = np.where(used[:, :, None], right[rows], 0) - G_active @ z
        step = inverse @ np.concatenate([-(data.T.T @ gradient.astype(float)), missed.astype(float)], axis=1)
        z += data.T @ step[:, :free]
        multipliers += step[:, free:]
        if len(data.equalities):
            z += data.back @ (right[data.equalities] - G[data.equalities] @ z).astype(float)
        settled = (np.abs(data.T @ step[:, :free]) <= DONE * np.abs(z).sum(axis=2, keepdims=True)).all()
        prices = np.abs(multipliers).max(axis=(1, 2), initial=0.0)[:, None, None]
        if settled and (np.abs(step[:, free:]) <= DONE * prices).all():
            break
    place = np.zeros(active.shape, dtype=np.intp)
    np.put_along_axis(place, order, np.arange(k)[None], axis=1)
    return z, multipliers, place


def _inverse(data: _Data, rows: np.ndarray, used: np.ndarray) -> Array:
    """Return the inverses (p, free + k, free + k) of the KKT matrices in v; idle places hold the identity."""
    p, k = rows.shape
    free = data.T.shape[1]
    steps = np.where(used[:, :, None], data.steps[rows], 0.0)
    size = np.linalg.norm(steps, axis=2)
    size = np.where(size > 0, size, 1.0)[:, :, None]
    matrix = np.zeros((p, free + k, free + k))
    matrix[:, range(free), range(free)] = 1.0
    matrix[:, free:, :free] = steps / size
    matrix[:, :free, free:] = (steps / size).transpose(0, 2, 1)
    matrix[:, range(free, free + k), range(free, free + k)] = np.where(used, 0.0, 1.0)
    size = np.concatenate([np.ones((p, free)), size[:, :, 0]], axis=1)
    kind = np.where(np.arange(free + k) < free, 1.0, data.curvature)
    return _inverses(matrix) * (kind / size)[:, :, None] / (data.curvature / kind * size)[:, None, :]


def _inverses(matrices: Array) -> Array:
    """Return the inverses; where rows nearly depend on one another, so that a matrix has none, its pseudo-inverse."""
    try:
        return np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(matrices), dtype=np.float64)


def _facets(
    data: _Data, z: Extended, multipliers: Extended, place: np.ndarray, owner: np.ndarray, codes: np.ndarray
) -> Array:
    """Return each facet's row as level and slope over phi: it says level + slope phi >= 0."""
    q = place.shape[1]
    rows = np.empty((len(codes), z.shape[2]))
    dual, slack, rest = codes < q, (codes >= q) & (codes < 2 * q), codes >= 2 * q
    rows[dual] = multipliers[owner[dual], place[owner[dual], codes[dual]]]
    numbers = data.rows[codes[slack] - q]
    rows[slack] = data.right[numbers] - np.einsum("fn,fnc->fc", data.G[numbers], z[owner[slack]])
    rows[rest] = data.parameter_rows[codes[rest] - 2 * q]
    return rows
