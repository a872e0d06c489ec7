"""Value: the optimal cost of a problem as a function of theta, with the part of it that no z can change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.explicit.rebuilt import Rebuilt
from plants.arrays import Array, Checked, real_array, real_scalar

if TYPE_CHECKING:
    from mpc.explicit.mpqp import MultiparametricQP

SYMMETRIC = 1e-9  # of the largest entry: what Y and its transpose may differ by


@dataclass(frozen=True, eq=False)
class Quadratic(Rebuilt):
    """c0 + c'theta + 1/2 theta'Y theta; c is (t,), Y (t, t) symmetric. Note the 1/2: x'Qx is Y = 2 Q.

    Raises ProblemError for NaN, numbers that are not finite, and shapes that do not fit one another.
    """

    c0: float
    c: Checked
    Y: Checked

    def __post_init__(self) -> None:
        """Check every argument once."""
        object.__setattr__(self, "c0", real_scalar(self.c0, "c0", ProblemError))
        object.__setattr__(self, "c", real_array(self.c, "c", (None,), ProblemError))
        Y = real_array(self.Y, "Y", (len(self.c), len(self.c)), ProblemError)
        check_largest({"c0": np.array([self.c0]), "c": self.c, "Y": Y})
        gap = np.abs(Y - Y.T)
        if (gap > SYMMETRIC * np.abs(Y).max(initial=0.0)).any():
            i, j = np.unravel_index(gap.argmax(), gap.shape)
            raise ProblemError(
                f"`Y` is not symmetric: [{i}, {j}] is {Y[i, j]:g} but [{j}, {i}] is {Y[j, i]:g}; pass (Y + Y') / 2"
            )
        object.__setattr__(self, "Y", real_array((Y + Y.T) / 2, "Y"))

    def __call__(self, theta: Array) -> Array:
        """Return the value (...) at theta (..., t)."""
        return self.c0 + theta @ self.c + 0.5 * ((theta @ self.Y) * theta).sum(axis=-1)


def checked_constant(constant: object, t: int) -> Quadratic | None:
    """Return the constant part of a cost; raise ProblemError unless it is None or a Quadratic of t parameters."""
    if constant is None:
        return None
    if not isinstance(constant, Quadratic):
        raise ProblemError(f"`constant` is a {type(constant).__name__}; pass Quadratic(c0, c, Y), or None")
    if len(constant.c) != t:
        raise ProblemError(f"`constant` is a function of {len(constant.c)} parameters, but the problem has {t}")
    return constant


def value_at(problem: "MultiparametricQP", theta: Array, z: Array) -> Array:
    """Return the cost (...) of z (..., n) at theta (..., t), with the problem's constant part if it has one."""
    gradient = 0.5 * z @ problem.H + problem.f + theta @ problem.F.T
    cost = (gradient * z).sum(axis=-1)
    return cost if problem.constant is None else cost + problem.constant(theta)
