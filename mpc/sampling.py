"""From continuous to sampled: discretise matrices by a rule, linearise a plant at a steady state."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, cast

import casadi as ca
import numpy as np
from casadi import SX
from numpy.typing import ArrayLike
from scipy.linalg import expm

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants import Plant, check_steady
from plants.arrays import Array, real_array, real_scalar
from plants.dynamics import plant_motion, symbolic

SamplingRule = Callable[[Array, Array, float], tuple[Array, Array]]
"""From (A, B) of dx/dt = A x + B u and a sample time to (A, B) of x+ = A x + B u."""


def zero_order_hold(A: Array, B: Array, sample_time: float) -> tuple[Array, Array]:
    """Return the exact (A, B) for an input that is held constant over each sample period."""
    n, m = B.shape
    both: Any = expm(sample_time * np.block([[A, B], [np.zeros((m, n + m))]]))
    return both[:n, :n], both[:n, n:]


def forward_euler(A: Array, B: Array, sample_time: float) -> tuple[Array, Array]:
    """Return (I + A h, B h): of first order in the sample time h, and unstable where h is long."""
    return np.eye(len(A)) + sample_time * A, sample_time * B


def discretise(
    A: ArrayLike, B: ArrayLike, sample_time: float, rule: SamplingRule = zero_order_hold
) -> tuple[Array, Array]:
    """Return (A, B) of dx/dt = A x + B u sampled every `sample_time`, by the exact zero-order hold or another `rule`.

    A is (n, n), B (n, m) or (n,). Disturbances that are held as well go beside the inputs, as in np.c_[B, E].
    Raises ProblemError for what does not fit, and where the result is not finite.
    """
    drift = real_array(A, "A", (None, None), ProblemError)
    if drift.shape[0] != drift.shape[1]:
        raise ProblemError(f"`A` has shape {drift.shape}, but it must be square")
    inputs = real_array(B, "B", None, ProblemError)
    inputs = inputs.reshape(-1, 1) if inputs.ndim == 1 else inputs
    if inputs.ndim != 2 or len(inputs) != len(drift):
        raise ProblemError(f"`B` has shape {inputs.shape}, but `A` has {len(drift)} states: pass ({len(drift)}, any)")
    period = real_scalar(sample_time, "sample_time", ProblemError, positive=True)
    if not callable(rule):
        raise ProblemError(f"`rule` is {rule!r}, but it must be a function such as zero_order_hold or forward_euler")
    with np.errstate(all="ignore"):
        sampled = rule(drift, inputs, period)
    if not all(np.isfinite(matrix).all() for matrix in sampled):
        fastest = np.linalg.eigvals(drift).real.max()
        raise ProblemError(
            f"`A` grows too fast for `sample_time` {period:g}: its fastest eigenvalue is {fastest:.3g}, and "
            f"exp({fastest * period:.3g}) is no finite number; take a shorter sample time"
        )
    return sampled


def sampled_map(plant: Plant, state: Array, control: Array) -> tuple[Array, Array]:
    """Return the exact Jacobians of the plant's own step at one point: its integrator differentiated by CasADi.

    A rule for `linearise`. Input limits, state caps and the wrapping of angles are left out, as they are no part of a
    linear model. At a steady state it differs from the zero-order hold by the error of the integrator alone.
    """
    after = sampled_step(plant)
    x, u = ca.MX.sym("x", plant.n), ca.MX.sym("u", plant.m)
    slopes = [ca.jacobian(after(x, u), column) for column in (x, u)]
    derivative = ca.Function("sampled_map", [x, u], slopes)
    by_state, by_input = (np.array(matrix.full()) for matrix in derivative(state, control))
    return by_state, by_input


def sampled_step(plant: Plant) -> ca.Function:
    """Return the plant's own step (x, u) -> x+ without input limits, state caps and the wrapping of angles."""
    kind = getattr(plant.integrator, "symbols", SX) if plant.is_continuous else SX
    x, u = kind.sym("x", plant.n), kind.sym("u", plant.m)
    flow = symbolic(plant)
    if not plant.is_continuous:
        return ca.Function("step", [x, u], [flow(x, u)])
    free = np.full(plant.n, np.inf)
    motion = plant_motion(plant, flow, (-free, free), plant.constant_values)
    return ca.Function("step", [x, u], [plant.integrator.advance(motion, x, u)])


def linearise(
    plant: Plant,
    at: tuple[ArrayLike, ArrayLike] | None = None,
    rule: Any = zero_order_hold,
    outputs: str | Sequence[str] | ArrayLike | None = None,
) -> LinearModel:
    """Return the plant's linear model at its equilibrium: exact Jacobians, zero-order hold over its sample time.

    `at` (state, input) chooses another steady state; a point that is none raises ProblemError with its drift.
    `rule` is `zero_order_hold`, `forward_euler`, a function of (A, B, sample_time) like them, or `sampled_map`, which
    differentiates the plant's own integrator. A plant given by x+ is linearised as it is, whatever the rule.
    `outputs` names the states that are measured or controlled, or is a matrix C (p, n); None: all states.
    Source: Braniff & Tian 2025, Eq. 12.
    """
    if not isinstance(plant, Plant):
        raise ProblemError(f"`plant` is a {type(plant).__name__}; pass a Plant, or build the LinearModel by hand")
    state, control = _point(plant, at)
    A, B = _sampled(plant, state, control, rule)
    C, output_names, output_units = _chosen(plant, outputs)
    return LinearModel(
        A, B, plant.sample_time, state, control, plant.state_names, _units(plant.state_units), plant.input_names,
        _units(plant.input_units), plant.time_unit, C, output_names=output_names, output_units=output_units,
    )  # fmt: skip


def _point(plant: Plant, at: tuple[ArrayLike, ArrayLike] | None) -> tuple[Array, Array]:
    if at is not None and not (isinstance(at, Sequence) and len(at) == 2):
        raise ProblemError(f"`at` is {at!r}, but it must be a pair (state, input)")
    state, control = plant.equilibrium if at is None else at
    state = real_array(state, "at state", (plant.n,), ProblemError)
    control = real_array(control, "at input", (plant.m,), ProblemError)
    if at is not None:
        check_steady(plant, state, control, "at", ProblemError)
    return state, control


def _sampled(plant: Plant, state: Array, control: Array, rule: Any) -> tuple[Array, Array]:
    if not callable(rule):
        raise ProblemError(
            f"`rule` is {rule!r}, but it must be a function such as zero_order_hold, forward_euler or sampled_map"
        )
    if rule == sampled_map:
        return sampled_map(plant, state, control)
    A, B = plant.jacobians(state, control)
    return discretise(A, B, plant.sample_time, cast(SamplingRule, rule)) if plant.is_continuous else (A, B)


def _chosen(plant: Plant, outputs: Any) -> tuple[Array | None, Sequence[str], Sequence[str]]:
    """Return C and the outputs' names and units, for names of states, a matrix, or None."""
    if outputs is None:
        return None, (), ()
    names = [outputs] if isinstance(outputs, str) else outputs
    if not (isinstance(names, Sequence) and all(isinstance(name, str) for name in names)):
        return real_array(outputs, "outputs", (None, plant.n), ProblemError), (), ()
    for name in names:
        if name not in plant.state_names:
            close = get_close_matches(name, plant.state_names, n=1, cutoff=0.0)[0]
            known = ", ".join(plant.state_names)
            raise ProblemError(f"`outputs` names {name!r}; did you mean {close!r}? The states are {known}")
    indices = [plant.state_names.index(name) for name in names]
    units = _units(plant.state_units)
    return np.eye(plant.n)[indices], tuple(names), [units[i] for i in indices]


def _units(units: Sequence[str]) -> list[str]:
    return ["" if unit == "-" else unit for unit in units]
