"""NearestInput: the nearest inputs that keep a state in its safe set, for several inputs: a multiparametric QP."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float64

from mpc.explicit.errors import ProblemError
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.magnitudes import LARGEST
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multiparametric import solve_multiparametric
from mpc.safety.safe_set import InputRows, SafeSet
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class NearestInput:
    """The law from theta = (x, wanted) to the u that keeps all rows and lies nearest to `wanted` (m,) in its bounds.

    Distances are counted in half ranges of the inputs. A wanted input that keeps all rows is passed as it is, to the
    last bit. Outside the safe set it is the nearest region's input, within the bounds.
    """

    law: PiecewiseAffineLaw
    rows: InputRows
    input_bounds: tuple[Array, Array]
    backup: Array

    @classmethod
    def of(cls, safe: SafeSet) -> Self:
        """Return the filter of a safe set; ProblemError where its plant turns inputs by sines."""
        if safe.rows.sines.any():
            raise ProblemError(
                f"`safe` has {safe.m} inputs and sines, but sines are known for 1 input alone; take a linear safe set"
            )
        law = solve_multiparametric(projection(safe), safe.m, safe.input_bounds)
        return cls(law, safe.rows, safe.input_bounds, safe.backup)

    def filtered(
        self, x: Float64[np.ndarray, "rows n"], wanted: Float64[np.ndarray, "rows m"]
    ) -> Float64[np.ndarray, "rows m"]:
        """Return the inputs (rows, m) nearest to the wanted ones; the backup stands for rows that are not finite."""
        lower, upper = self.input_bounds
        x = x.clip(-LARGEST, LARGEST)
        known = np.where(np.isfinite(wanted).all(axis=1, keepdims=True), wanted, self.backup)
        known = np.clip(known, lower, upper)
        broken = (self.rows.slack(x, known) < 0).any(axis=1)
        if broken.any():
            theta = np.hstack([x[broken], known[broken]])
            region, _ = self.law.tree.locate(theta)
            moves = np.einsum("rmt,rt->rm", self.law.gains[region], theta) + self.law.offsets[region]
            known[broken] = np.clip(moves, lower, upper)
        return known


def projection(safe: SafeSet) -> MultiparametricQP:
    """Return min |u - wanted|^2 in half ranges over the rows and bounds, for all states of the set and all wanted."""
    lower, upper = safe.input_bounds
    n, m, half = safe.n, safe.m, (upper - lower) / 2
    weight = np.diag(1 / half**2)
    box = np.vstack([np.eye(m), -np.eye(m)])
    limits = np.r_[upper, -lower]
    return MultiparametricQP(
        H=weight,
        f=np.zeros(m),
        F=np.hstack([np.zeros((m, n)), -weight]),
        G=np.vstack([safe.rows.U, box]),
        w=np.r_[safe.rows.h, limits],
        S=np.vstack([np.hstack([-safe.rows.X, np.zeros((len(safe.rows.h), m))]), np.zeros((2 * m, n + m))]),
        A_theta=np.block([[safe.A, np.zeros((len(safe.b), m))], [np.zeros((2 * m, n)), box]]),
        b_theta=np.r_[safe.b, limits],
    )
