"""Active sets as masks: bits of several words, and the list of sets seen beside a Python dict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.explicit.active_sets import FIRST_ROOM, SeenSets, members, packed, unpacked, with_bit, without_bit

ROWS = 200
ROW_SETS = st.sets(st.integers(0, ROWS - 1), max_size=12).map(lambda rows: tuple(sorted(rows)))
WORDS = ROWS // 64 + 1


def rows_of(mask: np.ndarray) -> tuple[int, ...]:
    rows = np.zeros(64 * len(mask), np.int64)
    return tuple(rows[: members(mask, rows)].tolist())


def listed(seen: SeenSets) -> list[tuple[int, ...]]:
    return [rows_of(mask) for mask in seen[:]]


@given(st.lists(ROW_SETS, max_size=20))
def test_masks_give_their_rows_back_in_order(sets):
    masks = packed(sets, WORDS)
    assert [rows_of(mask) for mask in masks] == sets
    assert [tuple(np.flatnonzero(row)) for row in unpacked(masks, ROWS)] == sets
    assert unpacked(masks, ROWS).shape == (len(sets), ROWS)


@given(ROW_SETS, st.integers(0, ROWS - 1))
def test_a_bit_is_set_and_cleared_alone(rows, row):
    mask = packed([rows], WORDS)[0]
    with_bit(mask, row)
    assert set(rows_of(mask)) == {*rows, row}
    without_bit(mask, row)
    assert set(rows_of(mask)) == set(rows) - {row}


@pytest.mark.parametrize("row", [0, 62, 63, 64, 127, 128, 191])
def test_bits_at_the_ends_of_words(row):
    mask = np.zeros(3, np.uint64)
    with_bit(mask, row)
    assert rows_of(mask) == (row,)
    assert [int(word) for word in mask] == [1 << row % 64 if word == row // 64 else 0 for word in range(3)]
    without_bit(mask, row)
    assert not mask.any()


@given(st.lists(st.lists(ROW_SETS, max_size=30), max_size=10))
def test_sets_are_kept_once_in_the_order_in_which_they_came(batches):
    seen, expected = SeenSets(WORDS), {}
    for batch in batches:
        assert seen.add(packed(batch, WORDS)) is seen
        expected |= dict.fromkeys(batch)
    assert listed(seen) == list(expected)
    assert len(seen) == len(expected)


@pytest.mark.parametrize("words", [1, 2, 4])
def test_many_sets_outgrow_the_first_room_and_lose_nothing(words):
    """Masks that differ in few bits, many of them twice: what a search sees."""
    generator = np.random.default_rng(words)
    seen, expected = SeenSets(words), {}
    for size in (1, 10, FIRST_ROOM - 12, 1, 1, 3, 5000, 20000):
        sets = [tuple(sorted(set(generator.integers(0, 64 * words, 3).tolist()))) for _ in range(size)]
        held = seen.nbytes
        seen.add(packed(sets, words))
        expected |= dict.fromkeys(sets)
        assert len(seen) == len(expected)
        assert seen.nbytes >= held
    assert listed(seen) == list(expected)
    assert len(expected) > 4 * FIRST_ROOM


def test_one_batch_may_be_larger_than_the_first_room():
    sets = [(i // 64, 64 + i % 64) for i in range(4 * FIRST_ROOM)]
    seen = SeenSets(2).add(packed(sets + sets, 2))
    assert len(seen) == len(set(sets))
    assert listed(seen) == list(dict.fromkeys(sets))
    assert len(seen.add(packed(sets, 2))) == len(set(sets))


def test_slices_are_masks_of_what_has_been_seen_only():
    seen = SeenSets(1).add(packed([(1,), (2,), (3,)], 1))
    assert seen[1:].tolist() == [[4], [8]]
    assert seen[:100].shape == (3, 1)
    assert seen[3:].shape == (0, 1)


def test_the_bytes_held_grow_with_the_sets():
    small = SeenSets(1)
    large = SeenSets(1).add(np.arange(3 * FIRST_ROOM, dtype=np.uint64)[:, None])
    assert small.nbytes == FIRST_ROOM * 8 + 2 * FIRST_ROOM * 8
    assert large.nbytes == 4 * small.nbytes


def test_the_empty_set_is_a_set():
    seen = SeenSets(2).add(packed([(), (0,), ()], 2))
    assert listed(seen) == [(), (0,)]
