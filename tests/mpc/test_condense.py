"""Condensing says the same as the problem written out with all its states, in physical variables and in words."""

import cvxpy
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mpc import LinearModel, MPCProblem, ProblemError, condense, printed_pendulum, solve_explicit
from mpc.constraints import Rows

SEEDS = st.integers(0, 2**32 - 1)


def random_problem(seed, growth=1.05, **changes) -> MPCProblem:
    """A random system around an operating point, with bounds on states and inputs."""
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 4), generator.integers(1, 3)
    A = generator.normal(size=(n, n))
    A *= growth / np.abs(np.linalg.eigvals(A)).max()
    state, control = 5 * generator.normal(size=n), generator.normal(size=m)
    wide, strong = generator.uniform(1, 3, n), generator.uniform(0.3, 2, m)
    arguments = {
        "model": LinearModel(A, generator.normal(size=(n, m)), 0.1, state=state, input=control),
        "state_weight": np.diag(generator.uniform(0, 1, n)) + 0.1 * np.eye(n),
        "input_weight": np.diag(generator.uniform(0.05, 1, m)),
        "horizon": int(generator.integers(1, 4)),
        "discount": generator.choice([1.0, 0.95]),
        "input_bounds": (control - strong, control + strong),
        "state_bounds": (state - wide, state + 1.5 * wide),
        "parameter_bounds": (state - wide, state + wide),
    }
    return MPCProblem(**arguments | changes)


def written_out(problem: MPCProblem, x: np.ndarray) -> np.ndarray | None:
    """The inputs (N, m) by cvxpy, with every state a variable of its own; None if infeasible."""
    model, N = problem.model, problem.horizon
    states, inputs = cvxpy.Variable((N + 1, model.n)), cvxpy.Variable((N, model.m))
    s, v = states - model.state[None], inputs - model.input[None]
    limits = [states[0] == x, states[1:] <= problem.state_bounds[1][None], states[1:] >= problem.state_bounds[0][None]]
    limits += [inputs <= problem.input_bounds[1][None], inputs >= problem.input_bounds[0][None]]
    limits += [s[k + 1] == model.A @ s[k] + model.B @ v[k] for k in range(N)]
    cost = sum(
        problem.discount**k
        * (cvxpy.quad_form(s[k], problem.state_weight) + cvxpy.quad_form(v[k], problem.input_weight))
        for k in range(N)
    )
    cost += problem.discount**N * cvxpy.quad_form(s[N], cvxpy.psd_wrap(problem.final_weight))
    program = cvxpy.Problem(cvxpy.Minimize(cost), limits)
    tight = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    program.solve(solver=cvxpy.CLARABEL, **tight)
    return inputs.value if program.status == "optimal" else None


@pytest.mark.slow
@given(SEEDS)
def test_the_law_solves_the_problem_written_out(seed):
    problem = random_problem(seed)
    law = solve_explicit(problem)
    lower, upper = problem.domain
    for x in np.random.default_rng(seed).uniform(lower, upper, (4, problem.model.n)):
        expected, margin = written_out(problem, x), law.locate(x).margin
        assume(abs(margin) > 1e-6)
        assert (expected is not None) == (margin > 0)
        if expected is not None:
            assert law.solution(x) == pytest.approx(expected.ravel(), abs=1e-5)
            assert law(x) == pytest.approx(expected[0], abs=1e-5)


@given(SEEDS)
def test_the_objective_is_the_cost_along_the_prediction(seed):
    """1/2 z'Hz + (f + F theta)'z differs from the summed cost by the same constant for every z."""
    problem = random_problem(seed)
    qp, model, N, g = condense(problem), problem.model, problem.horizon, problem.discount
    generator = np.random.default_rng(seed)
    theta = generator.normal(size=model.n) + model.state

    def cost(z):
        x, total = theta, 0.0
        for k, u in enumerate(z.reshape(N, model.m)):
            s, v = x - model.state, u - model.input
            total += g**k * (s @ problem.state_weight @ s + v @ problem.input_weight @ v)
            x = model.step(x, u)
        return total + g**N * (x - model.state) @ problem.final_weight @ (x - model.state)

    def objective(z):
        return 0.5 * z @ qp.H @ z + (qp.f + qp.F @ theta) @ z

    zero = np.zeros(qp.n)
    for z in generator.normal(size=(3, qp.n)):
        assert cost(z) - cost(zero) == pytest.approx(objective(z) - objective(zero), rel=1e-9, abs=1e-9)


@given(SEEDS)
def test_rows_hold_exactly_where_the_prediction_keeps_its_limits(seed):
    problem = random_problem(seed)
    qp, model = condense(problem), problem.model
    generator = np.random.default_rng(seed)
    theta, z = generator.normal(size=model.n) + model.state, generator.normal(size=qp.n)
    slack = dict(zip(qp.names.rows, qp.w + qp.S @ theta - qp.G @ z, strict=True))
    x = theta
    for k, u in enumerate(z.reshape(problem.horizon, model.m)):
        x = model.step(x, u)
        for values, (lower, upper), names, step in (
            (u, problem.input_bounds, model.input_names, k),
            (x, problem.state_bounds, model.state_names, k + 1),
        ):
            for value, low, high, name in zip(values, lower, upper, names, strict=True):
                assert slack[f"{name} at its upper limit {high:g} at step {step}"] == pytest.approx(
                    high - value, abs=1e-9
                )
                assert slack[f"{name} at its lower limit {low:g} at step {step}"] == pytest.approx(
                    value - low, abs=1e-9
                )


def test_names_and_sentences(pendulum_problem):
    names = condense(pendulum_problem()).names
    assert names.parameters == ("angle", "rate")
    assert names.parameter_units == ("rad", "rad/s")
    assert names.variables == ("torque", "torque at step 1")
    assert names.variable_units == ("N m", "N m")
    assert len(names.rows) == 12
    assert names.rows[:2] == ("torque at its upper limit 2 N m at step 0", "torque at its lower limit -2 N m at step 0")
    assert "rate at its lower limit -8 rad/s at step 2" in names.rows
    assert not any("step 0" in row for row in names.rows if "angle" in row)


def test_no_bound_no_row(pendulum_problem):
    problem = pendulum_problem(state_bounds=None, parameter_bounds=([-1, -1], [1, 1]), input_bounds=(None, 2))
    assert condense(problem).names.rows == tuple(f"torque at its upper limit 2 N m at step {k}" for k in range(2))


class TotalTorque:
    """|u_0 + u_1| <= 1: a constraint of a user's own."""

    def rows(self, prediction):
        total = sum(quantity.z_map for quantity in prediction.inputs)
        S = np.zeros((2, prediction.states[0].theta_map.shape[1]))
        return Rows(np.vstack([total, -total]), np.ones(2), S, ("total torque high", "total torque low"))


def test_a_constraint_of_ones_own_joins_in(pendulum_problem):
    law = solve_explicit(pendulum_problem(constraints=(TotalTorque(),)))
    points = np.random.default_rng(0).uniform([-0.3, -1], [0.3, 1], (200, 2))
    inside = law.nearest(points)[2]
    assert np.abs(law.solution(points[inside]).sum(axis=1)).max() <= 1 + 1e-9
    assert "total torque high" in {row for region in law.regions for row in region.active}


@pytest.mark.parametrize(("growth", "horizon"), [(1.5, 30), (2.0, 20), (3.0, 15)])
def test_a_horizon_that_multiplies_rounding_errors_is_refused(growth, horizon):
    """Long horizons of unstable plants make H all but singular in float64: said, not solved."""
    model = LinearModel([[growth, 0.3], [0, 0.9]], [0.2, 1.0], 1.0)
    problem = MPCProblem(model, np.eye(2), 0.1, horizon, parameter_bounds=([-1, -1], [1, 1]), input_bounds=(-1, 1))
    with pytest.raises(
        ProblemError, match=f"`horizon` {horizon} is too long for a plant that grows by {growth:g} a step"
    ):
        condense(problem)


class Emits:
    """A user's constraint that emits whatever it is given."""

    def __init__(self, rows):
        self.given = rows

    def rows(self, prediction):
        del prediction
        return self.given


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (None, r"`Emits.rows\(\)` is a NoneType, but a Rows is needed"),
        ((np.eye(2), np.ones(2)), r"`Emits.rows\(\)` is a tuple"),
        (
            Rows(np.eye(3), np.ones(3), np.zeros((3, 2)), ("a", "b", "c")),
            r"`Emits G` has shape \(3, 3\), but \(any, 2\)",
        ),
        (Rows(np.eye(2), np.ones(3), np.zeros((2, 2)), ("a", "b")), r"`Emits w` has shape \(3,\), but \(2,\)"),
        (Rows(np.eye(2), np.ones(2), np.zeros((2, 1)), ("a", "b")), r"`Emits S` has shape \(2, 1\), but \(2, 2\)"),
        (
            Rows(np.eye(2), np.ones(2), np.zeros((2, 2)), (0, 1)),
            "emits 2 rows with labels .* give each row one sentence",
        ),
        (Rows(np.eye(2), np.array([1, np.nan]), np.zeros((2, 2)), ("a", "b")), r"`Emits w` is NaN at \[1\]"),
    ],
)
def test_what_a_constraint_of_the_users_emits_is_checked(rows, words):
    model = printed_pendulum()
    with pytest.raises(ProblemError, match=words):
        MPCProblem(model, np.eye(2), 0.001, 2, ([-2, -8], [2, 8]), (-2, 2), constraints=(Emits(rows),))


def test_a_constraint_of_the_users_holds_and_is_named():
    total = Rows(np.ones((1, 2)), np.array([0.5]), np.zeros((1, 2)), ("sum of torques at most 0.5 N m",))
    model = printed_pendulum()
    problem = MPCProblem(model, np.eye(2), 0.001, 2, ([-2, -8], [2, 8]), (-2, 2), constraints=(Emits(total),))
    law = solve_explicit(problem)
    z = np.array([law.solution(r.centre) for r in law.regions])
    assert (z.sum(axis=1) <= 0.5 + 1e-12).all()
    assert any("sum of torques at most 0.5 N m" in r.active for r in law.regions)
