"""The bound that the table of scenarios uses: nonlinear MPC's own plan where nothing changes, and never beaten."""

import numpy as np
import pytest

from benchmarks.hindsight import Hindsight, best_costs
from benchmarks.scenarios import HEAD, linear_mpc, offset_free_mpc, outcome, table
from mpc import NonlinearMPC, SingleStart
from plants import (
    Drift,
    Jump,
    Limited,
    Misread,
    Scaled,
    Scenario,
    Shifted,
    White,
    safety_cstr,
    simulate,
    with_constants,
)

STEPS = 15


@pytest.fixture(scope="module")
def plant():
    return safety_cstr()


@pytest.fixture(scope="module")
def hindsight(plant):
    return Hindsight(plant, STEPS)


def starts(plant, count=3):
    shift = np.random.default_rng(0).uniform([-0.05, -0.05, -0.05, -3], [0.05, 0.05, 0.05, 3], (count, 4))
    return plant.equilibrium[0] + shift


def test_where_constants_stay_it_is_the_plan_of_nonlinear_mpc_that_knows_them(plant, hindsight):
    scenario = Scenario(plant=plant, disturbances=Scaled("effectiveness", 0.6), steps=STEPS)
    run = simulate(scenario, linear_mpc(plant), starts(plant))
    told = with_constants(plant, effectiveness=0.6)
    planner = NonlinearMPC(told, horizon=STEPS, terminal_weight=np.zeros((4, 4)), guesses=SingleStart())
    plans = [planner.plan(start).cost for start in starts(plant)]
    np.testing.assert_allclose(best_costs(scenario, hindsight, run), plans, rtol=1e-6)


@pytest.mark.parametrize(
    "disturbances",
    [
        (Shifted("feed_temperature", Drift(10, memory=5)), Misread("temperature", White(0.5))),
        (Scaled("heat_transfer", Jump(0.0, at=5)), Limited("heat_transfer", 20, 100)),
    ],
)
def test_no_controller_beats_it(plant, hindsight, disturbances):
    scenario = Scenario(plant=plant, disturbances=disturbances, steps=STEPS)
    for controller in (linear_mpc(plant), offset_free_mpc(plant)):
        run = simulate(scenario, controller, starts(plant), seed=3)
        bound = best_costs(scenario, hindsight, run, seed=3)
        assert (run.total_cost >= bound * (1 - 1e-6)).all()
        assert (bound > 0).all()


def test_the_table_has_a_row_for_each_scenario(plant, hindsight):
    scenario = Scenario(plant=plant, name="fouled", disturbances=Scaled("effectiveness", 0.6), steps=STEPS)
    found = outcome(scenario, hindsight, count=2, seed=0)
    assert found.biased.total_cost.mean() <= found.linear.total_cost.mean()
    assert found.loss > 0
    lines = table([found]).splitlines()
    assert [line.count("|") for line in lines] == [len(HEAD) + 1] * 3
    assert lines[2].startswith("| fouled |")
