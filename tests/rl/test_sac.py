"""SAC held against closed forms: targets, entropy, temperature and gradients of one or two transitions."""

import math

import numpy as np
import pytest
import torch

from plants import QuadraticCost
from rl import SAC, Batch, DDPGSettings, Diverged, SACSettings, TrainingError, plain_actor, plain_critic, train
from rl.spread import InputSpread

GAUSS = math.log(2 * math.pi * math.e) / 2
E, ALPHA = 0.2, 0.5


@pytest.fixture
def learner(linear_actor, quadratic_critic, drift):
    """Return a maker of learners of u = .3 x, Q = x^2 + 2 u^2 on inputs within [-1, 1], gamma .5."""

    def make(seeds=(0,), bounds=([-1], [1]), **values):
        settings = SACSettings(**{"exploration": E, "temperature": ALPHA, "discount": 0.5, **values})
        agent = SAC(linear_actor(0.3), quadratic_critic(np.diag([1.0, 2.0]), 1), settings)
        return agent.learner(list(seeds), drift(input_bounds=bounds))

    return make


def transition(x=1.0, u=1.0, after=2.0, discount=0.5):
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    return Batch(x * one, u * one, 10 * one[..., 0], after * one, discount * one[..., 0])


def fixed(value):
    return lambda *shape: torch.full((1, *shape), value, dtype=torch.float64)


class TestTarget:
    """Q(1, 1) = 3; at x+ = 2 the mean is .6 and the entropy log .2 + log(2 pi e) / 2."""

    @pytest.mark.parametrize(("normal", "u"), [(0.0, 0.6), (1.0, 0.8), (-2.0, 0.2), (9.0, 1.0), (-9.0, -1.0)])
    def test_what_follows_is_worth_a_drawn_input_less_its_entropy(self, learner, normal, u):
        trained = learner()
        trained.normals = fixed(normal)
        target = 10 + 0.5 * (4 + 2 * u**2 - ALPHA * (math.log(E) + GAUSS))
        assert trained.update(transition()).critic.item() == pytest.approx((target - 3) ** 2)

    def test_inputs_scatter_in_half_ranges(self, learner):
        trained = learner(bounds=([-4], [2]), soft_target=False)
        trained.normals = fixed(1.0)
        target = 10 + 0.5 * (4 + 2 * (0.6 + 3 * E) ** 2)
        assert trained.update(transition()).critic.item() == pytest.approx((target - 3) ** 2)

    def test_entropy_can_be_left_out(self, learner):
        trained = learner(soft_target=False)
        trained.normals = fixed(0.0)
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 0.5 * 4.72 - 3) ** 2)

    @pytest.mark.parametrize("larger", [0, 1])
    def test_the_larger_cost_is_believed(self, learner, larger):
        trained = learner(soft_target=False)
        trained.normals = fixed(0.0)
        trained.target_critics.H.data[larger] *= 3
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 1.5 * 4.72 - 3) ** 2)

    def test_nothing_follows_an_end(self, learner):
        assert learner().update(transition(discount=0.0)).critic.item() == pytest.approx((10 - 3) ** 2)

    def test_the_actor_itself_says_what_follows_not_a_slower_copy(self, learner):
        trained = learner(soft_target=False)
        trained.normals = fixed(0.0)
        trained.actor.layer.weight.data[:] = 0.1
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 0.5 * (4 + 0.08) - 3) ** 2)


class TestGradients:
    """Mean of Q(x, K x + s z) - alpha log s at x = 1.5, z = .4, with K x + s z = .53 inside the bounds."""

    def gradients(self, trained):
        trained.normals = fixed(0.4)
        losses = trained.update(transition(x=1.5))
        return losses, trained.actor.layer.weight.grad.item(), trained.spread.net.layers[-1].bias.grad.item()

    def test_mean_and_spread(self, learner):
        losses, mean, spread = self.gradients(learner(critic_learning_rate=1e-15))
        u = 0.3 * 1.5 + E * 0.4
        assert losses.actor.item() == pytest.approx(1.5**2 + 2 * u**2)
        assert mean == pytest.approx(4 * u * 1.5)
        reach = math.log(1e3) / 2
        inner = 1 - ((math.log(E) + reach) / reach) ** 2
        assert spread == pytest.approx((4 * u * E * 0.4 - ALPHA) * reach * inner)

    def test_of_the_larger_cost(self, learner):
        trained = learner(critic_learning_rate=1e-15)
        trained.critics.H.data[1] *= 3
        _, mean, _ = self.gradients(trained)
        assert mean == pytest.approx(3 * 4 * 0.53 * 1.5)

    def test_beyond_a_bound_there_is_no_more_to_gain(self, learner):
        trained = learner(critic_learning_rate=1e-15)
        trained.normals = fixed(9.0)
        trained.update(transition(x=1.5))
        assert trained.actor.layer.weight.grad.item() == 0

    def test_everything_waits_for_the_critics_head_start(self, learner):
        trained = learner(critic_first=2)
        for update in range(1, 4):
            trained.update(transition())
            assert (trained.actor.layer.weight.item() == 0.3) == (update < 3)
            assert (trained.temperature.price.item() == pytest.approx(ALPHA, rel=1e-12)) == (update < 3)


class TestTemperature:
    @pytest.mark.parametrize(("target", "way"), [(-5.0, -1), (5.0, 1)])
    def test_it_falls_above_the_target_and_rises_below(self, learner, target, way):
        trained = learner(target_entropy=target, temperature_learning_rate=0.01)
        told = trained.update(transition()).others
        entropy = math.log(E) + GAUSS
        assert told["entropy"].item() == pytest.approx(entropy)
        assert told["temperature"].item() == pytest.approx(ALPHA)
        assert trained.temperature.log.grad.item() == pytest.approx(entropy - target)
        assert trained.temperature.price.item() == pytest.approx(ALPHA * math.exp(way * 0.01), rel=1e-6)

    def test_it_stays_at_a_rate_of_0(self, learner):
        trained = learner(temperature_learning_rate=0)
        trained.update(transition())
        assert trained.temperature.price.item() == pytest.approx(ALPHA, rel=1e-15)

    def test_each_member_has_its_own(self, learner):
        trained = learner(seeds=(0, 1), target_entropy=0.0)
        trained.spread.net.layers[-1].bias.data[0] = 2.0
        trained.update(Batch(*(part.repeat(2, *[1] * (part.ndim - 1)) for part in transition())))
        first, second = trained.temperature.price.tolist()
        assert first < ALPHA < second

    def test_its_target_is_minus_the_number_of_inputs(self, learner):
        assert learner().temperature.target == -1


class TestSpread:
    @pytest.mark.parametrize("first", [0.00101, 0.1, 0.5, 0.999])
    def test_at_birth_it_is_the_same_everywhere(self, drift, first):
        spread = InputSpread(drift(), (8, 8), first)
        assert spread(np.linspace(-2, 2, 7)[:, None]) == pytest.approx(np.full((7, 1), first), rel=1e-12)

    def test_it_stays_between_its_limits(self, drift):
        spread = InputSpread(drift(), (8,), 0.1)
        for bias, limit in ((1e3, 1.0), (-1e3, 1e-3)):
            spread.net.layers[-1].bias.data[:] = bias
            assert spread([0.0]) == pytest.approx(limit)

    def test_exploring_is_in_half_ranges(self, learner):
        trained = learner(bounds=([-4], [2]))
        x, normals = np.array([[0.5]]), np.array([[-1.5]])
        assert trained.explore(x, normals) == pytest.approx(0.15 - 1.5 * E * 3)
        assert trained.explore(x, 0 * normals) == pytest.approx(trained.actor(x[0])[None], abs=1e-15)

    def test_entropy_adds_up_over_inputs_and_counts_in_half_ranges(self, linear_actor, quadratic_critic, drift):
        plant = drift(
            update=lambda x, u: x + u[0] + u[1],
            input_names=["in", "out"],
            input_units=["m", "m"],
            input_bounds=([-1, -100], [1, 100]),
            equilibrium=([0], [0, 0]),
            cost=QuadraticCost(1, np.eye(2), [0], [0, 0]),
        )
        agent = SAC(linear_actor([[0.1], [0.2]]), quadratic_critic(np.eye(3), 1), SACSettings(exploration=E))
        trained = agent.learner([0], plant)
        batch = transition()._replace(input=torch.ones(1, 1, 2, dtype=torch.float64))
        assert trained.update(batch).others["entropy"].item() == pytest.approx(2 * (math.log(E) + GAUSS))
        assert trained.temperature.target == -2


class TestSoftTarget:
    def test_by_itself_it_is_soft_below_1_only(self, learner):
        assert learner(discount=0.99).soft
        assert not learner(discount=1.0).soft

    def test_without_end(self, linear_actor, quadratic_critic):
        with pytest.raises(TrainingError, match=r"`soft_target` is True but gamma is 1: .* pass discount below 1"):
            SAC(linear_actor(1), quadratic_critic(np.eye(2), 1, discount=1.0), SACSettings(soft_target=True))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"exploration": 0}, "`exploration` is 0, but standard deviations of inputs stay between 0.001 and 1"),
        ({"exploration": 1.0}, "`exploration` is 1, but standard deviations"),
        ({"temperature": 0}, "`temperature` is 0, but it must be positive"),
        ({"temperature_learning_rate": -1}, "`temperature_learning_rate` is -1, but it must be at least 0"),
        ({"target_entropy": np.inf}, "`target_entropy` is infinite"),
        ({"soft_target": 1}, "`soft_target` is .*pass True, False or None"),
        ({"spread_hidden": ()}, "`hidden` is .*at least one layer"),
        ({"batch_size": 0}, "`batch_size` is 0"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        SACSettings(**values)


def test_settings_of_another_algorithm(linear_actor, quadratic_critic):
    with pytest.raises(TrainingError, match="pass SACSettings"):
        SAC(linear_actor(1), quadratic_critic(np.eye(2), 1), DDPGSettings())


def test_a_temperature_that_runs_away_ends_the_training(drift):
    plant = drift()
    agent = SAC(plain_actor(plant, (4,)), plain_critic(plant, (4,)), SACSettings(temperature_learning_rate=600.0))
    words = r"the temperature of seed [01] diverged in episode \d, step \d+: a weight is [\d.]+, beyond"
    with pytest.raises(Diverged, match=words):
        train(agent, plant, episodes=9, seeds=[0, 1])
