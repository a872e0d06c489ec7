"""Problems of a double integrator and of a plant with three states, and the comparison of their laws with cvxpy."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

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
from mpc.stated.statement import PRECISE

CERTAIN = 1e-7  # margin in half widths: nearer to the border of the domain no verdict is asked of anybody
DRAWN = int(os.environ.get("STATEMENT_POINTS", "200"))  # random parameters of each case
WHOLE = 3  # so many of them cvxpy solves by itself; the others its solver alone, from what cvxpy compiled


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
    """The middles of facets of the law's regions, `count` of them or all that there are."""
    facets = [(region, i) for region in law.regions for i in range(len(region.b))]
    found: list[np.ndarray] = []
    for number in np.random.default_rng(7).permutation(len(facets)):
        region, i = facets[number]
        row, others, levels = region.A[i], np.delete(region.A, i, 0), np.delete(region.b, i)
        along = others - np.outer(others @ row, row) / (row @ row)
        rows = np.c_[others, np.linalg.norm(along, axis=1)]
        bounds = [(None, None)] * law.t + [(1e-6, 10)]
        ball = linprog(np.r_[0.0 * row, -1], rows, levels, np.r_[row, 0][None], [region.b[i]], bounds)
        found += [ball.x[:-1]] if ball.success else []
        if len(found) == count:
            break
    return np.array(found)


def _answer(ask: Callable, theta: np.ndarray):
    try:
        return ask(theta)
    except OutsideDomain:
        return None


class Solved(NamedTuple):
    """First input (m,) and cost."""

    first: np.ndarray
    value: float


class Compiled:
    """What cvxpy hands to a statement's solver: vectors affine in the parameters, read off once, and fixed matrices.

    `parameters` (theta, and perhaps more) are called with one value each; None comes back where nothing is feasible.
    """

    def __init__(self, problem: cvxpy.Problem, parameters: list[cvxpy.Parameter], inputs: Any, solver: str) -> None:
        self.problem, self.parameters, self.name = problem, parameters, solver
        size = sum(parameter.size for parameter in parameters)
        self.data, self.solver, self.inverse = self._handed(np.zeros(size))
        self.base = self._vector(self.data, self.inverse)
        finite = np.isfinite(self.base)  # slacks have no upper limit
        moved = [self._vector(*self._handed(unit)[::2]) for unit in np.eye(size)]
        self.slope = np.column_stack([np.subtract(v, self.base, out=0 * finite + 0.0, where=finite) for v in moved])
        self._check(np.random.default_rng(3).uniform(-1, 1, size))
        self.columns, self.start, self.matrix = self._first_input(inputs)

    def __call__(self, *values: np.ndarray) -> Solved | None:
        data, rest = dict(self.data), self.base + self.slope @ np.concatenate(values)
        for key in self._keys(data):
            data[key], rest = rest[: data[key].size], rest[data[key].size :]
        raw = self.solver.solve_via_data(data, False, False, dict(PRECISE[self.name]))
        found = self.solver.invert(raw, self.inverse)
        if found.status in (cvxpy.INFEASIBLE, cvxpy.INFEASIBLE_INACCURATE):
            return None
        assert found.status in (cvxpy.OPTIMAL, cvxpy.OPTIMAL_INACCURATE), f"{found.status} at {values}"
        (z,) = found.primal_vars.values()
        value = found.opt_val - self.inverse["offset"] + rest[0]
        return Solved(self.start + self.matrix @ np.ravel(z)[self.columns], float(value))

    def _handed(self, values: np.ndarray) -> tuple[dict, Any, Any]:
        for parameter in self.parameters:
            parameter.value, values = values[: parameter.size], values[parameter.size :]
        data, chain, inverse = self.problem.get_problem_data(self.name, solver_opts=PRECISE[self.name])
        return data, chain.solver, inverse[-1]

    @staticmethod
    def _keys(data: dict) -> list[str]:
        return [key for key, value in data.items() if isinstance(value, np.ndarray) and value.ndim == 1]

    def _vector(self, data: dict, inverse: Any) -> np.ndarray:
        return np.concatenate([*(data[key] for key in self._keys(data)), [inverse["offset"]]])

    def _check(self, values: np.ndarray) -> None:
        """The vectors are affine in the parameters, and the matrices do not depend on them."""
        data, _, inverse = self._handed(values)
        assert self._vector(data, inverse) == pytest.approx(self.base + self.slope @ values, rel=1e-12, abs=1e-12)
        for key in {"P", "A", "F"} & set(data):
            assert abs(data[key] - self.data[key]).max() <= 1e-12

    def _first_input(self, inputs: Any) -> tuple[slice, np.ndarray, np.ndarray]:
        """Where the solver's answer holds the inputs' variable, and the affine map from it to the first input."""
        (variable,) = inputs.variables()
        column, firsts = self.data["param_prob"].var_id_to_col[variable.id], []
        for unit in [np.zeros(variable.size), *np.eye(variable.size)]:
            variable.value = unit.reshape(variable.shape, order="F")
            firsts.append(np.array(inputs.value)[0])
        matrix = np.column_stack([first - firsts[0] for first in firsts[1:]])
        return slice(column, column + variable.size), firsts[0], matrix


class Agreement:
    """A law, the controller online and cvxpy on one problem: same verdict, same input, same cost."""

    def __init__(self, problem: MPCProblem, unique: bool = True) -> None:
        self.problem, self.unique = problem, unique
        self.law, self.statement, self.online = solve_explicit(problem), problem.to_cvxpy(), ImplicitMPC(problem)
        program, theta, inputs = self.statement.problem, self.statement.theta, self.statement.inputs
        self.compiled = Compiled(program, [theta], inputs, self.statement.solver)
        first = cvxpy.Parameter(problem.model.m)
        held = cvxpy.Problem(program.objective, [*program.constraints, inputs[0] == first])
        self.held = None if unique else Compiled(held, [theta, first], inputs, self.statement.solver)

    def points(self, drawn: int, facets: int) -> np.ndarray:
        """Random parameters, and points on facets of regions."""
        random = np.random.default_rng(0).uniform(*self.problem.layout.bounds, (drawn, self.law.t))
        return np.vstack([random, facet_points(self.law, facets)])

    def check(self, facets: int = 6) -> int:
        """Compare at DRAWN random parameters and so many points on facets, WHOLE of the former by cvxpy itself.

        Returns at how many points there was a solution and all answers agreed.
        """
        inside = 0
        for number, theta in enumerate(self.points(DRAWN, facets)):
            margin = float(self.law.locate(theta).margin)
            expected, online = self.compiled(theta), _answer(self.online, theta)
            if number < WHOLE:
                self._same_as_whole(theta, expected)
            if abs(margin) < CERTAIN and expected is None:
                continue
            assert (expected is not None) == (online is not None) == (margin > -CERTAIN), f"verdicts at {theta}"
            if expected is not None and online is not None:
                inside += 1
                self._same(theta, expected, online)
        assert inside >= 3, "hardly any point has a solution"
        return inside

    def _same_as_whole(self, theta: np.ndarray, expected: Solved | None) -> None:
        """What the solver says from the compiled vectors is what cvxpy says."""
        whole = _answer(self.statement.solve, theta)
        assert (whole is None) == (expected is None)
        if whole is not None and expected is not None:
            assert whole.value == pytest.approx(expected.value, rel=1e-9, abs=1e-9)
            assert not self.unique or whole.first == pytest.approx(expected.first, abs=1e-9)

    def _same(self, theta: np.ndarray, expected: Solved, online: np.ndarray) -> None:
        unit = 1 + abs(expected.value)
        if self.problem.norm == 2 or self.problem.setpoint is None:
            value = float(self.law.value(theta)) + self._left_out(theta)
            assert expected.value == pytest.approx(value, abs=1e-9 * unit)
        if self.held is None:
            assert self.law(theta) == pytest.approx(expected.first, abs=1e-8)
            assert online == pytest.approx(expected.first, abs=1e-8)
            return
        for first in (self.law(theta), online):
            least = self.held(theta, first)
            assert least is not None, f"{first} is no first input at {theta}"
            assert least.value == pytest.approx(expected.value, abs=1e-8 * unit)

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


@pytest.fixture(scope="session")
def agreement() -> type[Agreement]:
    return Agreement


@pytest.fixture(scope="session")
def disturbances() -> Polyhedron:
    """A set of disturbances that is no box."""
    return Polyhedron([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], [0.1, 0.1, 0.1, 0.1, 0.15])
