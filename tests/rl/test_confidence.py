"""The bound errs as rarely as it says, whatever is drawn, and is sharp enough to be of use."""

import numpy as np
import pytest

from rl import TrainingError
from rl.confidence import error_of, lower_bound

LOSS = 3255.0
NULLS = {  # all of mean 0, never below -LOSS
    "rare disasters": lambda g, n: np.where(g.random(n) < 0.005, -LOSS, 0.005 * LOSS / 0.995),
    "a fair coin": lambda g, n: np.where(g.random(n) < 0.5, -LOSS, LOSS),
    "rare gains": lambda g, n: np.where(g.random(n) < 0.01, 99e3, -1e3),
    "heavy tails": lambda g, n: 100 * (g.random(n) ** (-1 / 1.5) - 3),
    "bells": lambda g, n: 250 * g.standard_normal(n).clip(-10, 10),
}


def normal_bound(sample):
    return sample.mean() - 1.6449 * sample.std(ddof=1) / len(sample) ** 0.5


@pytest.mark.parametrize("draw", NULLS.values(), ids=list(NULLS))
@pytest.mark.parametrize("size", [6, 100])
def test_a_mean_of_zero_is_rarely_called_positive(draw, size):
    g = np.random.default_rng(1)
    wrong = sum(lower_bound(draw(g, size), LOSS, 0.05) > 0 for _ in range(400))
    assert wrong <= 0.05 * 400


def test_the_bound_of_normal_theory_errs_ten_times_as_often_as_it_says():
    """The check above has teeth: rare disasters mislead whoever looks at mean and spread alone."""
    g = np.random.default_rng(1)
    wrong = sum(normal_bound(NULLS["rare disasters"](g, 100)) > 0 for _ in range(400))
    assert wrong > 0.5 * 400


def test_a_coin_that_always_falls_well_is_believed_as_late_as_it_must_be():
    """n wins in a row have the chance 1/2^n: none may be believed before 1/2^n < error."""
    bounds = [lower_bound(np.full(n, LOSS), LOSS, 0.05) for n in range(1, 12)]
    assert all(bound <= 0 for bound in bounds[:4])
    assert bounds[-1] > 0


@pytest.mark.parametrize("error", [0.03, 0.0003])
def test_the_gain_of_a_trained_pendulum_is_seen_in_a_thousand_starts(error):
    """One start in five gains 300 +- 200, as hard starts do, the others nothing; an episode can lose 3,255."""
    g = np.random.default_rng(0)
    for _ in range(20):
        sample = np.where(g.random(1000) < 0.2, 300 + 200 * g.standard_normal(1000), 0)
        assert 0 < lower_bound(sample, LOSS, error) < 60


def test_the_wealth_at_the_bound_is_one_over_the_error():
    sample, error = np.array([3.0, -1.0, 2.5, 4.0, 0.5, 3.0, 3.0, 2.0]), 0.1
    bound = lower_bound(sample, 5.0, error)
    shares, weights = [0.9 * 0.5**j for j in range(20)], [1 / (j + 1) ** 2 for j in range(20)]
    wealth = sum(
        w / sum(weights) * np.prod([1 + c / (5 + bound) * (d - bound) for d in sample])
        for c, w in zip(shares, weights, strict=True)
    )
    assert wealth == pytest.approx(1 / error, rel=1e-9)


def test_it_scales_with_the_unit_and_ignores_the_order():
    sample = np.random.default_rng(3).normal(2, 3, 200).clip(-10)
    bound = lower_bound(sample, 10.0, 0.05)
    assert lower_bound(7 * sample, 70.0, 0.05) == pytest.approx(7 * bound)
    assert lower_bound(sample[::-1].copy(), 10.0, 0.05) == pytest.approx(bound)
    assert bound < lower_bound(sample, 10.0, 0.2) < sample.mean()
    assert lower_bound(sample, 1000.0, 0.05) < bound


def test_all_may_be_lost():
    assert lower_bound(np.full(9, -2.0), 2.0, 0.05) == pytest.approx(-2)


def test_all_gates_together_spend_the_error_rate():
    spent = [error_of(k, 0.05) for k in range(1, 20_000)]
    assert spent[0] == pytest.approx(0.0303964, rel=1e-5)
    assert 0.0499 < sum(spent) < 0.05


@pytest.mark.parametrize(
    ("sample", "loss", "error", "words"),
    [
        ([], 1, 0.05, "`sample` has 0 entries, but at least 1"),
        ([0.0, -3.0], 2, 0.05, "`sample` has -3, below -`largest_loss` = -2"),
        ([0.0, np.nan], 2, 0.05, "`sample` is NaN"),
        ([0.0], 0, 0.05, "`largest_loss` is 0, but it must be positive"),
        ([0.0], 1, 1.0, "`error` is 1, but it must lie between 0 and 1"),
        ([0.0], 1, 0.0, "`error` is 0"),
    ],
)
def test_what_makes_no_sense(sample, loss, error, words):
    with pytest.raises(TrainingError, match=words):
        lower_bound(np.array(sample), float(loss), error)
