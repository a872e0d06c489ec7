"""Trajectory: an MPC problem's states, inputs, outputs, moves and targets as cvxpy variables tied by its equations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cvxpy as cp
import numpy as np

from mpc.model import LinearModel
from mpc.own_parameters import OwnParameter
from mpc.parameters import Disturbance, Setpoint

if TYPE_CHECKING:
    from mpc.problem import MPCProblem


@dataclass(frozen=True, eq=False)
class Units:
    """The sizes of states (n,), inputs (m,) and outputs (p,), in which the variables of a statement are counted."""

    state: Any
    input: Any
    output: Any


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What costs and limits are stated in, in physical units: one vector a step.

    `states` at steps 0..N; `inputs` at 0..N-1; `outputs` at 0..N, or 0..N-1 where D is not 0; `moves` at 0..N-1, none
    where theta does not hold the previous input; `own` the parameters of one's own by name, a number at each of the
    steps 0..N. The vectors are cvxpy expressions; where Tightened asks what an error
    does, they are arrays.
    """

    model: LinearModel
    states: Sequence[Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    moves: Sequence[Any]
    state_targets: Sequence[Any]
    input_targets: Sequence[Any]
    output_targets: Sequence[Any]
    units: Units
    own: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """Return N."""
        return len(self.inputs)

    def state_error(self, k: int) -> Any:
        """Return s_k."""
        return self.states[k] - self.state_targets[k]

    def input_error(self, k: int) -> Any:
        """Return v_k."""
        return self.inputs[k] - self.input_targets[k]


@dataclass(frozen=True, eq=False)
class Reading:
    """What theta says at each step, as deviations from the operating point: disturbances, setpoints (or None)."""

    theta: cp.Parameter
    state: Any
    previous: Any
    disturbances: Sequence[Any]
    setpoints: Sequence[Any] | None
    tracked: Sequence[int]
    own: Mapping[str, Sequence[Any]]


def read(problem: "MPCProblem") -> Reading:
    """Return a parameter theta = (x_0, previous input, setpoint, disturbance, own) and what its parts are."""
    model, N = problem.model, problem.horizon
    kinds: dict[type, Any] = {type(p): p for p in problem.parameters}
    setpoint, disturbance = kinds.get(Setpoint), kinds.get(Disturbance)
    tracked = [] if setpoint is None else setpoint.tracked(model)
    r_size = 0 if setpoint is None or setpoint.upper is None else len(tracked) * (N if setpoint.preview else 1)
    d_size = 0 if disturbance is None else model.k * (N if disturbance.preview else 1)
    ends = np.cumsum([model.n, model.m if problem.layout.previous is not None else 0, r_size, d_size])
    own = [p for p in problem.parameters if isinstance(p, OwnParameter)]
    theta = cp.Parameter(int(ends[-1]) + sum(N + 1 if p.preview else 1 for p in own), name="theta")
    previous = theta[ends[0] : ends[1]] if ends[1] > ends[0] else None
    setpoints = None if setpoint is None else _setpoints(setpoint, theta[ends[1] : ends[2]], model, N)
    changes = _disturbances(disturbance, theta[ends[2] : ends[3]] if d_size else None, model, N)
    numbers = _own(own, theta, int(ends[3]), N)
    return Reading(theta, theta[: model.n], previous, changes, setpoints, tracked, numbers)


def _setpoints(setpoint: Setpoint, values: Any, model: LinearModel, horizon: int) -> list[Any]:
    """Return r_k less its operating point at steps 0..N; the one of step 1 counts at step 0 too."""
    tracked = setpoint.tracked(model)
    outputs = model.output[tracked]
    if setpoint.upper is None:
        return [np.asarray(setpoint.lower, float) - outputs] * (horizon + 1)
    steps = [max(k - 1, 0) for k in range(horizon + 1)]
    return [part - outputs for part in _at(values, len(tracked), steps, setpoint.preview)]


def _disturbances(disturbance: Disturbance | None, values: Any, model: LinearModel, horizon: int) -> list[Any]:
    """Return d_k less its operating point at steps 0..N; the last one known stays."""
    if disturbance is None:
        return [np.zeros(model.k)] * (horizon + 1)
    steps = [min(k, horizon - 1) for k in range(horizon + 1)]
    return [part - model.disturbance for part in _at(values, model.k, steps, disturbance.preview)]


def _own(own: Sequence[OwnParameter], theta: Any, first: int, horizon: int) -> dict[str, list[Any]]:
    """Return each parameter of one's own at steps 0..N, as they follow one another in theta from `first` on."""
    found = {}
    for parameter in own:
        found[parameter.name] = [theta[first + k * parameter.preview] for k in range(horizon + 1)]
        first += horizon + 1 if parameter.preview else 1
    return found


def _at(values: Any, size: int, steps: Sequence[int], preview: bool) -> list[Any]:
    return [values[k * size : (k + 1) * size] if preview else values for k in steps]


def follow(problem: "MPCProblem", reading: Reading) -> tuple[Trajectory, list[cp.Constraint], Any, Any]:
    """Return the trajectory, the equations that tie it to theta, and the states and inputs."""
    model, N, d = problem.model, problem.horizon, reading.disturbances
    units = units_of(problem)
    x = model.state[None] + cp.multiply(units.state[None], cp.Variable((N + 1, model.n), name="states"))
    u = model.input[None] + cp.multiply(units.input[None], cp.Variable((N, model.m), name="inputs"))
    ties: list[cp.Constraint] = [_same(x[0], reading.state, units.state)]
    for k in range(N):
        change = model.A @ (x[k] - model.state) + model.B @ (u[k] - model.input)
        ties.append(_same(x[k + 1], model.state + change + _disturbed(model.E, d[k]), units.state))
    y = cp.Variable((N if model.D.any() else N + 1, model.p), name="outputs")
    y = model.output[None] + cp.multiply(units.output[None], y)
    for k in range(y.shape[0]):
        change = model.C @ (x[k] - model.state) + (model.D @ (u[k] - model.input) if model.D.any() else 0)
        ties.append(_same(y[k], model.output + change + _disturbed(model.F, d[k]), units.output))
    moves = (
        [] if reading.previous is None else _steps(cp.multiply(units.input[None], cp.Variable(u.shape, name="moves")))
    )
    ties += [_same(w, u[k] - (u[k - 1] if k else reading.previous), units.input) for k, w in enumerate(moves)]
    states, inputs, outputs, settled = _targets(problem, reading, units)
    path = Trajectory(model, _steps(x), _steps(u), _steps(y), moves, states, inputs, outputs, units, reading.own)
    return path, [*ties, *settled], x, u


def units_of(problem: "MPCProblem") -> Units:
    """Return half the widths of the boxes of states and inputs; where an input has none, what moves a state so far."""
    model = problem.model
    state = np.ptp(np.array(problem.domain), axis=0) / 2
    state = np.where((state > 0) & np.isfinite(state), state, 1.0)
    reach = np.abs(model.B / state[:, None]).max(axis=0)
    free = 1 / np.where(reach > 0, reach, 1.0)
    own = free if problem.input_bounds is None else np.ptp(np.array(problem.input_bounds), axis=0) / 2
    control = np.where((own > 0) & np.isfinite(own), own, free)
    output = np.abs(model.C) @ state + np.abs(model.D) @ control
    return Units(state, control, np.where(output > 0, output, 1.0))


def _same(left: Any, right: Any, unit: np.ndarray) -> cp.Constraint:
    """Return left == right, counted in units."""
    return cp.multiply(1 / unit, left) == cp.multiply(1 / unit, right)


def _steps(variable: Any) -> list[Any]:
    return [variable[k] for k in range(variable.shape[0])]


def _disturbed(matrix: np.ndarray, change: Any) -> Any:
    return matrix @ change if matrix.shape[1] else 0


Targets = tuple[Sequence[Any], Sequence[Any], Sequence[Any], list[cp.Constraint]]


def _targets(problem: "MPCProblem", reading: Reading, units: Units) -> Targets:
    """Return what states, inputs and outputs are measured from, and the equations of it.

    That is the steady state that holds r under d: of several the one of least s'Qs + v'Rv, by its own conditions.
    """
    model, N = problem.model, problem.horizon
    if reading.setpoints is None:
        return [model.state] * (N + 1), [model.input] * N, [model.output] * (N + 1), []
    C, D, F = (matrix[list(reading.tracked)] for matrix in (model.C, model.D, model.F))
    Q, R = problem.state_weight, problem.input_weight
    Q, R = (Q, R) if problem.norm == 2 else (Q.T @ Q, R.T @ R)
    tracked = units.output[list(reading.tracked)]
    cost = units.state @ np.abs(Q) @ units.state + units.input @ np.abs(R) @ units.input
    s = cp.multiply(units.state[None], cp.Variable((N + 1, model.n), name="state targets"))
    v = cp.multiply(units.input[None], cp.Variable((N + 1, model.m), name="input targets"))
    price = cp.multiply(cost / units.state[None], cp.Variable((N + 1, model.n)))
    worth = cp.multiply(cost / tracked[None], cp.Variable((N + 1, len(C))))
    y = cp.multiply(units.output[None], cp.Variable((N + 1, model.p), name="output targets"))
    ties = []
    for k, (r, d) in enumerate(zip(reading.setpoints, reading.disturbances, strict=True)):
        ties += [
            _same(s[k], model.A @ s[k] + model.B @ v[k] + _disturbed(model.E, d), units.state),
            _same(C @ s[k] + D @ v[k] + _disturbed(F, d), r, tracked),
            _same(Q @ s[k], (model.A - np.eye(model.n)).T @ price[k] + C.T @ worth[k], cost / units.state),
            _same(R @ v[k], model.B.T @ price[k] + D.T @ worth[k], cost / units.input),
            _same(y[k], model.output + model.C @ s[k] + model.D @ v[k] + _disturbed(model.F, d), units.output),
        ]
    return [model.state + x for x in _steps(s)], [model.input + u for u in _steps(v)][:N], _steps(y), ties
