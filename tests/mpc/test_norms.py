"""1-norm and infinity-norm costs: what is condensed is what a simulation adds up, and what cvxpy finds written out."""

from dataclasses import replace

import cvxpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import ImplicitMPC, LinearModel, MPCProblem, OutsideDomain, ProblemError, condense

SEEDS = st.integers(0, 2**32 - 1)
NORMS = st.sampled_from([1, np.inf])


def random_problem(seed, norm, **changes) -> MPCProblem:
    """A random system around an operating point, weights of any shape and sign, bounds on states and inputs."""
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 4), generator.integers(1, 3)
    A = generator.normal(size=(n, n))
    A *= generator.uniform(0.5, 1.05) / np.abs(np.linalg.eigvals(A)).max()
    state, control = 5 * generator.normal(size=n), generator.normal(size=m)
    wide, strong = generator.uniform(1, 3, n), generator.uniform(0.3, 2, m)
    arguments = {
        "model": LinearModel(A, generator.normal(size=(n, m)), 0.1, state=state, input=control),
        "state_weight": generator.normal(size=(generator.integers(1, 4), n)),
        "input_weight": 0.3 * generator.normal(size=(generator.integers(1, 4), m)),
        "terminal_weight": None if generator.random() < 0.5 else generator.normal(size=(2, n)),
        "horizon": int(generator.integers(1, 4)),
        "discount": generator.choice([1.0, 0.9]),
        "input_bounds": (control - strong, control + strong),
        "state_bounds": (state - wide, state + 1.5 * wide),
        "parameter_bounds": (state - wide, state + wide),
        "norm": norm,
    }
    return MPCProblem(**arguments | changes)


def length(vector: np.ndarray, norm: float) -> float:
    return np.abs(vector).sum() if norm == 1 else np.abs(vector).max()


def cost(problem: MPCProblem, x: np.ndarray, inputs: np.ndarray) -> float:
    """The cost along a simulation, without that of the given first state."""
    model, g, total = problem.model, problem.discount, 0.0
    for k, u in enumerate(inputs):
        if k:
            total += g**k * length(problem.state_weight @ (x - model.state), problem.norm)
        total += g**k * length(problem.input_weight @ (u - model.input), problem.norm)
        x = model.step(x, u)
    last = problem.state_weight if problem.terminal_weight is None else problem.terminal_weight
    return total + g**problem.horizon * length(last @ (x - model.state), problem.norm)


def written_out(problem: MPCProblem, x: np.ndarray) -> float | None:
    """The least cost by cvxpy, with every state a variable of its own; None if infeasible."""
    model, N, g = problem.model, problem.horizon, problem.discount
    s, v = cvxpy.Variable((N + 1, model.n)), cvxpy.Variable((N, model.m))
    (low, high), (weak, strong) = problem.state_bounds, problem.input_bounds
    limits = [s[0] == x - model.state, s[1:] >= (low - model.state)[None], s[1:] <= (high - model.state)[None]]
    limits += [v >= (weak - model.input)[None], v <= (strong - model.input)[None]]
    limits += [s[k + 1] == model.A @ s[k] + model.B @ v[k] for k in range(N)]
    norm = "inf" if problem.norm == np.inf else 1
    total = sum(g**k * cvxpy.norm(problem.state_weight @ s[k], norm) for k in range(1, N))
    total += sum(g**k * cvxpy.norm(problem.input_weight @ v[k], norm) for k in range(N))
    total += g**N * cvxpy.norm(problem.final_weight @ s[N], norm)
    program = cvxpy.Problem(cvxpy.Minimize(total), limits)
    program.solve(solver=cvxpy.HIGHS)
    return float(total.value) if program.status == "optimal" else None


def least(qp, theta: np.ndarray, fixed: np.ndarray | None = None) -> float | None:
    """The least objective at theta by HiGHS, with the first variables fixed where asked."""
    held = [] if fixed is None else [(value, value) for value in fixed]
    bounds = held + [(None, None)] * (qp.n - len(held))
    result = linprog(qp.f + qp.F @ theta, qp.G, qp.w + qp.S @ theta, bounds=bounds)
    return result.fun if result.success else None


@given(SEEDS, NORMS)
def test_the_objective_is_the_cost_along_the_prediction(seed, norm):
    problem = random_problem(seed, norm, input_bounds=None, state_bounds=None)
    qp, generator = condense(problem), np.random.default_rng(seed)
    assert not qp.H.any()
    for _ in range(3):
        x = problem.model.state + generator.normal(size=problem.model.n)
        inputs = problem.model.input + generator.normal(size=(problem.horizon, problem.model.m))
        assert least(qp, x, inputs.ravel()) == pytest.approx(cost(problem, x, inputs), abs=1e-8)


@given(SEEDS, NORMS)
def test_it_agrees_with_the_problem_written_out(seed, norm):
    problem = random_problem(seed, norm)
    qp, lower, upper = condense(problem), *problem.domain
    for x in np.random.default_rng(seed).uniform(lower, upper, (3, problem.model.n)):
        expected = written_out(problem, x)
        if expected is not None:
            assert least(qp, x) == pytest.approx(expected, abs=1e-7)


@given(SEEDS, NORMS)
def test_the_online_controller_is_feasible_and_as_good_as_any(seed, norm):
    problem = random_problem(seed, norm)
    online, model, (lower, upper) = ImplicitMPC(problem), problem.model, problem.domain
    for x in np.random.default_rng(seed).uniform(lower, upper, (3, model.n)):
        expected = least(condense(problem), x)
        if expected is None:
            with pytest.raises(OutsideDomain, match="no solution keeps all limits"):
                online(x)
            continue
        inputs = online.solution(x)[: problem.horizon * model.m].reshape(-1, model.m)
        assert cost(problem, x, inputs) == pytest.approx(expected, abs=1e-8)
        assert (inputs >= problem.input_bounds[0] - 1e-9).all()
        assert (inputs <= problem.input_bounds[1] + 1e-9).all()
        state = x
        for u in inputs:
            state = model.step(state, u)
            assert (state >= problem.state_bounds[0] - 1e-8).all()
            assert (state <= problem.state_bounds[1] + 1e-8).all()


def test_of_several_minimisers_the_shortest_is_taken():
    """x_1 = x_0 + u_a + u_b, and only |x_1| costs: both inputs share the work, though one could do it all."""
    model = LinearModel([[1.0]], [[1.0, 1.0]], 1.0)
    for norm in (1, np.inf):
        problem = MPCProblem(model, 1.0, np.zeros((1, 2)), 1, ([-1], [1]), ([-1, -1], [1, 1]), norm=norm)
        assert ImplicitMPC(problem)([0.8]) == pytest.approx([-0.4, -0.4], abs=1e-9)


def test_names_of_amounts_and_sentences_of_rows(pendulum_problem):
    mixed = [[1, 0], [1, -0.5]]
    names = condense(pendulum_problem(norm=1, state_weight=mixed)).names
    assert names.variables == (
        "torque",
        "torque at step 1",
        "cost of angle at step 1",
        "cost of 1 angle - 0.5 rate at step 1",
        "cost of angle at step 2",
        "cost of 1 angle - 0.5 rate at step 2",
        "cost of torque at step 0",
        "cost of torque at step 1",
    )
    assert names.variable_units == ("N m", "N m", "", "", "", "", "", "")
    assert names.rows[:2] == ("torque at its upper limit 2 N m at step 0", "torque at its lower limit -2 N m at step 0")
    assert "angle above its operating point sets the cost at step 2" in names.rows
    assert "1 angle - 0.5 rate below its operating point sets the cost at step 1" in names.rows
    names = condense(pendulum_problem(norm=np.inf, state_weight=mixed)).names
    assert names.variables[2:] == (
        "cost of the states at step 1",
        "cost of the states at step 2",
        "cost of the inputs at step 0",
        "cost of the inputs at step 1",
    )


def test_rows_of_zeros_in_a_weight_cost_nothing(pendulum_problem):
    plain = condense(pendulum_problem(norm=1, state_weight=[[1, 0]], input_weight=0.1))
    more = condense(pendulum_problem(norm=1, state_weight=[[1, 0], [0, 0]], input_weight=0.1))
    assert (plain.names, plain.G.tolist(), plain.f.tolist()) == (more.names, more.G.tolist(), more.f.tolist())


def test_without_a_terminal_weight_the_last_state_counts_like_the_others(pendulum_problem):
    problem = pendulum_problem(norm=1)
    assert (problem.final_weight == problem.state_weight).all()
    other = replace(problem, state_weight=np.eye(2))
    assert (other.final_weight == np.eye(2)).all()
    assert not pendulum_problem(norm=1, terminal_weight=np.zeros((1, 2))).final_weight.any()


def test_the_norm_is_told(pendulum_problem):
    assert repr(pendulum_problem(norm=1)).endswith("discount 1, 1-norm)")
    assert repr(pendulum_problem(norm=np.inf)).endswith("discount 1, inf-norm)")
    assert "norm" not in repr(pendulum_problem(norm=2.0))
    assert (condense(pendulum_problem(norm=2)).H == condense(pendulum_problem()).H).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"norm": 3}, r"`norm` is 3, but it must be 1 \(sums of amounts\), 2 \(quadratic\) or numpy.inf"),
        ({"norm": np.nan}, "`norm` is nan, but it must be 1"),
        ({"norm": -np.inf}, "`norm` is -inf, but it must be 1"),
        ({"norm": True}, "`norm` is True, but it must be 1"),
        ({"norm": "inf"}, "`norm` is a str, but a int or a float .* is needed; pass 1, 2 or numpy.inf"),
        ({"norm": None}, "`norm` is a NoneType"),
        ({"norm": 1, "state_weight": np.eye(3)}, r"`state_weight` has shape \(3, 3\), but \(any, 2\) is needed"),
        ({"norm": 1, "state_weight": [1, 0.1]}, r"`state_weight` has shape \(2,\), but \(any, 2\)"),
        ({"norm": np.inf, "input_weight": np.eye(2)}, r"`input_weight` has shape \(2, 2\), but \(any, 1\)"),
        ({"norm": 1, "input_weight": [[[1]]]}, r"`input_weight` has shape \(1, 1, 1\), but \(any, 1\)"),
        ({"norm": np.inf, "terminal_weight": [[np.nan, 0]]}, r"`terminal_weight` is NaN at \[0, 0\]"),
        ({"norm": 1, "state_weight": np.zeros((2, 2)), "input_weight": 0}, "no weight counts: .* weigh the states or"),
        (
            {"norm": 1, "horizon": 1, "input_weight": 0, "terminal_weight": np.zeros((1, 2))},
            "steps 1 to 1 of `horizon` 1",
        ),
        ({"norm": 1, "horizon": 300}, "`horizon` 300 with 1 inputs and 3 costs a step makes 1200 variables, more than"),
        ({"norm": np.inf, "horizon": 334}, "`horizon` 334 with 1 inputs and 2 costs a step makes 1002 variables"),
    ],
)
def test_what_is_not_well_posed_is_named_at_once(pendulum_problem, changes, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(**changes)


def test_a_horizon_that_multiplies_rounding_errors_is_refused():
    model = LinearModel([[2.0, 0.3], [0, 0.9]], [0.2, 1.0], 1.0)
    problem = MPCProblem(model, np.eye(2), 0.1, 20, parameter_bounds=([-1, -1], [1, 1]), norm=1)
    with pytest.raises(ProblemError, match="`horizon` 20 is too long for a plant that grows by 2 a step"):
        condense(problem)
