"""Signals: what each draws, when it is random, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants import Drift, During, Jump, Level, PlantError, Ramp, Sine, Uniform, White

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("signal", "values"),
    [
        (Level(2.5), [2.5, 2.5, 2.5, 2.5, 2.5]),
        (Jump(3.0, at=2), [0, 0, 3, 3, 3]),
        (Jump(3.0, at=1, before=1.0, until=3), [1, 3, 3, 1, 1]),
        (Jump(3.0, at=9), [0, 0, 0, 0, 0]),
        (Ramp(4.0, begin=1, end=3), [0, 0, 2, 4, 4]),
        (Ramp(0.0, begin=0, end=4, before=4.0), [4, 3, 2, 1, 0]),
        (Sine(2.0, period=4), [0, 2, 0, -2, 0]),
        (Sine(2.0, period=4, phase=0.25), [2, 0, -2, 0, 2]),
        (Level(1.0) + Jump(1.0, at=3), [1, 1, 1, 2, 2]),
    ],
)
def test_what_is_certain_has_the_values_of_its_formula(signal, values):
    assert not signal.is_random
    np.testing.assert_allclose(signal.draw(5, GENERATOR), values, atol=1e-12)


@pytest.mark.parametrize("signal", [White(1.0), Uniform(0.0, 1.0), Drift(1.0, 5.0), Level(1.0) + White(1.0)])
def test_what_is_random_follows_from_its_generator_alone(signal):
    assert signal.is_random
    first, second, other = (signal.draw(50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_white_noise_has_its_deviation_and_is_held():
    values = White(0.5, hold=3).draw(30_000, np.random.default_rng(0))
    assert values.std() == pytest.approx(0.5, rel=0.03)
    blocks = values.reshape(-1, 3)
    assert (blocks == blocks[:, :1]).all()
    assert abs(np.corrcoef(blocks[:-1, 0], blocks[1:, 0])[0, 1]) < 0.05


def test_white_noise_is_cut_where_the_episode_ends_within_a_block():
    assert len(White(1.0, hold=4).draw(10, np.random.default_rng(0))) == 10


def test_a_uniform_number_stays_for_the_episode_and_fills_its_range():
    drawn = np.array([Uniform(2.0, 5.0).draw(4, np.random.default_rng(seed)) for seed in range(400)])
    assert (drawn == drawn[:, :1]).all()
    assert 2.0 <= drawn.min() < 2.1
    assert 4.9 < drawn.max() <= 5.0


def test_a_drift_keeps_its_deviation_and_forgets_as_it_says():
    episodes = np.array([Drift(2.0, memory=4.0).draw(40, np.random.default_rng(seed)) for seed in range(3000)])
    np.testing.assert_allclose(episodes.std(0), 2.0, rtol=0.08)
    correlation = np.corrcoef(episodes[:, 20], episodes[:, 24])[0, 1]
    assert correlation == pytest.approx(np.exp(-1), abs=0.06)


@given(st.integers(1, 60), st.integers(0, 70), st.floats(-5, 5), st.floats(-5, 5))
@settings(deadline=None)
def test_a_sum_is_the_sum_at_every_step(steps, at, value, level):
    total = (Jump(value, at=at) + Level(level)).draw(steps, GENERATOR)
    np.testing.assert_array_equal(total, np.where(np.arange(steps) >= at, value, 0.0) + level)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Level(np.nan), "`value of Level` is NaN"),
        (lambda: Level("3"), "`value of Level`"),
        (lambda: Jump(1.0, at=-1), "`at of Jump` is -1"),
        (lambda: Jump(1.0, at=5, until=5), "`until` of Jump is 5, not after `at` = 5"),
        (lambda: Ramp(1.0, begin=4, end=4), "`end` of Ramp is 4, not after `begin` = 4"),
        (lambda: Ramp(1.0, begin=0.5, end=4), "`begin of Ramp`"),
        (lambda: Sine(1.0, period=0), "`period` of Sine is 0, but it must be above 0"),
        (lambda: White(-1.0), "`deviation` of White is -1, but it must be at least 0"),
        (lambda: White(1.0, hold=0), "`hold` of White is 0, but it must be above 0"),
        (lambda: Uniform(2.0, 1.0), "`upper` of Uniform is 1, below `lower` = 2"),
        (lambda: During(Level(1.0), 3, 3), "`end` of During is 3, not after `begin` = 3"),
        (lambda: During("1", 3, 4), "`signal of During`"),
        (lambda: Drift(1.0, memory=0.0), "`memory` of Drift is 0, but it must be above 0"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(build, words):
    with pytest.raises(PlantError, match=words):
        build()


def test_a_signal_may_last_for_some_steps_only():
    held = During(Uniform(2.0, 3.0), 2, 5)
    values = held.draw(8, np.random.default_rng(4))
    np.testing.assert_array_equal(values[[0, 1, 5, 6, 7]], 0)
    assert 2 <= values[2] <= 3
    np.testing.assert_array_equal(values[2:5], values[2])
    assert held.is_random
    assert not During(1.5, 2, 5).is_random


def test_only_signals_add_up():
    with pytest.raises(TypeError):
        Level(1.0) + 2  # type: ignore[operator]


def test_a_uniform_that_is_too_wide_to_draw_from_is_refused():
    with pytest.raises(PlantError, match=r"from -1.7e\+308 to 1.7e\+308.*narrow it"):
        Uniform(-1.7e308, 1.7e308)
