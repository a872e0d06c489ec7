"""Training in a world that is not nominal: seeds apart, readings learnt from, disturbances met anew in every run."""

import numpy as np
import pytest

from plants import Constant, Event, Misread, QuadraticCost, Scaled, Scenario, Shifted, Uniform, White
from rl import evaluate, train


def changing(x, u, p):
    return p.factor * x + p.gain * u


CONSTANTS = (Constant("factor", 1.1, "-"), Constant("gain", 1.0, "-"))
RANDOM = (Scaled("gain", Uniform(0.5, 1.5)), Misread("level", White(0.01)), Shifted("level", White(0.005)))


@pytest.fixture
def scenario(drift):
    """A plant with a random gain, noise and a noisy sensor."""
    return Scenario(plant=drift(update=changing, constants=CONSTANTS), name="wild", disturbances=RANDOM, steps=12)


def test_training_in_a_scenario_without_disturbances_is_training_on_the_plant(drift, plain_agent):
    plant = drift()
    agent = plain_agent(plant)
    alone = train(agent, plant, episodes=3, seeds=range(2), steps=10)
    calm = train(agent, Scenario(plant=plant, steps=10), episodes=3, seeds=range(2))
    assert np.array_equal(alone.ledger.cost, calm.ledger.cost)


def test_a_seed_learns_the_same_alone_and_among_others(scenario, plain_agent):
    agent = plain_agent(scenario.plant)
    several = train(agent, scenario, episodes=3, seeds=(3, 8, 5))
    alone = train(agent, scenario, episodes=3, seeds=(8,))
    np.testing.assert_allclose(several.ledger.cost[1], alone.ledger.cost[0], rtol=1e-9)
    x = np.linspace(-1, 1, 7)[:, None]
    np.testing.assert_allclose(several.actors[1](x), alone.actors[0](x), rtol=1e-7, atol=1e-9)


def test_what_a_seed_costs_in_tests_does_not_depend_on_the_others(scenario, plain_agent):
    agent, starts = plain_agent(scenario.plant), np.array([[0.4], [-0.2], [0.3]])
    several, alone = (
        train(agent, scenario, episodes=1, seeds=seeds, test_starts=starts).log for seeds in ((3, 8, 5), (8,))
    )
    np.testing.assert_allclose(several.test_costs[1], alone.test_costs[0], rtol=1e-7)


def test_every_episode_meets_a_gain_of_its_own(drift, linear_actor, plain_agent):
    plant = drift(update=changing, constants=CONSTANTS, start_bounds=([0.3], [0.3]))
    scenario = Scenario(plant=plant, disturbances=Scaled("gain", Uniform(0.5, 1.5)), steps=3)
    agent = plain_agent(plant)
    costs = train(agent, scenario, episodes=6, seeds=range(2)).ledger.cost
    assert len(np.unique(costs)) == costs.size


def test_an_event_ends_runs_that_are_no_violations(drift, plain_agent):
    event = Event("home", lambda x: 0.15 - x[0], cost=-1.0)
    cost = QuadraticCost(1, 0.1, [0], [0], violation_penalty=100.0, event=event)
    plant = drift(factor=0.5, limit=3.0, cost=cost, state_bounds=([-2], [2]))
    ledger = train(plain_agent(plant), plant, episodes=2, seeds=range(2), steps=15).ledger
    assert ledger.violations.sum() == 0
    assert ledger.cost.max() < 100.0
    assert ledger.cost.min() < 0.0


def test_evaluation_follows_from_its_seed(scenario, linear_actor):
    starts = np.full((5, 1), 0.4)
    first, again, other = (
        evaluate(linear_actor([[-0.5]]), scenario, starts=starts, seed=seed).costs for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first)) == 5


def test_the_learner_sees_readings(drift, linear_actor):
    plant = drift(update=changing, constants=CONSTANTS)
    scenario = Scenario(plant=plant, disturbances=Misread("level", 0.25), steps=4)
    path = evaluate(linear_actor([[-0.5]]), scenario, starts=[[0.4]]).trajectory
    np.testing.assert_allclose(path.inputs[..., 0], -0.5 * (path.states[:, :-1, 0] + 0.25), atol=1e-14)


def test_no_seed_of_training_draws_from_what_evaluation_draws_from(scenario, linear_actor, plain_agent, monkeypatch):
    keys, sequence = [], np.random.SeedSequence

    def spy(seed, spawn_key=()):
        keys.append(tuple(spawn_key))
        return sequence(seed, spawn_key=spawn_key)

    monkeypatch.setattr(np.random, "SeedSequence", spy)
    evaluate(linear_actor([[-0.5]]), scenario, starts=np.full((8, 1), 0.4))
    tested = {*keys}
    keys.clear()
    train(plain_agent(scenario.plant), scenario, episodes=1, seeds=(0,))
    worlds = {key for key in keys if len(key) > 1}
    assert len(tested) == 8
    assert worlds
    assert not tested & worlds
