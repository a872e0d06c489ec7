"""Limits: bounds and polytopes on states, inputs, outputs and moves, and where the last state must be."""

import numpy as np
import pytest

from mpc import (
    Disturbance,
    InputPolytope,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    OutputPolytope,
    Polyhedron,
    Setpoint,
    StatePolytope,
    TerminalOrigin,
    TerminalSet,
)

FOUR = np.array([[1, 0.5], [-1, 0.3], [0.2, -1], [-0.3, 1]])


@pytest.mark.parametrize(
    "constraint",
    [
        MoveBounds(-0.5, 0.4),
        StatePolytope(FOUR, [3, 3, 2, 2]),
        MixedPolytope([[1, 0.5, 1], [-0.5, -1, 0.3]], [3, 2]),
        TerminalSet(Polyhedron.from_bounds([-0.6, -0.3], [0.5, 0.4])),
        TerminalOrigin(),
    ],
    ids=lambda constraint: type(constraint).__name__,
)
def test_limits(agreement, problem, constraint):
    assert agreement(problem(constraints=(constraint,))).check(12) >= 3


@pytest.mark.parametrize("direct", [{}, {"D": [[0.3], [0.0]]}], ids=["D = 0", "D not 0"])
@pytest.mark.parametrize("constraint", [OutputBounds([-1, None], [4, 2]), OutputPolytope(FOUR, [5, 3, 2, 3])])
def test_outputs(agreement, problem, models, direct, constraint):
    _, around_a_point, _ = models
    assert agreement(problem(around_a_point(**direct), constraints=(constraint,))).check() >= 3
    parameters = (Disturbance(-1, 1),)
    assert (
        agreement(
            problem(around_a_point(**direct), horizon=2, parameters=parameters, constraints=(constraint,))
        ).check()
        >= 3
    )


def test_two_inputs_together(agreement, problem, models):
    _, _, three_states = models
    assert (
        agreement(problem(three_states(), horizon=2, constraints=(InputPolytope([[1, 1], [-1, 2]], [1, 0.9]),))).check()
        >= 3
    )


def test_around_an_operating_point_and_at_a_setpoint(agreement, problem, models):
    integrator, _, _ = models
    assert agreement(problem(integrator(state=[1, -0.5], input=[0.2]), constraints=(TerminalOrigin(),))).check(18) >= 3
    tracking = integrator(C=[[1, 0]])
    assert agreement(problem(tracking, parameters=(Setpoint(-1, 1),), constraints=(TerminalOrigin(),))).check(18) >= 3
