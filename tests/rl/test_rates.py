import pytest
from scipy.stats import binom

from rl import TrainingError
from rl.rates import rate_of


@pytest.mark.parametrize(("count", "trials"), [(0, 10), (3, 10), (10, 10), (1, 1), (7, 4000)])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_ends_are_where_the_tails_of_the_binomial_are(count, trials, confidence):
    rate, half = rate_of(count, trials, confidence), (1 - confidence) / 2
    assert rate.share == count / trials
    if count < trials:
        assert binom.cdf(count, trials, rate.upper) == pytest.approx(half)
        assert binom.cdf(count, trials, rate.at_most) == pytest.approx(2 * half)
    if count > 0:
        assert binom.sf(count - 1, trials, rate.lower) == pytest.approx(half)
    assert 0 <= rate.lower <= rate.share <= rate.at_most <= rate.upper <= 1


def test_no_violation_in_n_runs_gives_the_rule_of_three():
    assert rate_of(0, 1000).at_most == pytest.approx(3 / 1000, rel=0.01)
    assert rate_of(0, 1000).lower == 0


def test_no_trials_say_nothing():
    rate = rate_of(0, 0)
    assert (rate.lower, rate.upper, rate.at_most, rate.share) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 2), "`count` is 3, above `trials`, 2"),
        ((-1, 2), "`count` is -1"),
        ((1, 2, 1.0), "`confidence` is 1, but it must lie between 0 and 1"),
    ],
)
def test_what_makes_no_sense(arguments, words):
    with pytest.raises(TrainingError, match=words):
        rate_of(*arguments)
