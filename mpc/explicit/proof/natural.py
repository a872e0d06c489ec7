"""Natural: how large z would be by the problem's own numbers, where a law says nothing, as one that is 0 everywhere.

Where cost and rows cancel, what is left of z is the rounding of terms as large as the minimiser without rows. So that
minimiser is the scale, or the distance of the nearest row from z = 0 if that is less. Both move with the units of z
and of theta, and a row's distance does not depend on the row's units.
"""

import numpy as np

from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.proof.hull import Hull
from plants.arrays import Array

NONE = 1e-12  # what is left of a sum of larger terms is rounding; rows this near 0, beside the free minimiser, are at 0


def natural_size(problem: MultiparametricQP, hull: Hull) -> Array:
    """Return the size (n,) of z; 0 where nothing in the problem sets one."""
    levels = _levels(problem.w, problem.S, hull)
    if not problem.strictly_convex:
        real = (levels[:, None] > 0) & (problem.G != 0)
        each = np.divide(levels[:, None], np.abs(problem.G), out=np.full(real.shape, np.inf), where=real)
        each = each.min(axis=0, initial=np.inf)
        return np.where(np.isfinite(each), each, 0.0)
    unit = 1 / np.sqrt(np.diag(problem.H))
    even = problem.H * np.outer(unit, unit)
    free = _largest(np.linalg.solve(even, unit[:, None] * np.c_[problem.f, problem.F]), hull)
    length = np.linalg.norm(problem.G * unit, axis=1)
    real = (length > 0) & (levels > NONE * free * length)
    nearest = float((levels[real] / length[real]).min(initial=np.inf))
    level = min(free, nearest) if free > 0 else nearest
    return unit * (level if np.isfinite(level) else 0.0)


def _levels(constant: Array, slope: Array, hull: Hull) -> Array:
    """Return the largest |constant + slope theta| (k,) over the box around the parameters, 0 where it is rounding."""
    middle = np.abs(constant + slope @ hull.place)
    middle = np.where(middle > NONE * (np.abs(constant) + np.abs(slope) @ np.abs(hull.place)), middle, 0.0)
    return middle + np.abs(slope @ hull.spread).sum(axis=1)


def _largest(terms: Array, hull: Hull) -> float:
    """Return the largest component of terms (n, 1 + t) over (1, theta)."""
    return float(_levels(terms[:, 0], terms[:, 1:], hull).max())
