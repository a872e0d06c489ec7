import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl import ReplayBuffer, TrainingError


def generators(*seeds):
    return [np.random.default_rng(seed) for seed in seeds]


def filled(count, capacity, seeds=(0, 1)):
    """Return a buffer in which every number of transition k of member s is told by k and s."""
    buffer = ReplayBuffer(capacity, 2, 1, generators(*seeds))
    members = np.arange(len(seeds))[:, None]
    for k in range(count):
        mark = 10.0 * k + 1000 * members
        state, next_state = mark + np.array([1, 2]), mark + np.array([5, 6])
        buffer.add(state, mark + 3, (mark + 4)[:, 0], next_state, 0.5 * (members[:, 0] == k % 2))
    return buffer


def test_rows_stay_together_and_with_their_member():
    batch = filled(7, 100).sample(50)
    assert [tuple(part.shape) for part in batch] == [(2, 50, 2), (2, 50, 1), (2, 50), (2, 50, 2), (2, 50)]
    base = batch.state[..., 0] - 1
    assert ((base // 1000) == np.arange(2)[:, None]).all()
    k = (base % 1000) / 10
    assert (batch.state[..., 1] == base + 2).all()
    assert (batch.input[..., 0] == base + 3).all()
    assert (batch.cost == base + 4).all()
    assert (batch.next_state[..., 0] == base + 5).all()
    assert (batch.next_state[..., 1] == base + 6).all()
    assert (batch.discount.numpy() == 0.5 * (np.arange(2)[:, None] == k.numpy() % 2)).all()


@given(count=st.integers(1, 30), capacity=st.integers(1, 12))
def test_only_the_last_ones_are_kept(count, capacity):
    buffer = filled(count, capacity)
    size = min(count, capacity)
    assert buffer.sizes.tolist() == [size, size]
    drawn = {int(k) for k in ((buffer.sample(300).state[0, :, 0] - 1) / 10).tolist()}
    assert drawn <= set(range(count - size, count))
    assert len(drawn) > size / 2


def test_a_member_draws_the_same_rows_however_many_members_there_are():
    single, stack = filled(40, 50, (9,)), filled(40, 50, (5, 9, 7))
    for _ in range(3):
        assert (single.sample(16).state[0] == stack.sample(16).state[1] - 1000).all()


def test_every_row_is_drawn_about_equally_often():
    drawn = (filled(10, 10).sample(20_000).state[0, :, 0] - 1) / 10
    counts = np.bincount(drawn.numpy().astype(int))
    assert counts == pytest.approx(np.full(10, 2000), abs=200)


def test_later_writing_leaves_a_drawn_batch_as_it_was():
    buffer = filled(3, 3)
    batch = buffer.sample(8)
    before = batch.cost.clone()
    buffer.add(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    assert (batch.cost == before).all()


def test_members_may_keep_different_numbers_of_transitions():
    buffer = filled(2, 4)
    for k in range(5):
        row = np.full((1, 2), 500.0 + k)
        buffer.add(row, row[:, :1], row[:, 0], row, np.zeros(1), np.array([1]))
    assert buffer.sizes.tolist() == [2, 4]
    batch = buffer.sample(400)
    assert set(batch.cost[0].tolist()) == {4.0, 14.0}
    assert set(batch.cost[1].tolist()) == {501.0, 502.0, 503.0, 504.0}


def test_nothing_can_be_drawn_while_one_member_has_nothing():
    buffer = ReplayBuffer(5, 1, 1, generators(0, 1))
    one = np.ones((1, 1))
    buffer.add(one, one, one[0], one, one[0], np.array([0]))
    with pytest.raises(TrainingError, match=r"member 1 is empty \(0 transitions\)"):
        buffer.sample(1)


def test_nothing_can_be_drawn_from_nothing():
    with pytest.raises(TrainingError, match=r"member 0 is empty \(0 transitions\)"):
        ReplayBuffer(5, 2, 1, generators(0)).sample(1)


def test_a_capacity_of_nothing_is_refused():
    with pytest.raises(TrainingError, match="`capacity` is 0, but it must be at least 1"):
        ReplayBuffer(0, 2, 1, generators(0))


def test_a_capacity_beyond_memory_and_wrong_generators_are_refused():
    with pytest.raises(TrainingError, match=r"`capacity` = 1000000000000 asks for .* above the limit of \d+"):
        ReplayBuffer(10**12, 2, 1, [np.random.default_rng(0)])
    for generators in (None, 3, np.random.default_rng(0)):
        with pytest.raises(TrainingError, match=r"`generators` is a .*, but a Sequence is needed"):
            ReplayBuffer(3, 2, 1, generators)
