"""Norm costs: sums of amounts and largest amounts; of several minimisers any may be taken, at the same cost."""

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    Disturbance,
    MoveWeight,
    OutputWeight,
    Polyhedron,
    Prestabilised,
    Setpoint,
    Soft,
    StateBounds,
    TerminalSet,
    Tightened,
)

GAIN = [[0.4, 1.1]]
SPEED = StateBounds([None, -1], [None, 1])
WIDE = {"state_bounds": None, "parameter_bounds": ([-5, -3], [5, 3])}
ROWS = {"terminal_weight": [[1, 1], [0, 2], [1, -1]], "state_weight": [[1, 0.5], [0, 1]], "discount": 0.8}


@pytest.fixture(params=[1, np.inf], ids=["1", "inf"])
def norm(request):
    return request.param


@pytest.mark.parametrize(
    "changes",
    [
        {},
        ROWS,
        {"costs": (MoveWeight(1.5),)},
        WIDE | {"constraints": (Soft(SPEED, quadratic=0, linear=10),)},
        WIDE | {"constraints": (Soft(SPEED, quadratic=10, linear=1),)},
        {"horizon": 3, "plan": Prestabilised(gain=GAIN, plan=ControlHorizon(2))},
        {"constraints": (TerminalSet(Polyhedron.from_bounds([-0.6, -0.3], [0.5, 0.4])),)},
    ],
    ids=["plain", "any rows", "moves", "soft", "soft squared", "gain", "last state"],
)
def test_norms(agreement, problem, norm, changes):
    assert agreement(problem(norm=norm, **{"horizon": 2} | changes), unique=False).check(3) >= 3


@pytest.mark.parametrize("more", [{}, {"D": [[0.3], [0.0]]}], ids=["D = 0", "D not 0"])
def test_outputs(agreement, problem, models, norm, more):
    _, around_a_point, _ = models
    costs = (OutputWeight([[1, 1]]),)
    assert agreement(problem(around_a_point(**more), norm=norm, horizon=2, costs=costs), unique=False).check(3) >= 3


def test_parameters_and_room(agreement, problem, models, norm, disturbances):
    integrator, _, _ = models
    tracking = integrator(C=[[1, 0]], E=[[0.2], [0.1]])
    parameters = Setpoint(-2, 2), Disturbance(-0.1, 0.1)
    assert agreement(problem(tracking, norm=norm, horizon=1, parameters=parameters), unique=False).check(3) >= 3
    limits = (Tightened(StateBounds([-4, -1], [4, 1]), disturbance=disturbances, gain=GAIN),)
    assert agreement(problem(norm=norm, horizon=2, constraints=limits), unique=False).check(3) >= 3
