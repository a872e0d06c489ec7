"""Training on a cost of one's own that may end episodes: what is remembered is what was charged."""

import casadi as ca
import numpy as np
import pytest
import torch

from plants import Event, StageCost, simulate
from rl import DDPG, DDPGSettings, evaluate, plain_critic, train

GOAL = 0.9


def stage(x, u):
    return 1 - ca.exp(-(x[0] ** 2)) + 0.1 * u[0] ** 2


def beyond(x):
    return x[0] - GOAL


COST = StageCost(stage, 1, 1, violation_penalty=100, event=Event("full", beyond, cost=-5))


class Watched:
    """An agent whose learner keeps every batch that it learns from."""

    def __init__(self, agent):
        self.agent, self.batches = agent, []

    def __getattr__(self, name):
        return getattr(self.agent, name)

    def learner(self, seeds, plant):
        learner = self.agent.learner(seeds, plant)
        update = learner.update

        def watched(batch):
            self.batches.append(batch)
            return update(batch)

        learner.update = watched
        return learner


@pytest.fixture
def watched(plain_agent):
    """Return a maker of watched agents for a plant."""
    return lambda plant: Watched(plain_agent(plant, batch_size=16, warm_up=16, exploration=0.4))


def test_costs_are_the_formula_with_penalty_or_event(drift, watched):
    plant = drift(limit=1.0, cost=COST)
    agent = watched(plant)
    training = train(agent, plant, episodes=3, steps=40, seeds=[0, 1])
    x, u, cost, after, discount = (torch.cat(part, dim=1).numpy() for part in zip(*agent.batches, strict=True))
    unsafe, full = np.abs(after[..., 0]) > 1, (after[..., 0] > GOAL) & (after[..., 0] <= 1)
    formula = 1 - np.exp(-(x[..., 0] ** 2)) + 0.1 * u[..., 0] ** 2
    assert cost == pytest.approx(formula + 100 * unsafe - 5 * full, abs=1e-12)
    assert COST(x, u) == pytest.approx(formula, abs=1e-12)
    np.testing.assert_array_equal(discount, agent.discount * ~(unsafe | full))
    for kind in (unsafe, full, ~(unsafe | full)):
        assert kind.sum() > 10
    assert np.isfinite(training.log.critic_loss).all()


def test_an_event_ends_a_run_but_is_no_violation(drift, linear_actor):
    plant = drift(cost=COST, start_bounds=([0.8], [0.85]))
    agent = DDPG(linear_actor(0.1), plain_critic(plant, (4,)), DDPGSettings(warm_up=10**6, exploration=0.01))
    ledger = train(agent, plant, episodes=2, steps=40, seeds=[0, 1]).ledger
    assert (ledger.runs == 40).all()
    assert (ledger.cost < 0).all()
    assert not ledger.violations.any()
    assert not ledger.runaways.any()
    assert (ledger.first_violation == -1).all()


def test_tests_in_training_and_evaluations_cost_what_simulation_does(drift, plain_agent):
    plant, starts = drift(factor=1.0, limit=1.0, cost=COST), [[0.3], [0.89]]
    agent = plain_agent(plant)
    training = train(agent, plant, episodes=1, steps=10, seeds=[0], test_starts=starts)
    born = agent.actor.replicate([0]).member(0)
    run = simulate(plant, born, starts, 10)
    assert training.log.test_costs[0, 0] == pytest.approx(run.total_cost)
    found = evaluate(lambda x: 0 * x + 0.08, plant, starts=starts, steps=10)
    assert found.costs == pytest.approx(simulate(plant, lambda x: 0 * x + 0.08, starts, 10).total_cost)
    assert found.trajectory.finished.all()
    assert not found.violations.any()
