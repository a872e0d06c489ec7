"""SafeSet: states that some inputs keep within a plant's limits for ever, with the rows that such inputs obey."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from mpc.explicit.polyhedron import Polyhedron
from mpc.safety.certificate import SafetyCertificate
from plants.arrays import Array, Indices
from plants.plant import Plant


@dataclass(frozen=True, eq=False)
class InputRows:
    """Inputs that keep the state in a set: X x + U (u + sines sin(x)) <= h, k rows of n states and m inputs, physical.

    `X` (k, n), `U` (k, m), `h` (k,); `sines` (m, n) is what the plant does to its inputs by itself, 0 for none.
    `guards` (k,) numbers the half-space of the set that each row keeps. Limits of the inputs are no rows.
    """

    X: Array
    U: Array
    h: Array
    sines: Array
    guards: Indices

    def slack(self, x: Float64[np.ndarray, "rows n"], u: Float64[np.ndarray, "rows m"]) -> Array:
        """Return h - X x - U (u + sines sin(x)), (rows, k): negative where a row is broken."""
        return self.h - x @ self.X.T - (u + np.sin(x) @ self.sines.T) @ self.U.T


@dataclass(frozen=True, eq=False)
class SafeSet:
    """The states {A x <= b}, physical, that inputs within `input_bounds` and `rows` keep in it, sample after sample.

    `A` (q, n), `b` (q,); `labels` and `units` (q,) say what A x is, as in "temperature plus 14.35 K per mol/L of
    concentration_a". `backup` (m,) is wanted where nothing is: it is filtered as any input is. `certificate` says what
    is proved, and what is assumed.
    """

    state_names: tuple[str, ...]
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]
    A: Array
    b: Array
    labels: tuple[str, ...]
    units: tuple[str, ...]
    rows: InputRows
    input_bounds: tuple[Array, Array]
    backup: Array
    certificate: SafetyCertificate

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.state_names)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return len(self.input_names)

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """Return the set as a Polyhedron."""
        return Polyhedron(self.A, self.b)

    def difference(self, plant: Plant) -> str:
        """Return in words how a plant differs from the one that the set was made for; empty if nothing is known to.

        Names, input bounds and sample time are compared. Equations and constants are not: they may lie within what the
        set withstands.
        """
        for kind in ("state_names", "input_names"):
            made, own = tuple(getattr(self, kind)), tuple(getattr(plant, kind))
            if made != own:
                return f"was made for {kind} {made}, but `plant` has {own}"
        for side, made, own in zip(("lower", "upper"), self.input_bounds, plant.input_bounds, strict=True):
            if (made != own).any():
                return f"was made for {side} input bounds {made.tolist()}, but `plant` has {own.tolist()}"
        made = self.certificate.content.get("sample_time", plant.sample_time)
        if made != plant.sample_time:
            return f"was made for samples of {made:g} {plant.time_unit}, but `plant` has {plant.sample_time:g}"
        return ""

    def contains(self, x: Float64[np.ndarray, "rows n"]) -> np.ndarray:
        """Return which states (rows, n) are in the set, bool (rows,); NaN is not."""
        return np.all(x @ self.A.T <= self.b, axis=1)
