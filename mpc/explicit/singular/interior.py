"""Interior: balls in bounded sets {A p <= b} of unit rows, by the compiled kernels, or HiGHS where they are unsure."""

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.least_distance import EMPTY, FEASIBLE, nearest, workspace
from mpc.explicit.linear import linear_program
from plants.arrays import Array

ACCURACY = 1e-13  # of a point that shows that a set is not empty


def holds_ball(A: Array, b: Array, radius: float) -> bool:
    """Return whether a ball of that radius lies in {A p <= b}."""
    A = np.ascontiguousarray(A)
    work, count = workspace(A.shape[1]), len(b)
    state = nearest(A, b - radius, np.arange(count), count, 0.0, -1, 0.0, np.inf, work)
    return state == FEASIBLE or (state != EMPTY and _chebyshev(A, b)[0] >= radius)


def ball_in(A: Array, b: Array, least: float) -> tuple[float, Array]:
    """Return radius and centre of a largest ball in a set that holds one of the radius `least`."""
    radius, centre = largest_ball(np.ascontiguousarray(A), b)
    return (radius, centre) if radius >= least else _chebyshev(A, b)


def _chebyshev(A: Array, b: Array) -> tuple[float, Array]:
    cost = np.r_[np.zeros(A.shape[1]), -1.0]
    result = linear_program(cost, np.c_[A, np.ones(len(A))], b)
    return (float(result.x[-1]), result.x[:-1]) if result.success else (-np.inf, np.zeros(A.shape[1]))
