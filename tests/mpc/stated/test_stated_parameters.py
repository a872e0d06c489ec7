"""Parameters: setpoints and disturbances, known ahead or not, the previous input; the law against cvxpy."""

import numpy as np
import pytest

from mpc import Disturbance, MoveWeight, OutputWeight, PreviousInput, Setpoint

RANGE = Setpoint(-2, 2)
SEEN = Setpoint(-2, 2, preview=True)
FIRST = {"C": [[1, 0]], "E": [[0.2], [0.1]]}


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": (RANGE,), "horizon": 3},
        {"parameters": (SEEN,)},
        {"parameters": (SEEN,), "discount": 0.9, "horizon": 1},
        {"parameters": (Disturbance(-1, 1), RANGE)},
        {"parameters": (Disturbance(-0.5, 0.5, preview=True), SEEN), "discount": 0.9},
        {"parameters": (Disturbance(-1, 1), PreviousInput(-0.5, 0.5), RANGE), "costs": (MoveWeight(0.3),)},
    ],
    ids=["setpoint", "preview", "preview of one", "both", "both ahead", "all three"],
)
def test_setpoints(agreement, problem, models, changes):
    integrator, _, _ = models
    assert agreement(problem(integrator(**FIRST), **{"horizon": 2} | changes)).check() >= 3


@pytest.mark.parametrize("setpoint", [RANGE, SEEN], ids=["one", "preview"])
def test_setpoint_of_an_output_that_inputs_reach_at_once(agreement, problem, models, setpoint):
    integrator, _, _ = models
    model = integrator(C=[[1, 0.1]], D=[[0.4]], state=[1, -0.5], input=[0.2], output=[0.7])
    assert agreement(problem(model, horizon=2, parameters=(setpoint,), costs=(OutputWeight(2.0),))).check() >= 3


def test_fixed_setpoint_of_one_output_of_two(agreement, problem, models):
    _, around_a_point, _ = models
    fixed = Setpoint([2.5], outputs="output0")
    assert agreement(problem(around_a_point(), parameters=(fixed,))).check() >= 3
    costs = (OutputWeight(np.eye(2)),)
    assert (
        agreement(problem(around_a_point(), horizon=2, parameters=(fixed, Disturbance(-1, 1)), costs=costs)).check()
        >= 3
    )


def test_disturbance_known_ahead(agreement, problem, models):
    _, around_a_point, _ = models
    ahead = (Disturbance(-1, 1, preview=True),)
    assert (
        agreement(problem(around_a_point(), horizon=2, parameters=ahead, costs=(OutputWeight(np.eye(2)),))).check() >= 3
    )


def test_of_several_steady_states_the_least_weighed(agreement, problem, models):
    _, _, three_states = models
    assert agreement(problem(three_states(C=[[1, 0, 0]]), horizon=2, parameters=(Setpoint(-1, 1),))).check() >= 3


def test_outputs_named_in_another_order(agreement, problem, models):
    _, _, three_states = models
    turned = Setpoint([-1, -0.5], [1, 0.7], outputs=("output1", "output0"))
    found = agreement(problem(three_states(C=[[1, 0, 0], [0, 0, 1.0]]), horizon=1, parameters=(turned,)))
    assert found.law.parameter_names[3:] == ("setpoint of output1", "setpoint of output0")
    assert found.check() >= 3
