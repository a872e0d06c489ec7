"""The plan as one action: at birth MPC that plans every k samples, simulated by hand; then learners train on it."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MPCProblem, linearise, regulator_problem, sequence_law, solve_explicit
from plants import clipped_pendulum, safety_cstr, sequence_plant
from rl import DDPG, SVG, TD3, DDPGSettings, SVGSettings, TD3Settings, evaluate, plain_critic, train
from yann import YannActor, YannCritic


def pendulum_case():
    plant = clipped_pendulum()
    problem = MPCProblem(linearise(plant), np.diag([1, 0.1]), 0.001, 2, plant.state_bounds, plant.input_bounds)
    return plant, problem, 2, [[0.3, 0.0], [-0.1, 0.4]]


def reactor_case():
    plant = safety_cstr()
    problem = regulator_problem(plant, horizon=4, discount=0.99)
    return plant, problem, 4, plant.sample_starts(np.random.default_rng(0), 2)


def planned(plant, law, x, moves, decisions):
    """Return states and costs of every sample when `moves` inputs of each plan are carried out, then planned anew."""
    states, costs = [np.asarray(x)], []
    for _ in range(decisions):
        plan = law.solution(states[-1])[: moves * plant.m].reshape(moves, plant.m)
        for u in np.clip(plan, *plant.input_bounds):
            costs.append(float(plant.cost(states[-1], u)))
            states.append(plant.step(states[-1], u))
    return np.array(states), np.array(costs)


@pytest.mark.parametrize("case", [pendulum_case, reactor_case])
def test_the_untouched_actor_is_mpc_that_plans_every_k_samples(case):
    plant, problem, moves, starts = case()
    slow, actor = sequence_plant(plant, moves), YannActor.from_law(sequence_law(problem, moves))
    run = evaluate(actor, slow, starts=starts, steps=10).trajectory
    law = solve_explicit(problem)
    for i, start in enumerate(starts):
        states, costs = planned(plant, law, start, moves, 10)
        scale = np.abs(states).max(0)
        np.testing.assert_allclose(run.states[i] / scale, states[::moves] / scale, atol=1e-9)
        np.testing.assert_allclose(run.costs[i], costs.reshape(10, moves).sum(1), rtol=1e-9, atol=1e-9)


def unknowing(drift):
    """Return x+ = 1.2 x + u in steps of two samples, and the plan's actor of a model that takes it for 0.9 x + 2 u."""
    plant = drift(episode_steps=40)
    believed = replace(plant, update=lambda x, u: 0.9 * x + 2 * u)
    problem = MPCProblem(linearise(believed), 1, 0.1, 3, plant.state_bounds, plant.input_bounds, discount=0.95)
    return sequence_plant(plant, 2), YannActor.from_law(sequence_law(problem, 2), hidden=8)


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        (DDPG, DDPGSettings(exploration=0.2, batch_size=16)),
        (TD3, TD3Settings(exploration=0.2, batch_size=16)),
        (SVG, SVGSettings(horizon=3, batch_size=16, exploration=0.1, actor_learning_rate=0.01)),
    ],
)
def test_learners_train_on_it(drift, algorithm, settings):
    slow, actor = unknowing(drift)
    critic = YannCritic.from_problem(regulator_problem(slow, horizon=1, discount=0.95), hidden=8)
    training = train(algorithm(actor, critic, settings), slow, episodes=2, seeds=[0, 1], test_starts=[[0.4], [0.2]])
    assert training.episodes == 2
    assert np.isfinite(training.log.test_costs).all()
    assert (training.log.test_costs[:, -1] != training.log.test_costs[:, 0]).all()


def test_what_the_model_got_wrong_is_learned(drift):
    slow, actor = unknowing(drift)
    settings = SVGSettings(horizon=3, batch_size=16, exploration=0.1, actor_learning_rate=0.01, discount=0.95)
    agent = SVG(actor, plain_critic(slow, (16, 16)), settings)
    training = train(agent, slow, episodes=15, seeds=[0, 1], test_starts=[[0.4], [0.2], [0.5]])
    before, after = training.log.test_costs[:, 0].mean(1), training.log.test_costs[:, -1].mean(1)
    best = evaluate(YannActor.from_law(_right(slow)), slow, starts=[[0.4], [0.2], [0.5]]).costs.mean()
    assert ((before - after) / (before - best) > 0.8).all(), (before, after, best)


def _right(slow):
    """Return the law of the plant's own model, found for the slow plant itself."""
    return solve_explicit(regulator_problem(slow, horizon=2, discount=0.95))
