"""Problems of a double integrator and of a plant with three states, and the comparison of their laws with cvxpy."""

import os
from collections.abc import Callable

import cvxpy
import numpy as np
import pytest
from scipy.optimize import linprog

from mpc import (
    ImplicitMPC,
    LinearModel,
    MPCProblem,
    OutputWeight,
    OutsideDomain,
    PiecewiseAffineLaw,
    Polyhedron,
    solve_explicit,
)

CERTAIN = 1e-7  # margin in half widths: nearer to the border of the domain no verdict is asked of anybody


def integrator(**more) -> LinearModel:
    return LinearModel(**({"A": [[1, 1], [0, 1]], "B": [[0.5], [1]], "sample_time": 1.0} | more))


def around_a_point(**more) -> LinearModel:
    """Two outputs that are no states, a disturbance, and an operating point that is nowhere 0."""
    given = {"C": [[1, 0.2], [0.3, 1]], "E": [[0.2], [0.1]], "F": [[0.1], [0.0]], "disturbance": [0.3]}
    return integrator(**(given | {"state": [0.5, -0.2], "input": [0.1], "output": [2.0, 1.0]} | more))


def three_states(**more) -> LinearModel:
    A, B = [[0.9, 0.3, 0.0], [0.0, 1.05, 0.2], [0.1, 0, 0.8]], [[0.0, 0.3], [0.4, 0], [0.2, 0.5]]
    return LinearModel(**({"A": A, "B": B, "sample_time": 0.5} | more))


def stated(model: LinearModel | None = None, **changes) -> MPCProblem:
    model = model or integrator()
    n, m = model.n, model.m
    weights = {"state_weight": np.eye(n), "input_weight": 0.5 * np.eye(m), "horizon": 3}
    limits = {"state_bounds": ([-5] * n, [5] * n), "input_bounds": ([-1] * m, [1] * m)}
    return MPCProblem(**({"model": model} | weights | limits | changes))


@pytest.fixture(scope="session")
def models() -> tuple[Callable[..., LinearModel], ...]:
    return integrator, around_a_point, three_states


@pytest.fixture(scope="session")
def problem() -> Callable[..., MPCProblem]:
    return stated


def facet_points(law: PiecewiseAffineLaw, count: int) -> np.ndarray:
    """The middles of facets of the law's regions, `count` of them."""
    found = []
    for region in law.regions:
        for i, row in enumerate(region.A):
            others, levels = np.delete(region.A, i, 0), np.delete(region.b, i)
            along = others - np.outer(others @ row, row) / (row @ row)
            rows = np.c_[others, np.linalg.norm(along, axis=1)]
            bounds = [(None, None)] * law.t + [(1e-6, 10)]
            ball = linprog(np.r_[0.0 * row, -1], rows, levels, np.r_[row, 0][None], [region.b[i]], bounds)
            if ball.success:
                found.append(ball.x[:-1])
    order = np.random.default_rng(7).permutation(len(found))[:count]
    return np.array(found)[order]


def _answer(ask: Callable, theta: np.ndarray):
    try:
        return ask(theta)
    except OutsideDomain:
        return None


class Agreement:
    """A law, the controller online and cvxpy on one problem: same verdict, same input, same cost."""

    def __init__(self, problem: MPCProblem, unique: bool = True) -> None:
        self.problem, self.unique = problem, unique
        self.law, self.statement, self.online = solve_explicit(problem), problem.to_cvxpy(), ImplicitMPC(problem)

    def points(self, count: int) -> np.ndarray:
        """Random parameters, facet points, and points beyond limits: `count` of the first two kinds."""
        drawn = np.random.default_rng(0).uniform(*self.problem.layout.bounds, (count, self.law.t))
        return np.vstack([drawn, facet_points(self.law, count)])

    def check(self, count: int = 6) -> None:
        count = int(os.environ.get("STATEMENT_POINTS", count))
        points, inside = self.points(count), 0
        for theta in points:
            margin = float(self.law.locate(theta).margin)
            expected, online = _answer(self.statement.solve, theta), _answer(self.online, theta)
            if abs(margin) < CERTAIN and expected is None:
                continue
            assert (expected is not None) == (online is not None) == (margin > -CERTAIN), f"verdicts at {theta}"
            if expected is not None:
                inside += 1
                self._same(theta, expected, online)
        assert inside >= 3, "hardly any point has a solution"

    def _same(self, theta: np.ndarray, expected, online: np.ndarray) -> None:
        unit = 1 + abs(expected.value)
        if self.problem.norm == 2 or self.problem.setpoint is None:
            value = float(self.law.value(theta)) + self._left_out(theta)
            assert expected.value == pytest.approx(value, abs=1e-9 * unit)
        if self.unique:
            assert self.law(theta) == pytest.approx(expected.first, abs=1e-8)
            assert online == pytest.approx(expected.first, abs=1e-8)
        else:
            for first in (self.law(theta), online):
                assert self._cost_of(first, theta) == pytest.approx(expected.value, abs=1e-8 * unit)

    def _left_out(self, theta: np.ndarray) -> float:
        """What a norm's cost counts before any input acts: the first state, and the first output where D is 0."""
        problem, model = self.problem, self.problem.model
        if problem.norm == 2:
            return 0.0
        x = theta[: model.n]
        early = [problem.state_weight @ (x - model.state)]
        weights = [] if model.D.any() else [c.weight for c in problem.costs if isinstance(c, OutputWeight)]
        early += [W @ (model.outputs(x) - model.output) for W in weights]
        return float(sum(np.linalg.norm(part, problem.norm) for part in early))

    def _cost_of(self, first: np.ndarray, theta: np.ndarray) -> float:
        """The least cost that cvxpy finds with this first input."""
        program = self.statement.problem
        held = cvxpy.Problem(program.objective, [*program.constraints, self.statement.inputs[0] == first])
        self.statement.theta.value = theta
        held.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
        return float(held.value)


@pytest.fixture(scope="session")
def agreement() -> type[Agreement]:
    return Agreement


@pytest.fixture(scope="session")
def disturbances() -> Polyhedron:
    """A set of disturbances that is no box."""
    return Polyhedron([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], [0.1, 0.1, 0.1, 0.1, 0.15])
