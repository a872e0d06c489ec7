"""The four tanks with their problems and laws, the reactor's temperature, and a loop around any linear truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    Disturbance,
    ImplicitMPC,
    KalmanFilter,
    LinearModel,
    MPCController,
    MPCProblem,
    PiecewiseAffineLaw,
    Setpoint,
    four_tank,
    printed_reactor,
    solve_explicit,
    with_input_disturbance,
)

TANKS = with_input_disturbance(four_tank())
SETPOINTS = Setpoint([5, 5], [8, 8])


def tank_problem(**changes) -> MPCProblem:
    """Both readings weighed, few free inputs, so that the law of eight parameters stays small."""
    arguments = {
        "model": TANKS,
        "state_weight": TANKS.C.T @ TANKS.C,
        "input_weight": 0.01 * np.eye(2),
        "horizon": 10,
        "input_bounds": ([1, 1], [5, 5]),
        "parameter_bounds": ([6, 6, 0.1, 0.1], [19, 19, 6, 6]),
        "parameters": (SETPOINTS, Disturbance([-1, -1], [1, 1])),
        "plan": ControlHorizon(2),
    }
    return MPCProblem(**arguments | changes)


def tank_filter(model: LinearModel = TANKS, **changes) -> KalmanFilter:
    arguments = {"process_noise": 1e-4 * np.eye(4), "measurement_noise": 1e-6 * np.eye(2)}
    return KalmanFilter(model, **arguments | ({"disturbance_noise": 1e-3 * np.eye(2)} if model.k else {}) | changes)


def closed_loop(
    controller: MPCController, truth: LinearModel, steps: int, d: object = None, start: object = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs (steps, p), inputs (steps, m) and states (steps + 1, n) of the true system under constant or known d."""
    memory, states, outputs, inputs = controller.start(1), [truth.state if start is None else np.array(start)], [], []
    for k in range(steps):
        now = d(k) if callable(d) else d
        outputs.append(truth.outputs(states[-1], d=now))
        seen = states[-1:] if controller.estimator is None else outputs[-1:]
        u, memory = (controller.step if controller.estimator is None else controller.respond)(np.array(seen), memory)
        inputs.append(u[0])
        states.append(truth.step(states[-1], u[0], now))
    return np.array(outputs), np.array(inputs), np.array(states)


@pytest.fixture(scope="session")
def tanks() -> LinearModel:
    return TANKS


@pytest.fixture(scope="session")
def make_tank_problem() -> Callable[..., MPCProblem]:
    return tank_problem


@pytest.fixture(scope="session")
def make_tank_filter() -> Callable[..., KalmanFilter]:
    return tank_filter


@pytest.fixture(scope="session")
def run() -> Callable:
    return closed_loop


@pytest.fixture(scope="session")
def problem() -> MPCProblem:
    return tank_problem()


@pytest.fixture(scope="session")
def law(problem) -> PiecewiseAffineLaw:
    return solve_explicit(problem)


@pytest.fixture(scope="session", params=["explicit law", "online"])
def answer(request, problem) -> PiecewiseAffineLaw | ImplicitMPC:
    """The same problem's answer, both ways."""
    return request.getfixturevalue("law") if request.param == "explicit law" else ImplicitMPC(problem)


@pytest.fixture(scope="session")
def temperature() -> LinearModel:
    """The printed reactor, of which only the temperature is measured."""
    model = printed_reactor()
    return replace(
        model, C=[0, 0, 0, 1], D=None, F=None, output=None, output_names=("temperature",), output_units=("K",)
    )
