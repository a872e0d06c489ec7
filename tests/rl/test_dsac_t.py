"""DSAC-T held against closed forms: two targets, two gradients and their weight for one transition."""

import math

import numpy as np
import pytest
import torch

from plants import clipped_pendulum
from rl import DSACT, Batch, DDPGSettings, DSACTSettings, TrainingError, plain_critic
from rl.dsac_t import SpreadAverages
from rl.spread import CostSpread

GAUSS = math.log(2 * math.pi * math.e) / 2
E, ALPHA, SIGMA, BIAS = 0.2, 0.5, 1.5, 0.1
SOFT = 0.5 * ALPHA * (math.log(E) + GAUSS)


@pytest.fixture
def learner(linear_actor, quadratic_critic, drift):
    """Return a maker of learners of u = .3 x, Q = x^2 + 2 u^2 +- 1.5 on inputs within [-1, 1], gamma .5."""

    def make(seeds=(0,), **values):
        settings = {"exploration": E, "temperature": ALPHA, "discount": 0.5, "cost_spread": SIGMA, **values}
        agent = DSACT(linear_actor(0.3), quadratic_critic(np.diag([1.0, 2.0]), 1), DSACTSettings(**settings))
        return agent.learner(list(seeds), drift())

    return make


def transition(x=1.0, u=1.0, after=2.0, discount=0.5, cost=10.0):
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    return Batch(x * one, u * one, cost * one[..., 0], after * one, discount * one[..., 0])


def numbers(of_input, of_cost):
    """Return normal numbers: one for what is drawn of inputs (batch, m), one for costs (batch,)."""
    return lambda *shape: torch.full((1, *shape), of_input if len(shape) == 2 else of_cost, dtype=torch.float64)


def slopes(trained):
    """Return the gradients of the mean's x^2 and u^2 and of the spread's last bias, (2,) each, of both critics."""
    H, bias = trained.critics.H.grad, trained.cost_spreads.net.layers[-1].bias.grad
    return H[:, 0, 0].numpy(), bias[:, 0].numpy() / -math.expm1(-SIGMA)


class TestCritics:
    """Q(1, 1) = 3. At x+ = 2 the drawn input is .7, worth 4.98; dQ/dH_xx = x^2 = 1, dsoftplus = 1 - exp(-sigma)."""

    TARGET = 10 + 0.5 * 4.98 - SOFT
    WEIGHT = (SIGMA**2 + BIAS) / (SIGMA**2 + BIAS)

    def test_the_means_target_is_the_expected_cost_and_no_draw(self, learner):
        for drawn in (-1.0, 2.0):
            trained = learner()
            trained.normals = numbers(0.5, drawn)
            assert trained.update(transition()).critic.item() == pytest.approx((self.TARGET - 3) ** 2)
            mean, _ = slopes(trained)
            assert mean == pytest.approx(self.WEIGHT * (3 - self.TARGET), rel=1e-12)

    @pytest.mark.parametrize(("drawn", "size"), [(-1.0, -1.0), (0.5, 0.5), (50.0, 3.0), (-50.0, -3.0)])
    def test_the_spread_learns_from_a_drawn_cost(self, learner, drawn, size):
        """(sigma^2 - (y - Q)^2) / (sigma^3 + bias), at rest where the draw is a spread away."""
        trained = learner(clip_spreads=100.0)
        trained.normals = numbers(0.5, drawn)
        trained.update(transition())
        away = self.TARGET + 0.5 * size * SIGMA - 3
        _, spread = slopes(trained)
        assert spread == pytest.approx((SIGMA**2 + BIAS) * (SIGMA**2 - away**2) / (SIGMA**3 + BIAS))

    def test_a_far_draw_is_clipped_about_each_own_mean(self, learner):
        trained = learner(clip_spreads=2.0)
        trained.normals = numbers(0.5, 0.0)
        trained.critics.H.data[1] *= 4
        trained.update(transition())
        away = np.array([2 * SIGMA, self.TARGET - 12])
        assert abs(away[1]) < 2 * SIGMA < self.TARGET - 3
        _, spread = slopes(trained)
        assert spread == pytest.approx((SIGMA**2 + BIAS) * (SIGMA**2 - away**2) / (SIGMA**3 + BIAS))

    @pytest.mark.parametrize("larger", [0, 1])
    def test_the_draw_comes_from_the_critic_with_the_larger_mean(self, learner, larger):
        trained = learner(clip_spreads=100.0)
        trained.normals = numbers(0.5, 1.0)
        trained.target_critics.H.data[larger] *= 2
        trained.target_cost_spreads.net.layers[-1].bias.data[larger] = 2.0
        wide = np.logaddexp(0, math.log(math.expm1(SIGMA)) + 2)
        losses = trained.update(transition())
        target = 10 + 0.5 * 2 * 4.98 - SOFT
        assert losses.critic.item() == pytest.approx((target - 3) ** 2)
        away = target + 0.5 * wide - 3
        assert slopes(trained)[1] == pytest.approx((SIGMA**2 + BIAS) * (SIGMA**2 - away**2) / (SIGMA**3 + BIAS))

    def test_a_spread_that_is_right_stays(self, learner):
        trained = learner()
        trained.normals = numbers(0.5, 0.0)
        trained.update(transition(cost=10 + 3 + SIGMA - self.TARGET))
        assert slopes(trained)[1] == pytest.approx(0, abs=1e-12)

    def test_gradients_are_weighted_by_the_mean_variance(self, learner):
        trained = learner(critic_learning_rate=1e-15)
        trained.normals = numbers(0.5, 0.0)
        trained.averages.take(torch.full((2, 1, 1), 4.0, dtype=torch.float64))
        trained.update(transition())
        average = 16 + 0.005 * (SIGMA**2 - 16)
        assert slopes(trained)[0] == pytest.approx((average + BIAS) / (SIGMA**2 + BIAS) * (3 - self.TARGET))
        assert trained.averages.deviation[:, 0].tolist() == pytest.approx([4 + 0.005 * (SIGMA - 4)] * 2)

    def test_nothing_follows_an_end(self, learner):
        assert learner().update(transition(discount=0.0)).critic.item() == pytest.approx((10 - 3) ** 2)


def test_the_actor_descends_the_larger_mean(learner):
    trained = learner(actor_every=1, critic_learning_rate=1e-15)
    trained.normals = numbers(0.4, 0.0)
    trained.critics.H.data[1] *= 3
    losses = trained.update(transition(x=1.5))
    assert trained.actor.layer.weight.grad.item() == pytest.approx(3 * 4 * (0.45 + 0.08) * 1.5)
    assert losses.actor.item() == pytest.approx(3 * (1.5**2 + 2 * 0.53**2))


def test_actor_temperature_and_targets_wait(learner):
    trained = learner(actor_every=3)
    parts = [trained.actor, trained.target_actor, trained.target_critics, trained.temperature]
    parts += [trained.spread.net.layers[-1], trained.target_spread.net.layers[-1]]
    parts += [trained.target_cost_spreads.net.layers[-1]]
    before = [torch.cat([p.detach().flatten() for p in part.parameters()]) for part in parts]
    for update in range(1, 7):
        losses = trained.update(transition())
        now = [torch.cat([p.detach().flatten() for p in part.parameters()]) for part in parts]
        assert [not torch.equal(*pair) for pair in zip(now, before, strict=True)] == [update % 3 == 0] * len(parts)
        assert set(losses.others) == {"cost_spread"} | ({"temperature", "entropy"} if update % 3 == 0 else set())
        before = now


def test_the_delayed_policy_says_what_follows(learner):
    trained = learner(soft_target=False)
    trained.normals = numbers(0.5, 0.0)
    trained.target_actor.layer.weight.data[:] = 0.15
    trained.target_spread.net.layers[-1].bias.data[:] = 1e3
    assert trained.update(transition()).critic.item() == pytest.approx((10 + 0.5 * (4 + 2 * 0.8**2) - 3) ** 2)


def test_averages_begin_with_the_first_batch():
    averages = SpreadAverages(2, 0.25)
    first, second = torch.tensor([[[1.0, 3.0], [2.0, 2.0]], [[4.0, 4.0], [0.0, 6.0]]]).double(), torch.zeros(2, 2, 2)
    averages.take(first)
    assert averages.deviation.tolist() == [[2, 2], [4, 3]]
    assert averages.variance.tolist() == [[5, 4], [16, 18]]
    averages.take(second.double())
    assert averages.deviation.tolist() == [[1.5, 1.5], [3, 2.25]]


@pytest.mark.parametrize("first", [1e-3, 1.0, 250.0, 1e4])
def test_a_cost_spread_is_the_same_everywhere_at_birth(first):
    spread = CostSpread(clipped_pendulum(), (8, 8), first)
    points = np.random.default_rng(0).uniform(-2, 2, (6, 3))
    assert spread(points[:, :2], points[:, 2:]) == pytest.approx(np.full(6, first), rel=1e-9)


def test_the_spreads_of_two_critics_learn_apart(drift, linear_actor):
    """Plain critics differ at birth, so do the hidden layers of their spreads."""
    plant = drift()
    trained = DSACT(linear_actor(0.3), plain_critic(plant, (8,))).learner([3], plant)
    inner = trained.cost_spreads.net.layers[0].weight
    assert not torch.equal(inner[0], inner[1])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"actor_every": 0}, "`actor_every` is 0, but it must be at least 1"),
        ({"cost_spread": 0}, "`cost_spread` is 0, but it must be positive"),
        ({"clip_spreads": -1}, "`clip_spreads` is -1, but it must be positive"),
        ({"variance_bias": 0.0}, "`variance_bias` is 0, but it must be positive"),
        ({"exploration": 0.0}, "`exploration` is 0, but standard deviations"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        DSACTSettings(**values)


def test_settings_of_another_algorithm(linear_actor, quadratic_critic):
    with pytest.raises(TrainingError, match="pass DSACTSettings"):
        DSACT(linear_actor(1), quadratic_critic(np.eye(2), 1), DDPGSettings())
