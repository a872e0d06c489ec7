"""Modes that no input moves, or that no output shows: the Popov-Belevitch-Hautus test, with who carries them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import matrix_balance

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, real_scalar

DEPENDENT = 1e-9  # least singular value of the balanced pencil [lambda I - A, B] at which a mode counts as unreached
NOISE = 1e-12  # effect of the inputs on a state, against the largest, from which its unit is that effect
CARRIES = 0.3  # share of the largest entry of its eigenvector from which a state is named as a carrier
MOST_NAMED = 4


@dataclass(frozen=True, eq=False)
class Mode:
    """A mode that does not decay: its eigenvalue, and how much of it each state carries (n,), the largest being 1.

    The shares are the entries of the left eigenvector that no input moves (of the right one that no output shows), in
    balanced units of the states, so that the users' units do not decide who is named.
    """

    eigenvalue: complex
    shares: Array

    def carriers(self, names: Sequence[str]) -> str:
        """Return the states that carry it, the strongest first, as in "level, taste"."""
        order = [int(i) for i in np.argsort(-self.shares, kind="stable") if self.shares[i] >= CARRIES]
        return ", ".join(names[i] for i in order[:MOST_NAMED]) + (" and others" if len(order) > MOST_NAMED else "")

    def __str__(self) -> str:
        """Return the eigenvalue, without an imaginary part of 0."""
        value = self.eigenvalue
        return f"{value.real:.6g}" if abs(value.imag) < 1e-12 else f"{value:.6g}"


def unreached_mode(A: Array, B: Array, discount: float = 1.0) -> Mode | None:
    """Return a mode of sqrt(discount) A on or outside the unit circle that B (n, m) does not reach, or None.

    By the Popov-Belevitch-Hautus test: rank [lambda I - A, B] < n. With (A.T, C.T) for (A, B) it is a mode that the
    outputs C do not show. The eigenvalue is that of A.
    """
    gamma = real_scalar(discount, "discount", ProblemError, positive=True)
    balanced, (unit, _) = matrix_balance(np.sqrt(gamma) * A, permute=False, separate=True)
    balanced, reach, further = _in_units_of_reach(balanced, B / unit[:, None])
    for value in np.linalg.eigvals(balanced):
        if abs(value) >= 1.0 - 1e-9:
            left, size, _ = np.linalg.svd(np.c_[value * np.eye(len(A)) - balanced, reach])
            if size[-1] <= DEPENDENT * max(1.0, abs(value)):
                shares = np.abs(left[:, -1]) / further
                return Mode(complex(value / np.sqrt(gamma)), shares / shares.max())
    return None


def _in_units_of_reach(A: Array, B: Array) -> tuple[Array, Array, Array]:
    """Return A and B with every state in a unit (n,) of how far the inputs can move it, and these units.

    So users' units do not matter. It is row i of the sum over k of (|A| / 2 rho)^k |B|, with rho the spectral radius
    of |A|, which no unit changes. States that the inputs hardly touch keep the largest unit: a rounding error is no
    effect.
    """
    inputs = np.abs(B) / _sizes(np.abs(B).max(axis=0, initial=0.0))
    size = np.abs(A)
    rho = np.abs(np.linalg.eigvals(size)).max()
    effect = np.linalg.solve(np.eye(len(A)) - size / (2 * rho), inputs) if rho > 0 else inputs
    unit = _sizes(effect.max(axis=1, initial=0.0))
    moved = B / unit[:, None]
    return A * unit / unit[:, None], moved / _sizes(np.abs(moved).max(axis=0, initial=0.0)), unit


def _sizes(values: Array) -> Array:
    """Return values (...) >= 0, the largest in place of those that are noise beside it, and 1 where all are 0."""
    largest = values.max(initial=0.0)
    return np.where(values > NOISE * largest, values, largest) if largest > 0 else np.ones_like(values)
