"""Linear MPC of the reactor: its linearisation, its laws, what they cost beside the nonlinear optimum, and safety."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    MPCController,
    MPCProblem,
    NearestRegion,
    NonlinearMPC,
    SingleStart,
    linearise,
    printed_reactor,
    solve_explicit,
)
from plants import reactor_scenarios, safety_cstr, simulate

REACTOR = safety_cstr()
REST, HELD = REACTOR.equilibrium
INITIAL = {-6.6: 296, -4.5: 111, -2.6: 31.5, 1.5: 10.1, 3.5: 59}  # cost of the law of Eq. 14 by T0 - 475 K
PAPER_STARTS = np.array([[0, 0, 0, t] for t in (*INITIAL, 4.9)] + [[0.05, 0, 0, 4]])


def controller(model, horizon=2):
    box = REST - np.array([2, 2, 2, 70]), REST + np.array([2, 2, 2, 5])
    problem = MPCProblem(model, 0.1 * np.eye(4), 1e-4, horizon, input_bounds=REACTOR.input_bounds, parameter_bounds=box)
    return MPCController(solve_explicit(problem), problem, outside=NearestRegion())


@pytest.fixture(scope="module")
def linear():
    return controller(linearise(REACTOR))


@pytest.fixture(scope="module")
def as_printed():
    """The law of the paper's Eq. 14, around the plant's steady state."""
    return controller(replace(printed_reactor(), state=REST, input=HELD))


@pytest.mark.paper
def test_the_linearisation_to_five_digits():
    model = linearise(REACTOR)
    A = [
        [0.95061, -0.00471, 0, -0.00028],
        [-0.04837, 0.99427, 0, -0.00028],
        [0, 0, 0.99898, 0],
        [0.69710, 0.06787, 0.00018, 1.00293],
    ]
    np.testing.assert_allclose(model.A, A, atol=6e-6)
    np.testing.assert_allclose(model.B, [[0], [0], [0], [-0.000716]], atol=6e-7)
    slow = np.sort(np.linalg.eigvals(REACTOR.jacobians(REST, HELD)[0]).real)
    np.testing.assert_allclose(slow, [-3.0763, -0.0709, -0.0613, -0.061], atol=1e-4)


@pytest.mark.paper
@pytest.mark.parametrize(("horizon", "regions"), [(2, 7), (3, 13), (4, 21), (5, 31)])
def test_regions_with_input_limits_only(horizon, regions):
    assert len(controller(linearise(REACTOR), horizon).law.regions)  # type: ignore[attr-defined] == regions


@pytest.mark.paper
def test_costs_of_the_initial_laws(linear, as_printed):
    starts = REST + PAPER_STARTS[:5]
    np.testing.assert_allclose(simulate(REACTOR, as_printed, starts).total_cost, list(INITIAL.values()), rtol=5e-3)
    np.testing.assert_allclose(simulate(REACTOR, linear, starts).total_cost, list(INITIAL.values()), rtol=1e-2)


@pytest.mark.paper
def test_almost_nothing_is_left_to_gain_on_the_nominal_plant(linear, as_printed):
    """Seven starts: .02 to .8 % with the law of Eq. 14, .005 to .06 % with the own."""
    starts = REST + PAPER_STARTS
    planner = NonlinearMPC(REACTOR, horizon=200, terminal_weight=np.zeros((4, 4)), guesses=SingleStart())
    best = np.array([planner.plan(start).cost for start in starts])
    np.testing.assert_allclose(best[:6], [296.16, 111.01, 31.39, 10.04, 59.01, 133.03], atol=0.01)
    printed, own = (simulate(REACTOR, law, starts).total_cost / best - 1 for law in (as_printed, linear))
    assert 2e-4 < printed.min() < printed.max() < 8e-3
    assert 0 < own.min() < own.max() < 8e-4


def test_linear_mpc_is_safe_from_a_thousand_recoverable_starts(linear, as_printed):
    starts = REACTOR.sample_starts(np.random.default_rng(5), 1000)
    for law in (linear, as_printed):
        run = simulate(REACTOR, law, starts)
        assert not run.unsafe.any()
        assert run.states[..., 3].max() < 480


@pytest.mark.parametrize(("name", "gain"), [("fouled-60", 0.3), ("fouled-75", 0.2), ("inlet+10", 0.2)])
def test_disturbed_plants_stay_safe_and_a_constant_more_cooling_gains_much(linear, name, gain):
    """Linear MPC pays at least that share more than itself with a bias: a loss that no bound need be trusted for."""
    scenario = reactor_scenarios()[name]
    starts = scenario.sample_starts(np.random.default_rng(0), 50)
    plain = simulate(scenario, linear, starts)
    biased = simulate(scenario, lambda x: linear(x) + (30 if name == "fouled-60" else 15), starts)
    assert not plain.unsafe.any()
    assert plain.total_cost.mean() / biased.total_cost.mean() - 1 > gain
