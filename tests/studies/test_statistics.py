"""Summary numbers, on made-up results whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mpc import MPCProblem, printed_pendulum, solve_explicit
from studies.method_result import MethodResult
from studies.result import StudyResult
from studies.statistics import Spread, collapse, curve, gap_closed, interquartile_mean


def method(name, test_costs):
    seeds, episodes, _ = test_costs.shape
    return MethodResult(
        name=name,
        scenario="nominal",
        seeds=tuple(range(10, 10 + seeds)),
        discount=1.0,
        actor_weights=1,
        critic_weights=1,
        test_costs=test_costs,
        test_unsafe=np.zeros(test_costs.shape, dtype=np.int64),
        training_costs=np.zeros((seeds, episodes - 1)),
        runs=np.ones((seeds, episodes - 1), dtype=np.int64),
        violations=np.zeros((seeds, episodes - 1), dtype=np.int64),
        grid_inputs=np.zeros((2, seeds, 1, 1)),
        paths=np.zeros((2, seeds, 1, 2, 2)),
        path_inputs=np.zeros((2, seeds, 1, 1, 1)),
        core_excess=np.full(seeds, np.nan),
    )


@pytest.fixture(scope="module")
def result():
    law = solve_explicit(MPCProblem(printed_pendulum(), np.eye(2), 0.001, 1, ([-2, -8], [2, 8]), (-2, 2)))
    costs = np.array(  # (seeds, episodes + 1, starts): two easy, two hard
        [
            [[1.0, 1.0, 300.0, 300.0], [5.0, 7.0, 200.0, 200.0], [1.0, 1.005, 100.0, 100.0]],
            [[1.0, 1.0, 300.0, 300.0], [9.0, 9.0, 400.0, 400.0], [1.0, 1.02, 200.0, 200.0]],
            [[1.0, 1.0, 300.0, 300.0], [1.0, 1.0, 300.0, 300.0], [1.0, 1.0, 300.0, 300.0]],
        ]
    )
    return StudyResult(
        name="made up",
        settings={},
        methods=(method("YANN-DDPG", costs),),
        baselines=(),
        law=law,
        starts=np.zeros((4, 2)),
        groups={"easy": [0, 1], "hard": [2, 3]},
        stored_best={"nominal": np.array([2.0, 0.9, np.nan, 150.0])},
        grid=np.zeros((1, 2)),
        path_starts=(0,),
        checks={},
        provenance={},
    )


def test_best_is_the_least_ever_seen_stored_or_measured(result):
    np.testing.assert_array_equal(result.best, [1.0, 0.9, 100.0, 100.0])


def test_gap_closed_names_the_worst_seed(result):
    closed = gap_closed(result, result.methods[0])
    assert (closed.median, closed.worst, closed.worst_seed) == (0.5, 0.0, 12)


def test_gap_closed_is_negative_for_a_policy_worse_than_the_law(result):
    worse = result.methods[0].test_costs.copy()
    worse[:, -1, 2:] = 500.0
    spoilt = replace(result, methods=(method("YANN-DDPG", worse),))
    assert gap_closed(spoilt, spoilt.methods[0]).median < 0


def test_collapse_is_the_median_seed_at_its_worst_episode(result):
    found = collapse(result, result.methods[0])
    assert (found.episode, found.change, found.within_hundredth_at_end) == (1, 5.0, 2)


def test_an_untrained_beginning_does_not_excuse_harm_to_easy_starts(result):
    """Every method stands against the law, not against its own beginning."""
    law = result.methods[0].test_costs
    costs = law.copy()
    costs[:, 0, :2] = 1000.0
    costs[:, 1:, :2] = 50.0
    costs[2, 2, :2] = 1.0
    both = replace(result, methods=(method("DDPG", costs), result.methods[0]))
    found = collapse(both, both.methods[0])
    assert (found.episode, found.change, found.within_hundredth_at_end) == (0, 999.0, 1)
    assert collapse(both, both.methods[1]) == collapse(result, result.methods[0])


def test_rows_sum_violations_in_training_and_count_those_of_the_trained_policy(result):
    first = result.methods[0]
    unsafe = np.zeros_like(first.test_unsafe)
    unsafe[0, 0, :], unsafe[1, -1, 2] = 1, 1
    counted = replace(first, violations=np.array([[3, 4], [0, 5], [0, 0]]), test_unsafe=unsafe)
    rows = replace(result, methods=(counted,)).rows()
    assert [row["violations_training"] for row in rows] == [7] * 4 + [5] * 4 + [0] * 4
    assert [row["violations_test"] for row in rows] == [0] * 4 + [0, 0, 1, 0] + [0] * 4


def test_curve_is_the_mean_over_the_group(result):
    assert curve(result, result.methods[0], "easy").tolist()[0] == [1.0, 6.0, 1.0025]


def test_spread_shows_one_number_where_all_are_equal():
    assert str(Spread.of(np.array([1.0, 1.001]))) == "1.00"
    assert str(Spread.of(np.array([1.0, 2000.0]))) == "1,000.50 (1.00 to 2,000.00)"


@given(arrays(float, st.integers(1, 30), elements=st.floats(-1e6, 1e6)))
def test_interquartile_mean_lies_in_the_middle_and_ignores_order(values):
    middle = interquartile_mean(values)
    margin = 1e-9 * (1 + np.abs(values).max())
    assert values.min() - margin <= middle <= values.max() + margin
    assert interquartile_mean(values[::-1]) == pytest.approx(middle, rel=1e-9, abs=margin)
    if len(values) % 4 == 0:
        quarter = len(values) // 4
        assert middle == pytest.approx(np.sort(values)[quarter : 3 * quarter].mean(), rel=1e-9, abs=margin)
