"""What a training asks of the memory is counted before any table is made: every part of it."""

import re

import pytest

from plants import clipped_pendulum
from rl import (
    DDPG,
    SAC,
    SVG,
    TD3,
    CloningSettings,
    DDPGSettings,
    Gate,
    GridCore,
    SACSettings,
    SVGSettings,
    TD3Settings,
    TrainingError,
    cloned,
    plain_actor,
    plain_critic,
)
from rl.size import check_sizes

PENDULUM = clipped_pendulum()


def agent(make=DDPG, settings=DDPGSettings, **changes):
    return make(plain_actor(PENDULUM, (8, 8)), plain_critic(PENDULUM, (8, 8)), settings(**changes))


def refusal(agent, **numbers):
    """Return the words with which a training is refused."""
    with pytest.raises(TrainingError) as caught:
        check_sizes(agent, PENDULUM, **{"members": 10, "episodes": 5, "steps": 10, "tests": 0, **numbers})
    return str(caught.value)


def weights(network):
    return sum(weight.numel() for weight in network.parameters())


def counted(agent):
    """Return how many weights of one member are counted."""
    return int(re.search(r"an `agent` of (\d+) weights", refusal(agent, members=3_000_000, episodes=1, steps=1))[1])


def test_what_is_small_passes():
    assert check_sizes(agent(), PENDULUM, members=10, episodes=50, steps=200, tests=5) is None


def test_the_prefill_is_kept_as_well():
    """Without it the memory of ten seeds holds 10 million transitions each, which fits into 8 GiB."""
    numbers = {"members": 10, "episodes": 10, "steps": 10**6}
    check_sizes(agent(buffer_size=10**8), PENDULUM, **numbers, tests=0)
    words = refusal(agent(buffer_size=10**8, prefill=6), **numbers)
    assert "`buffer_size` = 16000000 of 10 seeds asks for 1120000000 numbers" in words


def test_so_are_the_steps_whose_costs_are_added_up():
    words = refusal(agent(return_steps=10**8))
    assert words.startswith("`return_steps` = 100000000 of 10 seeds asks for 6000000000 numbers")
    assert words.endswith("add up fewer steps")


def test_every_network_of_a_member_counts():
    one = agent()
    assert counted(one) == weights(one.actor) + weights(one.critic)
    assert counted(agent(TD3, TD3Settings)) == weights(one.actor) + 2 * weights(one.critic)
    assert counted(agent(SAC, SACSettings)) > weights(one.actor) + 2 * weights(one.critic)


def test_weights_that_nothing_trains_count_as_well():
    one = agent()
    for weight in one.actor.net.layers[0].parameters():
        weight.requires_grad = False
    assert counted(one) == counted(agent())


def test_batches_horizons_and_gates_count():
    assert "`batch_size` = 100000000 of 10 seeds asks for" in refusal(agent(batch_size=10**8, buffer_size=10**8))
    far = agent(SVG, SVGSettings, horizon=10**6)
    assert "`horizon` = 1000000 of 640 rows asks for 7680000000 numbers" in refusal(far)
    words = "the gate's `count` + `border_count` = 100000100 over 10 steps asks for"
    assert words in refusal(agent(), gate=Gate(count=10**8))
    assert check_sizes(agent(), PENDULUM, 10, 5, 200, 0, Gate()) is None


@pytest.mark.parametrize("name", ["updates_per_step", "steps_per_update", "warm_up", "prefill", "critic_first"])
def test_numbers_that_no_training_reaches(name):
    with pytest.raises(TrainingError, match=f"`{name}` is 1000000001, above the limit of 1000000000"):
        DDPGSettings(**{name: 10**9 + 1})


def held(x):
    return -10 * x[:, :1] - 3 * x[:, 1:]


def test_grids_and_their_runs_count():
    with pytest.raises(TrainingError, match=r"`nodes` = 100000 x 100000 asks for .* numbers, above .*; take fewer"):
        GridCore.of_law(held, PENDULUM, 1.0, nodes=10**5)
    core = GridCore.of_law(held, PENDULUM, 3.0, nodes=41)
    with pytest.raises(TrainingError, match=r"`runs` = 100000000 of 200 steps asks for .*; take fewer"):
        core.certify(runs=10**8)
    with pytest.raises(TrainingError, match="`seed` is -1, but it must be at least 0"):
        core.certify(seed=-1)


def test_clones_count():
    actor = plain_actor(PENDULUM, (8,))
    points = [[0.0, 0.1]] * 20
    with pytest.raises(TrainingError, match=r"`batch_size` = 1000000000 for 10 seeds asks for .*; pass a smaller one"):
        cloned(actor, actor, points, settings=CloningSettings(batch_size=10**9))
    wide = plain_actor(PENDULUM, (400, 400))
    with pytest.raises(TrainingError, match=r"an `actor` of \d+ weights for 5000 seeds asks for .*; clone fewer seeds"):
        cloned(wide, wide, points, range(5000))
