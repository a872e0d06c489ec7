"""Prices: one number where multipliers are unique, their whole range where they are not, in the rows' own units."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import ImplicitMPC, solve_explicit
from mpc.explicit.labels import Labels
from mpc.explicit.prices import Price, prices_at, row_unit
from mpc.explicit.readout import Readout
from mpc.explicit.value import value_at

STEP = 1e-5


def by_row(problem, theta, z) -> dict[str, Price]:
    return {price.row: price for price in prices_at(problem, np.asarray(theta, float), np.asarray(z, float))}


def cost(problem, theta) -> float:
    return float(value_at(problem, np.asarray(theta, float), ImplicitMPC(problem).solution(theta)))


def moved(problem, row: int, by: float):
    return replace(problem, w=problem.w + by * (np.arange(len(problem.w)) == row))


@pytest.fixture(scope="module")
def corner(plane):
    """Three rows meet at (-1, -1), where two would do."""
    return plane(G=[[1, 0], [0, 1], [1, 1]], w=[-1, -1, -2], S=np.zeros((3, 2)))


def test_dependent_rows_have_a_range_of_prices(corner):
    """lambda_0 + lambda_2 = 1 and lambda_1 + lambda_2 = 2: the third is anything from 0 to 1."""
    found = by_row(corner, [0, 1], [-1, -1])
    assert [(found[f"row {i}"].low, found[f"row {i}"].high) for i in range(3)] == [
        pytest.approx(ends, abs=1e-9) for ends in ((0, 1), (1, 2), (0, 1))
    ]
    assert not any(price.unique for price in found.values())


def test_the_ends_of_the_range_are_what_moving_the_limit_does(corner):
    found = by_row(corner, [0, 1], [-1, -1])
    for row in range(3):
        price, now = found[f"row {row}"], cost(corner, [0, 1])
        assert (now - cost(moved(corner, row, STEP), [0, 1])) / STEP == pytest.approx(price.low, abs=1e-4)
        assert (cost(moved(corner, row, -STEP), [0, 1]) - now) / STEP == pytest.approx(price.high, abs=1e-4)


@given(
    theta=st.lists(st.floats(-0.99, 2), min_size=2, max_size=2),
    factors=st.lists(st.floats(-6, 6), min_size=3, max_size=3),
)
def test_units_of_rows_do_not_matter(theta, factors, corner):
    rows = 10.0 ** np.array(factors)
    other = replace(corner, G=corner.G * rows[:, None], w=corner.w * rows)
    plain, scaled = by_row(corner, theta, [-1, -1]), by_row(other, theta, [-1, -1])
    for i in range(3):
        ends = np.array([[p[f"row {i}"].low, p[f"row {i}"].high] for p in (plain, scaled)])
        assert ends[1] * rows[i] == pytest.approx(ends[0], abs=1e-6)
    a, b = np.array(theta) + 1
    third = plain["row 2"]
    assert (third.low, third.high) == pytest.approx((0, min(a, b)), abs=1e-6)


@pytest.mark.parametrize("name", ["pend_N3", "rand_x3u2_N2", "eq_portfolio_n4"])
def test_independent_rows_have_one_price_that_of_the_multipliers(name, problem, solved):
    law = solved(name)
    for region in law.regions[:: max(1, len(law.regions) // 8)]:
        prices, wanted = prices_at(problem(name), region.centre, law.solution(region.centre)), None
        wanted = dict(zip(law.labels.rows, law.multipliers(region.centre), strict=True))
        assert all(price.unique and price.low == wanted[price.row] for price in prices)
        assert [abs(price.low) for price in prices] == sorted((abs(price.low) for price in prices), reverse=True)
        assert {row for row, price in wanted.items() if price} <= {price.row for price in prices}


def test_limits_that_leave_one_point_only_cost_without_limit_when_they_close(line):
    pinned = line(G=[[1], [-1]], w=[1, -1], S=[[0], [0]])
    upper = by_row(pinned, [2], [1])["row 0"]
    assert (upper.low, upper.high, upper.unique) == (pytest.approx(1), np.inf, False)
    assert str(upper) == "row 0: 1 more would save 1 of cost, less would cost without limit"
    assert json.loads(json.dumps(upper.to_dict(), allow_nan=False))["high"] is None


def test_an_equality_row_may_cost_either_way(line):
    fixed = line(G=[[1]], w=[1], S=[[0]], equality_rows=(0,))
    (low,), (high,) = prices_at(fixed, np.array([0.5]), np.ones(1)), prices_at(fixed, np.array([1.5]), np.ones(1))
    assert (low.low, high.low) == pytest.approx((-0.5, 0.5))
    assert low.equality
    assert str(low) == "row 0: 1 more would cost 0.5"
    assert str(high) == "row 0: 1 more would save 0.5 of cost"


def test_without_tight_rows_there_are_no_prices(line):
    assert prices_at(line(), np.array([0.5]), np.array([0.5])) == ()


def test_a_row_has_the_unit_of_its_label_variable_or_readout(plane):
    names = Labels(("a", "b"), ("u", "v"), ("one", "two", "three"), variable_units=("N m", "V"))
    rows = {"G": [[-1, 0], [2, 0], [0.5, 3]], "w": [1, 1, 1], "S": [[0, 0], [0, 0], [-4, 0]]}
    qp = plane(labels=names, readouts=[Readout("level", "m", 7, [4, 0], [-0.5, -3])], **rows)
    assert [row_unit(qp, i) for i in range(3)] == ["N m", "", ""]
    qp = plane(labels=names, readouts=[Readout("level", "m", 7, [4, 0], [0.5, 3])], **rows)
    assert [row_unit(qp, i) for i in range(3)] == ["N m", "", "m"]
    flipped = replace(qp, G=-qp.G, S=-qp.S)
    assert [row_unit(flipped, i) for i in range(3)] == ["N m", "", "m"]
    named = replace(qp, labels=replace(names, row_units=("%", "%", "kg")))
    assert [row_unit(named, i) for i in range(3)] == ["%", "%", "kg"]


def test_a_price_reads_like_a_sentence():
    assert str(Price("valve at its limit", "%", 3.25, 3.25)) == "valve at its limit: 1 % more would save 3.25 of cost"
    words = "valve at its limit: 1 % more would save 0 of cost, less would cost 2"
    assert str(Price("valve at its limit", "%", 0.0, 2.0)) == words


def test_a_law_with_dependent_rows_says_so(plane):
    law = solve_explicit(plane(G=[[1, 0], [0, 1], [1, 1]], w=[0, 0, 0], S=np.zeros((3, 2))))
    assert "prices are not unique here" in str(law.explain([1, 2]))
    assert "prices, at this rate at first" in str(law.explain([1, -1]))
