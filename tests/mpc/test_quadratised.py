"""A plant's cost made quadratic: weights against differences, prices against the cost itself, refusals."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from scipy.optimize import brentq

from mpc import ProblemError, dlqr, quadratised, sampled_map
from plants import Plant, QuadraticCost, RungeKutta4, StageCost, clipped_pendulum


def swing(x, u):
    return 1 - ca.cos(x[0]) + 0.05 * x[1] ** 2 + 0.0005 * u[0] ** 2


def walled(x, u):
    return x[0] ** 2 + 0.1 * x[1] ** 2 + 0.01 * u[0] ** 2 - 0.3 * ca.log(1 - x[0] ** 2 / 4) + 0.02 * x[1] * u[0]


def profit(x, u):
    return -2 * x[0] + u[0] ** 2 + 0.3 * x[0] * u[0] + 0.1 * x[0] ** 2


def drained(level):
    """The flow that keeps a level."""
    return 0.5 * level + 0.2 * level**3


def tank(level, cost=profit, **changes):
    """A tank that drains the faster the fuller it is, resting at a level."""
    usual = {
        "name": "tank",
        "derivative": lambda x, u: [u[0] - drained(x[0])],
        "state_names": ["level"],
        "state_units": ["m"],
        "input_names": ["flow"],
        "input_units": ["m/s"],
        "state_bounds": ([-1], [4]),
        "input_bounds": ([-2], [5]),
        "equilibrium": ([level], [drained(level)]),
        "sample_time": 0.3,
        "integrator": RungeKutta4(2),
        "cost": cost if isinstance(cost, QuadraticCost) else StageCost(cost, 1, 1),
        "start_bounds": ([0.5], [1.5]),
    }
    return Plant(**usual | changes)


def best_level():
    """Return the level of least profit lost among all at which the tank rests, by the slope of the cost at rest."""

    def slope(x):
        rate = 0.5 + 0.6 * x**2
        return -2 + 2 * drained(x) * rate + 0.3 * (drained(x) + x * rate) + 0.2 * x

    return brentq(slope, 0.1, 3, xtol=1e-15)


@pytest.fixture
def pendulum():
    return clipped_pendulum()


def test_a_quadratic_cost_is_itself(pendulum):
    found = quadratised(pendulum)
    np.testing.assert_allclose(found.state_weight, np.diag([1, 0.1]), atol=1e-15)
    np.testing.assert_allclose(found.input_weight, [[0.001]], atol=1e-15)
    assert (found.value, found.lifted, found.cross_weight.any(), found.price.any()) == (0, 0, False, False)


@pytest.mark.parametrize("formula", [swing, walled])
def test_weights_are_half_the_differences_of_the_batched_cost(pendulum, formula):
    cost = StageCost(formula, 2, 1)
    found, e = quadratised(replace(pendulum, cost=cost)), 1e-4 * np.eye(3)

    def at(z):
        return float(cost(z[:2], z[2:]))

    half = np.array([[at(a + b) - at(a - b) - at(b - a) + at(-a - b) for b in e] for a in e]) / 8e-8
    ours = np.block([[found.state_weight, found.cross_weight], [found.cross_weight.T, found.input_weight]])
    assert ours == pytest.approx(half, abs=1e-6)
    assert found.cross_weight[1, 0] == pytest.approx(0.01 if formula is walled else 0, abs=1e-15)


def test_the_best_point_of_rest_has_a_price():
    """To second order the true cost of a state, less that of rest, is price's + s'P s: told by the cost summed up."""
    level = best_level()
    plant = tank(level)
    found = quadratised(plant, rule=sampled_map)
    weights = found.state_weight, found.input_weight, 1.0, found.cross_weight
    gain, worth = dlqr(found.model.A, found.model.B, *weights)
    assert found.value == pytest.approx(profit([level], [drained(level)]))

    def excess(s, gain):
        x, total = np.array([level + s]), 0.0
        for _ in range(300):
            u = plant.equilibrium[1] - gain[0] * (x - level)
            total += float(plant.cost(x, u)) - found.value
            x = plant.step(x, u)
        return total

    for s in (-1e-3, 1e-3):
        assert excess(s, gain) == pytest.approx(found.price[0] * s + worth[0, 0] * s**2, abs=2e-8)
        assert worth[0, 0] * s**2 > 1e-6
        assert excess(s, gain) < min(excess(s, gain + 0.1), excess(s, gain - 0.1))


def test_with_a_discount_the_best_point_of_rest_is_another():
    """The price of a level solves gradient = (1 - g A, -g B)'price: here its first line, and a cost made to fit."""

    def raw(x, u):
        return 3 * x[0] + 4 * x[0] ** 2 + u[0] ** 2 + 2 * x[0] * u[0]

    plant = tank(0.0, raw)
    A, B = sampled_map(plant, *plant.equilibrium)
    price = 3 / (1 - 0.9 * A[0, 0])
    balanced = tank(0.0, lambda x, u: raw(x, u) - 0.9 * B[0, 0] * price * u[0])
    assert quadratised(balanced, discount=0.9).price == pytest.approx([price])
    with pytest.raises(ProblemError, match="not where the plant rests most cheaply"):
        quadratised(balanced)


def test_another_point_of_rest_may_be_chosen(pendulum):
    point = [0.1, 0], [-5 * np.sin(0.1)]
    leaning = replace(pendulum, cost=replace(pendulum.cost, state_target=point[0], input_target=point[1]))
    with pytest.raises(ProblemError, match=r"pass at=\(cost.state_target, cost.input_target\), where the plant rests"):
        quadratised(leaning)
    found = quadratised(leaning, at=point)
    np.testing.assert_allclose(found.state_weight, np.diag([1, 0.1]), atol=1e-15)
    assert found.model.state[0] == 0.1
    assert not found.price.any()
    with pytest.raises(ProblemError, match="`at` is no steady state"):
        quadratised(pendulum, at=([1, 0], [0]))


def test_a_cost_that_curves_downwards_is_refused_or_lifted(pendulum):
    plant = replace(pendulum, cost=StageCost(lambda x, u: ca.cos(x[0]) + x[1] ** 2 + x[1] * u[0] + u[0] ** 2, 2, 1))
    with pytest.raises(ProblemError, match=r"downwards .*eigenvalue -2 along 1 angle .*projected=True.*NonlinearMPC"):
        quadratised(plant)
    found = quadratised(plant, projected=True)
    assert found.lifted == pytest.approx(2)
    np.testing.assert_allclose(found.state_weight, np.diag([0, 1]), atol=1e-12)
    assert found.cross_weight == pytest.approx(np.array([[0], [0.5]]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cost": StageCost(lambda x, u: ca.fabs(ca.sin(x[0])), 2, 1)}, "has a corner at state .*round it off"),
        (
            {"cost": StageCost(lambda x, u: x[1] ** 2 + (u[0] - 1) ** 2, 2, 1)},
            r"slope \(angle 0, rate 0, torque -2\).*not where the plant rests most cheaply",
        ),
        (
            {"cost": QuadraticCost(np.eye(2), 1, [0.5, 0], [0], angles=(0,))},
            r"its target, state \[0.5 0. \], input \[0.\], is no point of rest: give the cost the equilibrium",
        ),
    ],
)
def test_what_has_no_quadratic_is_refused(pendulum, change, words):
    with pytest.raises(ProblemError, match=words):
        quadratised(replace(pendulum, **change))


def test_arguments_of_another_kind_are_refused(pendulum):
    for call, words in (
        (lambda: quadratised(pendulum.cost), "`plant` is a QuadraticCost, but a Plant is needed"),
        (lambda: quadratised(pendulum, projected=1), "`projected` is a int"),
        (lambda: quadratised(pendulum, discount=1.5), "`discount` is 1.5"),
    ):
        with pytest.raises(ProblemError, match=words):
            call()
