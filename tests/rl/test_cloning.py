"""Clones held against laws that a network can and cannot be."""

import numpy as np
import pytest
import torch

from plants import clipped_pendulum
from rl import DDPG, CloningSettings, TrainingError, cloned, plain_actor, plain_critic, train
from yann.stacked import StackedNetwork

STATES = np.random.default_rng(0).uniform(-2, 2, (400, 1))


def line(x):
    return np.clip(-0.7 * x, -0.5, 0.5)


def test_what_a_network_can_be_it_becomes(linear_actor):
    """u = K x learns K = -.3 from K = .9; what is held back is as near."""
    clones = cloned(linear_actor(0.9), lambda x: -0.3 * x, STATES, [0, 1], CloningSettings(1500, 1e-2))
    assert clones.worst == pytest.approx(np.zeros((2, 1)), abs=1e-6)
    for actor in clones.actors:
        assert actor.layer.weight.item() == pytest.approx(-0.3, abs=1e-6)


def test_the_worst_error_is_what_the_best_line_leaves(linear_actor):
    """Of |x| the best line is its mean slope; errors are those on every fifth state."""
    clones = cloned(linear_actor(0.0), np.abs, STATES, [3], CloningSettings(1500, 1e-2))
    K, held_back = clones.actors[0].layer.weight.item(), STATES[::5]
    error = K * held_back - np.abs(held_back)
    assert clones.worst == pytest.approx(np.abs(error).max(), abs=1e-12)
    assert clones.mean == pytest.approx(np.sqrt((error**2).mean()), abs=1e-12)
    assert clones.states == 80
    assert clones.worst > 1


def test_nothing_is_learned_from_what_is_held_back(linear_actor):
    """The law is -x / 2 but on every fifth state, where it is 9."""

    def law(x):
        wanted = -x / 2
        wanted[::5] = 9
        return wanted

    clones = cloned(linear_actor(0.0), law, STATES, [0], CloningSettings(1500, 1e-2))
    assert clones.actors[0].layer.weight.item() == pytest.approx(-0.5, abs=1e-6)
    assert clones.worst.item() > 8


def test_a_plain_actor_comes_near_a_clipped_law_and_is_not_it(drift):
    actor = plain_actor(drift(), (16, 16))
    before = [weight.clone() for weight in actor.parameters()]
    clones = cloned(actor, line, STATES, range(2), CloningSettings(600, 1e-2, 64))
    assert (clones.worst < 0.1).all()
    assert (clones.worst > 1e-6).all()
    assert all(torch.equal(*pair) for pair in zip(before, actor.parameters(), strict=True))
    assert f"worst error {clones.worst.max():.3g}" in repr(clones)


def test_a_seed_gives_the_same_whatever_the_others_are(drift):
    settings = CloningSettings(20, batch_size=8)
    both = cloned(plain_actor(drift(), (8, 8)), line, STATES, [4, 7], settings)
    alone = cloned(plain_actor(drift(), (8, 8)), line, STATES, [7], settings)
    assert both.worst[1] == pytest.approx(alone.worst[0], abs=1e-12)
    for mine, other in zip(both.actors[1].parameters(), alone.actors[0].parameters(), strict=True):
        assert torch.allclose(mine, other, rtol=0, atol=1e-12)
    assert not np.allclose(both.worst[0], both.worst[1])


class OneGain(StackedNetwork):
    """u = (k x, k x): one weight for two inputs."""

    def __init__(self):
        super().__init__([("x", 1)])
        self.gain = torch.nn.Parameter(torch.zeros(1, 1, 1, dtype=torch.float64))

    def rows(self, x):
        return torch.cat([self.gain * x, self.gain * x], dim=-1)


def test_inputs_count_in_half_ranges():
    """Of x and 3 x the nearest k has 9 (k - 1) + (k - 3) = 0; without ranges it would be 2."""
    clones = cloned(OneGain(), lambda x: x * [1, 3], STATES, [0], CloningSettings(1500, 1e-2))
    assert clones.actors[0].gain.item() == pytest.approx(1.2, abs=1e-3)


def test_it_fits_any_agent():
    plant = clipped_pendulum()
    states = np.random.default_rng(1).uniform(*plant.state_bounds, (50, 2))
    clones = cloned(plain_actor(plant, (8, 8)), lambda x: -x[:, :1], states, [0], CloningSettings(5))
    start = clones.actors[0]
    training = train(
        DDPG(start, plain_critic(plant, (8, 8))), plant, episodes=1, seeds=[0, 1], steps=3, test_starts=[[0.2, 0.0]]
    )
    assert training.log.test_costs[0] == pytest.approx(training.log.test_costs[1])  # both begin with the clone


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"states": STATES[:9]}, "`states` has 9 rows, but at least 10 are needed"),
        ({"states": np.ones((20, 2))}, r"`states` .*\(20, 2\)"),
        ({"states": np.full((20, 1), np.nan)}, "`states` .*NaN"),
        ({"law": 3}, "`law` is a int, which cannot be called"),
        ({"law": lambda x: x * np.nan}, r"`law\(states\)` .*NaN"),
        ({"law": lambda x: np.hstack([x, x])}, r"`law\(states\)` .*\(400, 2\)"),
        ({"actor": line}, "`actor` is function, but a single network of states is needed"),
        ({"settings": 3}, r"`settings` is .*pass CloningSettings"),
        ({"seeds": [0, 0]}, "`seeds` has 0 at"),
        ({"settings": CloningSettings(50, 1e300)}, "the clones diverged within 50 updates"),
    ],
)
def test_arguments_that_do_not_fit(linear_actor, changes, words):
    given = {"actor": linear_actor(0.1), "law": line, "states": STATES, "seeds": [0], **changes}
    with pytest.raises(TrainingError, match=words):
        cloned(**given)


def test_a_stack_and_a_network_without_weights_are_refused(linear_actor):
    with pytest.raises(TrainingError, match="`actor` is a stack of 2"):
        cloned(linear_actor(0.1).replicate([0, 1]), line, STATES)
    with pytest.raises(TrainingError, match="`actor` has 0 trainable weights"):
        cloned(linear_actor(0.1).requires_grad_(False), line, STATES)


@pytest.mark.parametrize("values", [{"updates": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_settings_that_make_no_sense(values):
    (name,) = values
    with pytest.raises(TrainingError, match=f"`{name}` is 0"):
        CloningSettings(**values)
