"""Multipliers: the price of every row of a problem at one theta, from the law's z alone."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from mpc.explicit.errors import NumericalError
from mpc.explicit.mpqp import MultiparametricQP
from plants.arrays import Array, Indices

TIGHT = 1e-8  # a slack this small beside the terms of its row is none
STATIONARY = 1e-7  # what multipliers may leave of the gradient, beside its terms


class TightRows(NamedTuple):
    """The rows without slack at one (theta, z), which of them are equalities, and what their multipliers must balance.

    `columns` (n, k) are the rows in `unit` (n,) of the gradient, of length 1; a multiplier times its `length` is its
    weight there: columns @ (multipliers * length) = pull.
    """

    rows: Indices
    equal: np.ndarray
    columns: Array
    unit: Array
    length: Array
    pull: Array


def tight_rows(problem: MultiparametricQP, theta: Array, z: Array) -> TightRows:
    """Return the rows that hold with equality at one (theta, z)."""
    right = problem.w + problem.S @ theta
    root = np.sqrt(np.diag(problem.H))
    reach = np.maximum(np.abs(z), _spread(np.abs(z), 1 / np.where(root > 0, root, np.inf)))
    terms = np.abs(problem.G) @ reach + np.abs(problem.w) + np.abs(problem.S) @ np.abs(theta)
    equal = np.isin(np.arange(len(right)), problem.equality_rows)
    tight = np.flatnonzero(equal | (right - problem.G @ z <= TIGHT * terms))
    gradient = problem.H @ z + problem.f + problem.F @ theta
    size = np.abs(problem.H) @ reach + np.abs(problem.f) + np.abs(problem.F) @ np.abs(theta)
    unit = np.maximum(size, _spread(size, root))
    unit = np.where(unit > 0, unit, 1.0)
    columns = problem.G[tight].T / unit[:, None]
    length = np.linalg.norm(columns, axis=0)
    length = np.where(length > 0, length, 1.0)
    return TightRows(tight, equal[tight], columns / length, unit, length, -gradient / unit)


def multipliers_at(problem: MultiparametricQP, theta: Array, z: Array) -> Array:
    """Return lambda (q,) with H z + f + F theta + G' lambda = 0: how fast the cost falls when a row's limit gives way.

    It is 0 for rows with slack, 0 or more for tight inequalities, and of either sign for equality rows. Where tight
    rows depend on one another it is one of many. Raises NumericalError if z is no minimiser.
    """
    tight = tight_rows(problem, theta, z)
    both = np.hstack([tight.columns, -tight.columns[:, tight.equal]])
    found, left = nnls(both, tight.pull) if len(tight.rows) else (np.zeros(0), np.linalg.norm(tight.pull))
    if left > STATIONARY:
        raise NumericalError(f"z is no minimiser at theta = {theta}: its rows leave {left:.2g} of the gradient")
    prices = np.zeros(len(problem.w))
    k = len(tight.rows)
    prices[tight.rows] = found[:k] / tight.length
    prices[tight.rows[tight.equal]] -= found[k:] / tight.length[tight.equal]
    return prices


def _spread(size: Array, unit: Array) -> Array:
    """Return the largest size, in units of each component, in the units of the others; 0 for one without a unit."""
    return unit * (size / np.where(unit > 0, unit, np.inf)).max(initial=0.0)
