"""Parameters of one's own: prices and limits that move, known ahead or not; the law against cvxpy."""

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    Disturbance,
    LinearCost,
    MoveWeight,
    OutputWeight,
    OwnParameter,
    ParametricPolytope,
    Prestabilised,
    Setpoint,
    Soft,
    Tightened,
)

PRICE, SEEN = OwnParameter("price", -1, 2), OwnParameter("price", -1, 2, preview=True)
CEILING, AHEAD = OwnParameter("ceiling", 1, 4), OwnParameter("ceiling", 1, 4, preview=True)
BOUGHT = LinearCost([0.3, -0.2], 0.5, "price")
BELOW = ParametricPolytope([0.0], state=[[1, 0]], parameters={"ceiling": [1]})
WEDGE = ParametricPolytope([0.5, 0.2], state=[[2, 0.3], [0, -1]], parameters={"ceiling": [1, 0.2]})
MIXED = ParametricPolytope(
    [1.0, 0.2],
    state=[[1, 0], [0, 0]],
    input=[[0.3], [-1]],
    output=[[0, 0], [0, 0.3]],
    parameters={"ceiling": [0.5, 0], "price": [0, 0.5]},
)


@pytest.mark.parametrize(
    "changes",
    [
        {"costs": (LinearCost([0.3, -0.2], 1.0),)},
        {"costs": (LinearCost(input=[1.0], parameter="price"),), "parameters": (PRICE,)},
        {"costs": (BOUGHT, LinearCost([0.1, 0]), MoveWeight(0.3)), "parameters": (PRICE,), "discount": 0.9},
        {"costs": (LinearCost(state=[1, 0], parameter="price"),), "parameters": (SEEN,), "horizon": 2},
        {"costs": (BOUGHT,), "parameters": (SEEN,), "horizon": 1, "discount": 0.8},
        {"costs": (BOUGHT,), "parameters": (PRICE,), "plan": Prestabilised(plan=ControlHorizon(2))},
    ],
    ids=["fixed", "of inputs", "with others", "known ahead", "ahead of one", "prestabilised"],
)
def test_prices(agreement, problem, changes):
    assert agreement(problem(**changes)).check() >= 3


@pytest.mark.parametrize("direct", [{}, {"D": [[0.3], [0.0]]}], ids=["D = 0", "D not 0"])
def test_prices_around_an_operating_point_with_a_setpoint_and_a_disturbance(agreement, problem, models, direct):
    _, around_a_point, _ = models
    changes = {"parameters": (SEEN, Setpoint([2.5], outputs="output0"), Disturbance(-1, 1)), "horizon": 2}
    found = agreement(problem(around_a_point(**direct), costs=(BOUGHT, OutputWeight(np.eye(2))), **changes))
    assert found.law.parameter_names[2:] == ("disturbance0", *(f"price at step {k}" for k in range(3)))
    assert found.check() >= 3


@pytest.mark.parametrize(
    "changes",
    [
        {"constraints": (BELOW,), "parameters": (CEILING,)},
        {"constraints": (WEDGE,), "parameters": (AHEAD,), "horizon": 2},
        {"constraints": (Soft(BELOW, quadratic=3, linear=1),), "parameters": (AHEAD,), "horizon": 2},
        {"constraints": (Soft(WEDGE, quadratic=3, shared=False),), "parameters": (CEILING,), "horizon": 2},
        {"constraints": (Tightened(WEDGE, residual=0.1, gain=[[0.3, 0.9]]),), "parameters": (AHEAD,), "horizon": 2},
    ],
    ids=["ceiling", "known ahead", "soft", "soft one by one", "tightened"],
)
def test_limits_that_move(agreement, problem, changes):
    assert agreement(problem(**changes)).check() >= 3


def test_limits_that_move_at_chosen_steps(agreement, problem):
    late = ParametricPolytope([0.0], state=[[1, 0]], parameters={"ceiling": [0.3]}, steps=3)
    some = ParametricPolytope([0.2], input=[[1]], parameters={"ceiling": [0.2]}, steps=(0, 2))
    assert agreement(problem(constraints=(late, some), parameters=(AHEAD,))).check() >= 3


@pytest.mark.parametrize("direct", [{}, {"D": [[0.3], [0.0]]}], ids=["D = 0", "D not 0"])
def test_limits_of_states_inputs_and_outputs_together(agreement, problem, models, direct):
    _, around_a_point, _ = models
    parameters = PRICE, Disturbance(-1, 1), CEILING
    changes = {"parameters": parameters, "constraints": (MIXED,), "costs": (BOUGHT,), "horizon": 2}
    found = agreement(problem(around_a_point(**direct), **changes))
    assert found.law.parameter_names[2:] == ("disturbance0", "price", "ceiling")
    assert found.check() >= 3


def test_limits_of_outputs_alone(agreement, problem, models):
    _, around_a_point, _ = models
    for direct in ({}, {"D": [[0.3], [0.1]]}):
        limit = ParametricPolytope([0.5], output=[[1, 0.4]], parameters={"ceiling": [1]})
        assert (
            agreement(problem(around_a_point(**direct), horizon=2, constraints=(limit,), parameters=(CEILING,))).check()
            >= 3
        )


def test_two_inputs_and_three_states(agreement, problem, models):
    _, _, three_states = models
    shared = ParametricPolytope([0], input=[[1, 1]], parameters={"power": [1]})
    changes = {"constraints": (shared,), "costs": (LinearCost(input=[1, 0.5], parameter="price"),), "horizon": 1}
    assert agreement(problem(three_states(), parameters=(OwnParameter("power", 0.2, 2), PRICE), **changes)).check() >= 3


@pytest.mark.parametrize("norm", [1, np.inf])
def test_limits_that_move_in_other_norms(agreement, problem, norm):
    changes = {"constraints": (BELOW,), "parameters": (CEILING,), "horizon": 2, "norm": norm}
    assert agreement(problem(**changes), unique=False).check() >= 3
