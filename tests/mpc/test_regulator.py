"""The linear problem of a plant equals the one written by hand."""

from dataclasses import fields, replace

import casadi as ca
import numpy as np
import pytest

from mpc import (
    ImplicitMPC,
    MoveWeight,
    MPCProblem,
    ProblemError,
    linearise,
    quadratised,
    regulator_problem,
    sampled_map,
    solve_explicit,
)
from plants import StageCost, clipped_pendulum
from yann import YannCritic
from yann.errors import NetworkError

LIMITS = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": ([-2], [2])}


@pytest.fixture
def pendulum():
    return clipped_pendulum()


@pytest.fixture
def leaning(pendulum):
    """The pendulum with a cost that weighs angle and torque together."""

    def cost(x, u):
        return 2 * (1 - ca.cos(x[0])) + 0.1 * x[1] ** 2 + 0.02 * ca.sin(x[0]) * u[0] + 0.001 * u[0] ** 2

    return replace(pendulum, cost=StageCost(cost, 2, 1))


def test_it_is_the_problem_written_by_hand(pendulum):
    ours = regulator_problem(pendulum, 2, discount=0.95)
    hand = MPCProblem(linearise(pendulum), np.diag([1, 0.1]), 0.001, 2, **LIMITS, discount=0.95)
    for field in fields(MPCProblem):
        if field.name not in ("model", "plan", "layout"):
            np.testing.assert_equal(getattr(ours, field.name), getattr(hand, field.name), field.name)
    np.testing.assert_array_equal(ours.model.A, hand.model.A)
    assert solve_explicit(ours).digest == solve_explicit(hand).digest


def test_half_the_cost_gives_the_same_law(pendulum):
    """1 - cos is to second order half the angle squared."""
    half = StageCost(lambda x, u: 1 - ca.cos(x[0]) + 0.05 * x[1] ** 2 + 0.0005 * u[0] ** 2, 2, 1)
    problem = regulator_problem(replace(pendulum, cost=half), 2)
    law, other = solve_explicit(problem), solve_explicit(regulator_problem(pendulum, 2))
    points = np.random.default_rng(0).uniform([-0.2, -1], [0.2, 1], (50, 2))
    assert law(points) == pytest.approx(other(points), abs=1e-9)
    assert YannCritic.from_problem(problem)([0.1, 0.2], [0.3]) > 0


def test_products_of_states_and_inputs_are_kept(leaning):
    problem = regulator_problem(leaning, 3)
    assert [type(cost).__name__ for cost in problem.costs] == ["CrossWeight"]
    assert problem.stage.cross == pytest.approx(np.array([[0.01], [0]]))
    with_moves = regulator_problem(leaning, 3, costs=[MoveWeight(0.1)])
    assert [type(cost).__name__ for cost in with_moves.costs] == ["CrossWeight", "MoveWeight"]
    with pytest.raises(NetworkError, match=r"`problem` has costs \(MoveWeight\)"):
        YannCritic.from_problem(with_moves)


def test_the_critic_of_a_cost_with_products_is_least_at_the_law(leaning):
    problem = regulator_problem(leaning, 3)
    critic, law = YannCritic.from_problem(problem), solve_explicit(problem)
    x = 1e-3 * np.random.default_rng(0).normal(size=(6, 2))
    best = critic(x, law(x))
    for step in (1e-3, -1e-3):
        assert (critic(x, law(x) + step) > best).all()
    slope = (critic(x, law(x) + 1e-4) - critic(x, law(x) - 1e-4)) / 2e-4
    assert slope == pytest.approx(0, abs=1e-9)


def test_other_arguments_are_passed_on(pendulum):
    problem = regulator_problem(
        pendulum, 3, rule=sampled_map, state_bounds=None, parameter_bounds=pendulum.state_bounds, max_variables=3
    )
    assert problem.state_bounds is None
    assert problem.max_variables == 3
    np.testing.assert_array_equal(problem.model.A, quadratised(pendulum, rule=sampled_map).model.A)
    assert not np.array_equal(problem.model.A, linearise(pendulum).A)
    at = regulator_problem(pendulum, 3, at=([0, 0], [0]), terminal_weight=np.eye(2))
    np.testing.assert_array_equal(at.final_weight, np.eye(2))
    assert ImplicitMPC(at)([0.1, 0]).shape == (1,)


def test_safe_limits_narrow_the_state_bounds(pendulum):
    guarded = replace(pendulum, safe_limits=([-3, -5], [3, None]), angles=())
    np.testing.assert_array_equal(regulator_problem(guarded, 2).state_bounds, ([-2, -5], [2, 8]))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"state_weight": 1}, "`state_weight` was given, but regulator_problem takes it from the plant"),
        ({"model": 1}, "`model` was given.*by hand"),
        ({"norm": 1}, "`norm` is 1, but the weights of a quadratic cost belong to norm 2"),
        ({"horizon": 0}, "`horizon` is 0"),
        ({"projected": "yes"}, "`projected` is a str"),
    ],
)
def test_what_does_not_fit_is_refused(pendulum, more, words):
    with pytest.raises(ProblemError, match=words):
        regulator_problem(pendulum, **{"horizon": 2} | more)


def test_a_cost_without_inputs_is_refused(pendulum):
    idle = replace(pendulum, cost=StageCost(lambda x, u: 1 - ca.cos(x[0]) + x[1] ** 2, 2, 1))
    with pytest.raises(ProblemError, match=r"`input_weight` must be positive definite.*add a small weight"):
        regulator_problem(idle, 2)
