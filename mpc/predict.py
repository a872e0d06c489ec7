"""predict: an MPC problem's states, inputs and targets over the horizon, through its model."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.parameters import Disturbance, Setpoint
from mpc.plan import checked_plan
from mpc.prediction import Affine, Prediction
from mpc.targets import target_maps
from plants.arrays import Array, real_array

if TYPE_CHECKING:
    from mpc.problem import MPCProblem


def predict(problem: "MPCProblem") -> Prediction:
    """Return everything that constraints and costs look at, as functions of theta and of the free inputs z."""
    targets = _Targets(problem)
    states, inputs = _path(problem, targets)
    model, N = problem.model, problem.horizon
    disturbance = targets.disturbances
    outputs = []
    for k in range(N if model.D.any() else N + 1):
        y = (states[k].shifted(-model.state)).mapped(model.C, model.output_names, model.output_units)
        if k < N and model.D.any():
            y += inputs[k].shifted(-model.input).mapped(model.D, y.names, y.units)
        outputs.append((y + disturbance[k].mapped(model.F, y.names, y.units)).shifted(model.output))
    moves, own = _moves(problem, inputs), _own(problem, targets)
    measured = targets.states, targets.inputs, targets.outputs
    return Prediction(model, states, inputs, tuple(outputs), moves, *measured, own)


class _Targets:
    """Setpoints, disturbances and the steady states that belong to them at every step, as functions of theta."""

    def __init__(self, problem: "MPCProblem") -> None:
        self.problem, self.model, N = problem, problem.model, problem.horizon
        self.disturbances = [self._disturbance(k) for k in range(N + 1)]
        self.setpoint = problem.setpoint
        self.maps = None
        if self.setpoint is not None:
            tracked = self.setpoint.tracked(self.model)
            Q, R = problem.state_weight, problem.input_weight
            squared = (Q, R) if problem.norm == 2 else (Q.T @ Q, R.T @ R)
            self.maps = target_maps(self.model, tracked, *squared)
        both = [self._steady(k) for k in range(N + 1)]
        n = self.model.n
        names, units = tuple(self.model.state_names), tuple(self.model.state_units)
        self.states = tuple(_part(b, slice(0, n), names, units) for b in both)
        names, units = tuple(self.model.input_names), tuple(self.model.input_units)
        self.inputs = tuple(_part(b, slice(n, None), names, units) for b in both[:N])
        self.outputs = tuple(self._output(k) for k in range(N + 1))

    def constant(self, values: Array, names: tuple[str, ...], units: tuple[str, ...]) -> Affine:
        t, z = len(self.problem.layout.names), self.problem.free_inputs
        return Affine(values, np.zeros((len(values), t)), np.zeros((len(values), z)), names, units)

    def reading(self, block: str, step: int, names: tuple[str, ...], units: tuple[str, ...]) -> Affine:
        """Return a block of theta, at one step where it has a preview."""
        place = self.problem.layout.place(block, step)
        zeros = np.zeros(len(place)), np.zeros((len(place), self.problem.free_inputs))
        return Affine(zeros[0], place, zeros[1], names, units)

    def _disturbance(self, k: int) -> Affine:
        """Return d_k - its operating point; beyond the horizon the last one stays."""
        model, N = self.model, self.problem.horizon
        names, units = tuple(model.disturbance_names), tuple(model.disturbance_units)
        if not any(isinstance(p, Disturbance) for p in self.problem.parameters):
            return self.constant(np.zeros(model.k), names, units)
        return self.reading("disturbance", min(k, N - 1), names, units).shifted(-model.disturbance)

    def _setpoint(self, setpoint: Setpoint, k: int) -> Affine:
        """Return r_k of the tracked outputs less their operating point."""
        tracked = setpoint.tracked(self.model)
        names = tuple(self.model.output_names[i] for i in tracked)
        units = tuple(self.model.output_units[i] for i in tracked)
        fixed = setpoint.fixed(self.model)
        if fixed is not None:
            return self.constant(fixed - self.model.output[tracked], names, units)
        return self.reading("setpoint", max(k - 1, 0), names, units).shifted(-self.model.output[tracked])

    def _steady(self, k: int) -> Affine:
        """Return state and input, one above the other, that step k is measured from."""
        model = self.model
        names, units = (*model.state_names, *model.input_names), (*model.state_units, *model.input_units)
        point = np.concatenate([model.state, model.input])
        if self.maps is None or self.setpoint is None:
            return self.constant(point, names, units)
        held = self._setpoint(self.setpoint, k).mapped(self.maps.of_setpoint, names, units)
        return (held + self.disturbances[k].mapped(self.maps.of_disturbance, names, units)).shifted(point)

    def _output(self, k: int) -> Affine:
        """Return y's target: the output of the steady state, which is the setpoint where there is one."""
        model = self.model
        names, units = tuple(model.output_names), tuple(model.output_units)
        if self.maps is None:
            return self.constant(model.output, names, units)
        both = self._steady(k).shifted(-np.concatenate([model.state, model.input]))
        y = both.mapped(np.hstack([model.C, model.D]), names, units)
        return (y + self.disturbances[k].mapped(model.F, names, units)).shifted(model.output)


def _path(problem: "MPCProblem", targets: _Targets) -> tuple[tuple[Affine, ...], tuple[Affine, ...]]:
    """Return states at steps 0..N and inputs at steps 0..N-1."""
    model, N = problem.model, problem.horizon
    names, units = tuple(model.state_names), tuple(model.state_units)
    states = [targets.reading("state", 0, names, units)]
    inputs: list[Affine] = []
    free = _FreeInputs(problem, targets)
    for k in range(N):
        inputs.append(free.input(k, states[k]))
        x, u = states[k].shifted(-model.state), inputs[k].shifted(-model.input)
        moved = x.mapped(model.A, names, units) + u.mapped(model.B, names, units)
        states.append((moved + targets.disturbances[k].mapped(model.E, names, units)).shifted(model.state))
    return tuple(states), tuple(inputs)


class _FreeInputs:
    """The input of each step: a free one, or the plan's gain with a free correction.

    The first free input is u_0 itself, also under a gain: there the correction of its block follows from it.
    """

    def __init__(self, problem: "MPCProblem", targets: _Targets) -> None:
        self.problem, self.targets = problem, targets
        self.blocks = checked_plan(problem.plan, problem.horizon)
        gain = problem.plan.feedback(problem)
        shape = problem.model.m, problem.model.n
        self.gain = (
            None if gain is None else real_array(gain, f"{type(problem.plan).__name__} gain", shape, ProblemError)
        )
        self.first: Affine | None = None

    def input(self, k: int, state: Affine) -> Affine:
        model, block = self.problem.model, self.blocks[k]
        names, units = tuple(model.input_names), tuple(model.input_units)
        pick = np.zeros((model.m, self.problem.free_inputs))
        pick[:, block * model.m : (block + 1) * model.m] = np.eye(model.m)
        free = self.targets.constant(np.zeros(model.m), names, units)
        free = replace(free, z_map=pick)
        if self.gain is None:
            return free
        answer = (state - self.targets.states[k]).mapped(-self.gain, names, units)
        regulated = answer + self.targets.inputs[k]
        if k == 0:
            self.first = free - regulated
            return free
        return regulated + (self.first if block == 0 and self.first is not None else free)


def _moves(problem: "MPCProblem", inputs: tuple[Affine, ...]) -> tuple[Affine, ...]:
    if problem.layout.previous is None:
        return ()
    model = problem.model
    names, units = tuple(f"move of {name}" for name in model.input_names), tuple(model.input_units)
    place = problem.layout.place("previous_input")
    before = Affine(np.zeros(model.m), place, np.zeros_like(inputs[0].z_map), names, units)
    eye = np.eye(model.m)
    return tuple(u.mapped(eye, names, units) - last for u, last in zip(inputs, (before, *inputs), strict=False))


def _own(problem: "MPCProblem", targets: _Targets) -> dict[str, tuple[Affine, ...]]:
    """Return the parameters of one's own at steps 0..N."""
    steps = range(problem.horizon + 1)
    return {
        name: tuple(targets.reading(name, k, (name,), (block.units[0],)) for k in steps)
        for name, block in problem.layout.own.items()
    }


def _part(both: Affine, rows: slice, names: tuple[str, ...], units: tuple[str, ...]) -> Affine:
    return Affine(both.offset[rows], both.theta_map[rows], both.z_map[rows], names, units)
