"""LeastMinimiser: of all minimisers of a program that is not strictly convex, the shortest, one theta at a time."""

import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.minimiser import SOLVED, least_minimiser
from mpc.explicit.singular.unbounded import check_bounded
from mpc.explicit.singular.unit_free import UnitFree, unit_free
from plants.arrays import Array


class LeastMinimiser:
    """Solves 1/2 z'Hz + (f + F theta)'z with singular H, or H = 0, in variables y without units; the least |y| wins.

    y = (z - middle) / scale is about -1 to 1 over all feasible z: as in the explicit law, so both give the same z.
    Answers are checked against the KKT conditions, in y too.
    Raises Unbounded or Infeasible, for all theta at once, when it is made.
    """

    def __init__(self, problem: MultiparametricQP) -> None:
        self._one: UnitFree = unit_free(problem)
        check_bounded(problem, self._one)

    def __call__(self, theta: Array) -> Array | None:
        """Return z (n,) at theta (t,), None where no z keeps all rows; raises NumericalError if unsolved."""
        one = self._one
        found = least_minimiser(one, self._parameter(theta))
        if found is None:
            return None
        if not found.residual <= SOLVED:
            raise NumericalError(f"the program at theta = {theta} was not solved: KKT residual {found.residual:.2g}")
        return one.middle + one.scale * found.y

    def worst_row(self, theta: Array) -> int:
        """Return a row that takes part in the conflict at a theta without solution."""
        one = self._one
        right = one.w + one.S @ self._parameter(theta)
        rows, levels = np.vstack([one.G, -one.G[one.fixed]]), np.concatenate([right, -right[one.fixed]])
        result = linear_program(np.r_[np.zeros(len(one.f)), 1.0], np.c_[rows, -np.ones(len(rows))], levels)
        worst = int(result.ineqlin.marginals.argmin())
        return worst if worst < len(right) else int(one.fixed[worst - len(right)])

    def _parameter(self, theta: Array) -> Array:
        frame = self._one.frame
        return frame.inverse @ (theta - frame.centre)
