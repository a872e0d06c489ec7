"""Constant disturbances that nobody measures leave no offset where the model has them, and leave one where not."""

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
    Sensor,
    Setpoint,
    four_tank,
    linearise,
    solve_explicit,
    with_input_disturbance,
    with_output_disturbance,
)
from plants import clipped_pendulum, simulate
from plants.pendulum import pendulum_motion

GOAL = np.array([6.8, 6.0])
LEAK = np.array([0.3, -0.2])  # V
WRONG_GAINS = np.array([0.85, 1.1])


def test_a_step_at_the_inputs_leaves_no_offset(run, answer, problem, make_tank_filter, tanks):
    controller = MPCController(answer, problem, setpoint=GOAL, estimator=make_tank_filter())
    outputs, inputs, _ = run(controller, tanks, 200, d=LEAK)
    assert np.abs(outputs[-1] - GOAL).max() < 1e-8
    assert np.abs(outputs[3] - GOAL).max() > 5e-3
    gains = tanks.C @ np.linalg.solve(np.eye(4) - tanks.A, tanks.B)
    assert inputs[-1] == pytest.approx(tanks.input + np.linalg.solve(gains, GOAL - tanks.output) - LEAK, abs=1e-8)


def test_wrong_pump_gains_leave_no_offset(run, answer, problem, make_tank_filter, tanks):
    controller = MPCController(answer, problem, setpoint=GOAL, estimator=make_tank_filter())
    outputs, _, _ = run(controller, replace(tanks, B=tanks.B * WRONG_GAINS), 200)
    assert np.abs(outputs[-1] - GOAL).max() < 1e-8


@pytest.mark.parametrize("truth", [{"d": LEAK}, {"gains": WRONG_GAINS}])
def test_without_a_model_of_the_disturbance_there_is_an_offset(run, make_tank_problem, make_tank_filter, tanks, truth):
    plain = four_tank()
    problem = make_tank_problem(model=plain, parameters=(Setpoint([5, 5], [8, 8]),))
    controller = MPCController(ImplicitMPC(problem), problem, setpoint=GOAL, estimator=make_tank_filter(plain))
    outputs, _, _ = run(controller, replace(tanks, B=tanks.B * truth.get("gains", 1)), 250, d=truth.get("d"))
    assert np.abs(outputs[-1] - outputs[-20]).max() < 1e-6
    assert np.abs(outputs[-1] - GOAL).min() > 1e-3


def test_an_output_disturbance_removes_the_offset_as_well(run, make_tank_problem, make_tank_filter, tanks):
    model = with_output_disturbance(four_tank())
    problem = make_tank_problem(model=model)
    estimator = make_tank_filter(model)
    controller = MPCController(ImplicitMPC(problem), problem, setpoint=GOAL, estimator=estimator)
    outputs, _, _ = run(controller, tanks, 450, d=LEAK)
    assert np.abs(outputs[-1] - GOAL).max() < 1e-6


def test_a_biased_noisy_sensor_is_tracked_as_it_reads(make_tank_problem, make_tank_filter, law, problem, tanks):
    sensor = Sensor(tanks, bias=[0.1, -0.1], deviation=[1e-3, 1e-3], generator=np.random.default_rng(1))
    noisy = make_tank_filter(measurement_noise=1e-6 * np.eye(2), disturbance_noise=1e-6 * np.eye(2))
    controller = MPCController(law, problem, setpoint=GOAL, estimator=noisy, measure=sensor)
    memory, x, seen = controller.start(1), tanks.state[None], []
    for _ in range(600):
        u, memory = controller.step(x, memory)
        x = tanks.step(x, u, [0.2, 0.0])
        seen.append(tanks.outputs(x)[0] + np.array([0.1, -0.1]))
    assert np.mean(seen[200:], axis=0) == pytest.approx(GOAL, abs=2e-3)


def reactor(model, parameters):
    return MPCProblem(
        model,
        state_weight=np.diag([0, 0, 0, 1.0]),
        input_weight=1e-6,
        horizon=20,
        input_bounds=(-3000, 3000),
        parameter_bounds=([-2, -2, -2, -20], [2, 2, 2, 20]),
        parameters=parameters,
        plan=ControlHorizon(2),
    )


@pytest.mark.parametrize("disturbed", [True, False])
def test_a_step_of_the_feed_moves_the_reactors_temperature_for_a_while_only(run, temperature, disturbed):
    model = with_input_disturbance(temperature) if disturbed else temperature
    unmeasured = (Disturbance([-3000], [3000]),) if disturbed else ()
    problem = reactor(model, (Setpoint([-5], [5]), *unmeasured))
    noise = ([[10.0]],) if disturbed else ()
    estimator = KalmanFilter(model, np.diag([1e-6, 1e-6, 1e-6, 1e-2]), 1e-3, *noise)
    truth = LinearModel(model.A, model.B, 1 / 60, C=model.C, E=[0.01, 0, 0, 0.1])  # mol/L and K per minute
    law = solve_explicit(problem) if disturbed else ImplicitMPC(problem)
    controller = MPCController(law, problem, setpoint=1.0, estimator=estimator)
    outputs, _, _ = run(controller, truth, 2500, d=[1.0])
    offset = np.abs(outputs[-1] - 1.0).max()
    assert offset < 1e-6 if disturbed else offset > 0.1


def test_the_pendulum_stands_upright_against_a_torque_that_nobody_measures():
    plant = clipped_pendulum()
    pushed = replace(plant, derivative=lambda x, u: pendulum_motion(x, u + 0.3), equilibrium=([0, 0], [-0.3]))
    model = with_input_disturbance(linearise(plant, outputs="angle"))
    problem = MPCProblem(
        model,
        state_weight=np.diag([1, 0.1]),
        input_weight=0.001,
        horizon=3,
        input_bounds=(-2, 2),
        parameter_bounds=([-2, -8], [2, 8]),
        parameters=(Setpoint([0.0]), Disturbance([-2], [2])),
    )
    estimator = KalmanFilter(model, np.diag([1e-6, 1e-4]), 1e-6, 1e-3)
    controller = MPCController(ImplicitMPC(problem), problem, estimator=estimator)
    path = simulate(pushed, controller, [[0.1, 0.0], [-0.05, 0.0]], steps=300)
    assert np.abs(path.states[:, -1]).max() < 1e-6
    assert path.inputs[:, -1] == pytest.approx(-0.3, abs=1e-6)
