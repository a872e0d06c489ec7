"""SVG held against closed forms: the cost of a few steps and its slope by hand, the Riccati gain, the core's value."""

import casadi
import numpy as np
import pytest
import torch
from scipy.linalg import block_diag, solve_discrete_are

from plants import Event, Plant, QuadraticCost, StageCost, clipped_pendulum
from rl import SVG, Batch, SVGSettings, TrainingError, plain_actor, plain_critic, train
from rl.core import Core
from rl.model import KnownValue, Model

A, B = np.array([[1.05, 0.1], [0.0, 0.9]]), np.array([[0.0], [0.3]])
Q, R = np.diag([1.0, 0.1]), np.array([[0.05]])


def riccati(discount):
    root = np.sqrt(discount)
    P = solve_discrete_are(root * A, root * B, Q, R)
    AB = np.hstack((A, B))
    H = block_diag(Q, R) + discount * AB.T @ P @ AB
    return -np.linalg.solve(H[2:, 2:], H[2:, :2]), H


@pytest.fixture(scope="module")
def linear():
    """Return x+ = A x + B u with the quadratic cost, and inputs that no test comes near the bounds of."""
    return Plant(
        name="linear",
        update=lambda x, u: A @ x + B @ u,
        state_names=["a", "b"],
        state_units=["-", "-"],
        input_names=["u"],
        input_units=["-"],
        state_bounds=([-10, -10], [10, 10]),
        input_bounds=(-100, 100),
        equilibrium=([0, 0], [0]),
        sample_time=1.0,
        cost=QuadraticCost(Q, R, [0, 0], [0]),
        start_bounds=([-1, -1], [1, 1]),
        episode_steps=20,
    )


def batch_of(x):
    rows = torch.as_tensor(x, dtype=torch.float64)
    zero = torch.zeros(*rows.shape[:2], dtype=torch.float64)
    return Batch(rows, zero.unsqueeze(-1), zero, rows, zero)


def rollout(K, H, x, steps, discount):
    """Return the discounted cost of `steps` steps under u = K x, and what Q(x, K x) says of the rest."""
    total, weight = 0.0, 1.0
    for _ in range(steps):
        u = x @ K.T
        total, weight = total + weight * (((x @ Q) * x).sum(-1) + ((u @ R) * u).sum(-1)), weight * discount
        x = x @ A.T + u @ B.T
    z = np.concatenate([x, x @ K.T], axis=-1)
    return total + weight * ((z @ H) * z).sum(-1)


class TestUpdate:
    @pytest.mark.parametrize("steps", [1, 4])
    def test_losses_and_slope_are_those_of_the_rollout(self, linear, linear_actor, quadratic_critic, steps):
        K, H = np.array([[-0.4, -0.7]]), np.diag([3.0, 2.0, 0.5])
        limits = {"horizon": steps, "gradient_limit": 1e9, "discount": 0.9}
        learner = SVG(linear_actor(K), quadratic_critic(H, 2), SVGSettings(**limits)).learner([0], linear)
        x = np.random.default_rng(1).normal(size=(1, 30, 2))
        losses = learner.update(batch_of(x))
        costs = rollout(K, H, x[0], steps, 0.9)
        assert losses.actor.item() == pytest.approx(costs.mean(), rel=1e-12)
        z = np.hstack([x[0], x[0] @ K.T])
        assert losses.critic.item() == pytest.approx(((((z @ H) * z).sum(-1) - costs) ** 2).mean(), rel=1e-12)
        for i in range(2):
            step = np.zeros((1, 2))
            step[0, i] = 1e-6
            up, down = (rollout(K + sign * step, H, x[0], steps, 0.9).mean() for sign in (1, -1))
            assert learner.actor.layer.weight.grad[0, 0, i].item() == pytest.approx((up - down) / 2e-6, rel=1e-6)

    def test_the_dearer_of_two_critics_is_believed_and_both_learn(self, linear, linear_actor, quadratic_critic):
        K, H = np.array([[-0.4, -0.7]]), np.diag([3.0, 2.0, 0.5])
        settings = SVGSettings(horizon=2, discount=0.9)
        learner = SVG(linear_actor(K), quadratic_critic(H, 2), settings).learner([0], linear)
        learner.target_critics.H.data[1] *= 2
        x = np.random.default_rng(1).normal(size=(1, 30, 2))
        before = learner.critics.H.detach().clone()
        losses = learner.update(batch_of(x))
        assert losses.actor.item() == pytest.approx(rollout(K, 2 * H, x[0], 2, 0.9).mean(), rel=1e-12)
        assert (before != learner.critics.H).flatten(1).any(1).all()

    def test_the_riccati_solution_stays(self, linear, linear_actor, quadratic_critic):
        K, H = riccati(1.0)
        agent = SVG(linear_actor(K), quadratic_critic(H, 2), SVGSettings(discount=1.0, horizon=5))
        learner = agent.learner([0], linear)
        losses = learner.update(batch_of(np.random.default_rng(0).normal(size=(1, 20, 2))))
        assert losses.critic.item() < 1e-20
        assert learner.actor.layer.weight.grad.abs().max() < 1e-9

    @pytest.mark.slow
    def test_the_riccati_gain_is_found(self, linear, linear_actor, quadratic_critic):
        K, H = riccati(0.9)
        rates = {"actor_learning_rate": 0.02, "critic_learning_rate": 0.02, "polyak": 0.2, "discount": 0.9}
        learner = SVG(linear_actor(K + 1), quadratic_critic(H + np.eye(3), 2), SVGSettings(horizon=12, **rates))
        learner = learner.learner([0], linear)
        generator = np.random.default_rng(2)
        for _ in range(1000):
            learner.update(batch_of(generator.normal(size=(1, 64, 2))))
        assert learner.actor.layer.weight[0].detach().numpy() == pytest.approx(K, abs=5e-3)

    def test_the_actor_waits_while_the_critic_learns_first(self, linear, linear_actor, quadratic_critic):
        agent = SVG(linear_actor([[0.1, 0.1]]), quadratic_critic(np.eye(3), 2), SVGSettings(critic_first=2))
        learner, x = agent.learner([0], linear), np.ones((1, 4, 2))
        moved = []
        for _ in range(3):
            before = learner.actor.layer.weight.detach().clone()
            learner.update(batch_of(x))
            moved.append(not torch.equal(before, learner.actor.layer.weight))
        assert moved == [False, False, True]

    def test_a_long_gradient_is_shortened_for_its_own_member_alone(self, linear, linear_actor, quadratic_critic):
        K, H = np.array([[-0.4, -0.7]]), np.diag([3.0, 2.0, 0.5])
        agent = SVG(linear_actor(K), quadratic_critic(H, 2), SVGSettings(horizon=3, gradient_limit=0.1))
        learner = agent.learner([0, 1], linear)
        x = np.random.default_rng(1).normal(size=(2, 30, 2))
        x[1] *= 1e-3
        learner.update(batch_of(x))
        sizes = learner.actor.layer.weight.grad.flatten(1).norm(dim=1).tolist()
        assert sizes[0] == pytest.approx(0.1, rel=1e-12)
        assert 0 < sizes[1] < 1e-3

    def test_a_stack_learns_what_its_members_learn_alone(self):
        plant = clipped_pendulum()
        agent = SVG(plain_actor(plant, (8, 8)), plain_critic(plant, (8, 8)), SVGSettings(horizon=3))
        x = np.random.default_rng(4).normal(size=(3, 16, 2))
        stack, singles = agent.learner([4, 5, 6], plant), [agent.learner([seed], plant) for seed in (4, 5, 6)]
        for _ in range(10):
            stack.update(batch_of(x))
            for i, single in enumerate(singles):
                single.update(batch_of(x[i : i + 1]))
        for i, single in enumerate(singles):
            for mine, theirs in zip(stack.actor.parameters(), single.actor.parameters(), strict=True):
                assert torch.allclose(mine[i], theirs[0], atol=1e-10)


class Ball:
    """A core |x| <= radius whose value is worth * |x|^2."""

    def __init__(self, radius, worth):
        self.radius, self.worth = radius, worth

    def contains(self, x):
        return np.linalg.norm(x, axis=1) <= self.radius

    def value(self, x):
        return self.worth * (x**2).sum(1)

    def weight(self, x):
        return (~self.contains(x)).astype(float)


class TestEnds:
    def test_a_run_that_ends_in_the_core_is_worth_what_the_core_says(self, linear, linear_actor, quadratic_critic):
        core: Core = Ball(0.5, 7.0)
        actor = linear_actor([[0.0, 0.0]])
        actor.core = core
        critic = quadratic_critic(np.diag([100.0, 100.0, 0]), 2)
        learner = SVG(actor, critic, SVGSettings(horizon=3, discount=0.9)).learner([0], linear)
        x = np.array([[[0.0, 0.52], [4.0, 0.0]]])
        losses = learner.update(batch_of(x))
        inside, state = 0.0, np.array([0.0, 0.52])
        for k in range(3):
            inside, state = inside + 0.9**k * (state @ Q @ state), A @ state
        assert np.linalg.norm(state) < 0.5
        inside += 0.9**3 * 7 * (state @ state)
        outside = sum((4 * 1.05**k) ** 2 * 0.9**k for k in range(3)) + 0.9**3 * 100 * (4 * 1.05**3) ** 2
        assert losses.actor.item() == pytest.approx((inside + outside) / 2, rel=1e-9)

    def test_the_slope_of_the_known_value_is_that_of_the_core(self, linear):
        known = KnownValue(Ball(1.0, 7.0), linear)
        x = torch.tensor([[[0.3, -0.4], [3.0, 3.0]]], dtype=torch.float64, requires_grad=True)
        inside, value = known(x)
        assert inside.tolist() == [[True, False]]
        assert value.tolist() == [[pytest.approx(7 * 0.25), 0]]
        value.sum().backward()
        assert x.grad[0].numpy() == pytest.approx(np.array([[4.2, -5.6], [0, 0]]), abs=1e-6)

    def test_the_slope_at_the_border_is_that_of_the_side_that_the_core_knows(self, linear):
        class Half(Ball):
            def value(self, x):
                return np.where(self.contains(x), 3 * x[:, 0] - x[:, 1], np.nan)

        known = KnownValue(Half(1.0, 0.0), linear)
        x = torch.tensor([[[1.0, 0.0], [0.0, -1.0]]], dtype=torch.float64, requires_grad=True)
        known(x)[1].sum().backward()
        assert x.grad[0, 0, 0].item() == pytest.approx(3)
        assert x.grad[0, 1, 1].item() == pytest.approx(-1)
        assert torch.isfinite(x.grad).all()

    def test_a_violation_costs_its_penalty_and_ends_the_run(self, drift, linear_actor, quadratic_critic):
        plant = drift(limit=1.0, penalty=50.0)
        learner = SVG(linear_actor(0.0), quadratic_critic(np.diag([1e6, 0]), 1), SVGSettings(horizon=3)).learner(
            [0], plant
        )
        losses = learner.update(batch_of(np.array([[[0.9]]])))
        assert losses.actor.item() == pytest.approx(0.81 + 50)

    def test_what_a_run_that_is_over_would_cost_is_never_asked(self, drift, linear_actor, quadratic_critic):
        """Beyond the limit the cost grows without end, and then has no value: 0 times that would be NaN."""
        cost = StageCost(lambda x, u: -casadi.log(1.25 - x[0]) + u[0] ** 2, 1, 1, violation_penalty=5.0)
        agent = SVG(linear_actor(0.5), quadratic_critic(np.diag([1.0, 0]), 1), SVGSettings(horizon=4))
        learner = agent.learner([0], drift(limit=1.0, cost=cost))
        losses = learner.update(batch_of(np.array([[[0.9]]])))
        assert losses.actor.item() == pytest.approx(-np.log(0.35) + 0.45**2 + 5)
        assert learner.actor.layer.weight.grad.item() == pytest.approx(2 * 0.45 * 0.9)

    def test_equations_without_a_value_end_a_run_as_they_do_in_the_plant(self, drift):
        plant = drift(update=lambda x, u: x + casadi.sqrt(1 - x - u), equilibrium=([0], [1]), state_caps=([-5], [5]))
        x = torch.tensor([[[0.5], [0.5]]], dtype=torch.float64, requires_grad=True)
        u = torch.tensor([[[0.75], [0.25]]], dtype=torch.float64, requires_grad=True)
        after, cost, ended = Model(plant)(x, u)
        assert ended.tolist() == [[True, False]]
        assert cost.tolist() == [[pytest.approx(100 + 0.25 + 0.1 * 0.75**2), pytest.approx(0.25 + 0.1 * 0.25**2)]]
        assert after[0, 1].item() == pytest.approx(1.0)
        (after.sum() + cost.sum()).backward()
        assert x.grad.flatten().tolist() == pytest.approx([0, 1 - 1 + 1])
        assert u.grad.flatten().tolist() == pytest.approx([0, -1 + 0.05])

    def test_an_event_ends_a_run_at_its_own_cost(self, drift):
        cost = StageCost(lambda x, u: x[0] ** 2, 1, 1, event=Event("full", lambda x: x[0] - 0.5, cost=-3))
        plant = drift(cost=cost)
        after, charged, ended = Model(plant)(*(torch.full((1, 2, 1), v, dtype=torch.float64) for v in (0.45, 0.0)))
        assert after.flatten().tolist() == pytest.approx([0.54] * 2)
        assert charged.flatten().tolist() == pytest.approx([0.45**2 - 3] * 2)
        assert ended.all()


def test_gradients_through_the_model_are_exact():
    model = Model(clipped_pendulum())
    generator = np.random.default_rng(0)
    x = torch.tensor(generator.uniform(-1, 1, (1, 4, 2)), requires_grad=True)
    u = torch.tensor(generator.uniform(-1, 1, (1, 4, 1)), requires_grad=True)

    def both(x, u):
        first = model(x, u)
        second = model(first.after, u)
        return second.after.sum() * 0.3 + first.cost.sum() + second.cost.square().sum()

    assert torch.autograd.gradcheck(both, (x, u))


def test_another_model_may_be_believed_in(drift, linear_actor, quadratic_critic):
    plant, believed = drift(factor=1.2), drift(factor=0.5)
    agent = SVG(linear_actor(0.0), quadratic_critic(np.diag([1.0, 0]), 1), SVGSettings(horizon=1), model=believed)
    losses = agent.learner([0], plant).update(batch_of(np.array([[[1.0]]])))
    assert losses.actor.item() == pytest.approx(1 + 0.99 * 0.25)


def test_the_cost_of_a_training_is_the_one_that_is_descended(drift, linear_actor, quadratic_critic):
    cost = QuadraticCost(7, 0.5, [0.3], [0])
    settings = SVGSettings(horizon=3, batch_size=8)
    agent = SVG(linear_actor(-0.1), quadratic_critic(np.eye(2), 1), settings)
    asked, own = train(agent, drift(), cost, 2, [0]), train(agent, drift(cost=cost), None, 2, [0])
    np.testing.assert_array_equal(asked.log.actor_loss, own.log.actor_loss)
    assert (asked.log.actor_loss != train(agent, drift(), None, 2, [0]).log.actor_loss).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"horizon": 0}, "`horizon` is 0, but it must be at least 1"),
        ({"gradient_limit": 0}, "`gradient_limit` is 0, but it must be positive"),
        ({"steps_per_update": 0}, "`steps_per_update` is 0, but it must be at least 1"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        SVGSettings(**values)


def test_a_model_of_another_plant_is_refused(drift, linear_actor, quadratic_critic):
    critic = quadratic_critic(np.eye(2), 1)
    with pytest.raises(TrainingError, match=r"`model` has 2 states and 1 inputs, but `actor` takes 1"):
        SVG(linear_actor(0.0), critic, model=clipped_pendulum())
    with pytest.raises(TrainingError, match=r"`model` is a int, but a Plant is needed"):
        SVG(linear_actor(0.0), critic, model=3)


def test_updates_come_every_so_many_steps(drift, linear_actor, quadratic_critic):
    agent = SVG(
        linear_actor(0.1), quadratic_critic(np.eye(2), 1), SVGSettings(steps_per_update=5, batch_size=4, horizon=2)
    )
    training = train(agent, drift(), episodes=2, steps=20, seeds=[0])
    assert training.ledger.updates.tolist() == [[4, 4]]
