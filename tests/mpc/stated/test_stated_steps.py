"""Limits at chosen steps, alone, soft and with room: the law and the QP online against cvxpy."""

import numpy as np
import pytest

from mpc import (
    InputBounds,
    InputPolytope,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    OutputPolytope,
    Soft,
    StateBounds,
    StatePolytope,
    Tightened,
)

FOUR = np.array([[1, 0.5], [-1, 0.3], [0.2, -1], [-0.3, 1]])
GAIN = [[0.4, 1.1]]
LIMITS = [
    StateBounds([-3, -0.6], [3, 0.5], steps=(2, 3)),
    InputBounds(-0.4, 0.3, steps=1),
    MoveBounds(-0.4, 0.3, steps=(0, 2)),
    StatePolytope(FOUR, [2, 2, 1, 1], steps=2),
    InputPolytope([[1], [-2]], [0.3, 0.8], steps=range(2)),
    MixedPolytope([[1, 0.5, 1], [-0.5, -1, 0.3]], [2, 1], steps=[0, 2]),
]


@pytest.mark.parametrize("constraint", LIMITS, ids=lambda constraint: type(constraint).__name__)
def test_limits_at_chosen_steps(agreement, problem, constraint):
    assert agreement(problem(constraints=(constraint,))).check() >= 3


@pytest.mark.parametrize("steps", [(0, 2), 1], ids=str)
@pytest.mark.parametrize("kind", [OutputBounds, OutputPolytope])
def test_outputs_that_inputs_act_on_at_once(agreement, problem, models, kind, steps):
    _, around_a_point, _ = models
    limits = ([-1, None], [3, 1.5]) if kind is OutputBounds else (FOUR, [5, 3, 2, 3])
    direct = around_a_point(D=[[0.3], [0.0]])
    assert agreement(problem(direct, constraints=(kind(*limits, steps=steps),))).check() >= 3


def test_soft_and_tightened_limits(agreement, problem, disturbances):
    end = StateBounds([-1, -0.5], [1, 0.5], steps=3)
    assert agreement(problem(constraints=(Soft(end, quadratic=20, linear=2),))).check() >= 3
    room = Tightened(MoveBounds(-1, 1, steps=(1, 2)), disturbance=disturbances, residual=0.05, gain=GAIN)
    later = Tightened(StateBounds([-4, -1], [4, 1], steps=(1, 3)), disturbance=disturbances, gain=GAIN)
    assert agreement(problem(constraints=(room, Soft(later, quadratic=20)))).check() >= 3


def test_only_the_chosen_step_binds(problem):
    """A start that no plan brings within the limit at step 1, but one does at step 3."""
    limit, theta = ([-5, -0.1], [5, 0.1]), [0.0, 2.0]
    late = problem(constraints=(StateBounds(*limit, steps=3),)).to_cvxpy().solve(theta)
    assert abs(late.states[3, 1]) <= 0.1 + 1e-9
    assert late.states[1, 1] >= 1.0 - 1e-9
