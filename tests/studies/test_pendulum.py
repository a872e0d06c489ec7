"""The pendulum study's settings, starts and stored figures."""

import numpy as np
import pytest

from mpc import solve_explicit
from plants import clipped_pendulum, simulate
from rl.core import NoCore, core_of
from studies.errors import StudyError
from studies.pendulum import PendulumStudy, pendulum_problem, printed_pendulum_problem
from studies.published import published_pendulum


@pytest.mark.paper
@pytest.mark.parametrize(
    ("problem", "counts"), [(pendulum_problem, [7, 13, 17, 19, 21]), (printed_pendulum_problem, [9, 19, 33, 51, 73])]
)
def test_region_counts_over_the_horizon(problem, counts):
    plant = clipped_pendulum()
    assert [len(solve_explicit(problem(plant, n)).regions) for n in range(2, 7)] == counts


@pytest.mark.paper
@pytest.mark.parametrize(("angle", "cost"), [(0.1, 0.07), (0.2, 0.32), (0.3, 0.86), (0.35, 1.40)])
def test_initial_cost_of_the_actor_is_that_of_linear_mpc(angle, cost):
    case = PendulumStudy().build()
    run = simulate(case.plant, case.agents["nominal"]["YANN-DDPG"].actor, [angle, 0.0])
    assert run.total_cost == pytest.approx(cost, abs=0.01)


@pytest.mark.paper
def test_easy_starts_cost_the_law_what_the_papers_easy_episodes_cost_at_first():
    published, case = published_pendulum(), PendulumStudy().build()
    ours = simulate(case.plant, case.agents["nominal"]["YANN-DDPG"].actor, published.starts[:8]).total_cost
    theirs = [published.table["yann_initial"][episode - 1] for episode in published.episode_of_start[:8]]
    np.testing.assert_allclose(ours, theirs, atol=0.02)


@pytest.mark.paper
def test_paper_sized_networks_have_the_papers_parameters():
    agent = PendulumStudy().paper_sized().build().agents["nominal"]["DDPG"]
    assert sum(p.numel() for p in agent.actor.parameters()) == 67_073
    assert sum(p.numel() for p in agent.critic.parameters()) == 67_329


@pytest.mark.paper
def test_averages_of_the_stored_table_are_those_that_the_paper_prints():
    table = published_pendulum().table
    printed = {"ddpg_initial": 1586.97, "ddpg_final": 28.42, "yann_initial": 270.99, "yann_final": 26.08}
    for column, average in printed.items():
        assert np.mean(table[column]) == pytest.approx(average, abs=0.006), column


def test_starts_are_eight_easy_two_hard_and_twenty_harder():
    starts = published_pendulum().starts
    assert starts.shape == (30, 2)
    assert (starts[:, 1] == 0).all()
    assert (np.abs(starts[:8, 0]) < 0.4).all()
    assert (np.abs(starts[8:, 0]) > 0.4).all()
    assert starts[10:, 0].sum() == pytest.approx(0, abs=1e-12), "the twenty come in mirrored pairs"


def test_best_known_is_even_in_the_angle_unknown_in_motion_and_jumps_where_the_torque_fails():
    best = published_pendulum().best_known
    angles = np.array([0.1, 0.41, 0.415, 0.45, 0.5])
    still = np.stack([angles, np.zeros(5)], axis=1)
    np.testing.assert_array_equal(best(still), best(-still))
    assert best(still)[1] < 3
    assert (best(still)[2:] > 123).all()
    assert np.isnan(best(np.array([[0.1, 1.0]]))).all()


def test_two_methods_keep_a_core_and_two_do_not():
    agents = PendulumStudy().build().agents["nominal"]
    cored = [name for name, agent in agents.items() if not isinstance(core_of(agent.actor), NoCore)]
    assert cored == ["YANN-TD3+core", "YANN-SVG+core"]
    assert set(agents) - set(cored) == {"DDPG", "YANN-DDPG"}


def test_blocks_hold_every_seed_once():
    blocks = PendulumStudy(seeds=25, first_seed=3, block=10).blocks
    assert [len(b) for b in blocks] == [10, 10, 5]
    assert [seed for block in blocks for seed in block] == list(range(3, 28))


@pytest.mark.parametrize("name", ["seeds", "episodes", "steps", "horizon", "block"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_impossible_settings_are_named(name, value):
    with pytest.raises(StudyError, match=f"`{name}`.*at least 1"):
        PendulumStudy(**{name: value})


@pytest.mark.parametrize("name", ["seeds", "episodes", "steps", "horizon", "block"])
def test_numbers_beyond_any_memory_are_refused_with_the_limit(name):
    with pytest.raises(StudyError, match=f"`{name}` is 100,001, but at most 100,000 are possible"):
        PendulumStudy(**{name: 100_001})


def test_negative_first_seed_is_refused():
    with pytest.raises(StudyError, match="`first_seed` is -1"):
        PendulumStudy(first_seed=-1)
