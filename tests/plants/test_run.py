"""Run: rows with clocks of their own, restarted one by one, each from its own generator."""

import numpy as np
import pytest

from plants import (
    Delayed,
    Event,
    Jump,
    Misread,
    PlantError,
    QuadraticCost,
    Scenario,
    Shifted,
    Uniform,
    White,
    four_tanks,
    simulate,
)
from plants.run import Run

NOISY = (Shifted("load", Uniform(-0.5, 0.5)), Misread("speed", White(0.1)), Delayed("force", 2))


def generators(seeds):
    return [np.random.default_rng(seed) for seed in seeds]


@pytest.fixture
def scenario(weighted_spring):
    return Scenario(plant=weighted_spring(), disturbances=NOISY)


def test_rows_do_not_know_of_each_other(scenario):
    starts = np.random.default_rng(0).normal(size=(4, 2))
    together = Run(scenario, starts, generators(range(4)), 10)
    alone = [Run(scenario, starts[i : i + 1], generators([i]), 10) for i in range(4)]
    for k in range(10):
        wanted = np.sin(np.arange(4) + k)[:, None]
        moves = together.move(wanted)
        for i, run in enumerate(alone):
            own = run.move(wanted[i : i + 1])
            assert np.array_equal(own.after[0], moves.after[i])
            assert np.array_equal(run.reading[0], together.reading[i])


def test_a_restarted_row_begins_a_new_episode_and_the_others_go_on(scenario):
    starts = np.zeros((3, 2))
    run, calm = (Run(scenario, starts, generators([5, 6, 7]), 20) for _ in range(2))
    for _ in range(4):
        run.move(np.full((3, 1), 0.5))
        calm.move(np.full((3, 1), 0.5))
    run.restart(np.array([False, True, False]), np.array([[0.3, 0.1]]))
    assert np.array_equal(run.clock, [4, 0, 4])
    assert np.array_equal(run.before[:, 0], [0.5, 0.0, 0.5])
    moves, other = run.move(np.full((3, 1), -1.0)), calm.move(np.full((3, 1), -1.0))
    assert np.array_equal(moves.after[[0, 2]], other.after[[0, 2]])
    assert moves.applied[1] == 0.0


def test_a_restarted_row_meets_what_its_generator_draws_next(scenario):
    run = Run(scenario, np.zeros((2, 2)), generators([1, 2]), 20)
    for _ in range(3):
        run.restart(np.array([False, True]), np.zeros((1, 2)))
    own = generators([2])
    for _ in range(3):
        Run(scenario, np.zeros((1, 2)), own, 20)
    last = Run(scenario, np.zeros((1, 2)), own, 20)
    assert np.array_equal(run.reading[1], last.reading[0])
    assert np.array_equal(run.move(np.zeros((2, 1))).after[1], last.move(np.zeros((1, 1))).after[0])


def test_rows_that_are_not_live_stay_with_their_clock_and_memory(scenario):
    run = Run(scenario, np.ones((2, 2)), generators([1, 2]), 20)
    live = np.array([True, False])
    for _ in range(4):
        run.move(np.ones((2, 1)), live)
    assert np.array_equal(run.state[1], [1, 1])
    assert np.array_equal(run.clock, [4, 0])
    assert run.move(np.ones((2, 1))).applied[:, 0].tolist() == [1.0, 0.0]


def test_a_row_that_has_ended_stays_where_it_was_in_charge(weighted_spring):
    plant = weighted_spring(safe_limits=([None, None], [1.2, None]))
    run = Run(Scenario(plant=plant), np.array([[1.19, 2.0], [0.0, 0.0]]), [], 5)
    moves = run.move(np.zeros((2, 1)))
    assert moves.unsafe.tolist() == moves.ended.tolist() == [True, False]
    assert moves.after[0, 0] > 1.2
    assert np.array_equal(run.state[0], [1.19, 2.0])


def test_a_jump_goes_by_the_clock_of_the_row(weighted_spring):
    scenario = Scenario(plant=weighted_spring(), disturbances=Shifted("load", Jump(1.0, at=2)))
    run = Run(scenario, np.zeros((2, 2)), generators([0, 1]), 10)
    run.move(np.zeros((2, 1)))
    run.restart(np.array([True, False]), np.zeros((1, 2)))
    speeds = [run.move(np.zeros((2, 1))).after[:, 1] for _ in range(3)]
    assert np.count_nonzero(speeds, axis=0).tolist() == [1, 2]


def docked(x):
    return 0.05 - x[0] ** 2 - x[1] ** 2


def test_an_event_ends_the_episode_at_its_own_cost(weighted_spring):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=50.0, event=Event("docked", docked, cost=-3.0))
    run = Run(Scenario(plant=weighted_spring(cost=cost)), np.array([[0.3, 0.0], [1.0, 0.0]]), [], 50)
    for _ in range(40):
        before = run.state.copy()
        moves = run.move(-run.state[:, 1:])
        stage = cost.stage(before, np.clip(-before[:, 1:], -1, 1))
        np.testing.assert_allclose(moves.cost, stage - 3.0 * moves.finished, atol=1e-13)
        assert np.array_equal(moves.finished, (moves.after**2).sum(-1) < 0.05)
        if moves.finished.any():
            break
    assert moves.finished.tolist() == [True, False]
    assert not moves.unsafe.any()


def test_rows_that_are_over_are_not_tried_again_where_they_ended(scenario, monkeypatch):
    asked = []
    step_rows = type(scenario.plant).step_rows
    monkeypatch.setattr(
        type(scenario.plant), "step_rows", lambda plant, x, *rest: asked.append(x.copy()) or step_rows(plant, x, *rest)
    )
    run = Run(scenario, np.full((2, 2), 0.7), generators([1, 2]), 20)
    run.move(np.ones((2, 1)), np.array([False, True]))
    assert np.array_equal(asked[0], [[0.0, 0.0], [0.7, 0.7]])


def test_equations_without_a_value_end_the_episode_though_caps_would_hide_them():
    plant = four_tanks()
    scenario = Scenario(plant=plant, disturbances=[Shifted("gravity", Jump(-20, at=3))])
    trajectory = simulate(scenario, lambda x: np.tile(plant.equilibrium[1], (len(x), 1)), np.full((2, 4), 0.2), 10)
    assert trajectory.failed.all()
    assert (trajectory.ended_at == 4).all()
    assert (trajectory.states[:, -1] > 0.1).all()
    assert np.isfinite(trajectory.costs).all()


def test_a_stage_cost_that_overflows_is_refused():
    plant = four_tanks()
    cost = QuadraticCost(1e308 * np.eye(4), np.eye(2), [1e9] * 4, [1, 1])
    with np.errstate(over="ignore"), pytest.raises(PlantError, match="finite number for each of 2 rows"):
        simulate(plant, lambda x: np.tile(plant.equilibrium[1], (len(x), 1)), np.full((2, 4), 0.2), 3, cost=cost)
