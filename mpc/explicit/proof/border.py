"""Border: where the feasible parameters end, shown by multipliers over all (x, y) (Farkas)."""

from functools import cached_property

import numpy as np

from mpc.explicit.proof.measure import Measure
from mpc.explicit.proof.program import Program
from plants.arrays import Array

SAME = 1e-10  # planes this close are one
CLEAR = 1e-9  # multipliers above this are solved for again, free of the solver's tolerance
SURE = 1e-11  # a bound this close to a point that was reached needs no second run
LARGE = 10.0  # sizes of z: what multipliers leave of a row is charged for solutions up to here


class Border:
    """The set of y for which some x satisfies all rows, asked how far it reaches."""

    def __init__(self, measure: Measure) -> None:
        G, S, w, same = (*(part.astype(float) for part in (measure.G, measure.S, measure.w)), measure.always)
        rows = np.c_[G, -S]
        self._A = np.vstack([rows, -rows[same]])
        self._b = np.concatenate([w, -w[same]])
        self._n = G.shape[1]
        self._reached = np.zeros((0, S.shape[1] + 1))
        plain = ~G.any(axis=1) & S.any(axis=1)
        sides = np.c_[-S, w][plain]
        self._sides = sides / np.linalg.norm(sides[:, :-1], axis=1, keepdims=True)

    @cached_property
    def _program(self) -> Program:
        return Program(self._A, self._b)

    def is_side(self, normals: Array, levels: Array) -> np.ndarray:
        """Return which planes (k,) are sides of the parameter set, or rows of the problem without z."""
        planes = np.c_[normals, levels]
        apart = np.array([np.abs(planes - side).sum(axis=1) for side in self._sides]).reshape(-1, len(planes))
        return apart.min(axis=0, initial=np.inf) <= SAME

    def beyond(self, normal: Array, level: float) -> float:
        """Return a proved bound of how far the feasible parameters pass the plane {normal y = level}.

        Planes that were reached before answer for those that equal them.
        """
        apart = np.abs(self._reached[:, :-1] - normal).sum(axis=1) + np.abs(self._reached[:, -1] - level)
        if (apart <= SAME).any():
            near = int(apart.argmin())
            return float(self._reached[near, -1] - level + np.abs(self._reached[near, :-1] - normal).sum())
        reach = self._largest(np.r_[np.zeros(self._n), normal])
        self._reached = np.vstack([self._reached, np.r_[normal, reach]])
        return reach - level

    def room(self, row: int) -> float:
        """Return a proved bound of the slack of a row over all feasible (x, y)."""
        return self._largest(-self._A[row]) + float(self._b[row])

    def _largest(self, cost: Array) -> float:
        """Return a proved bound of cost'(x, y) over all feasible points."""
        least = np.inf
        for cold in (False, True):
            found = self._program.support(cost, cold)
            taken = np.flatnonzero(found.multipliers > CLEAR)
            fine = np.zeros(len(found.multipliers))
            fine[taken] = np.linalg.lstsq(self._A[taken].T, cost, rcond=None)[0]
            least = min(least, self._proved(cost, found.multipliers), self._proved(cost, fine))
            if least <= cost @ found.point + SURE:
                break
        return least

    def _proved(self, cost: Array, multipliers: Array) -> float:
        """Return the bound of cost'(x, y) that multipliers, clipped at 0, prove."""
        weight = np.maximum(multipliers, 0.0)
        left = np.abs(cost - weight @ self._A)
        return float(weight @ self._b + LARGE * left[: self._n].sum() + left[self._n :].sum())
