"""Costs: weights of states, inputs, outputs, moves and products, discount, terminal weights; the law against cvxpy."""

import numpy as np
import pytest

from mpc import CrossWeight, Disturbance, MoveWeight, OutputWeight

OUTPUTS = OutputWeight(np.diag([2, 0.5]))
CROSS = CrossWeight([[0.3], [0.2]])
DIRECT = {"D": [[0.3], [0.0]]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"discount": 0.8},
        {"terminal_weight": np.zeros((2, 2))},
        {"terminal_weight": [[3, 1], [1, 2]], "discount": 0.9},
        {"costs": (MoveWeight(1.5),)},
        {"costs": (MoveWeight(1.5),), "input_weight": 0.0},
        {"costs": (CROSS,)},
        {"costs": (CROSS, MoveWeight(0.4)), "discount": 0.9},
    ],
    ids=["plain", "discount", "no end", "own end", "moves", "moves alone", "cross", "cross and moves"],
)
def test_weights(agreement, problem, changes):
    assert agreement(problem(**changes)).check() >= 3


@pytest.mark.parametrize("direct", [{}, DIRECT], ids=["D = 0", "D not 0"])
@pytest.mark.parametrize("measured", [(), (Disturbance(-1, 1),)], ids=["", "disturbance"])
def test_outputs(agreement, problem, models, direct, measured):
    _, around_a_point, _ = models
    assert agreement(problem(around_a_point(**direct), horizon=2, costs=(OUTPUTS,), parameters=measured)).check() >= 3


def test_everything_at_once(agreement, problem, models):
    _, around_a_point, _ = models
    costs = CROSS, OutputWeight(np.eye(2)), MoveWeight(0.4)
    assert agreement(problem(around_a_point(**DIRECT), horizon=2, discount=0.9, costs=costs)).check() >= 3


def test_three_states_and_two_inputs(agreement, problem, models):
    _, _, three_states = models
    limits = ([-1, -0.5], [1, 0.8])
    assert agreement(problem(three_states(), horizon=2, input_bounds=limits)).check() >= 3
    assert (
        agreement(problem(three_states(), horizon=1, input_bounds=limits, costs=(MoveWeight(np.eye(2)),))).check() >= 3
    )


def test_a_terminal_weight_of_ones_own_on_state_and_last_input(agreement, problem):
    weight = [[3, 1, 0.5], [1, 2, 0], [0.5, 0, 1]]
    assert agreement(problem(costs=(MoveWeight(1.5),), terminal_weight=weight)).check() >= 3
