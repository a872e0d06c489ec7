"""Nonlinear MPC minimises a plant's own stage cost: against IPOPT by hand, the quadratic, and the linear law."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from mpc import (
    ImplicitMPC,
    NonlinearMPC,
    NumericalError,
    ProblemError,
    SingleStart,
    cheapest_rest,
    quadratised,
    regulator_problem,
    sampled_map,
)
from plants import Event, Plant, QuadraticCost, RungeKutta4, StageCost, clipped_pendulum, on_circle

STARTS = np.array([[0.2, 0.0], [-0.1, 0.8], [0.02, -0.5], [0.3, -0.4]])


def squared(x, u):
    return on_circle(x[0]) ** 2 + 0.1 * x[1] ** 2 + 0.001 * u[0] ** 2


def swing(x, u):
    return 1 - ca.cos(x[0]) + 0.05 * x[1] ** 2 + 0.0005 * u[0] ** 2 + 0.01 * ca.sin(x[0]) * u[0]


def resting(x):
    return 5 * ca.sin(x[0]) ** 2 + x[1] ** 2


@pytest.fixture(scope="module")
def pendulum():
    return clipped_pendulum()


@pytest.fixture(scope="module")
def swinger(pendulum):
    return replace(pendulum, cost=StageCost(swing, 2, 1, terminal=resting))


def by_hand(x, horizon, discount):
    """Return the least cost and first torque by single shooting: the pendulum's step, written out, in IPOPT."""
    torques, total = ca.SX.sym("torques", horizon), 0
    angle, rate = ca.SX(x[0]), ca.SX(x[1])
    for k in range(horizon):
        total += discount**k * swing(ca.vertcat(angle, rate), torques[k])
        rate = rate + 0.05 * (15 * ca.sin(angle) + 3 * torques[k])
        angle = angle + 0.05 * rate
    total += discount**horizon * resting(ca.vertcat(angle, rate))
    options = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes", "ipopt.tol": 1e-12}
    options["ipopt.bound_relax_factor"] = 0.0
    found = ca.nlpsol("by_hand", "ipopt", {"x": torques, "f": total}, options)(lbx=-2, ubx=2)
    return float(found["f"]), float(found["x"][0])


def test_it_minimises_the_cost_as_it_is(swinger):
    controller = NonlinearMPC(swinger, horizon=15, discount=0.97, guesses=SingleStart())
    for x in STARTS:
        cost, torque = by_hand(x, 15, 0.97)
        plan = controller.plan(x)
        assert plan.cost == pytest.approx(cost, abs=1e-9)
        assert plan.inputs[0, 0] == pytest.approx(torque, abs=1e-5)
        stages = swinger.cost.stage(plan.states[:-1], plan.inputs) @ 0.97 ** np.arange(15)
        end = 5 * np.sin(plan.states[-1, 0]) ** 2 + plan.states[-1, 1] ** 2
        assert plan.cost == pytest.approx(stages + 0.97**15 * end)
        assert controller.goal.cost(plan.states, plan.inputs) == pytest.approx(plan.cost)
    assert np.ptp(controller(STARTS)) > 1


def test_the_same_quadratic_by_hand_gives_the_same_inputs(pendulum):
    own = replace(pendulum, cost=StageCost(squared, 2, 1))
    ours, theirs = (NonlinearMPC(plant, horizon=20, guesses=SingleStart()) for plant in (own, pendulum))
    assert ours(STARTS) == pytest.approx(theirs(STARTS), abs=1e-8)
    assert ours.plan(STARTS[0]).cost == pytest.approx(theirs.plan(STARTS[0]).cost, abs=1e-10)


def test_a_plan_may_pass_the_seam_of_an_angle(pendulum):
    own = replace(pendulum, cost=StageCost(swing, 2, 1))
    plan = NonlinearMPC(own, horizon=40, guesses=SingleStart()).plan(np.array([3.1, 2.0]))
    assert plan.states[:, 0].max() > np.pi
    stages = own.cost.stage(own.wrap(plan.states[:-1]), plan.inputs).sum()
    assert 0 < plan.cost - stages < plan.cost


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_near_rest_it_is_the_linear_law(pendulum, discount):
    """The two differ by the third order of the state at most: ten times nearer, a hundred times less, or more."""
    plant = replace(pendulum, cost=StageCost(swing, 2, 1))
    problem = regulator_problem(plant, 10, rule=sampled_map, discount=discount)
    law = ImplicitMPC(problem)
    own = NonlinearMPC(
        plant, horizon=10, discount=discount, terminal_weight=problem.final_weight, guesses=SingleStart()
    )
    gaps = []
    for size in (0.1, 0.01):
        x = size * np.array([0.6, -0.8])
        gaps.append(abs(own(x) - law(x))[0])
        assert abs(law(x)[0]) > 5 * size
    assert gaps[1] < gaps[0] / 100 < 1e-4


class TestEconomic:
    """A tank that sells its level and pays for its flow: the cheapest rest is where its slope has a price."""

    @pytest.fixture(scope="class")
    @classmethod
    def tank(cls):
        """The tank rests at the level 1, where a linear part of the cost makes that the best of all rests."""
        rate, flow = 0.5 + 0.6, 0.7  # of the drain 0.5 x + 0.2 x^3, at 1
        gain = 2 * flow * rate + 0.3 * (flow + rate) + 0.2

        def cost(x, u):
            return -gain * x[0] + u[0] ** 2 + 0.3 * x[0] * u[0] + 0.1 * x[0] ** 2

        return Plant(
            name="tank",
            derivative=lambda x, u: [u[0] - 0.5 * x[0] - 0.2 * x[0] ** 3],
            state_names=["level"],
            state_units=["m"],
            input_names=["flow"],
            input_units=["m/s"],
            state_bounds=([-1], [4]),
            input_bounds=([-2], [5]),
            equilibrium=([1], [0.7]),
            sample_time=0.3,
            integrator=RungeKutta4(2),
            cost=StageCost(cost, 1, 1),
            start_bounds=([0.5], [1.5]),
        )

    @pytest.mark.parametrize("horizon", [2, 40])
    def test_the_linear_law_is_its_first_order(self, tank, horizon):
        """Also of a short horizon, after which only the Riccati cost of all weights goes on alike."""
        law = ImplicitMPC(regulator_problem(tank, 3, rule=sampled_map))
        own = NonlinearMPC(tank, horizon=horizon, guesses=SingleStart())
        gaps = []
        for size in (0.1, 0.01, 0.001):
            gaps.append(abs(own([1 + size]) - law([1 + size]))[0])
            assert abs(law([1 + size])[0] - 0.7) > 0.3 * size
        assert gaps[0] < 1e-3
        assert gaps[1] < gaps[0] / 50
        assert gaps[2] < gaps[1] / 50

    def test_the_end_of_a_plan_is_worth_its_price(self, tank):
        """With the price a plan rests at rest, however short it is; without it it sells the last level off."""
        short = NonlinearMPC(tank, horizon=2, guesses=SingleStart())
        assert short([1.0]) == pytest.approx([0.7], abs=1e-6)
        blind = NonlinearMPC(tank, horizon=2, terminal_weight=[[0.0]], guesses=SingleStart())
        assert abs(blind([1.0])[0] - 0.7) > 0.1
        assert abs(quadratised(tank).price[0]) > 1

    @pytest.mark.parametrize("level", [0.2, 1.6])
    def test_the_cheapest_rest_is_found_from_another(self, tank, level):
        elsewhere = replace(tank, equilibrium=([level], [0.5 * level + 0.2 * level**3]))
        state, flow = cheapest_rest(elsewhere)
        assert (state[0], flow[0]) == pytest.approx((1, 0.7), abs=1e-6)
        found = quadratised(elsewhere, at=(state, flow))
        assert found.price == pytest.approx(quadratised(tank).price, rel=1e-5)
        limited = replace(
            elsewhere, safe_limits=([-1], [0.8]), equilibrium=([0.2], [0.1016]), start_bounds=([0], [0.5])
        )
        state, flow = cheapest_rest(limited)
        assert state[0] == pytest.approx(0.8, abs=1e-6)
        with pytest.raises(ProblemError, match=r"at=cheapest_rest\(plant\), unless that lies at a limit"):
            quadratised(limited, at=(state, flow))

    def test_where_there_is_no_cheapest_rest_it_says_so(self, tank):
        with pytest.raises(ProblemError, match="`plant` is a StageCost, but a Plant is needed"):
            cheapest_rest(tank.cost)
        broken = replace(tank, cost=StageCost(lambda x, u: ca.sqrt(x[0] - 1) + u[0], 1, 1))
        with pytest.raises(NumericalError, match=r"no cheapest point of rest of 'tank' was found .*IPOPT"):
            cheapest_rest(broken)

    def test_a_rest_that_is_not_the_best_is_refused(self, tank):
        worse = replace(tank, equilibrium=([0.5], [0.275]))
        with pytest.raises(ProblemError, match=r"`terminal_weight` is None.*most cheaply.*StageCost with a `terminal`"):
            NonlinearMPC(worse, horizon=5)
        assert NonlinearMPC(worse, horizon=5, terminal_weight=[[0.0]]).goal.horizon == 5


def test_two_ends_are_refused(swinger):
    with pytest.raises(ProblemError, match="`terminal_weight` was given, and the plant's cost has a `terminal` of its"):
        NonlinearMPC(swinger, horizon=5, terminal_weight=np.eye(2))


def test_an_event_is_not_modelled(pendulum):
    """A reward for reaching an angle that is not on the way changes no plan."""
    cost = QuadraticCost(np.diag([1, 0.1]), 0.001, [0, 0], [0], angles=(0,))
    reward = replace(cost, event=Event("there", lambda x: x[0] - 0.25, cost=-1e6))
    own = [NonlinearMPC(replace(pendulum, cost=c), horizon=10, guesses=SingleStart()) for c in (cost, reward)]
    plans = [controller.plan(STARTS[0]) for controller in own]
    np.testing.assert_array_equal(plans[0].inputs, plans[1].inputs)


def test_a_barrier_is_never_crossed_and_beyond_it_there_is_no_plan(pendulum):
    def walled(x, u):
        return squared(x, u) - 0.01 * ca.log(0.22 - ca.sin(x[0]))

    plant = replace(pendulum, cost=StageCost(walled, 2, 1))
    controller = NonlinearMPC(plant, horizon=15, terminal_weight=np.eye(2), guesses=SingleStart())
    plan = controller.plan(np.array([0.15, 0.6]))
    assert plan.solved
    assert np.sin(plan.states[:, 0]).max() < 0.22
    free = NonlinearMPC(pendulum, horizon=15, terminal_weight=np.eye(2), guesses=SingleStart())
    assert np.sin(free.plan(np.array([0.15, 0.6])).states[:, 0]).max() > np.sin(plan.states[:, 0]).max()
    with pytest.raises(NumericalError, match="no plan stands its check"):
        controller(np.array([1.0, 0.0]))
