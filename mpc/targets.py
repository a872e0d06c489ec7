"""Targets: the steady state that holds a setpoint under a disturbance, as affine functions of both."""

from typing import NamedTuple

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants.arrays import Array

RANK = 1e-9  # a singular value this small beside the largest counts as 0


class TargetMaps(NamedTuple):
    """Deviations (s, v) of state and input, (n + m, .), from deviations of the setpoint and of the disturbance."""

    of_setpoint: Array
    of_disturbance: Array


def target_maps(model: LinearModel, tracked: list[int], state_weight: Array, input_weight: Array) -> TargetMaps:
    """Return the steady state with C s + D v + F d = r for the tracked outputs, of several the one of least weight.

    It solves [A - I, B; C, D] (s, v) = (-E d, r - F d). Raises ProblemError where some setpoint cannot be held:
    Source: Rawlings, Mayne & Diehl 2017, Model Predictive Control, section 1.5.
    """
    n, m, k = model.n, model.m, model.k
    C, D, F = model.C[tracked], model.D[tracked], model.F[tracked]
    system = np.block([[model.A - np.eye(n), model.B], [C, D]])
    units = np.abs(system).max(axis=1, keepdims=True)
    values = np.linalg.svd(system / np.where(units > 0, units, 1.0), compute_uv=False)
    rank = int((values > RANK * values[0]).sum())
    if rank < n + len(tracked):
        names = ", ".join(model.output_names[i] for i in tracked)
        raise ProblemError(
            f"not every setpoint of {names} can be held: the steady-state equations of {n} states and {len(tracked)} "
            f"outputs have rank {rank}, but {n + len(tracked)} is needed; track fewer outputs "
            f"(`Setpoint(outputs=...)`) or add inputs (there are {m})"
        )
    inverse = _least(system, state_weight, input_weight)
    right = np.vstack([-model.E, -F]) if k else np.zeros((n + len(tracked), 0))
    return TargetMaps(inverse[:, n:], inverse @ right)


def _least(system: Array, state_weight: Array, input_weight: Array) -> Array:
    """Return the right inverse whose columns have the least (s, v)'diag(Q, R)(s, v)."""
    inverse: Array = np.asarray(np.linalg.pinv(system), dtype=np.float64)
    free = np.linalg.svd(system)[2][len(system) :].T
    if not free.shape[1]:
        return inverse
    n, m = len(state_weight), len(input_weight)
    weight = np.block([[state_weight, np.zeros((n, m))], [np.zeros((m, n)), input_weight]])
    return inverse - free @ np.linalg.pinv(free.T @ weight @ free) @ free.T @ weight @ inverse
