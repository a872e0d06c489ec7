"""MaxMin: the nearest input that keeps a state in its safe set, for one input: a maximum and a minimum, exact."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float64

from mpc.explicit.magnitudes import LARGEST
from mpc.safety.safe_set import SafeSet
from plants.arrays import Array, Indices


@dataclass(frozen=True, eq=False)
class Pieces:
    """Affine functions gain x + offset of states (n,): `gain` (k, n), `offset` (k,); `rows` (k,) of the safe set's."""

    gain: Array
    offset: Array
    rows: Indices

    @classmethod
    def of(cls, safe: SafeSet, chosen: np.ndarray) -> Self:
        """Return the limits (h - X x) / U that the chosen rows set on the input."""
        rows = np.flatnonzero(chosen)
        by = safe.rows.U[rows]
        return cls(-safe.rows.X[rows] / by, safe.rows.h[rows] / by[:, 0], rows)

    def values(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, "k rows"]:
        """Return all of them (k, rows) at states (rows, n)."""
        return self.gain @ x.T + self.offset[:, None]


@dataclass(frozen=True, eq=False)
class MaxMin:
    """u = min(max(wanted, the largest of `below`), the least of `above`), less sines sin(x), within the input's bounds.

    Outside the safe set the rows may contradict one another: then it is halfway between them, within the bounds.
    """

    below: Pieces
    above: Pieces
    sines: Array
    input_bounds: tuple[float, float]
    backup: float

    @classmethod
    def of(cls, safe: SafeSet) -> Self:
        """Return the filter of a safe set with one input."""
        by = safe.rows.U[:, 0]
        lower, upper = (float(side[0]) for side in safe.input_bounds)
        sines = safe.rows.sines[0]
        return cls(Pieces.of(safe, by < 0), Pieces.of(safe, by > 0), sines, (lower, upper), float(safe.backup[0]))

    def limits(self, x: Float64[np.ndarray, "rows n"]) -> tuple[Array, Array]:
        """Return the least and the largest input (rows,) that the rows allow, before the bounds.

        Components beyond LARGEST count as LARGEST: sums of larger ones with opposite signs have no value.
        """
        x = x.clip(-LARGEST, LARGEST)
        least = self.below.values(x).max(axis=0, initial=-np.inf)
        most = self.above.values(x).min(axis=0, initial=np.inf)
        if self.sines.any():
            known = np.sin(x) @ self.sines
            least, most = least - known, most - known
        return least, most

    def filtered(
        self, x: Float64[np.ndarray, "rows n"], wanted: Float64[np.ndarray, "rows 1"]
    ) -> Float64[np.ndarray, "rows 1"]:
        """Return the inputs (rows, 1) nearest to the wanted ones; the backup stands for one that is not finite."""
        least, most = self.limits(x)
        contradict = least > most
        if contradict.any():
            middle = (least + most) / 2
            least, most = np.where(contradict, middle, least), np.where(contradict, middle, most)
        u = wanted[:, 0]
        u = np.where(np.isfinite(u), u, self.backup)
        u = np.minimum(np.maximum(u, least), most)
        return np.minimum(np.maximum(u, self.input_bounds[0]), self.input_bounds[1])[:, None]
