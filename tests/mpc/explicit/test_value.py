"""The value is the optimal cost: that of a direct solver, with the slope that multipliers say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import ImplicitMPC, OutsideDomain, PiecewiseAffineLaw, ProblemError, condense, solve_explicit
from mpc.explicit.value import Quadratic

NAMES = ["pend_N3", "rand_x3u2_N2", "eq_portfolio_n4", "deg_octahedron"]


def constant_of(t: int) -> Quadratic:
    rng = np.random.default_rng(t)
    Y = rng.normal(size=(t, t))
    return Quadratic(3.0, rng.normal(size=t), Y + Y.T)


def told(problem, law) -> PiecewiseAffineLaw:
    """The same law of the problem with a constant part."""
    return replace(law, problem=replace(problem, constant=constant_of(problem.t)))


def directly(problem, theta, z) -> float:
    constant = problem.constant.c0 + problem.constant.c @ theta + theta @ problem.constant.Y @ theta / 2
    return constant + z @ problem.H @ z / 2 + (problem.f + problem.F @ theta) @ z


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_what_a_direct_solver_finds_at_random_points_facets_and_vertices(name, problem, solved, cells):
    law, places = told(problem(name), solved(name)), cells(name)
    rng = np.random.default_rng(0)
    inside = [place.mean(axis=0) + 0.9 * (place[rng.integers(len(place))] - place.mean(axis=0))
              for place in places.vertices[:20]]  # fmt: skip
    scaled = np.vstack([inside, places.across(-1e-9)[:20], np.vstack(places.vertices)[:20]])
    points = places.physical(np.clip(scaled, -1, 1))
    points = points[law.nearest(points)[2]]
    assert len(points) >= 20
    values, direct = law.value(points), ImplicitMPC(law.problem)
    for theta, value in zip(points, values, strict=True):
        try:
            z = direct.solution(theta)
        except OutsideDomain:  # a vertex on the border of the feasible set, by rounding
            continue
        wanted = directly(law.problem, theta, z)
        assert value == pytest.approx(wanted, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_its_slope_is_that_of_the_envelope_theorem(name, problem, solved):
    law = told(problem(name), solved(name))
    qp = law.problem
    for region in law.regions[:: max(1, len(law.regions) // 8)]:
        theta, step = region.centre, 1e-3 * region.radius * law.half_width
        z, prices = law.solution(theta), law.multipliers(theta)
        slope = qp.constant.c + qp.constant.Y @ theta + qp.F.T @ z - qp.S.T @ prices
        moves = np.diag(step)
        measured = (law.value(theta + moves) - law.value(theta - moves)) / (2 * step)
        noise = 1e-14 * np.abs(law.value(theta)) / step.min()
        assert slope == pytest.approx(measured, rel=1e-6, abs=1e-6 * np.abs(slope).max() + noise)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_continuous_over_facets(name, problem, solved, cells):
    law, places = told(problem(name), solved(name)), cells(name)
    for region, _, point in places.facets[:40]:
        theta = places.physical(point)
        around = [law.regions[k] for k in np.flatnonzero(places.violations(point[None])[0] <= 1e-9)]
        costs = [directly(law.problem, theta, r.solution_gain @ theta + r.solution_offset) for r in around]
        assert np.ptp(costs) <= 1e-8 * (1 + abs(costs[0])), region


def test_of_an_mpc_problem_it_is_the_cost_of_the_prediction(pendulum_problem):
    problem = pendulum_problem()
    A, B, Q, R = problem.model.A, problem.model.B, problem.state_weight, problem.input_weight
    P, N = problem.final_weight, problem.horizon
    weights = [Q] * N + [P]
    Y = sum(2 * np.linalg.matrix_power(A, k).T @ W @ np.linalg.matrix_power(A, k) for k, W in enumerate(weights))
    law = solve_explicit(replace(condense(problem), constant=Quadratic(0, np.zeros(2), Y)))
    for x in ([0.2, -0.5], [0.4, 0.0], [-0.1, 1.0]):
        cost, state = 0.0, np.array(x)
        for u in law.solution(x).reshape(N, -1):
            cost += state @ Q @ state + u @ R @ u
            state = A @ state + B @ u
        assert law.value(x) == pytest.approx(cost + state @ P @ state, rel=1e-9)


def test_a_linear_program_has_a_value_too(problem):
    qp = problem("mplp_inf_N2")
    law = solve_explicit(replace(qp, constant=constant_of(qp.t)))
    for region in law.regions[:: max(1, len(law.regions) // 10)]:
        theta = region.centre
        best = linprog(qp.f + qp.F @ theta, qp.G, qp.w + qp.S @ theta, bounds=(None, None))
        assert law.value(theta) == pytest.approx(best.fun + law.problem.constant(theta), abs=1e-7)


@given(theta=st.floats(-2, 2), c0=st.floats(-10, 10))
def test_with_its_constant_it_is_the_whole_cost(theta, c0, law):
    """min 1/2 (z - theta)^2 + c0 over -1 <= z <= 1."""
    whole = replace(law, problem=replace(law.problem, constant=Quadratic(c0, [0], [[1]])))
    assert whole.value([theta]) == pytest.approx((np.clip(theta, -1, 1) - theta) ** 2 / 2 + c0, abs=1e-12)
    assert law.value([theta]) == pytest.approx(whole.value([theta]) - c0 - theta**2 / 2, abs=1e-12)


def test_values_come_in_the_shape_of_the_points(law):
    assert law.value([0.5]).shape == ()
    assert law.value([[0.5], [1.5]]).tolist() == pytest.approx([-0.125, -1.0])
    assert law.value(np.zeros((2, 3, 1))).shape == (2, 3)


def test_outside_and_without_a_problem_there_is_no_value(law):
    with pytest.raises(OutsideDomain, match="theta0 is above 2"):
        law.value([2.5])
    with pytest.raises(ProblemError, match="holds no problem that could have a cost; use the law as it was solved"):
        law.merged().value([0.5])


def test_the_constant_comes_back_from_a_file(line, tmp_path):
    law = solve_explicit(line(constant=Quadratic(1.5, [2], [[3]])))
    law.save(tmp_path / "law.npz")
    again = PiecewiseAffineLaw.load(tmp_path / "law.npz")
    assert again.digest == law.digest != solve_explicit(line()).digest
    assert again.value([0.5]) == law.value([0.5]) == pytest.approx(1.5 + 1 + 3 / 8 - 1 / 8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.nan, [0], [[0]]), "`c0` is NaN"),
        ((1e101, [0], [[0]]), "`c0` holds 1e.101"),
        ((0, [[0]], [[0]]), "`c` has shape"),
        ((0, [0], [[0, 1]]), "`Y` has shape"),
        ((0, [0, 0], [[0, 1], [2, 0]]), r"`Y` is not symmetric: \[0, 1\] is 1 but \[1, 0\] is 2; pass \(Y \+ Y'\) / 2"),
    ],
)
def test_what_is_no_quadratic_is_refused(arguments, words):
    with pytest.raises(ProblemError, match=words):
        Quadratic(*arguments)


def test_a_constant_fits_its_problem(line):
    with pytest.raises(ProblemError, match="`constant` is a float; pass Quadratic"):
        line(constant=1.0)
    with pytest.raises(ProblemError, match="`constant` is a function of 2 parameters, but the problem has 1"):
        line(constant=Quadratic(0, [0, 0], np.eye(2)))
