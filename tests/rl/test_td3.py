"""TD3 held against closed forms: what two critics, noise and delay make of one transition."""

import numpy as np
import pytest
import torch

from rl import TD3, Batch, DDPGSettings, TD3Settings, TrainingError, plain_critic


@pytest.fixture
def learner(linear_actor, quadratic_critic, drift):
    """Return a maker of learners of u = K x, Q = x^2 + 2 u^2 on inputs within [-1, 1]."""

    def make(gain=0.3, seeds=(0,), **values):
        agent = TD3(linear_actor(gain), quadratic_critic(np.diag([1.0, 2.0]), 1), TD3Settings(**values))
        return agent.learner(list(seeds), drift())

    return make


def transition(x=1.0, u=1.0, cost=10.0, after=2.0, discount=0.5, members=1):
    one = torch.ones(members, 1, 1, dtype=torch.float64)
    return Batch(x * one, u * one, cost * one[..., 0], after * one, discount * one[..., 0])


def fixed(value):
    return lambda *shape: torch.full((1, *shape), value, dtype=torch.float64)


def test_the_two_critics_of_a_member_are_born_apart(linear_actor, drift):
    plant = drift()
    trained = TD3(linear_actor(0.3), plain_critic(plant, (8,))).learner([3, 4], plant)
    first, second = (trained.critics.member(i).parameters() for i in (0, 2))
    assert not any(torch.equal(one, other) for one, other in zip(first, second, strict=True) if one.dim() > 2)


class TestTarget:
    """Q(1, 1) = 3; at x+ = 2 the actor wants .6."""

    @pytest.mark.parametrize(
        ("normal", "u"),
        [(0.5, 0.6 + 0.1), (-0.5, 0.6 - 0.1), (2.0, 0.6 + 0.3), (-9.0, 0.6 - 0.3), (0.0, 0.6)],
    )
    def test_noise_is_limited(self, learner, normal, u):
        trained = learner(target_noise=0.2, target_noise_limit=0.3)
        trained.normals = fixed(normal)
        target = 10 + 0.5 * (2**2 + 2 * u**2)
        assert trained.update(transition()).critic.item() == pytest.approx((target - 3) ** 2)

    def test_inputs_stay_within_their_bounds(self, learner):
        trained = learner(target_noise=0.4, target_noise_limit=9.0)
        trained.normals = fixed(2.5)
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 0.5 * (4 + 2) - 3) ** 2)

    def test_noise_counts_in_half_ranges(self, linear_actor, quadratic_critic, drift):
        agent = TD3(linear_actor(0.3), quadratic_critic(np.diag([1.0, 2.0]), 1), TD3Settings(target_noise=0.2))
        trained = agent.learner([0], drift(input_bounds=([-4], [2])))
        trained.normals = fixed(1.0)
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 0.5 * (4 + 2 * 1.2**2) - 3) ** 2)

    @pytest.mark.parametrize("larger", [0, 1])
    def test_the_larger_cost_is_believed_by_both(self, learner, larger):
        trained = learner(target_noise=0.0)
        trained.target_critics.H.data[larger] *= 3
        assert trained.update(transition()).critic.item() == pytest.approx((10 + 1.5 * (4 + 0.72) - 3) ** 2)

    def test_each_member_believes_its_own_two(self, learner):
        """Members 0 and 1 have the critics 0, 2 and 1, 3; they come to 2 and to 1."""
        trained = learner(seeds=(0, 1), target_noise=0.0)
        trained.target_critics.H.data[3] *= 3
        after = torch.tensor([2.0, 1.0]).double().view(2, 1, 1)
        losses = trained.update(transition(members=2, after=after)).critic.tolist()
        assert losses == pytest.approx([(10 + 0.5 * 4.72 - 3) ** 2, (10 + 1.5 * 1.18 - 3) ** 2])

    def test_nothing_follows_an_end(self, learner):
        assert learner().update(transition(discount=0.0)).critic.item() == pytest.approx((10 - 3) ** 2)


class TestDelay:
    def test_actor_and_targets_wait(self, learner):
        trained = learner(actor_every=3)
        parts = trained.actor, trained.target_actor, trained.target_critics
        before = [next(part.parameters()).detach().clone() for part in parts]
        for update in range(1, 7):
            losses = trained.update(transition())
            moved = [not torch.equal(next(p.parameters()), old) for p, old in zip(parts, before, strict=True)]
            assert moved == [update % 3 == 0] * 3
            assert (losses.actor is not None) == (update % 3 == 0)
            before = [next(part.parameters()).detach().clone() for part in parts]

    def test_the_actor_waits_for_the_critics_head_start_too(self, learner):
        trained = learner(actor_every=2, critic_first=4)
        for update in range(1, 7):
            trained.update(transition())
            assert (trained.actor.layer.weight.item() == 0.3) == (update < 6)

    def test_the_actor_descends_the_first_critic(self, learner):
        """d/dK of q u^2 at u = K x is 2 q K x^2, with q of the first critic after its step."""
        trained = learner(actor_every=1, critic_learning_rate=1e-15)
        trained.critics.H.data[1] *= 7
        trained.update(transition(x=1.5))
        assert trained.actor.layer.weight.grad.item() == pytest.approx(2 * 2 * 0.3 * 1.5**2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"actor_every": 0}, "`actor_every` is 0, but it must be at least 1"),
        ({"target_noise": -0.1}, "`target_noise` is -0.1, but it must be at least 0; 0 is no noise"),
        ({"target_noise_limit": np.nan}, "`target_noise_limit` is NaN"),
        ({"polyak": 2}, "`polyak` is 2, but it must be at most 1"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        TD3Settings(**values)


def test_settings_of_another_algorithm(linear_actor, quadratic_critic):
    with pytest.raises(TrainingError, match=r"`settings` is .*DDPGSettings.*pass TD3Settings"):
        TD3(linear_actor(1), quadratic_critic(np.eye(2), 1), DDPGSettings())
