"""LinearModel: x+ = A x + B u around an operating point, and how to get one from a plant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm, matrix_balance

from mpc.explicit.errors import ProblemError
from plants import Plant, check_steady
from plants.arrays import Array, Checked, real_array, real_points, real_scalar


@dataclass(frozen=True, eq=False)
class LinearModel:
    """x+ = state + A (x - state) + B (u - input), every `sample_time`.

    A is (n, n), B (n, m); a 1-D B is taken as one column. `state` (n,) and `input` (m,) are the operating point in
    physical units (default 0). Names and units travel into laws and explanations. Raises ProblemError for anything
    that does not fit.
    """

    A: Checked
    B: Checked
    sample_time: float
    state: Checked = None
    input: Checked = None
    state_names: Sequence[str] = ()
    state_units: Sequence[str] = ()
    input_names: Sequence[str] = ()
    input_units: Sequence[str] = ()
    time_unit: str = "s"

    def __post_init__(self) -> None:
        """Check every argument and fill in plain names and a zero operating point."""
        A = real_array(self.A, "A", (None, None), ProblemError)
        if A.shape[0] != A.shape[1]:
            raise ProblemError(f"`A` has shape {A.shape}, but it must be square: one row and one column per state")
        B = real_array(self.B, "B", None, ProblemError)
        B = B.reshape(-1, 1) if B.ndim == 1 else B
        if B.ndim != 2 or len(B) != len(A) or B.shape[1] == 0:
            raise ProblemError(f"`B` has shape {B.shape}, but `A` has {len(A)} states: pass ({len(A)}, inputs)")
        if self.sample_time is None:
            raise ProblemError(
                "`sample_time` is None: a continuous model was passed where a discrete one is needed; "
                "discretise it first with mpc.discretise(A, B, sample_time)"
            )
        self._put("A", A)
        self._put("B", B)
        self._put("sample_time", real_scalar(self.sample_time, "sample_time", ProblemError, positive=True))
        for name, size in (("state", len(A)), ("input", B.shape[1])):
            point = np.zeros(size) if getattr(self, name) is None else getattr(self, name)
            self._put(name, real_array(point, name, (size,), ProblemError))
            self._put(f"{name}_names", _names(getattr(self, f"{name}_names"), f"{name}_names", name, size))
            self._put(f"{name}_units", _names(getattr(self, f"{name}_units"), f"{name}_units", None, size))

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.A)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return self.B.shape[1]

    def step(self, x: ArrayLike, u: ArrayLike) -> Array:
        """Return the next states (..., n) of the linear model from states (..., n) and inputs (..., m)."""
        states = real_points(x, "x", self.state_names, ProblemError)
        inputs = real_points(u, "u", self.input_names, ProblemError)
        return self.state + (states - self.state) @ self.A.T + (inputs - self.input) @ self.B.T

    def unstabilisable_mode(self, discount: float = 1.0) -> complex | None:
        """Return an eigenvalue of sqrt(discount) A on or outside the unit circle that no input reaches, or None.

        By the Popov-Belevitch-Hautus test: rank [lambda I - A, B] < n.
        """
        gamma = real_scalar(discount, "discount", ProblemError, positive=True)
        A, (unit, _) = matrix_balance(np.sqrt(gamma) * self.A, permute=False, separate=True)
        B = self.B / unit[:, None]
        for mode in np.linalg.eigvals(A):
            if abs(mode) >= 1.0 - 1e-9:
                pencil = np.c_[mode * np.eye(self.n) - A, B / max(np.abs(B).max(), 1e-300)]
                if np.linalg.svd(pencil, compute_uv=False)[-1] <= 1e-9 * max(1.0, abs(mode)):
                    return complex(mode / np.sqrt(gamma))
        return None

    def __repr__(self) -> str:
        """Return one line with sizes, sample time and the fastest growth."""
        radius = np.abs(np.linalg.eigvals(self.A)).max()
        period = f"{self.sample_time:.6g} {self.time_unit}"
        return f"LinearModel({self.n} states, {self.m} inputs, every {period}, spectral radius {radius:.5g})"

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def discretise(A: ArrayLike, B: ArrayLike, sample_time: float) -> tuple[Array, Array]:
    """Return (A, B) of the exact zero-order hold of dx/dt = A x + B u over `sample_time`."""
    drift = real_array(A, "A", (None, None), ProblemError)
    if drift.shape[0] != drift.shape[1]:
        raise ProblemError(f"`A` has shape {drift.shape}, but it must be square")
    inputs = real_array(B, "B", (len(drift), None), ProblemError)
    period = real_scalar(sample_time, "sample_time", ProblemError, positive=True)
    n, m = inputs.shape
    both: Any = expm(period * np.block([[drift, inputs], [np.zeros((m, n + m))]]))
    return both[:n, :n], both[:n, n:]


def linearise(plant: Plant, at: tuple[ArrayLike, ArrayLike] | None = None) -> LinearModel:
    """Return the plant's linear model at its equilibrium: exact Jacobians, zero-order hold over its sample time.

    `at` (state, input) chooses another steady state; a point that is none raises ProblemError with its drift.
    A plant given by x+ is linearised as it is. Source: Braniff & Tian 2025, Eq. 12.
    """
    if not isinstance(plant, Plant):
        raise ProblemError(f"`plant` is a {type(plant).__name__}; pass a Plant, or build the LinearModel by hand")
    if at is not None and not (isinstance(at, Sequence) and len(at) == 2):
        raise ProblemError(f"`at` is {at!r}, but it must be a pair (state, input)")
    state, control = plant.equilibrium if at is None else at
    state = real_array(state, "at state", (plant.n,), ProblemError)
    control = real_array(control, "at input", (plant.m,), ProblemError)
    if at is not None:
        check_steady(plant, state, control, "at", ProblemError)
    A, B = plant.jacobians(state, control)
    if plant.is_continuous:
        A, B = discretise(A, B, plant.sample_time)
    state_units = ["" if unit == "-" else unit for unit in plant.state_units]
    input_units = ["" if unit == "-" else unit for unit in plant.input_units]
    return LinearModel(
        A, B, plant.sample_time, state, control, plant.state_names, state_units, plant.input_names, input_units,
        plant.time_unit,
    )  # fmt: skip


def _names(names: Sequence[str], name: str, plain: str | None, size: int) -> tuple[str, ...]:
    if not isinstance(names, Sequence):
        raise ProblemError(f"`{name}` is {names!r}, but it must be a sequence of texts, one for each entry")
    given = (names,) if isinstance(names, str) else tuple(names)
    if not given:
        return tuple(f"{plain}{i}" if plain else "" for i in range(size))
    if len(given) != size:
        raise ProblemError(f"`{name}` has {len(given)} entries, but the model has {size}; name each of them")
    return tuple(str(entry) for entry in given)
