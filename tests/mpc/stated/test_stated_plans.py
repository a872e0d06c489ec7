"""Plans: inputs held over blocks, and corrections of a gain; cvxpy ties them by equalities of their own."""

import pytest

from mpc import ControlHorizon, CrossWeight, MoveBlocking, MoveBounds, MoveWeight, Prestabilised, Setpoint

GAIN = [[0.3, 0.8]]
CROSS = CrossWeight([[0.3], [0.2]])


@pytest.mark.parametrize(
    ("horizon", "plan", "more"),
    [
        (5, MoveBlocking((1, 1, 2)), {}),
        (4, MoveBlocking((2, 1)), {"constraints": (MoveBounds(-0.8, 0.8),)}),
        (5, ControlHorizon(2), {}),
        (3, Prestabilised(), {}),
        (3, Prestabilised(gain=GAIN), {}),
        (5, Prestabilised(plan=MoveBlocking((2, 2))), {}),
        (4, Prestabilised(gain=GAIN, plan=ControlHorizon(2)), {"costs": (MoveWeight(0.5),)}),
        (4, Prestabilised(plan=ControlHorizon(2)), {"costs": (MoveWeight(0.5), CROSS), "discount": 0.9}),
    ],
)
def test_plans(agreement, problem, horizon, plan, more):
    assert agreement(problem(horizon=horizon, plan=plan, **more)).check() >= 3


@pytest.mark.parametrize("preview", [False, True])
def test_a_gain_around_a_setpoint(agreement, problem, models, preview):
    integrator, _, _ = models
    setpoint = Setpoint(-2, 2, preview=preview)
    plan = Prestabilised(plan=ControlHorizon(1))
    assert agreement(problem(integrator(C=[[1, 0]]), horizon=3, plan=plan, parameters=(setpoint,))).check(12) >= 3
