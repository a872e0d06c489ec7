"""What is known makes the response better: measured disturbances are met as they come, previews before they come."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    Disturbance,
    EveryStep,
    ImplicitMPC,
    MoveWeight,
    MPCController,
    MPCProblem,
    PreviousInput,
    Setpoint,
    four_tank,
    with_input_disturbance,
)
from mpc.targets import target_maps

RAIN = replace(
    four_tank(), E=np.array([[0.3], [0], [0], [0]]), F=None, disturbance=None,
    disturbance_names=("inflow to tank 1",), disturbance_units=("cm/step",),
)  # fmt: skip

MOVES = (MoveWeight(np.eye(2)),)


def total_cost(problem, path, goals, rain=None):
    """The stage costs of a whole run, measured as the problem does from the steady state of r_k and d_k, and moves."""
    _, inputs, states = path
    model, before, total = problem.model, problem.model.input, 0.0
    maps = target_maps(model, [0, 1], problem.state_weight, problem.input_weight)
    for k, u in enumerate(inputs):
        target = maps.of_setpoint @ (goals[min(k, len(goals) - 1)] - model.output)
        target = target if rain is None else target + maps.of_disturbance @ rain(k)
        s, v, move = states[k] - model.state - target[:4], u - model.input - target[4:], u - before
        total += s @ problem.state_weight @ s + v @ problem.input_weight @ v + move @ move
        before = u
    return total


def step_at(k0, before, after):
    return lambda k: np.array(before if k < k0 else after, dtype=float)


@pytest.fixture
def rainy(make_tank_problem):
    def build(*parameters) -> MPCProblem:
        given = (Setpoint([5, 5], [8, 8]), *parameters)
        return make_tank_problem(model=RAIN, parameters=given, costs=MOVES, plan=EveryStep())

    return build


def test_a_measured_disturbance_moves_the_outputs_less_and_a_preview_of_it_costs_less(run, rainy):
    goal, rain = RAIN.output, step_at(5, [0], [1])
    blind, seeing, ahead = rainy(), rainy(Disturbance([-2], [2])), rainy(Disturbance([-2], [2], preview=True))
    costs, largest = [], []
    for problem in (blind, seeing, ahead):
        known = None if problem is blind else rain
        controller = MPCController(ImplicitMPC(problem), problem, setpoint=goal, disturbance=known)
        path = run(controller, RAIN, 150, d=rain)
        costs.append(total_cost(problem, path, [goal], rain) if known else np.inf)
        largest.append(np.abs(path[0] - goal).max())
        assert (np.abs(path[0][-1] - goal).max() < 1e-6) == (problem is not blind)
    assert largest[1] < 0.4 * largest[0]
    assert costs[2] < 0.6 * costs[1]


def test_a_measured_and_an_unmeasured_disturbance_are_told_apart(run, make_tank_problem, make_tank_filter):
    model = with_input_disturbance(RAIN)
    problem = make_tank_problem(model=model, parameters=(Setpoint([5, 5], [8, 8]), Disturbance([-2] * 3, [2] * 3)))
    estimator = make_tank_filter(model, measured=("inflow to tank 1",))
    controller = MPCController(
        ImplicitMPC(problem), problem, setpoint=[6.5, 6.2], disturbance=step_at(120, [0], [1]), estimator=estimator
    )
    outputs, _, _ = run(controller, model, 300, d=lambda k: np.array([float(k >= 120), 0.2, -0.1]))
    assert np.abs(outputs[-1] - [6.5, 6.2]).max() < 1e-6
    assert np.abs(outputs[119] - [6.5, 6.2]).max() < 1e-3
    assert np.abs(outputs[120:] - [6.5, 6.2]).max() < 0.1


def test_a_preview_lowers_the_cost_of_a_step_of_the_setpoint(run, make_tank_problem):
    plain, goals = four_tank(), np.array([[6.2, 6.35]] * 15 + [[6.6, 6.1]])
    costs, moved = [], []
    for preview in (False, True):
        setpoint = Setpoint([5, 5], [8, 8], preview=preview)
        problem = make_tank_problem(model=plain, parameters=(setpoint,), costs=MOVES, plan=EveryStep())
        controller = MPCController(ImplicitMPC(problem), problem, setpoint=goals)
        path = run(controller, plain, 75)
        costs.append(total_cost(problem, path, goals))
        moved.append(np.flatnonzero(np.abs(path[1] - plain.input).max(axis=1) > 1e-9)[0])
    assert costs[1] < 0.6 * costs[0]
    assert moved == [15, 15 - problem.horizon]


def test_the_law_is_given_the_rows_ahead(make_tank_problem):
    read = []

    def law(theta):
        read.append(theta)
        return np.full((*theta.shape[:-1], 2), 3.0)

    model = RAIN
    parameters = (PreviousInput(), Setpoint([0, 0], [99, 99], preview=True), Disturbance([-99], [99], preview=True))
    problem = make_tank_problem(model=model, parameters=parameters, horizon=3)
    goals = np.arange(12.0).reshape(6, 2)
    controller = MPCController(law, problem, goals, lambda k: [k + 0.5], previous_input=[2.0, 2.5])
    memory = controller.start(2)
    for _ in range(5):
        _, memory = controller.step(np.tile(model.state, (2, 1)), memory)
    assert read[0].shape == (2, problem.layout.place("state").shape[1])
    assert read[0][1].tolist() == [*model.state, 2.0, 2.5, 2, 3, 4, 5, 6, 7, 0.5, 1.5, 2.5]
    assert read[4][0].tolist() == [*model.state, 3.0, 3.0, 10, 11, 10, 11, 10, 11, 4.5, 5.5, 6.5]


def test_a_preview_of_one_step_is_the_next_one(make_tank_problem):
    read = []

    def law(theta):
        read.append(theta)
        return np.full((*theta.shape[:-1], 2), 3.0)

    problem = make_tank_problem(
        model=four_tank(), parameters=(Setpoint([0, 0], [9, 9], preview=True),), horizon=1, plan=EveryStep()
    )
    controller = MPCController(law, problem, [[1, 2], [3, 4], [5, 6]])
    controller.step(four_tank().state[None], controller.start(1))
    assert read[0][0, 4:].tolist() == [3, 4]
