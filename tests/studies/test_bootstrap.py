"""The bootstrap beside plain oracles: all resamples written out, and a loop."""

from itertools import product

import numpy as np
import pytest

from studies.statistics import GapClosed, Middle, Spread, interquartile_mean, middle_seed, stratified_bootstrap


def test_resamples_are_those_of_all_possible_ones_in_their_shares():
    values = np.array([[1.0, 10.0], [2.0, 40.0], [4.0, 80.0]])
    every = [
        np.mean([values[a, 0], values[b, 0], values[c, 0], values[d, 1], values[e, 1], values[f, 1]])
        for a, b, c, d, e, f in product(range(3), repeat=6)
    ]
    found = stratified_bootstrap(values, lambda rows: rows.mean(axis=-1), resamples=40_000)
    assert set(found.round(9)) <= set(np.round(every, 9)), "each stratum is drawn from itself alone"
    levels = [0.025, 0.25, 0.5, 0.75, 0.975]
    np.testing.assert_allclose(np.quantile(found, levels), np.quantile(every, levels), atol=0.7)
    assert found.mean() == pytest.approx(values.mean(), abs=0.15)


def test_a_row_of_resamples_is_what_a_loop_draws():
    values = np.random.default_rng(3).normal(size=(5, 2))
    drawn = np.random.default_rng(7).integers(5, size=(20, 5, 2))
    plain = []
    for one in drawn:
        sample = [values[one[s, t], t] for s in range(5) for t in range(2)]
        ordered = sorted(sample)
        plain.append((ordered[2] * 0.5 + sum(ordered[3:7]) + ordered[7] * 0.5) / 5)
    np.testing.assert_allclose(stratified_bootstrap(values, interquartile_mean, 20, seed=7), plain, rtol=1e-12)


def test_the_middle_of_three_seeds_has_the_interval_of_all_27_resamples():
    values = np.array([3.0, 5.0, 11.0])
    every = [interquartile_mean(np.array(one)) for one in product(values, repeat=3)]
    middle = Middle.of(values)
    assert (middle.low, middle.high) == pytest.approx(tuple(np.quantile(every, [0.025, 0.975], method="inverted_cdf")))
    assert middle.mean == pytest.approx((3 * 0.25 + 5 + 11 * 0.25) / 1.5)
    assert middle.interval == "3.00 to 11.00"
    assert Middle.of(values) == middle, "the same every time"


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    held = [m.low <= 0 <= m.high for m in (Middle.of(generator.normal(size=20)) for _ in range(60))]
    assert 0.8 < np.mean(held) <= 1


def test_many_rows_have_the_interquartile_means_of_each():
    values = np.random.default_rng(1).normal(size=(4, 3, 7))
    found = interquartile_mean(values)
    assert found.shape == (4, 3)
    assert found[2, 1] == pytest.approx(interquartile_mean(values[2, 1]))


def test_the_middle_seed_is_the_lower_of_two():
    assert middle_seed(np.array([9.0, 1.0, 5.0])) == 2
    assert middle_seed(np.array([9.0, 1.0, 5.0, 7.0])) == 2


def test_the_worst_share_names_its_seed():
    gap = GapClosed.of(np.array([0.9, 0.2, 0.8]), (4, 5, 6))
    assert (gap.median, gap.worst, gap.worst_seed) == (0.8, 0.2, 5)


def test_a_spread_in_words():
    assert Spread(2.0, 1.0, 4.0).words(3) == "2.00 (1.00 to 4.00 over 3 seeds)"
    assert Spread(2.0, 2.0, 2.0).words(3) == "2.00 with every seed"
