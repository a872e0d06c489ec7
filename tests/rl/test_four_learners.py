"""What DDPG, TD3, SAC and DSAC-T share: an exact birth, stacks that equal single runs, and what they find."""

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_are

from mpc import MPCProblem, linearise, solve_explicit
from plants import clipped_pendulum
from rl import (
    DDPG,
    DSACT,
    SAC,
    TD3,
    Batch,
    DDPGSettings,
    DSACTSettings,
    SACSettings,
    TD3Settings,
    plain_actor,
    plain_critic,
    train,
)
from yann import YannActor, YannCritic

ALGORITHMS = [(DDPG, DDPGSettings), (TD3, TD3Settings), (SAC, SACSettings), (DSACT, DSACTSettings)]
NAMES = ["DDPG", "TD3", "SAC", "DSAC-T"]
all_four = pytest.mark.parametrize(("algorithm", "settings"), ALGORITHMS, ids=NAMES)


@pytest.fixture(scope="module")
def plant():
    return clipped_pendulum()


@pytest.fixture(scope="module")
def problem(plant):
    bounds = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2)}
    return MPCProblem(linearise(plant), state_weight=np.diag([1, 0.1]), input_weight=0.001, horizon=2, **bounds)


@pytest.fixture(scope="module")
def law(problem):
    return solve_explicit(problem)


@pytest.fixture(scope="module")
def yann(law, problem):
    return YannActor.from_law(law, hidden=8), YannCritic.from_problem(problem, hidden=16)


def random_batch(members, size=32, seed=4, discount=0.99):
    generator = np.random.default_rng(seed)
    x, u, after = (generator.uniform(-1, 1, (members, size, width)) for width in (2, 1, 2))
    cost = generator.uniform(0, 5, (members, size))
    return Batch(*map(torch.tensor, (x, u, cost, after, np.full((members, size), discount))))


@all_four
class TestBirth:
    def test_every_member_is_the_law(self, algorithm, settings, yann, law, plant):
        learner = algorithm(*yann, settings()).learner([5, 6, 7], plant)
        x = np.random.default_rng(0).uniform([-1.9, -7.9], [1.9, 7.9], (300, 2))
        x = x[np.asarray(yann[0].evaluate(x)[2], dtype=bool)]
        assert len(x) > 20
        inputs = learner.actor.rows(torch.tensor(x).expand(3, -1, -1)).detach().numpy()
        assert inputs == pytest.approx(np.tile(law(x), (3, 1, 1)), abs=1e-9)

    def test_every_critic_is_the_cost_to_go_of_mpc(self, algorithm, settings, yann, problem, plant):
        """At the LQR's input the critic is s'P s."""
        P = solve_discrete_are(problem.model.A, problem.model.B, np.diag([1, 0.1]), [[0.001]])
        A, B = problem.model.A, problem.model.B
        K = -np.linalg.solve(0.001 + B.T @ P @ B, B.T @ P @ A)
        x = np.random.default_rng(0).uniform(-0.1, 0.1, (50, 2))
        critics = algorithm(*yann, settings()).learner([5, 6, 7], plant).critics
        rows = torch.tensor(x).expand(critics.members, -1, -1)
        cost = critics.rows(rows, torch.tensor(x @ K.T).expand(critics.members, -1, -1)).detach().numpy()
        assert cost == pytest.approx(np.tile(((x @ P) * x).sum(1), (critics.members, 1)), abs=1e-9)

    def test_the_first_inputs_differ_by_noise_alone(self, algorithm, settings, yann, plant):
        learner = algorithm(*yann, settings(exploration=0.25)).learner([5], plant)
        x, normals = np.array([[0.05, -0.1]]), np.array([[0.4]])
        assert learner.explore(x, normals) - yann[0](x) == pytest.approx(0.25 * 2 * 0.4, abs=1e-12)


@all_four
@pytest.mark.parametrize("kind", ["plain", "yann"])
def test_a_stack_learns_what_its_members_learn_alone(algorithm, settings, kind, yann, plant):
    networks = yann if kind == "yann" else (plain_actor(plant, (16, 16)), plain_critic(plant, (16, 16)))
    agent = algorithm(*networks, settings(exploration=0.2, discount=0.99))
    batch = random_batch(3)
    stack, singles = agent.learner([4, 5, 6], plant), [agent.learner([seed], plant) for seed in (4, 5, 6)]
    for _ in range(20):
        together = stack.update(batch)
        apart = [single.update(Batch(*(part[i : i + 1] for part in batch))) for i, single in enumerate(singles)]
    assert together.critic.tolist() == pytest.approx([loss.critic.item() for loss in apart], abs=1e-9)
    for name, told in together.others.items():
        assert told.tolist() == pytest.approx([loss.others[name].item() for loss in apart], abs=1e-9)
    for i, single in enumerate(singles):
        for name, weights in stack.weights.items():
            for mine, theirs in zip(weights, single.weights[name], strict=True):
                assert torch.allclose(mine[i::3], theirs, atol=1e-10), name


@all_four
def test_training_keeps_inputs_within_their_bounds_and_repeats(algorithm, settings, yann, plant):
    agent = algorithm(*yann, settings(exploration=0.5))
    first, again = (train(agent, plant, episodes=1, steps=90, seeds=seeds) for seeds in ((1, 2), (2,)))
    x = np.random.default_rng(0).uniform([-3, -8], [3, 8], (200, 2))
    assert np.abs(first.actors[1](x)).max() <= 2.0
    assert first.actors[1](x) == pytest.approx(again.actors[0](x), abs=1e-8)
    assert (first.actors[1](x) != yann[0](x)).any()


@pytest.mark.slow
@all_four
def test_it_finds_the_riccati_gain(algorithm, settings, linear_actor, quadratic_critic, drift):
    """x+ = 1.2 x + u, x^2 + .1 u^2, gamma .5; next to no noise, since z'H z has no constant that noise would add."""
    plant, gamma = drift(input_bounds=([-20], [20])), 0.5
    root = np.sqrt(gamma)
    P = solve_discrete_are([[1.2 * root]], [[root]], [[1.0]], [[0.1]])
    K = -gamma * 1.2 * P / (0.1 + gamma * P)
    quiet = {"temperature": 1e-6, "temperature_learning_rate": 0, "soft_target": False, "exploration": 0.00101}
    if algorithm in (DDPG, TD3):
        quiet = {"target_noise": 0.0} if algorithm is TD3 else {}
    rates = {"actor_learning_rate": 0.01, "critic_learning_rate": 0.02, "polyak": 0.1, "discount": gamma}
    agent = algorithm(linear_actor(-0.5), quadratic_critic(np.eye(2), 1), settings(**rates, **quiet))
    learner = agent.learner([0], plant)
    for seed in range(1500):
        generator = np.random.default_rng(seed)
        x, u = generator.normal(size=(2, 1, 40, 1))
        cost = (x**2 + 0.1 * u**2)[..., 0]
        learner.update(Batch(*map(torch.tensor, (x, u, cost, 1.2 * x + u, np.full((1, 40), gamma)))))
    assert learner.actor.layer.weight.item() == pytest.approx(K.item(), abs=0.01)


@all_four
def test_taking_back_a_member_leaves_no_trace_of_its_learning(algorithm, settings, plant):
    agent = algorithm(plain_actor(plant, (4,)), plain_critic(plant, (4,)), settings(actor_learning_rate=0.05))
    learner, fresh = agent.learner([5, 6], plant), agent.learner([5, 6], plant)
    for _ in range(6):
        learner.update(random_batch(2))
    learned = learner.actor.member(0)
    learner.take_back(1, fresh.actor.member(1))
    spreads = [(name, getattr(learner, name, None)) for name in ("spread", "target_spread")]
    for name, network in (("actor", learner.actor), ("target_actor", learner.target_actor), *spreads):
        if network is None:
            continue
        pairs = zip(network.parameters(), getattr(fresh, name).parameters(), strict=True)
        same = [[torch.equal(mine[i], born[i]) for i in (0, 1)] for mine, born in pairs]
        assert all(back for _, back in same)
        assert not all(other for other, _ in same) or (algorithm is SAC and name == "target_actor")
    assert all(
        torch.equal(*pair) for pair in zip(learner.actor.member(0).parameters(), learned.parameters(), strict=True)
    )
    moments = [learner.actor_step.state[weight]["exp_avg"] for weight in learner.weights["actor"]]
    assert all((moment[1] == 0).all() for moment in moments)
    assert any((moment[0] != 0).any() for moment in moments)
