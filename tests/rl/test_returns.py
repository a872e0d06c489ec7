"""Returns of several steps, against a loop that knows the whole run."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl import ReplayBuffer
from rl.returns import ReturnWriter

GAMMA = 0.9


class Run(NamedTuple):
    """T steps of S members."""

    cost: np.ndarray
    known: np.ndarray
    over: np.ndarray
    worth: np.ndarray


def run_of(rows):
    """Return a run of one member from (cost, known, over, worth) of each step."""
    cost, known, over, worth = (np.array(column) for column in zip(*rows, strict=True))
    return Run(
        cost[:, None].astype(float),
        known[:, None].astype(float),
        over[:, None],
        worth[:, None],
    )


@st.composite
def runs(draw):
    members, length = draw(st.integers(1, 3)), draw(st.integers(1, 14))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = (length, members)
    known = np.where(generator.random(shape) < 0.15, generator.choice([0.0, 7.0, -2.5], shape), np.nan)
    flags = [generator.random(shape) < share for share in (0.15, 0.8)]
    return Run(generator.normal(size=shape), known, *flags)


def written(run, steps):
    """Return the rows of each member's memory, (state, input, cost, next state, discount) in the order of writing."""
    length, members = run.cost.shape
    buffer = ReplayBuffer(100, 1, 1, [np.random.default_rng(i) for i in range(members)])
    writer = ReturnWriter(buffer, steps, GAMMA, 1, 1)
    for t in range(length):
        place = np.full((members, 1), float(t))
        writer.step(place, place + 0.5, run.cost[t], place + 1, run.known[t], run.over[t], run.worth[t])
    return [buffer.rows[member, :size] for member, size in enumerate(buffer.sizes)]


def told(run, steps, member):
    """Return the same rows by looking, from every step, at all that follows it."""
    rows = []
    for end in range(len(run.cost)):
        for start in range(end + 1):
            row = transition(run, steps, member, start, end)
            if row is not None:
                rows.append(row)
    return np.reshape(rows, (-1, 5))


def transition(run, steps, member, start, end):
    """Return the transition from `start` if it is at `end` that it is finished, else None."""
    over = run.over[:, member] | np.isfinite(run.known[:, member])
    between = slice(start, end)
    if not run.worth[start, member] or over[between].any() or end - start >= steps:
        return None
    if not over[end] and end - start + 1 < steps:
        return None
    cost = sum(GAMMA ** (t - start) * run.cost[t, member] for t in range(start, end + 1))
    far = GAMMA ** (end - start + 1)
    follows = run.known[end, member]
    ending = (cost + far * follows, end + 1, 0.0) if np.isfinite(follows) else (cost, end + 1, far)
    return (start, start + 0.5, *ending)


@given(run=runs(), steps=st.integers(1, 6))
def test_what_is_written_is_what_the_whole_run_tells(run, steps):
    for member, rows in enumerate(written(run, steps)):
        assert rows == pytest.approx(told(run, steps, member), abs=1e-12)


class TestByHand:
    """Costs 1, 10, 100, ... and gamma = .9."""

    def test_two_steps_and_what_the_critic_says_after_them(self):
        run = run_of([(1, np.nan, False, True), (10, np.nan, False, True), (100, np.nan, False, True)])
        (rows,) = written(run, 2)
        assert rows == pytest.approx(np.array([[0, 0.5, 10, 2, 0.81], [1, 1.5, 100, 3, 0.81]]))

    def test_a_time_limit_asks_the_critic_sooner(self):
        (rows,) = written(run_of([(1, np.nan, False, True), (10, np.nan, True, True)]), 5)
        assert rows == pytest.approx(np.array([[0, 0.5, 10, 2, 0.81], [1, 1.5, 10, 2, 0.9]]))

    def test_a_termination_asks_nobody(self):
        (rows,) = written(run_of([(1, np.nan, False, True), (10, 0.0, True, True)]), 5)
        assert rows == pytest.approx(np.array([[0, 0.5, 10, 2, 0], [1, 1.5, 10, 2, 0]]))

    def test_a_known_value_is_in_the_cost(self):
        (rows,) = written(run_of([(1, np.nan, False, True), (10, 1000.0, True, True)]), 5)
        assert rows == pytest.approx(np.array([[0, 0.5, 820, 2, 0], [1, 1.5, 910, 2, 0]]))

    def test_nothing_begins_where_nothing_is_worth_it(self):
        (rows,) = written(run_of([(1, np.nan, False, False), (10, np.nan, True, True)]), 2)
        assert rows == pytest.approx(np.array([[1, 1.5, 10, 2, 0.9]]))
