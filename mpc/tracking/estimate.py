"""KalmanFilter: states and unmeasured disturbances from what is measured, with the gain of the steady state."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag

from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.modes import unreached_mode
from mpc.riccati import dlqr, weight_matrix
from plants.arrays import Array, instance_of, real_points
from plants.names import index_of


@dataclass(frozen=True, eq=False)
class Estimate:
    """What is believed: the state (..., n) and all of the model's disturbances (..., k), in physical units."""

    state: Array
    disturbance: Array


@dataclass(frozen=True, eq=False)
class KalmanFilter:
    """The steady-state filter of x+ = A x + B u + E d + w, d+ = d + q, y = C x + F d + v.

    `process_noise` (n, n) >= 0, `measurement_noise` (p, p) > 0 and `disturbance_noise` (e, e) > 0 are the covariances
    of w, v and q per step, in physical units squared; a number is enough where the size is 1. The disturbances named in
    `measured` are given to it (`informed`) in the order of these names, the e others are estimated.

    `gain` (n + e, p) corrects state and estimated disturbances by the measured output less the expected one;
    `prediction_covariance` and `error_covariance`, each (n + e, n + e), are those of their errors before and after the
    correction; `spectral_radius` < 1 is the factor by which an error shrinks per step in the end.
    Raises ProblemError for modes that the outputs do not show, for growing modes without noise, for D that is not 0.
    Source: Anderson & Moore 1979, Optimal Filtering, chapter 4; with disturbances Pannocchia & Rawlings 2003.
    """

    model: LinearModel
    process_noise: Any
    measurement_noise: Any
    disturbance_noise: Any = None
    measured: Sequence[str] = ()
    gain: Array = field(init=False, repr=False)
    prediction_covariance: Array = field(init=False, repr=False)
    error_covariance: Array = field(init=False, repr=False)
    spectral_radius: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check every argument and solve for the gain."""
        instance_of(self.model, LinearModel, "model", ProblemError, "pass linearise(plant) or a LinearModel")
        if self.model.D.any():
            raise ProblemError(
                f"`D` is not 0 (largest entry {np.abs(self.model.D).max():g}), but a filter that corrects before the "
                "input is chosen needs outputs without it; leave such outputs out of C"
            )
        self._put("measured", _distinct(self.measured, tuple(self.model.disturbance_names)))
        self._put_noise()
        A, C = self._augmented()
        noise: Any = block_diag(self.process_noise, self.disturbance_noise)
        self._check_shown(A, C)
        self._check_driven(A, noise)
        P = dlqr(A.T, C.T, noise, self.measurement_noise)[1]
        gain = np.linalg.solve(self.measurement_noise + C @ P @ C.T, C @ P).T
        left = np.eye(len(A)) - gain @ C
        self._put("prediction_covariance", P)
        self._put("gain", _read_only(gain))
        after = left @ P @ left.T + gain @ self.measurement_noise @ gain.T
        self._put("error_covariance", _read_only((after + after.T) / 2))
        self._put("spectral_radius", float(np.abs(np.linalg.eigvals(A @ left)).max()))

    @property
    def estimated(self) -> list[int]:
        """Return the numbers of the disturbances that are estimated, in order."""
        return [i for i, name in enumerate(self.model.disturbance_names) if name not in self.measured]

    @property
    def told(self) -> list[int]:
        """Return the numbers of the disturbances in `measured`, in its order."""
        return [list(self.model.disturbance_names).index(name) for name in self.measured]

    def start(
        self, batch: int | None = None, state: ArrayLike | None = None, disturbance: ArrayLike | None = None
    ) -> Estimate:
        """Return what is believed before the first measurement: by default the operating point.

        `state` (..., n) and `disturbance` (..., k); with `batch` there are so many rows of each.
        """
        model = self.model
        x = real_points(model.state if state is None else state, "state", model.state_names, ProblemError)
        given = model.disturbance if disturbance is None else disturbance
        d = real_points(given, "disturbance", model.disturbance_names, ProblemError)
        lead = np.broadcast_shapes(x.shape[:-1], d.shape[:-1], () if batch is None else (batch,))
        return Estimate(np.broadcast_to(x, (*lead, model.n)), np.broadcast_to(d, (*lead, model.k)))

    def informed(self, estimate: Estimate, measured: ArrayLike) -> Estimate:
        """Return the estimate with the measured disturbances (..., number of `measured`), in its order, in place."""
        values = real_points(measured, "measured", self.measured, ProblemError)
        known = np.array(np.broadcast_to(estimate.disturbance, (*estimate.state.shape[:-1], self.model.k)))
        known[..., self.told] = values
        return replace(estimate, disturbance=known)

    def correct(self, estimate: Estimate, y: ArrayLike) -> Estimate:
        """Return the estimate after the outputs y (..., p) of the same moment were read."""
        outputs = real_points(y, "y", self.model.output_names, ProblemError)
        surprise = outputs - self.model.outputs(estimate.state, d=estimate.disturbance)
        moved, n = surprise @ self.gain.T, self.model.n
        disturbance = np.array(np.broadcast_to(estimate.disturbance, (*moved.shape[:-1], self.model.k)))
        disturbance[..., self.estimated] += moved[..., n:]
        return Estimate(estimate.state + moved[..., :n], disturbance)

    def predict(self, estimate: Estimate, u: ArrayLike) -> Estimate:
        """Return what is expected one step later under the inputs u (..., m); disturbances stay."""
        return replace(estimate, state=self.model.step(estimate.state, u, estimate.disturbance))

    def update(self, estimate: Estimate, y: ArrayLike, u: ArrayLike) -> Estimate:
        """Return the estimate one step later, after the inputs u (..., m) acted and y (..., p) was read."""
        return self.correct(self.predict(estimate, u), y)

    def __repr__(self) -> str:
        """Return one line with the sizes and the spectral radius."""
        sizes = f"{self.model.n} states, {len(self.estimated)} disturbances from {self.model.p} outputs"
        return f"KalmanFilter({sizes}, spectral radius {self.spectral_radius:.4g})"

    def _put_noise(self) -> None:
        model = self.model
        process = weight_matrix(self.process_noise, "process_noise", model.n)
        self._put("process_noise", positive_semidefinite(process, "process_noise"))
        mend = "give every output a variance above 0"
        noise = weight_matrix(self.measurement_noise, "measurement_noise", model.p)
        self._put("measurement_noise", positive_definite(noise, "measurement_noise", mend))
        count = len(self.estimated)
        if (self.disturbance_noise is None) == bool(count):
            trouble = "is missing" if count else "was given"
            raise ProblemError(
                f"`disturbance_noise` {trouble}, but {count} disturbances are to be estimated; "
                + (f"pass a ({count}, {count}) covariance" if count else "add one with with_input_disturbance(model)")
            )
        drift = np.zeros((0, 0))
        if count:
            given = weight_matrix(self.disturbance_noise, "disturbance_noise", count)
            drift = positive_definite(given, "disturbance_noise", "without noise an estimate never moves")
        self._put("disturbance_noise", drift)

    def _augmented(self) -> tuple[Array, Array]:
        """Return (A, C) of states and estimated disturbances."""
        model, chosen = self.model, self.estimated
        lower = np.hstack([np.zeros((len(chosen), model.n)), np.eye(len(chosen))])
        return (
            np.vstack([np.hstack([model.A, model.E[:, chosen]]), lower]),
            np.hstack([model.C, model.F[:, chosen]]),
        )

    def _names(self) -> list[str]:
        return [*self.model.state_names, *(self.model.disturbance_names[i] for i in self.estimated)]

    def _check_shown(self, A: Array, C: Array) -> None:
        mode = unreached_mode(A.T, C.T)
        if mode is not None:
            raise ProblemError(
                f"not detectable: the mode with eigenvalue {mode} ({mode.carriers(self._names())}) does not decay and "
                f"the {self.model.p} outputs do not show it; measure more, or estimate fewer disturbances "
                f"(now {len(self.estimated)})"
            )

    def _check_driven(self, A: Array, noise: Array) -> None:
        mode = unreached_mode(A, noise)
        if mode is not None:
            raise ProblemError(
                f"`process_noise` does not move the mode with eigenvalue {mode} ({mode.carriers(self._names())}), "
                "which does not decay: the filter would stop to correct it; give these states a variance above 0"
            )

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _distinct(measured: object, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, each checked to be a disturbance of the model and to come once."""
    instance_of(measured, (str, list, tuple), "measured", ProblemError, f"pass names of disturbances, of {known}")
    names: tuple[str, ...] = (measured,) if isinstance(measured, str) else tuple(measured)  # type: ignore[arg-type]
    if len(names) > len(known):
        raise ProblemError(
            f"`measured` has {len(names)} names, but the model has {len(known)} disturbances ({', '.join(known)}); "
            "name each of those at most once"
        )
    for i, name in enumerate(names):
        index_of(name, known, "measured", ProblemError)
        if name in names[:i]:
            raise ProblemError(f"`measured` has {name!r} at index {names.index(name)} and at {i}; name it once")
    return names


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array
