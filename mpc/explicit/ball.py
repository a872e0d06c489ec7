"""The largest ball in {A x <= b}; compiled. It tells a region from a set without interior, and gives it a centre."""

from typing import NamedTuple

import numpy as np

from mpc.explicit.compiled import compiled, inlined, lean
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.least_distance import FEASIBLE, Workspace, nearest, nearest_again, take_point, workspace
from plants.arrays import Array

SLIVER = TOLERANCE  # scaled theta: where no larger ball fits, the neighbours answer; a stepping stone, not a region
FAR = 100.0  # how far above the ball's radius its centre is pulled from; a linear program in the limit
SETTLED = 1e-9  # a pull that moves the centre no further, and gains no larger share of the radius, is the last
PULLS = 6  # pulls before the ball is looked for in another way


class Lift(NamedTuple):
    """Memory for the search of a ball (x, r): its rows and their levels over both, a trial centre, and the kernel's."""

    rows: Array
    levels: Array
    trial: Array
    work: Workspace


@compiled
def lift(rows: int, t: int) -> Lift:
    """Return memory for the balls of sets of so many rows over t components."""
    return Lift(np.zeros((rows + 1, t + 1)), np.zeros(rows + 1), np.zeros(t), workspace(t + 1))


@compiled
def largest_ball(A: Array, b: Array, largest: float = np.inf) -> tuple[float, Array]:
    """Return radius (at most `largest`) and centre of a largest ball in {A x <= b}, unit rows; radius < 0: empty."""
    count, t = A.shape
    centre = np.zeros(t)
    radius = ball_in(A, b, np.arange(count + 1), count, largest, centre, lift(count, t), workspace(t))
    return radius, centre


@lean
def ball_in(
    A: Array, b: Array, order: np.ndarray, count: int, largest: float, centre: Array, lifted: Lift, flat: Workspace
) -> float:
    """Move the centre to that of a largest ball in {A x <= b} and return its radius; negative: there is none.

    On a long thin set, where the radius grows too slowly to be pulled up, it is found by bisection.
    """
    radius, settled = _pulled_up(A, b, order, count, largest, centre, lifted)
    if settled:
        return radius
    low, high = max(radius, 0.1 * SLIVER), min(largest, 1.0)
    if nearest(A, b, order, count, -low, -1, 0.0, np.inf, flat) != FEASIBLE:
        return radius
    take_point(flat, centre)
    while high > (1.0 + 1e-6) * low:
        middle = np.sqrt(low * high)
        if nearest(A, b, order, count, -middle, -1, 0.0, np.inf, flat) == FEASIBLE:
            low = middle
            take_point(flat, centre)
        else:
            high = middle
    return clearance(A, b, count, centre)


@lean
def _pulled_up(
    A: Array, b: Array, order: np.ndarray, count: int, largest: float, centre: Array, lifted: Lift
) -> tuple[float, bool]:
    """Return the radius that a proximal-point method reaches, with its centre, and whether it is the largest.

    Each step finds the ball (x, r) nearest to (centre, r + FAR), r <= largest; steps end where the radius stays.
    """
    rows, levels, trial, work = lifted
    _lift_rows(A, count, rows)
    radius = min(clearance(A, b, count, centre), largest)
    for pull in range(PULLS):
        _lift_levels(A, b, count, radius, centre, levels)
        levels[count] = largest - radius - FAR
        if pull == 0:
            state = nearest(rows, levels, order, count + 1, 0.0, -1, 0.0, np.inf, work)
        else:
            state = nearest_again(rows, levels, order, count + 1, np.inf, work)
        if state != FEASIBLE:
            return radius, False
        moved = 0.0
        for j in range(len(trial)):
            trial[j] = centre[j] + work.x[j]
            moved = max(moved, abs(trial[j] - centre[j]))
        gained = min(clearance(A, b, count, trial), largest) - radius
        if gained > 0.0:
            radius += gained
            for j in range(len(trial)):
                centre[j] = trial[j]
        if gained <= SETTLED * radius:
            return radius, radius > SLIVER and moved <= SETTLED
    return radius, False


@inlined
def _lift_rows(A: Array, count: int, rows: Array) -> None:
    """Write the rows a x + r <= b over (x, r), of unit length, and the row r <= largest after them."""
    t = A.shape[1]
    for i in range(count):
        for j in range(t):
            rows[i, j] = np.sqrt(0.5) * A[i, j]
        rows[i, t] = np.sqrt(0.5)
    for j in range(t):
        rows[count, j] = 0.0
    rows[count, t] = 1.0


@inlined
def _lift_levels(A: Array, b: Array, count: int, radius: float, centre: Array, levels: Array) -> None:
    """Write the levels of these rows as seen from (centre, radius + FAR)."""
    for i in range(count):
        level = b[i] - radius - FAR
        for j in range(A.shape[1]):
            level -= A[i, j] * centre[j]
        levels[i] = np.sqrt(0.5) * level


@lean
def clearance(A: Array, b: Array, count: int, x: Array) -> float:
    """Return the distance from x to the nearest row, negative outside."""
    least = np.inf
    for i in range(count):
        value = b[i]
        for j in range(len(x)):
            value -= A[i, j] * x[j]
        least = min(least, value)
    return least
