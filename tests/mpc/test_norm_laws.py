"""Explicit laws of 1-norm and infinity-norm costs: as cheap as any answer at random, facet and vertex states."""

import numpy as np
import pytest
from scipy.optimize import linprog

from mpc import ImplicitMPC, condense, solve_explicit

CASES = [(1, 2), (1, 3), (np.inf, 2), (np.inf, 3)]


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request, pendulum_problem):
    norm, horizon = request.param
    problem = pendulum_problem(norm=norm, horizon=horizon)
    return problem, solve_explicit(problem)


def states(law, cells) -> np.ndarray:
    """Random states, the middles of facets and both their sides, vertices: those inside the law's domain."""
    scaled = [np.random.default_rng(0).uniform(-1, 1, (200, law.t)), *(cells.across(s) for s in (0.0, 1e-9, -1e-9))]
    points = cells.physical(np.concatenate([*scaled, *cells.vertices]))
    return points[np.asarray(law.locate(points).margin) >= 0]


def test_the_law_costs_the_least(case, partition):
    problem, law = case
    qp, tight = condense(problem), {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    for theta in states(law, partition(law)):
        right = qp.w + qp.S @ theta
        expected = linprog(qp.f, qp.G, right, bounds=(None, None), options=tight)
        z = law.solution(theta)
        assert (qp.G @ z <= right + 1e-9).all()
        if expected.success:
            assert qp.f @ z == pytest.approx(expected.fun, abs=1e-9)


def test_the_law_and_the_online_controller_take_the_same_minimiser(case):
    problem, law = case
    online, points = ImplicitMPC(problem), np.random.default_rng(1).uniform([-2, -8], [2, 8], (100, 2))
    inside = points[np.asarray(law.locate(points).margin) > 1e-6]
    assert len(inside) > 20
    assert law.solution(inside) == pytest.approx(online.solution(inside), abs=1e-8)
    assert law(inside) == pytest.approx(online(inside), abs=1e-8)


def test_names_reach_the_law(case):
    problem, law = case
    assert law.input_names == ("torque",)
    assert law.m == 1
    assert law.labels.variables[problem.horizon].startswith("cost of")
    assert any("sets the cost at step" in row for region in law.regions for row in region.active)
