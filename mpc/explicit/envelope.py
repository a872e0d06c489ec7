"""Questions about unions of polytopes {A x <= b}, unit rows, settled by the least-distance kernel."""

import numpy as np

from mpc.explicit.compiled import compiled, lean
from mpc.explicit.least_distance import EMPTY, FEASIBLE, Workspace, nearest, workspace
from plants.arrays import Array

HOLDS = 1e-10  # a row that a polytope passes by less than this holds on it
ACCURACY = 1e-13  # the kernel's
FAR = 100.0  # how far along a row the kernel is asked from, to find the point furthest along it
PULLS = 8  # such questions before the row is moved by all of HOLDS


@compiled
def has_point(A: Array, b: Array) -> bool:
    """Return whether {A x <= b} holds a point of the box of half widths; False only if that is proved."""
    reach = 2.0 * np.sqrt(A.shape[1]) + 1.0
    return nearest(A, b, np.arange(len(b)), len(b), 0.0, -1, 0.0, reach, workspace(A.shape[1])) != EMPTY


@lean
def meeting(A: Array, b: Array, x: Array, other_A: Array, other_b: Array, y: Array) -> bool:
    """Return whether the way from x in one polytope to y in another lies in the two, as in every convex union."""
    return _part(A, b, x, y) + _part(other_A, other_b, y, x) >= 1.0 - 1e-9


@compiled
def met_by(piece: int, A: Array, b: Array, starts: np.ndarray, inside: Array) -> np.ndarray:
    """Return the later polytopes, rows starts[i]:starts[i + 1], that meet one on the way between their points."""
    result, found = np.empty(len(inside), np.int64), 0
    first, last = starts[piece], starts[piece + 1]
    for k in range(piece + 1, len(inside)):
        other, end = starts[k], starts[k + 1]
        if meeting(A[first:last], b[first:last], inside[piece], A[other:end], b[other:end], inside[k]):
            result[found] = k
            found += 1
    return result[:found].copy()


@compiled
def reached(
    A: Array, b: Array, others_A: Array, others_b: Array, starts: np.ndarray, gap: float, most: int
) -> np.ndarray:
    """Return which polytopes have a point in {A x <= b}, both moved in by `gap`; `most` + 1 of them at most."""
    longest = 0
    for i in range(len(starts) - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    q, t = A.shape
    rows, levels, order = np.empty((q + longest, t)), np.empty(q + longest), np.arange(q + longest)
    rows[:q] = A
    result, work, reach = np.empty(most + 1, np.int64), workspace(t), 2.0 * np.sqrt(t) + 1.0
    found = 0
    for i in range(len(starts) - 1):
        count = q + starts[i + 1] - starts[i]
        for k in range(q):
            levels[k] = b[k]
        for k in range(q, count):
            levels[k] = others_b[starts[i] + k - q]
            for j in range(t):
                rows[k, j] = others_A[starts[i] + k - q, j]
        if nearest(rows, levels, order, count, -gap, -1, 0.0, reach, work) != EMPTY:
            result[found] = i
            found += 1
            if found > most:
                break
    return result[:found].copy()


@lean
def _part(A: Array, b: Array, x: Array, y: Array) -> float:
    """Return which part of the way from x to y lies in {A x <= b}, at most 1."""
    part = 1.0
    for i in range(len(b)):
        along, room = 0.0, b[i]
        for j in range(len(x)):
            along += A[i, j] * (y[j] - x[j])
            room -= A[i, j] * x[j]
        if along > 0.0:
            part = min(part, max(room, 0.0) / along)
    return part


@compiled
def lifted(normals: Array, levels: Array, A: Array, b: Array, inside: Array) -> Array:
    """Return the least level, not below its own, at which each row holds on {A x <= b}; inf if that is HOLDS above it.

    `inside` is a point of the polytope.
    """
    q, t = A.shape
    near, right, result = np.empty((q + 1, t)), np.empty(q + 1), np.full(len(levels), np.inf)
    order, work, reach = np.arange(q + 1), workspace(t), 2.0 * np.sqrt(t) + 1.0
    for i in range(q):
        right[i] = b[i]
        for j in range(t):
            near[i, j] = A[i, j]
            right[i] -= A[i, j] * inside[j]
    for row in range(len(levels)):
        level = levels[row]
        for j in range(t):
            near[q, j] = -normals[row, j]
            level -= normals[row, j] * inside[j]
        right[q] = -level - HOLDS
        if nearest(near, right, order, q + 1, 0.0, -1, 0.0, reach, work) == EMPTY:
            result[row] = levels[row] + max(_support(near, right, q, normals[row], level, work) - level, 0.0)
    return result


@compiled
def _support(A: Array, b: Array, q: int, normal: Array, level: float, work: Workspace) -> float:
    """Return how far the first q rows {A x <= b}, which 0 fulfils, reach along a unit normal: proximal point method.

    The result is level + HOLDS if that is not found.
    """
    t = len(normal)
    x, levels, order = np.zeros(t), np.empty(q), np.arange(q)
    furthest, reach = 0.0, FAR + 4.0 * np.sqrt(t) + 2.0
    for _ in range(PULLS):
        for i in range(q):
            levels[i] = b[i]
            for j in range(t):
                levels[i] -= A[i, j] * (x[j] + FAR * normal[j])
        if nearest(A, levels, order, q, 0.0, -1, 0.0, reach, work) != FEASIBLE:
            break
        value = 0.0
        for j in range(t):
            x[j] += FAR * normal[j] + work.x[j]
            value += normal[j] * x[j]
        if value <= furthest + ACCURACY:
            return max(value, furthest)
        furthest = value
    return level + HOLDS
