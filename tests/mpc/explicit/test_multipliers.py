"""The price of a row is how fast the optimal cost falls when its limit gives way."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import LinearModel, MPCProblem, MultiparametricQP, NumericalError, ProblemError, solve_explicit
from mpc.explicit.multipliers import multipliers_at


def cost(problem: MultiparametricQP, law, theta) -> float:
    z = law.solution(theta)
    return float(0.5 * z @ problem.H @ z + (problem.f + problem.F @ theta) @ z)


@pytest.mark.parametrize("name", ["pend_N3", "rand_x3u2_N2", "eq_portfolio_n4", "deg_octahedron", "deg_badscale"])
def test_multipliers_are_prices_and_meet_the_kkt_conditions(name, problem, solved):
    mpqp, law = problem(name), solved(name)
    for region in law.regions[:: max(1, len(law.regions) // 12)]:
        theta, z = region.centre, law.solution(region.centre)
        prices = law.multipliers(theta)
        free = np.setdiff1d(np.arange(len(prices)), mpqp.equality_rows)
        assert (prices[free] >= 0).all()
        gradient = mpqp.H @ z + mpqp.f + mpqp.F @ theta
        assert gradient + mpqp.G.T @ prices == pytest.approx(0 * gradient, abs=1e-9 * np.abs(gradient).max() + 1e-12)
        assert prices * (mpqp.w + mpqp.S @ theta - mpqp.G @ z) == pytest.approx(0 * prices, abs=1e-9)


def test_the_cost_falls_at_that_rate(problem, solved):
    mpqp, law = problem("pend_N3"), solved("pend_N3")
    region = max(law.regions, key=lambda r: (len(r.active_rows) > 0) * r.radius)
    row, step = region.active_rows[0], 1e-4
    wider = replace(mpqp, w=mpqp.w + step * (np.arange(len(mpqp.w)) == row))
    fall = cost(mpqp, law, region.centre) - cost(wider, solve_explicit(wider), region.centre)
    assert law.multipliers(region.centre)[row] == pytest.approx(fall / step, rel=1e-2)


def test_equality_rows_have_multipliers_of_either_sign():
    law = solve_explicit(
        MultiparametricQP([[1]], [0], [[0]], [[1]], [0], [[1]], [[1], [-1]], [1, 1], equality_rows=(0,))
    )
    assert law.multipliers([0.5]) == pytest.approx([-0.5])
    assert law.multipliers([[0.5], [-0.25]]) == pytest.approx(np.array([[-0.5], [0.25]]))


def test_rows_that_no_region_lists_as_active_have_prices():
    """z0 + z1 = theta costs theta / 2; z0 <= 1 (and 2 z0 <= 2 again, unlisted) holds z0 back beyond theta = 2."""
    rows = {"G": [[1, 1], [1, 0], [2, 0]], "w": [0, 1, 2], "S": [[1], [0], [0]], "equality_rows": (0,)}
    law = solve_explicit(MultiparametricQP(np.eye(2), [0, 0], [[0], [0]], A_theta=[[1], [-1]], b_theta=[4, 4], **rows))
    assert [region.active_rows for region in law.regions] == [(), (1,)]
    assert law.multipliers([1.0]) == pytest.approx([-0.5, 0, 0])
    assert law.multipliers([3.0])[0] == pytest.approx(-2)
    assert law.multipliers([3.0])[1:] @ [1, 2] == pytest.approx(1)


def test_an_mpc_law_prices_its_rows_by_name():
    model = LinearModel([[1, 1], [0, 1]], [[0], [1]], sample_time=1.0)
    law = solve_explicit(
        MPCProblem(model, np.eye(2), 1.0, 2, parameter_bounds=([-5, -5], [5, 5]), input_bounds=(-1, 1))
    )
    prices = law.multipliers([-5, -5])
    assert [law.labels.rows[i] for i in np.flatnonzero(prices > 1e-9)] == list(
        law.regions[law.locate([-5, -5])[0]].active
    )


def test_what_is_no_minimiser_has_no_multipliers(problem):
    mpqp = problem("pend_N3")
    with pytest.raises(NumericalError, match="z is no minimiser at theta = "):
        multipliers_at(mpqp, np.zeros(2), np.full(mpqp.n, 0.01))


def test_a_law_of_the_first_move_has_none(solved):
    with pytest.raises(ProblemError, match="holds no problem"):
        replace(solved("pend_N3"), problem=None).multipliers([0, 0])
