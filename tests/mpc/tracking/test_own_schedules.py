"""Controllers are told parameters of one's own: constants, tables and functions of the step, known ahead or not."""

import numpy as np
import pytest

from mpc import (
    ImplicitMPC,
    LinearCost,
    LinearModel,
    MPCController,
    MPCProblem,
    OwnParameter,
    ParametricPolytope,
    ProblemError,
)

TANK = LinearModel([[0.9]], [[0.5]], 1.0, state_names=("level",), input_names=("pump",))
CEILING = ParametricPolytope([0.0], state=[[1.0]], parameters={"ceiling": [1]})
PAID = LinearCost(state=[-1.0], parameter="worth")


def made(preview=False, **schedules) -> MPCController:
    parameters = OwnParameter("ceiling", 0.2, 4, preview=preview), OwnParameter("worth", 0, 10)
    problem = MPCProblem(
        TANK, 0.1, 0.1, 4, parameter_bounds=([-5], [5]), parameters=parameters, constraints=(CEILING,), costs=(PAID,)
    )
    return MPCController(ImplicitMPC(problem), problem, **schedules)


def levels(controller, steps=9):
    memory, path = controller.start(1), [np.zeros(1)]
    for _ in range(steps):
        u, memory = controller.step(path[-1][None], memory)
        path.append(TANK.step(path[-1], u[0]))
    return np.array(path)[1:, 0]


def test_a_constant_needs_no_memory():
    controller = made(own={"ceiling": 1.5, "worth": [10]})
    assert not controller.needs_memory
    problem = controller.problem
    wanted = ImplicitMPC(problem)(problem.theta([0.3], ceiling=1.5, worth=10))
    assert controller([[0.3], [0.3]]) == pytest.approx(np.array([wanted, wanted]))
    assert levels(controller)[-1] == pytest.approx(1.5)


def test_a_table_and_a_function_move_the_limit_step_by_step():
    table = np.r_[[2.0] * 5, 1.0]
    for values in (table[:, None], lambda k: [table[min(k, 5)]]):
        controller = made(own={"ceiling": values, "worth": 10.0})
        assert controller.needs_memory
        assert levels(controller) == pytest.approx([*[2.0] * 5, *[1.0] * 4])


def test_a_preview_is_told_the_values_ahead():
    table = np.r_[[2.0] * 5, 1.0][:, None]
    controller = made(preview=True, own={"ceiling": table, "worth": 10.0})
    assert levels(controller) == pytest.approx([*[2.0] * 4, *[1.0] * 5])


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (None, r"`own\['ceiling'\]` is missing, but theta holds it: theta is \(level, ceiling, worth\)"),
        ({"ceiling": 1.0}, r"`own\['worth'\]` is missing"),
        ({"ceiling": 1.0, "worth": 1.0, "wrth": 1.0}, r"`own\['wrth'\]` was given, but nothing reads it"),
        ({"ceiling": 5.0, "worth": 1.0}, r"`own\['ceiling'\]` at step 0: ceiling is 5, outside the range \[0.2, 4\]"),
        ({"ceiling": [1, 2, 3], "worth": 1.0}, r"`own\['ceiling'\]` has shape \(3,\), but \(1,\) or \(steps, 1\)"),
        ({"ceiling": np.nan, "worth": 1.0}, r"`own\['ceiling'\]` is NaN"),
        (2.0, "`own` is a float, but a Mapping is needed; pass values by name"),
    ],
)
def test_wrong_values_are_named(own, words):
    with pytest.raises(ProblemError, match=words):
        made(own=own)
