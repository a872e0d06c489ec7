"""Networks of laws that read more than the state: the network's input is theta, and it says what cvxpy says."""

import numpy as np
import pytest
import torch

from mpc import (
    Disturbance,
    InputBounds,
    LinearModel,
    MoveWeight,
    MPCProblem,
    Polyhedron,
    Setpoint,
    Soft,
    StateBounds,
    Tightened,
    solve_explicit,
)
from yann import YannActor

TWO = {"A": [[0.9, 0.3, 0], [0, 1.05, 0.2], [0.1, 0, 0.8]], "B": [[0, 0.3], [0.4, 0], [0.2, 0.5]]}
INTEGRATOR = {"A": [[1, 1], [0, 1]], "B": [[0.5], [1]], "C": [[1, 0]], "E": [[0.2], [0.1]]}
LATE = StateBounds([-4, -2.5], [4, 2.5], steps=2)
UNCERTAIN = Tightened(
    InputBounds(-0.8, 0.8), initial=Polyhedron([[1, 0.3], [-1, 0.2], [0, 1], [0, -1]], [0.1] * 4), gain=[[0.4, 1]]
)
SPEED = Soft(StateBounds([None, -1], [None, 1]), quadratic=10, linear=5)


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (INTEGRATOR, {"parameters": (Setpoint(-2, 2), Disturbance(-1, 1)), "costs": (MoveWeight(0.3),)}),
        (INTEGRATOR, {"parameters": (Setpoint(-2, 2, preview=True),), "constraints": (SPEED,)}),
        (TWO | {"C": [[1, 0, 0]]}, {"parameters": (Setpoint(-1, 1),)}),
        (INTEGRATOR, {"norm": 1, "parameters": (Disturbance(-0.1, 0.1),)}),
        (INTEGRATOR, {"constraints": (LATE, UNCERTAIN)}),
    ],
    ids=["three parameters", "preview and soft", "two inputs", "1-norm", "chosen steps and an uncertain first state"],
)
def test_the_network_says_what_cvxpy_says(model, changes):
    linear = LinearModel(**model, sample_time=1.0)
    n, m = linear.n, linear.m
    limits = ([-5] * n, [5] * n), ([-1] * m, [1] * m)
    problem = MPCProblem(linear, np.eye(n), 0.5 * np.eye(m), 2, *limits, **changes)
    law, statement = solve_explicit(problem), problem.to_cvxpy()
    actor = YannActor.from_law(law)
    drawn = np.random.default_rng(0).uniform(*problem.layout.bounds, (15, law.t))
    inside = drawn[np.asarray(law.locate(drawn).margin) > 1e-6]
    assert len(inside) > 5
    inputs = actor(torch.as_tensor(inside)).detach().numpy()
    assert inputs == pytest.approx(np.array([statement.solve(theta).first for theta in inside]), abs=1e-8)
