"""What each constraint asks of a trajectory, stated from its definition: left <= right, with its slacks and prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog

from mpc.constraints import (
    InputBounds,
    InputPolytope,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    OutputPolytope,
    StateBounds,
    StatePolytope,
)
from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.soft import Soft
from mpc.stated.trajectory import Trajectory
from mpc.terminal import TerminalOrigin, TerminalSet
from mpc.tightening import Tightened
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class Limit:
    """left <= right (or left == right), with its slacks and what they cost."""

    left: Any
    right: Any
    equal: bool = False
    cost: Any = 0.0
    slacks: Sequence[cp.Variable] = ()
    unit: Any = 1.0

    def constraint(self) -> cp.Constraint:
        """Return it for cvxpy, each row counted in its unit."""
        share = 1 / np.broadcast_to(self.unit, self.left.shape)
        left, right = cp.multiply(share, self.left), cp.multiply(share, self.right)
        return left == right if self.equal else left <= right


@singledispatch
def limits(constraint: Any, trajectory: Trajectory) -> list[Limit]:
    """Return the limits that a constraint sets; a constraint of one's own says them by a method state(trajectory).

    It returns pairs (left, right) for left <= right. Raises ProblemError where there is no such method.
    """
    stating: Callable[[Trajectory], Sequence[tuple[Any, Any]]] | None = getattr(constraint, "state", None)
    if not callable(stating):
        kind = type(constraint).__name__
        raise ProblemError(
            f"`{kind}` emits rows, but does not say what it means in cvxpy: give it a method state(trajectory) that "
            "returns pairs (left, right) for left <= right, such as [(trajectory.states[1], limit)]"
        )
    return [Limit(left, right) for left, right in stating(trajectory)]


@limits.register(StateBounds)
@limits.register(StatePolytope)
def _(constraint: StateBounds | StatePolytope, trajectory: Trajectory) -> list[Limit]:
    return _along(constraint, trajectory.states[1:], 1, trajectory.units.state)


@limits.register(InputBounds)
@limits.register(InputPolytope)
def _(constraint: InputBounds | InputPolytope, trajectory: Trajectory) -> list[Limit]:
    return _along(constraint, trajectory.inputs, 0, trajectory.units.input)


@limits.register(OutputBounds)
@limits.register(OutputPolytope)
def _(constraint: OutputBounds | OutputPolytope, trajectory: Trajectory) -> list[Limit]:
    first = 0 if trajectory.model.D.any() else 1  # inputs act on outputs at once, or a step later
    return _along(constraint, trajectory.outputs[first:], first, trajectory.units.output)


@limits.register(MoveBounds)
def _(constraint: MoveBounds, trajectory: Trajectory) -> list[Limit]:
    return _along(constraint, trajectory.moves, 0, trajectory.units.input)


def _along(constraint: Any, quantities: Sequence[Any], first: int, unit: Array) -> list[Limit]:
    """Return what bounds or a polytope ask of a quantity that begins at step `first`, at the steps where they count."""
    found = []
    for k, quantity in enumerate(quantities, first):
        if constraint.steps is None or k in constraint.steps:
            found += _asked(constraint, quantity, unit)
    return found


def _asked(constraint: Any, quantity: Any, unit: Array) -> list[Limit]:
    """Return A quantity <= b, or lower <= quantity <= upper where the bounds are finite."""
    if isinstance(constraint, StatePolytope | InputPolytope | OutputPolytope):
        return [Limit(constraint.A @ quantity, constraint.b, unit=_size(constraint.A, unit))]
    found = []
    for sign, bound in ((1, constraint.upper), (-1, -constraint.lower)):
        keep = np.flatnonzero(np.isfinite(bound))
        if len(keep):
            found.append(Limit(sign * quantity[keep], bound[keep], unit=unit[keep]))
    return found


def _size(A: Array, unit: Array) -> Array:
    """Return how large rows of A become over quantities of these sizes; 1 for rows of zeros."""
    size = np.abs(A) @ unit
    return np.where(size > 0, size, 1.0)


@limits.register(MixedPolytope)
def _(constraint: MixedPolytope, trajectory: Trajectory) -> list[Limit]:
    n = trajectory.model.n
    of_state, of_input = constraint.A[:, :n], constraint.A[:, n:]
    unit = _size(constraint.A, np.r_[trajectory.units.state, trajectory.units.input])
    steps = range(trajectory.horizon) if constraint.steps is None else constraint.steps
    sums = [of_state @ trajectory.states[k] + of_input @ trajectory.inputs[k] for k in steps]
    return [Limit(left, constraint.b, unit=unit) for left in sums]


@limits.register(TerminalSet)
def _(constraint: TerminalSet, trajectory: Trajectory) -> list[Limit]:
    A, b = constraint.polyhedron.A, constraint.polyhedron.b
    return [Limit(A @ trajectory.states[-1], b, unit=_size(A, trajectory.units.state))]


@limits.register(TerminalOrigin)
def _(constraint: TerminalOrigin, trajectory: Trajectory) -> list[Limit]:  # noqa: ARG001
    return [Limit(trajectory.states[-1], trajectory.state_targets[-1], equal=True, unit=trajectory.units.state)]


@limits.register(Soft)
def _(constraint: Soft, trajectory: Trajectory) -> list[Limit]:
    hard = limits(constraint.constraint, trajectory)
    shared = cp.Variable(nonneg=True, name="passing")
    found = []
    for i, limit in enumerate(hard):
        passing = shared if constraint.shared else cp.Variable(limit.left.shape, nonneg=True, name="passing")
        new = i == 0 or not constraint.shared
        price = constraint.quadratic * cp.sum_squares(passing) + constraint.linear * cp.sum(passing)
        slacks = (passing,) if new else ()
        found.append(replace(limit, left=limit.left - passing, cost=price if new else 0.0, slacks=slacks))
    return found


@limits.register(Tightened)
def _(constraint: Tightened, trajectory: Trajectory) -> list[Limit]:
    inner = constraint.constraint
    plain, still = limits(inner, trajectory), limits(inner, _after(constraint, trajectory, None))
    errors = _errors(constraint, trajectory)
    answers = [limits(inner, _after(constraint, trajectory, error)) for error in errors]
    found = []
    for j, limit in enumerate(plain):
        reach = {e: _hard(a[j]) - _hard(still[j]) for e, a in zip(errors, answers, strict=True)}
        room = _room(constraint, trajectory, reach, limit.right.shape[0])
        found.append(replace(limit, right=limit.right - room))
    return found


def _hard(limit: Limit) -> Array:
    """Return the left-hand side of a limit of numbers, with nothing passed where it is soft."""
    if not isinstance(limit.left, cp.Expression):
        return limit.left
    for passing in limit.left.variables():
        passing.value = np.zeros(passing.shape)
    return np.asarray(limit.left.value)


Error = tuple[int, str, int]
"""A unit of one component of what acts at one step: (step, "initial", "disturbance" or "residual", component)."""


def _errors(constraint: Tightened, trajectory: Trajectory) -> list[Error]:
    n, m, N = trajectory.model.n, trajectory.model.m, trajectory.horizon
    places = {"initial": (1, n), "disturbance": (N, n), "residual": (N, m)}
    kinds = [kind for kind in places if getattr(constraint, kind) is not None]
    return [(k, kind, i) for kind in kinds for k in range(places[kind][0]) for i in range(places[kind][1])]


def _after(constraint: Tightened, trajectory: Trajectory, error: Error | None) -> Trajectory:
    """Return how a unit error moves everything, answered by v = -gain s from step 1; without one nothing moves."""
    model, N = trajectory.model, trajectory.horizon
    K = np.zeros((model.m, model.n)) if constraint.gain is None else constraint.gain
    x, u = np.zeros((N + 1, model.n)), np.zeros((N, model.m))
    if error is not None and error[1] == "initial":
        x[0, error[2]] = 1
    for k in range(N):
        u[k] = -K @ x[k] if k else 0
        if error is not None and error[:2] == (k, "residual"):
            u[k, error[2]] += 1
        x[k + 1] = model.A @ x[k] + model.B @ u[k]
        if error is not None and error[:2] == (k, "disturbance"):
            x[k + 1, error[2]] += 1
    y = [model.C @ x[k] + (model.D @ u[k] if k < N else 0) for k in range(len(trajectory.outputs))]
    moves = np.diff(np.vstack([np.zeros(model.m), u]), axis=0)[: len(trajectory.moves)]
    targets = np.zeros((N + 1, model.n)), np.zeros((N, model.m)), np.zeros((N + 1, model.p))
    points = list(x), list(u), y, list(moves), *(list(target) for target in targets)
    return Trajectory(model, *points, units=trajectory.units, own=trajectory.own)


def _room(constraint: Tightened, trajectory: Trajectory, reach: dict[Error, Array], rows: int) -> Array:
    """Return the room (rows,) for the worst errors of every step together."""
    room, n, m, N = np.zeros(rows), trajectory.model.n, trajectory.model.m, trajectory.horizon
    sets = [(0, "initial")] * (constraint.initial is not None)
    sets += [(k, "disturbance") for k in range(N)] * (constraint.disturbance is not None)
    for k, kind in sets:
        columns = np.array([reach[k, kind, i] for i in range(n)])
        room += [_largest(getattr(constraint, kind), column, kind) for column in columns.T]
    if constraint.residual is not None:
        room += sum(constraint.residual[i] * np.abs(reach[k, "residual", i]) for k in range(N) for i in range(m))
    return room


def _largest(errors: Polyhedron, direction: Array, kind: str) -> float:
    """Return the largest direction'e over A e <= b, which is the least b'y of all y >= 0 with A'y = direction."""
    if not direction.any():
        return 0.0
    found = linprog(errors.b, A_eq=errors.A.T, b_eq=direction)
    if not found.success:
        raise ProblemError(f"`Tightened {kind}` has no largest value in some direction ({found.message})")
    return float(found.fun)
