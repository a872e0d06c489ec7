"""Tightened limits: cvxpy leaves room by the dual program of each step's disturbance, the law by support functions."""

import pytest

from mpc import (
    InputBounds,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    Polyhedron,
    Setpoint,
    Soft,
    StateBounds,
    TerminalSet,
    Tightened,
    dlqr,
)

STATES = StateBounds([-4, -1], [4, 1])
INPUTS = InputBounds(-0.9, 0.9)
GAIN = dlqr([[1, 1], [0, 1]], [[0.5], [1]], [[1, 0], [0, 1]], [[0.5]])[0]


@pytest.mark.parametrize("gain", [None, GAIN], ids=["unanswered", "answered"])
def test_disturbances(agreement, problem, disturbances, gain):
    limits = tuple(Tightened(limit, disturbance=disturbances, gain=gain) for limit in (STATES, INPUTS))
    assert agreement(problem(constraints=limits)).check() >= 3


def test_disturbances_without_width(agreement, problem):
    flat = Polyhedron.from_bounds([0, -0.1], [0, 0.2])
    assert agreement(problem(constraints=(Tightened(STATES, disturbance=flat),))).check() >= 3


def test_residuals(agreement, problem):
    limits = Tightened(STATES, residual=0.1), Tightened(INPUTS, residual=[0.1])
    assert agreement(problem(constraints=limits)).check() >= 3


def test_moves_and_the_last_state(agreement, problem, disturbances):
    moves = Tightened(MoveBounds(-1, 1), disturbance=disturbances, residual=0.1, gain=GAIN)
    assert agreement(problem(constraints=(moves,))).check() >= 3
    end = TerminalSet(Polyhedron.from_bounds([-1, -1], [1, 1]))
    assert agreement(problem(constraints=(Tightened(end, disturbance=disturbances, gain=GAIN),))).check(12) >= 3


def test_outputs_and_mixed_limits(agreement, problem, models, disturbances):
    _, around_a_point, _ = models
    outputs = Tightened(OutputBounds([-1, -2], [4, 2]), disturbance=disturbances, residual=0.05, gain=GAIN)
    mixed = Tightened(MixedPolytope([[1, 0.5, 1], [-0.5, -1, 0.3]], [3, 2]), residual=0.05, gain=GAIN)
    assert agreement(problem(around_a_point(D=[[0.3], [0.0]]), constraints=(outputs, mixed))).check(12) >= 3


def test_soft_limits_with_room(agreement, problem, disturbances):
    soft = Soft(Tightened(STATES, disturbance=disturbances, gain=GAIN), quadratic=20, linear=2)
    assert agreement(problem(horizon=2, constraints=(soft,))).check() >= 3


@pytest.mark.parametrize("shared", [True, False])
def test_room_that_is_left_for_soft_limits(agreement, problem, disturbances, shared):
    errors = {"disturbance": disturbances, "residual": 0.05, "gain": GAIN}
    soft = Tightened(Soft(STATES, quadratic=20, linear=2, shared=shared), **errors)
    assert agreement(problem(horizon=2, constraints=(soft,))).check(12) >= 3


def test_with_a_setpoint(agreement, problem, models, disturbances):
    integrator, _, _ = models
    limits = (Tightened(STATES, disturbance=disturbances, gain=GAIN),)
    tracking = integrator(C=[[1, 0]])
    assert agreement(problem(tracking, horizon=2, parameters=(Setpoint(-2, 2),), constraints=limits)).check() >= 3


START = Polyhedron([[1, 0.3], [-1, 0.2], [0, 1], [0.1, -1]], [0.2, 0.2, 0.05, 0.05])


@pytest.mark.parametrize("gain", [None, GAIN], ids=["unanswered", "answered"])
def test_uncertain_first_states(agreement, problem, gain):
    limits = tuple(Tightened(limit, initial=START, gain=gain) for limit in (STATES, INPUTS))
    assert agreement(problem(constraints=limits)).check() >= 3


def test_uncertain_first_states_with_all_other_errors(agreement, problem, models, disturbances):
    _, around_a_point, _ = models
    errors = {"disturbance": disturbances, "residual": 0.05, "initial": START, "gain": GAIN}
    outputs = Tightened(OutputBounds([-1, -2], [4, 2]), **errors)
    mixed = Tightened(MixedPolytope([[1, 0.5, 1], [-0.5, -1, 0.3]], [3, 2], steps=(0, 1)), **errors)
    assert agreement(problem(around_a_point(D=[[0.3], [0.0]]), constraints=(outputs, mixed))).check(12) >= 3
    moves, soft = Tightened(MoveBounds(-1, 1), **errors), Soft(Tightened(STATES, **errors), quadratic=20, linear=2)
    assert agreement(problem(horizon=2, constraints=(moves, soft))).check() >= 3
