"""State: what is taken out of a part and put into another of its form makes the two alike, bit for bit."""

import copy
import itertools
import json

import numpy as np
import pytest
import torch

from plants import clipped_pendulum
from rl import (
    DDPG,
    DSACT,
    SAC,
    TD3,
    DDPGSettings,
    DSACTSettings,
    ReplayBuffer,
    SACSettings,
    TD3Settings,
    plain_actor,
    plain_critic,
)
from rl.generators import MemberNormals
from rl.replay import Batch
from rl.state import Misfit, flattened, put_back, taken, unflattened

PENDULUM = clipped_pendulum()
SEEDS = (3, 5)


def ddpg(hidden=(8, 8), **settings):
    return DDPG(plain_actor(PENDULUM, hidden), plain_critic(PENDULUM, hidden), DDPGSettings(**settings))


def td3(hidden=(8, 8), **settings):
    return TD3(plain_actor(PENDULUM, hidden), plain_critic(PENDULUM, hidden), TD3Settings(**settings))


def sac(hidden=(8, 8), **settings):
    return SAC(plain_actor(PENDULUM, hidden), plain_critic(PENDULUM, hidden), SACSettings(**settings))


def dsac_t(hidden=(8, 8), **settings):
    return DSACT(plain_actor(PENDULUM, hidden), plain_critic(PENDULUM, hidden), DSACTSettings(**settings))


def batch(seed):
    """Return a batch of two members that is like none of another seed."""
    draw = np.random.default_rng(seed).standard_normal
    numbers = (draw((2, 4, 2)), draw((2, 4, 1)), draw((2, 4)), draw((2, 4, 2)), np.full((2, 4), 0.9))
    return Batch(*map(torch.from_numpy, numbers))


def bits(part):
    """Return every number of a part as JSON and bytes."""
    data, arrays = flattened(taken(part))
    return json.dumps(data, sort_keys=True), {name: array.tobytes() for name, array in arrays.items()}


@pytest.mark.parametrize("make", [ddpg, td3, sac, dsac_t])
class TestLearners:
    @pytest.mark.parametrize("head_start", [0, 3, 9])
    def test_two_learners_go_on_alike(self, make, head_start):
        """Also where the actor's Adam has no moments yet, as the critic alone has learned so far."""
        agent = make(critic_first=head_start)
        one, other = agent.learner(SEEDS, PENDULUM), agent.learner(SEEDS, PENDULUM)
        for seed in range(5):
            one.update(batch(seed))
        put_back(other, taken(one))
        assert bits(other) == bits(one)
        for seed in range(5, 9):
            mine, theirs = one.update(batch(seed)), other.update(batch(seed))
            assert torch.equal(mine.critic, theirs.critic)
        assert bits(other) == bits(one)
        assert other.updates == 9

    def test_what_was_put_back_is_a_copy(self, make):
        one, other = make().learner(SEEDS, PENDULUM), make().learner(SEEDS, PENDULUM)
        one.update(batch(0))
        kept = taken(one)
        before = copy.deepcopy(kept)
        put_back(other, kept)
        one.update(batch(1))
        other.update(batch(2))
        assert flattened(kept)[0] == flattened(before)[0]
        for name, array in flattened(kept)[1].items():
            assert (array == flattened(before)[1][name]).all()

    def test_memory_that_is_shared_stays_shared(self, make):
        """The loop's guard holds weights, TD3's actor descends on half a stack: both must see what was put back."""
        one, other = make().learner(SEEDS, PENDULUM), make().learner(SEEDS, PENDULUM)
        weights = [weight for some in other.weights.values() for weight in some]
        one.update(batch(0))
        put_back(other, taken(one))
        assert bits(other.critic) == bits(one.critic)
        assert all(now is then for now, then in zip(weights, itertools.chain(*other.weights.values()), strict=True))
        before = bits(other.critic)
        other.update(batch(1))
        assert bits(other.critic) != before

    def test_another_shape_or_algorithm_is_a_misfit(self, make):
        kept = taken(make().learner(SEEDS, PENDULUM))
        with pytest.raises(Misfit, match=r"training/networks/actor/.* has shape .* was kept"):
            put_back(make((8, 9)).learner(SEEDS, PENDULUM), kept)
        with pytest.raises(Misfit, match=r"training/networks/actor: net.layers.* is on one side only"):
            put_back(make((8,)).learner(SEEDS, PENDULUM), kept)


def test_moments_of_other_weights_are_a_misfit():
    learner = ddpg().learner(SEEDS, PENDULUM)
    for seed in range(2):
        learner.update(batch(seed))
    kept = taken(learner.actor_step)
    with pytest.raises(Misfit, match="training was of other weights"):
        put_back(learner.actor_step, {**kept, "99": kept["0"]})
    with pytest.raises(Misfit, match="training/0 was of a weight of another shape"):
        put_back(learner.actor_step, {**kept, "0": kept["1"]})


class TestParts:
    def test_generators_go_on_where_they_were(self):
        one, other = np.random.default_rng(1), np.random.default_rng(2)
        one.standard_normal(7)
        one.integers(9, size=3, dtype=np.uint32)
        put_back(other, json.loads(json.dumps(taken(one))))
        assert (one.standard_normal(5) == other.standard_normal(5)).all()
        assert one.integers(9, dtype=np.uint32) == other.integers(9, dtype=np.uint32)

    def test_so_do_those_of_torch_and_of_members(self):
        one, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
        torch.rand(3, generator=one)
        put_back(other, taken(one))
        assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other))
        mine, theirs = MemberNormals([1, 2]), MemberNormals([3, 4])
        mine(5)
        put_back(theirs, taken(mine))
        assert torch.equal(mine(5), theirs(5))

    def test_another_kind_of_generator_is_a_misfit(self):
        with pytest.raises(Misfit, match="training was of another kind of generator"):
            put_back(np.random.default_rng(1), np.random.Generator(np.random.Philox(1)).bit_generator.state)

    def test_a_buffer_keeps_the_rows_in_use_alone(self):
        own = [np.random.default_rng(i) for i in range(2)]
        buffer = ReplayBuffer(100, 1, 1, own)
        for i in range(3):
            row = np.full((2, 1), float(i))
            buffer.add(row, row, row[:, 0], row, row[:, 0], np.arange(2))
        kept = taken(buffer)
        assert kept["rows"].shape == (2, 3, 5)
        assert kept["added"].tolist() == [3, 3]
        larger = ReplayBuffer(200, 1, 1, [np.random.default_rng(9) for _ in range(2)])
        larger.added[:] = kept["added"]
        put_back(larger, kept)
        assert torch.equal(larger.sample(8).state, buffer.sample(8).state)

    def test_flags_and_numbers_of_all_kinds(self):
        flags, whole, single = np.array([True, False]), np.arange(3), torch.tensor([0.1], dtype=torch.float32)
        kept = taken({"flags": flags, "whole": whole, "parts": [single]})
        assert {array.dtype.kind for array in flattened(kept)[1].values()} == {"i", "f"}
        empty = {"flags": np.zeros(2, dtype=bool), "whole": np.zeros(3, dtype=int), "parts": [torch.zeros(1)]}
        put_back(empty, kept)
        assert (empty["flags"] == flags).all()
        assert empty["flags"].dtype == bool
        assert (empty["whole"] == whole).all()
        assert torch.equal(empty["parts"][0], single)

    def test_a_number_is_the_attribute_of_that_name(self):
        class Counter:
            count, told = 3, "three"

            def state(self):
                return {"count": self.count, "told": self.told}

        fresh = Counter()
        fresh.count, fresh.told = 0, ""
        put_back({"counter": fresh}, taken({"counter": Counter()}))
        assert (fresh.count, fresh.told) == (3, "three")

    def test_what_names_no_state_is_refused_when_it_is_taken(self):
        with pytest.raises(TypeError, match="a object has no state that could be kept; give it `state\\(\\)`"):
            taken({"strange": object()})

    @pytest.mark.parametrize("kept", [np.zeros(3), 1.0, None, {}])
    def test_other_shapes_are_a_misfit(self, kept):
        with pytest.raises(Misfit, match=r"training has shape \(2,\), but .* was kept"):
            put_back(np.zeros(2), kept)


def test_a_tree_is_the_same_from_json_and_arrays():
    tree = {"a": {"b": np.arange(3.0), "c": 1}, "d": "text", "e": {}}
    data, arrays = flattened(tree)
    assert list(arrays) == ["a/b"]
    back = unflattened(json.loads(json.dumps(data)), arrays)
    assert (back["a"]["b"] == tree["a"]["b"]).all()
    assert (back["a"]["c"], back["d"], back["e"]) == (1, "text", {})
    with pytest.raises(Misfit, match="a/b is missing"):
        unflattened(data, {})
