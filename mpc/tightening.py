"""Tightened: constraints with room left for disturbances, uncertain first states and what a network adds to inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.optimize import linprog

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.prediction import Affine, Prediction
from mpc.rows import Constraint, Rows, checked_rows
from mpc.soft import fitted
from plants.arrays import Array, instance_of, real_array

SPARE = 1e-9  # a share of the room this small is rounding


@dataclass(frozen=True, eq=False)
class Tightened:
    """The constraint, kept for every w_k in `disturbance` (x+ = ... + w) and |e_k| <= `residual` (u = ... + e).

    With `initial` the true state at step 0 is the measured one plus any s_0 of that set. Errors s are taken to be
    answered by v = -`gain` s (None: not at all), as the law will do at later steps; at step 0 it reads the measured
    state and answers nothing. Each limit gives way by the largest error that can reach it by then. Source: Chisci,
    Rossiter & Zappa 2001, Systems with persistent disturbances: predictive control with restricted constraints,
    Automatica 37.
    """

    constraint: Constraint
    disturbance: Polyhedron | None = None
    residual: Any = None
    gain: Any = None
    initial: Polyhedron | None = None

    @property
    def uses_moves(self) -> bool:
        """Return whether the constraint limits moves."""
        return getattr(self.constraint, "uses_moves", False)

    def fitted(self, model: LinearModel) -> Self:
        """Return it with every argument checked against the model."""
        if not self._given:
            raise ProblemError(
                "`Tightened` has neither `disturbance` nor `residual` nor `initial`: there is nothing to leave room for"
            )
        _check_set(self.disturbance, "disturbance", "pass a Polyhedron(A, b) of the states' disturbances w", model)
        _check_set(self.initial, "initial", "pass a Polyhedron(A, b) of the errors of the first state", model)
        residual = None if self.residual is None else _checked_residual(self.residual, model.m)
        gain = None if self.gain is None else real_array(self.gain, "Tightened gain", (model.m, model.n), ProblemError)
        constraint = fitted(self.constraint, model, "`Tightened` constraint")
        return replace(self, constraint=constraint, residual=residual, gain=gain)

    def rows(self, prediction: Prediction) -> Rows:
        """Return the constraint's rows, each with its limit moved in by the worst error."""
        size, kind, wider = prediction.sizes[0], type(self.constraint).__name__, self._with_errors(prediction)
        wide = checked_rows(self.constraint.rows(wider), kind, *wider.sizes)
        if wide.equal:
            raise ProblemError(
                f"`Tightened` was given a {kind} that is an equality, which leaves no room; bound it from both sides"
            )
        room = self._room(wide.G[:, size:], prediction)
        rows = replace(wide, G=wide.G[:, :size], w=wide.w - room)
        if rows.slack is None:
            _check_left(rows, room, kind, self._given)
        labels = (_with_room(*row) for row in zip(wide.labels, room, wide.all_units, strict=True))
        return replace(rows, labels=tuple(labels))

    @property
    def _given(self) -> list[str]:
        """Return the names of the errors that there are."""
        return [kind for kind in ("disturbance", "residual", "initial") if getattr(self, kind) is not None]

    def _room(self, errors: Array, prediction: Prediction) -> Array:
        """Return the largest value of every row (q,) over all s_0, w_k and e_k, which it meets by `errors`."""
        n, m, N = prediction.model.n, prediction.model.m, prediction.horizon
        room, later = np.zeros(len(errors)), errors[:, n:].reshape(len(errors), N, n + m)
        if self.initial is not None:
            room += _support(self.initial, errors[:, :n], "initial")
        if self.disturbance is not None:
            reach = later[:, :, :n].reshape(-1, n)
            room += _support(self.disturbance, reach, "disturbance").reshape(-1, N).sum(axis=1)
        if self.residual is not None:
            room += (np.abs(later[:, :, n:]) @ self.residual).sum(axis=1)
        return room

    def _with_errors(self, prediction: Prediction) -> Prediction:
        """Return the prediction as a function of z, of s_0 and of all (w_k, e_k), k = 0..N-1, too."""
        model, N = prediction.model, prediction.horizon
        n, m = model.n, model.m
        K = np.zeros((m, n)) if self.gain is None else self.gain
        every = np.eye(n + N * (n + m))
        states, inputs = [every[:n]], []
        for k, later in enumerate(every[n:].reshape(N, n + m, -1)):
            inputs.append(later[n:] - K @ states[k] if k else later[n:])
            states.append(model.A @ states[k] + model.B @ inputs[k] + later[:n])
        before = [np.zeros_like(inputs[0]), *inputs]
        moves = [u - last for u, last in zip(inputs, before, strict=False)]
        outputs = [model.C @ x + (model.D @ inputs[k] if k < N else 0.0) for k, x in enumerate(states)]
        targets = {
            name: _widened(getattr(prediction, name), None, len(every))
            for name in ("state_targets", "input_targets", "output_targets")
        }
        return replace(
            prediction,
            states=_widened(prediction.states, states),
            inputs=_widened(prediction.inputs, inputs),
            outputs=_widened(prediction.outputs, outputs),
            moves=_widened(prediction.moves, moves),
            **targets,
        )


def _with_room(label: str, room: float, unit: str) -> str:
    """Return the sentence of a limit that gave way by `room`."""
    return f"{label}, less {room:.3g}{' ' + unit if unit else ''} of room" if room > 0 else label


def _widened(quantities: Sequence[Affine], columns: list[Array] | None, width: int = 0) -> tuple[Affine, ...]:
    if columns is None:
        return tuple(q.widened(np.zeros((len(q.offset), width))) for q in quantities)
    return tuple(q.widened(c) for q, c in zip(quantities, columns, strict=False))


def _check_set(errors: Any, kind: str, mend: str, model: LinearModel) -> None:
    """Raise ProblemError unless the set is None, or a bounded one of errors of the model's states."""
    if errors is None:
        return
    name = f"Tightened {kind}"
    instance_of(errors, Polyhedron, name, ProblemError, mend)
    if errors.dimension != model.n:
        raise ProblemError(f"`{name}` has {errors.dimension} dimensions, but the model has {model.n} states")
    try:
        errors.box(model.state_names)
    except ProblemError as cause:
        raise ProblemError(f"`{name}` must be bounded and not empty: {cause}") from cause


def _support(polyhedron: Polyhedron, directions: Array, kind: str) -> Array:
    """Return the largest value of each direction (k, n) over a bounded polyhedron."""
    different, where = np.unique(directions, axis=0, return_inverse=True)
    values = np.zeros(len(different))
    for i in np.flatnonzero(different.any(axis=1)):
        size = np.abs(different[i]).max()
        found = linprog(-different[i] / size, polyhedron.A, polyhedron.b, bounds=(None, None), method="highs")
        if not found.success:
            raise NumericalError(f"`Tightened {kind}` has no largest value in some direction ({found.message})")
        values[i] = -size * found.fun
    return values[where.ravel()]


def _checked_residual(residual: Any, inputs: int) -> Array:
    given = real_array(residual, "Tightened residual", None, ProblemError)
    if given.shape not in ((), (inputs,)):
        raise ProblemError(
            f"`Tightened residual` has shape {given.shape}, but there are {inputs} inputs; pass a number or ({inputs},)"
        )
    if not (given >= 0).all():
        raise ProblemError(f"`Tightened residual` is {given.min():g}, but it must be at least 0: it is a bound")
    return np.broadcast_to(given, (inputs,))


def _check_left(rows: Rows, room: Array, kind: str, errors: list[str]) -> None:
    """Raise ProblemError if nothing is left of the limits, naming one and the share of the room that they have."""
    units = np.maximum(np.abs(np.c_[rows.G, rows.S]).max(axis=1, initial=0.0), room)
    units[units == 0] = 1.0
    A = np.c_[rows.G, -rows.S, -room] / units[:, None]
    cost = np.zeros(A.shape[1])
    cost[-1] = 1.0
    bounds = [(None, None)] * (len(cost) - 1) + [(0.0, 1.0)]
    found = linprog(cost, A, rows.w / units, bounds=bounds, method="highs")
    if found.success and found.x[-1] > SPARE:
        i = int(np.argmin(found.ineqlin.marginals * room / units))
        names = [f"`{name}`" for name in errors]
        raise ProblemError(
            f"`Tightened` leaves nothing of {kind}: {' and '.join(names)} may take {room[i]:.4g} from the limit "
            f"'{rows.labels[i]}', but the limits have room for {(1 - found.x[-1]) * room[i]:.4g} at most; widen the "
            f"limits, or make {' or '.join(names)} smaller (a `gain` that answers errors helps)"
        )
