"""DDPG held against closed forms: Bellman targets by hand, and the linear-quadratic problem."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag, solve_discrete_are, solve_discrete_lyapunov

from plants import clipped_pendulum
from rl import DDPG, Batch, DDPGSettings, TrainingError, plain_actor, plain_critic

A = np.array([[1.05, 0.1], [0.0, 0.9]])
B = np.array([[0.0], [0.3]])
Q, R = np.diag([1.0, 0.1]), np.array([[0.05]])


def riccati(discount):
    """Return the optimal gain K (u = K x) and the matrix H of the optimal Q(x, u), by scipy."""
    root = np.sqrt(discount)
    P = solve_discrete_are(root * A, root * B, Q, R)
    AB = np.hstack((A, B))
    H = block_diag(Q, R) + discount * AB.T @ P @ AB
    return -np.linalg.solve(H[2:, 2:], H[2:, :2]), H


def lq_batch(members=1, size=40, seed=0, discount=0.99):
    """Return random transitions of x+ = A x + B u with the quadratic cost; gamma stands at every end."""
    generator = np.random.default_rng(seed)
    x, u = generator.normal(size=(members, size, 2)), generator.normal(size=(members, size, 1))
    cost = ((x @ Q) * x).sum(-1) + ((u @ R) * u).sum(-1)
    parts = (x, u, cost, x @ A.T + u @ B.T, np.full((members, size), discount))
    return Batch(*map(torch.tensor, parts))


@pytest.fixture
def lq_agent(linear_actor, quadratic_critic):
    def make(K, H, **values):
        return DDPG(linear_actor(K), quadratic_critic(H, 2), DDPGSettings(**values))

    return make


@pytest.fixture
def plant(drift):
    return drift()


def gradient(network):
    return next(network.parameters()).grad[0].numpy()


class TestBellmanTargets:
    """One transition, gamma = .5, u = 3 x, Q = x^2 + 2 u^2: at x+ = 2 the target is 10 + .5 (4 + 2 * 36) = 48."""

    @pytest.fixture
    def loss(self, linear_actor, quadratic_critic, plant):
        def of(terminated, next_state=2.0):
            agent = DDPG(linear_actor(3), quadratic_critic(np.diag([1.0, 2.0]), 1), DDPGSettings(discount=0.5))
            one = torch.ones(1, 1, 1, dtype=torch.float64)
            batch = Batch(one, one, 10 * one[..., 0], next_state * one, 0.5 * (1 - terminated) * one[..., 0])
            return agent.learner([0], plant).update(batch).critic.item()

        return of

    def test_a_time_limit_bootstraps(self, loss):
        assert loss(terminated=0.0) == pytest.approx((48 - 3) ** 2, rel=1e-14)

    def test_a_termination_does_not(self, loss):
        assert loss(terminated=1.0) == pytest.approx((10 - 3) ** 2, rel=1e-14)

    def test_what_follows_a_termination_does_not_matter(self, loss):
        assert loss(terminated=1.0, next_state=1e6) == loss(terminated=1.0, next_state=0.0)

    def test_what_follows_is_the_targets_opinion(self, linear_actor, quadratic_critic, plant):
        """With targets u = x and Q = 5 u^2 in their place, x+ = 2 is worth 20: 10 + .5 * 20 against 3."""
        agent = DDPG(linear_actor(3), quadratic_critic(np.diag([1.0, 2.0]), 1), DDPGSettings(discount=0.5))
        learner = agent.learner([0], plant)
        learner.target_actor.layer.weight.data[:] = 1
        learner.target_critics.H.data[0] = torch.tensor([[0, 0], [0, 5]])
        one = torch.ones(1, 1, 1, dtype=torch.float64)
        batch = Batch(one, one, 10 * one[..., 0], 2 * one, 0.5 * one[..., 0])
        assert learner.update(batch).critic.item() == pytest.approx((20 - 3) ** 2)


class TestLinearQuadratic:
    @pytest.mark.parametrize("discount", [1.0, 0.95])
    def test_the_riccati_solution_is_a_fixed_point(self, lq_agent, plant, discount):
        K, H = riccati(discount)
        learner = lq_agent(K, H, discount=discount, critic_learning_rate=1e-15).learner([0], plant)
        losses = learner.update(lq_batch(discount=discount))
        assert losses.critic.item() < 1e-24
        assert np.abs(gradient(learner.critic)).max() < 1e-11
        assert np.abs(gradient(learner.actor)).max() < 1e-11

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(gain=st.lists(st.floats(-3, 3), min_size=2, max_size=2), seed=st.integers(0, 9))
    def test_the_actor_descends_the_policy_gradient(self, lq_agent, plant, gain, seed):
        """d/dK of the mean of Q(x, K x) over the batch is 2 (H_uu K + H_ux) mean(x x')."""
        _, H = riccati(0.99)
        K = np.array([gain])
        learner = lq_agent(K, H, critic_learning_rate=1e-15).learner([0], plant)
        batch = lq_batch(seed=seed)
        losses = learner.update(batch)
        x = batch.state[0].numpy()
        closed = 2 * (H[2:, 2:] @ K + H[2:, :2]) @ (x.T @ x) / len(x)
        assert gradient(learner.actor) == pytest.approx(closed, abs=1e-10, rel=1e-10)
        point = np.hstack((x, x @ K.T))
        assert losses.actor.item() == pytest.approx(((point @ H) * point).sum(-1).mean())

    def test_the_critic_descends_the_squared_bellman_error(self, lq_agent, plant):
        """d/dH of mean (z'Hz - y)^2 is 2 mean((z'Hz - y) z z'), with y fixed: no gradient through the target."""
        K, H = riccati(0.99)
        H_now, batch = H + np.eye(3), lq_batch(seed=3, discount=0.9)
        learner = lq_agent(K, H_now, discount=0.9).learner([0], plant)
        learner.update(batch)
        z = np.concatenate((batch.state[0], batch.input[0]), axis=-1)
        after = batch.next_state[0].numpy()
        z_after = np.concatenate((after, after @ K.T), axis=-1)
        y = batch.cost[0].numpy() + 0.9 * ((z_after @ H_now) * z_after).sum(-1)
        error = ((z @ H_now) * z).sum(-1) - y
        closed = 2 * np.einsum("b,bi,bj->ij", error, z, z) / len(z)
        assert gradient(learner.critic) == pytest.approx(closed, rel=1e-10)

    @pytest.mark.slow
    def test_the_critic_finds_the_value_of_the_actor(self, lq_agent, plant):
        """H = diag(Q, R) + gamma [A B]' P [A B], where P = Q + K'RK + gamma (A + BK)' P (A + BK).

        Gamma is small so that learning from states that the actor would not visit contracts.
        """
        K = riccati(0.3)[0] + 0.5
        root = np.sqrt(0.3) * (A + B @ K)
        P = solve_discrete_lyapunov(root.T, Q + K.T @ R @ K)
        AB = np.hstack((A, B))
        H = block_diag(Q, R) + 0.3 * AB.T @ P @ AB
        rates = {"actor_learning_rate": 1e-15, "critic_learning_rate": 0.02}
        learner = lq_agent(K, np.eye(3), discount=0.3, polyak=0.1, **rates).learner([0], plant)
        for seed in range(1500):
            learner.update(lq_batch(seed=seed, discount=0.3))
        found = learner.critic.H[0].detach().numpy()
        assert (found + found.T) / 2 == pytest.approx(H, abs=1e-3)

    @pytest.mark.slow
    def test_the_actor_finds_the_best_gain_for_the_critic(self, lq_agent, plant):
        K, H = riccati(0.9)
        rates = {"actor_learning_rate": 0.02, "critic_learning_rate": 1e-15}
        learner = lq_agent(K + 1.5, H, discount=0.9, **rates).learner([0], plant)
        for seed in range(1500):
            learner.update(lq_batch(seed=seed, discount=0.9))
        assert learner.actor.layer.weight[0].detach().numpy() == pytest.approx(K, abs=1e-3)


def test_steps_are_those_of_adam_at_the_stated_rates(lq_agent, plant):
    """The first step of Adam is its rate against the sign of the gradient."""
    K, H = riccati(0.99)
    rates = {"actor_learning_rate": 0.01, "critic_learning_rate": 0.002}
    learner = lq_agent(K + 1, H + 0.5 * np.eye(3), **rates).learner([0], plant)
    learner.update(lq_batch())
    moved = learner.critic.H[0].detach().numpy() - (H + 0.5 * np.eye(3))
    assert moved == pytest.approx(-0.002 * np.sign(gradient(learner.critic)), rel=1e-5)
    moved = learner.actor.layer.weight[0].detach().numpy() - (K + 1)
    assert moved == pytest.approx(-0.01 * np.sign(gradient(learner.actor)), rel=1e-5)


def test_targets_go_the_stated_share_of_the_way(lq_agent, plant):
    K, _ = riccati(0.99)
    learner = lq_agent(K + 1, np.eye(3), polyak=0.25).learner([0], plant)
    learner.update(lq_batch())
    for target, network, old in (
        (learner.target_actor, learner.actor, K + 1),
        (learner.target_critics, learner.critic, np.eye(3)),
    ):
        (now,), (aim,) = network.parameters(), target.parameters()
        assert aim[0].detach().numpy() == pytest.approx(0.75 * old + 0.25 * now[0].detach().numpy(), rel=1e-14)


def test_a_stack_learns_what_its_members_learn_alone(plain_agent):
    plant = clipped_pendulum()
    agent = plain_agent(plant, critic_learning_rate=1e-2)
    generator = np.random.default_rng(4)
    parts = [generator.normal(size=(3, 32, width)) for width in (2, 1, 1, 2)]
    batch = Batch(*map(torch.tensor, (parts[0], parts[1], parts[2][..., 0], parts[3], np.full((3, 32), 0.99))))
    stack = agent.learner([4, 5, 6], plant)
    singles = [agent.learner([seed], plant) for seed in (4, 5, 6)]
    for _ in range(20):
        together = stack.update(batch)
        apart = [single.update(Batch(*(part[i : i + 1] for part in batch))) for i, single in enumerate(singles)]
    assert together.critic.tolist() == pytest.approx([loss.critic.item() for loss in apart], abs=1e-9)
    for i, single in enumerate(singles):
        for mine, theirs in zip(stack.critic.parameters(), single.critic.parameters(), strict=True):
            assert torch.allclose(mine[i], theirs[0], atol=1e-10)


def test_noise_is_a_fraction_of_half_the_input_range(drift, plain_agent):
    plant = drift(input_bounds=([-0.1], [0.7]))
    x, normals = np.array([[0.3]]), np.array([[-1.5]])
    quiet, loud = (plain_agent(plant, exploration=e).learner([0], plant) for e in (0.0, 0.25))
    assert quiet.explore(x, normals)[0] == pytest.approx(quiet.actor(x[0]), abs=1e-15)
    assert loud.explore(x, normals) - quiet.explore(x, normals) == pytest.approx(-1.5 * 0.25 * 0.4)


class TestDiscount:
    def test_the_settings_come_first(self, linear_actor, quadratic_critic):
        critic = quadratic_critic(np.eye(2), 1, discount=0.95)
        assert DDPG(linear_actor(1), critic, DDPGSettings(discount=0.5)).discount == 0.5

    def test_then_the_critic(self, linear_actor, quadratic_critic):
        assert DDPG(linear_actor(1), quadratic_critic(np.eye(2), 1, discount=1.0)).discount == 1.0

    def test_then_99(self, linear_actor, quadratic_critic):
        assert DDPG(linear_actor(1), quadratic_critic(np.eye(2), 1)).discount == 0.99


@pytest.mark.parametrize("name", ["actor_learning_rate", "critic_learning_rate", "weight_limit", "polyak", "discount"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "is 0, but it must be positive"),
        (-1e-3, "is -0.001"),
        (np.nan, "is NaN"),
        (np.inf, "is infinite"),
        ("a", "dtype"),
    ],
)
def test_numbers_that_must_be_positive(name, value, words):
    with pytest.raises(TrainingError, match=f"`{name}` .*{words}|`{name}` {words}"):
        DDPGSettings(**{name: value})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"discount": 1.01}, r"`discount` is 1.01, but it must be at most 1"),
        ({"polyak": 2}, r"`polyak` is 2, but it must be at most 1"),
        ({"exploration": -0.1}, r"`exploration` is -0.1, but it must be at least 0"),
        ({"exploration": np.nan}, r"`exploration` is NaN"),
        ({"batch_size": 0}, r"`batch_size` is 0, but it must be at least 1"),
        ({"batch_size": 6.4}, r"`batch_size` is 6.4"),
        ({"buffer_size": 0}, r"`buffer_size` is 0"),
        ({"updates_per_step": 0}, r"`updates_per_step` is 0"),
        ({"warm_up": -1}, r"`warm_up` is -1, but it must be at least 0"),
        ({"batch_size": 65, "buffer_size": 64}, r"`batch_size` is 65, but `buffer_size` only 64; enlarge the buffer"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        DDPGSettings(**values)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DDPGSettings().polyak = 1.0


class TestPairs:
    def test_of_different_plants(self, drift):
        with pytest.raises(TrainingError, match="`actor` takes 2 states but `critic` 1; build both for the same plant"):
            DDPG(plain_actor(clipped_pendulum()), plain_critic(drift()))

    def test_of_different_inputs(self, linear_actor, quadratic_critic):
        with pytest.raises(TrainingError, match="`actor` gives 2 inputs but `critic` takes 1"):
            DDPG(linear_actor([[1, 0], [0, 1]]), quadratic_critic(np.eye(3), 2))

    def test_swapped(self, drift):
        with pytest.raises(TrainingError, match=r"`actor` takes 2 arguments \(x, u\), but 1 are needed"):
            DDPG(plain_critic(drift()), plain_actor(drift()))

    def test_of_something_else(self, drift):
        with pytest.raises(TrainingError, match="`actor` is function, but a StackedNetwork is needed"):
            DDPG(lambda x: x, plain_critic(drift()))

    def test_of_a_stack(self, drift):
        with pytest.raises(TrainingError, match="`actor` is a stack of 3, but a stack of 1 is needed"):
            DDPG(plain_actor(drift()).replicate(range(3)), plain_critic(drift()))

    def test_with_nothing_to_train(self, linear_actor, quadratic_critic):
        actor = linear_actor(1).requires_grad_(False)
        with pytest.raises(TrainingError, match="`actor` has 0 trainable weights"):
            DDPG(actor, quadratic_critic(np.eye(2), 1))

    def test_with_a_critic_that_gives_a_column(self, linear_actor, quadratic_critic):
        critic = quadratic_critic(np.eye(2), 1)
        critic.rows = lambda x, u: x
        with pytest.raises(TrainingError, match=r"`critic` gives rows of shape \(1, 1, 1\), but \(1, 1\) is needed"):
            DDPG(linear_actor(1), critic)
