"""The reactor's study: worlds, starts, baselines, settings."""

from dataclasses import replace

import numpy as np
import pytest

from plants import safety_cstr, simulate
from studies.cstr import BIASES, FOULED, CstrStudy, baselines, reactor_worlds, stored_reactor, temperature_grid
from studies.errors import StudyError
from studies.reactor_control import biased, linear_mpc
from studies.runs import recorded


@pytest.fixture(scope="module")
def case():
    return CstrStudy(steps=20).build()


def test_both_worlds_have_the_same_starts_agents_and_baselines_but_not_the_same_jacket(case):
    assert list(case.worlds) == ["nominal", FOULED]
    assert case.agents["nominal"].keys() == case.agents[FOULED].keys()
    assert [list(named)[::2] for named in case.baselines.values()] == [["linear MPC", "offset-free MPC"]] * 2
    input_, state = np.array([55.0]), case.plant.equilibrium[0]
    held = {name: simulate(world, lambda x: input_, state).states[-1, 3] for name, world in case.worlds.items()}
    assert held["nominal"] == pytest.approx(475, abs=1e-6)
    assert held[FOULED] > 475.2


def test_actors_begin_as_linear_mpc(case):
    law = linear_mpc(case.plant)
    for agent in case.agents[FOULED].values():
        np.testing.assert_allclose(agent.actor(case.starts), law(case.starts), atol=1e-9)


def test_the_best_bias_is_that_of_a_plain_search(case):
    world = replace(case.worlds[FOULED], steps=40)
    linear, starts = linear_mpc(world.plant), case.starts[:3]
    costs = {bias: simulate(world, biased(linear, world.plant, bias), starts).total_cost.mean() for bias in BIASES}
    assert f"linear MPC {min(costs, key=costs.get):+g}" == list(baselines(world, starts))[1]


def test_plans_in_hindsight_are_known_for_ten_hours_alone():
    stored = stored_reactor()
    assert stored.starts.shape == (20, 4)
    assert set(stored.best) >= set(reactor_worlds(safety_cstr(), 600))
    assert all((costs > 0).all() for costs in stored.best.values())
    assert np.isnan(CstrStudy(steps=20).build().best[FOULED]).all()


def test_stored_starts_lie_where_training_starts(case):
    lower, upper = case.worlds[FOULED].start_bounds
    assert ((case.starts >= lower) & (case.starts <= upper)).all()


def test_the_grid_is_at_rest_but_for_two(case):
    grid = temperature_grid(case.plant)
    rest = case.plant.equilibrium[0]
    assert (grid[:, 1:3] == rest[1:3]).all()
    assert (grid.min(axis=0)[[0, 3]] < rest[[0, 3]]).all()
    assert (grid.max(axis=0)[[0, 3]] > rest[[0, 3]]).all()


def test_quick_is_short_in_every_way():
    quick = CstrStudy().quick()
    assert (quick.seeds, quick.episodes) == (2, 4)
    assert quick.steps < CstrStudy().steps


def test_there_are_no_plain_networks_to_enlarge():
    with pytest.raises(StudyError, match="'cstr' has no plain networks; leave out --paper-networks"):
        CstrStudy().paper_sized()


@pytest.mark.parametrize("name", ["seeds", "episodes", "steps", "horizon", "block"])
def test_impossible_settings_are_named(name):
    with pytest.raises(StudyError, match=f"`{name}` is 0, but it must be at least 1"):
        CstrStudy(**{name: 0})


def test_a_stored_run_that_became_unsafe_ends_where_it_did():
    plant = safety_cstr()
    rest = plant.equilibrium[0]
    run = simulate(plant, lambda x: np.zeros((*x.shape[:-1], 1)), [rest, [*rest[:3], 479.5], [*rest[:3], 440.0]], 200)
    assert run.unsafe.tolist() == [True, True, False]
    again = recorded(plant, run.states, run.inputs)
    for name in ("states", "ended_at", "unsafe", "costs"):
        np.testing.assert_allclose(getattr(again, name), getattr(run, name), rtol=1e-12, err_msg=name)
