"""Networks of laws with parameters of one's own say what cvxpy says; the critic says that it does not know them."""

import numpy as np
import pytest
import torch

from mpc import LinearCost, LinearModel, MPCProblem, OwnParameter, ParametricPolytope, Setpoint, solve_explicit
from yann import YannActor, YannCritic
from yann.errors import NetworkError

MODEL = LinearModel([[1, 1], [0, 1]], [[0.5], [1]], 1.0, C=[[1, 0]])
PRICE = LinearCost([0.2, 0], 0.5, "price")
CEILING = ParametricPolytope([0.0], state=[[1, 0]], parameters={"ceiling": [1]})


def problem(**changes) -> MPCProblem:
    return MPCProblem(MODEL, np.eye(2), 0.5, 2, ([-5] * 2, [5] * 2), (-1, 1), **changes)


@pytest.mark.parametrize("preview", [False, True], ids=["one", "preview"])
def test_the_network_says_what_cvxpy_says(preview):
    parameters = OwnParameter("price", -1, 2, preview=preview), OwnParameter("ceiling", 1, 4), Setpoint(-1, 1)
    full = problem(parameters=parameters, costs=(PRICE,), constraints=(CEILING,))
    law, statement = solve_explicit(full), full.to_cvxpy()
    drawn = np.random.default_rng(0).uniform(*full.layout.bounds, (30, law.t))
    inside = drawn[np.asarray(law.locate(drawn).margin) > 1e-6]
    assert len(inside) > 5
    inputs = YannActor.from_law(law)(torch.as_tensor(inside)).detach().numpy()
    assert inputs == pytest.approx(np.array([statement.solve(theta).first for theta in inside]), abs=1e-8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parameters": (OwnParameter("price", 0, 1),)}, r"`problem` has parameters \(OwnParameter\), but this critic"),
        (
            {"costs": (LinearCost(input=1.0),)},
            r"`problem` has costs \(LinearCost\), but this critic knows quadratic costs of",
        ),
    ],
)
def test_the_critic_does_not_know_them(changes, words):
    with pytest.raises(NetworkError, match=words):
        YannCritic.from_problem(problem(**changes))
