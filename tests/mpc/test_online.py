"""The online controller answers with a checked minimiser or says why not, and never trusts a solver's flag."""

import cvxpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import ImplicitMPC, MultiparametricQP, NumericalError, OutsideDomain, ProblemError, condense
from mpc import online as module
from mpc.explicit.singular import minimiser


@given(st.integers(0, 2**32 - 1))
def test_it_agrees_with_the_oracle_on_and_off_the_feasible_set(oracle, pendulum_problem, seed):
    problem = pendulum_problem(horizon=4)
    online, reference = ImplicitMPC(problem), oracle(problem)
    x = np.random.default_rng(seed).uniform([-2, -8], [2, 8])
    expected = reference(x)
    if expected is None:
        with pytest.raises(OutsideDomain, match="no solution keeps all limits; start inside it, or soften a limit"):
            online(x)
    else:
        assert online.solution(x) == pytest.approx(expected, abs=1e-9)
        assert online(x) == pytest.approx(expected[:1], abs=1e-9)


def test_a_raw_problem_returns_all_variables(pendulum_problem, oracle):
    problem = condense(pendulum_problem())
    online = ImplicitMPC(problem)
    assert online([0.1, 0.2]).shape == (2,)
    assert online([0.1, 0.2]) == pytest.approx(oracle(problem)(np.array([0.1, 0.2])))


@pytest.mark.parametrize("batch", [(), (7,), (2, 3), (0,)])
def test_batches(pendulum_problem, batch):
    online = ImplicitMPC(pendulum_problem())
    x = np.random.default_rng(0).uniform(-0.2, 0.2, (*batch, 2))
    u = online(x)
    assert u.shape == (*batch, 1)
    assert online.solution(x).shape == (*batch, 2)
    for index in np.ndindex(*batch):
        assert (u[index] == online(x[index])).all()


def test_lists_and_float32_are_accepted(pendulum_problem):
    online = ImplicitMPC(pendulum_problem())
    x = np.array([0.25, -0.5])
    assert (online([0.25, -0.5]) == online(x)).all()
    assert (online(x.astype(np.float32)) == online(x)).all()
    assert repr(online) == "ImplicitMPC(MPCProblem(2 states, 1 inputs, horizon 2, discount 1))"


def test_without_rows_it_is_the_free_solution():
    box = {"A_theta": [[1], [-1]], "b_theta": [1, 1]}
    online = ImplicitMPC(MultiparametricQP([[2]], [0.5], [[1]], np.zeros((0, 1)), [], np.zeros((0, 1)), **box))
    assert online([0.5]) == pytest.approx([-0.5])


def test_a_corner_at_0_with_limits_of_0_is_solved():
    box = np.vstack([np.eye(2), -np.eye(2)])
    G = [[1, 0], [0, 1], [1, 1]]
    problem = MultiparametricQP(np.eye(2), [0, 0], -np.eye(2), G, [0, 0, 0], np.zeros((3, 2)), box, [3] * 4)
    assert ImplicitMPC(problem)([1, 2]) == pytest.approx([0, 0], abs=1e-15)


def test_equality_rows_hold():
    rows = {"G": [[1, 1], [1, 0]], "w": [1, 0.2], "S": [[1, 0], [0, 0]], "equality_rows": (0,)}
    box = {"A_theta": np.vstack([np.eye(2), -np.eye(2)]), "b_theta": [1, 1, 1, 1]}
    z = ImplicitMPC(MultiparametricQP(np.eye(2), [0, 0], np.eye(2), **rows, **box))([0.3, -0.4])
    assert z == pytest.approx([0.2, 1.1])


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([np.nan, 0], ProblemError, r"`theta` is NaN at \[0\]"),
        ([0, np.inf], ProblemError, r"`theta` is infinite at \[1\]"),
        ([0, 0, 0], ProblemError, r"last axis must be 2 long \(angle, rate\)"),
        (["a", "b"], ProblemError, "`theta` has dtype"),
        (
            [2.1, 0],
            OutsideDomain,
            r"\(angle = 2.1, rate = 0\).*leaves the parameter set by 0.1 .angle at its upper limit 2",
        ),
        ([[0, 0], [0, -9]], OutsideDomain, "row 1 of the batch: .*rate at its lower limit -8"),
        ([2, 8], OutsideDomain, "no solution keeps all limits"),
    ],
)
def test_states_without_an_answer(pendulum_problem, x, error, words):
    with pytest.raises(error, match=words):
        ImplicitMPC(pendulum_problem())(x)


def test_outside_carries_the_state_and_a_row(pendulum_problem):
    with pytest.raises(OutsideDomain) as caught:
        ImplicitMPC(pendulum_problem())([2, 8])
    assert caught.value.theta.tolist() == [2, 8]
    assert "limit" in caught.value.row
    with pytest.raises(OutsideDomain) as caught:
        ImplicitMPC(pendulum_problem())([2.5, 0])
    assert (caught.value.row, caught.value.distance) == ("angle at its upper limit 2", 0.5)


@pytest.mark.parametrize("wrong", ["z", "nothing active", "flag"])
def test_a_solver_that_lies_is_caught(pendulum_problem, monkeypatch, wrong):
    """Optimal flags with a wrong active set, a wrong z, or no flag worth the name: KKT is what counts."""
    honest = module.daqp.solve

    def lying(*arguments, **settings):
        z, value, _, info = honest(*arguments, **settings)
        multipliers = np.zeros_like(info["lam"]) if wrong == "nothing active" else info["lam"]
        return (z + 1 if wrong == "z" else z), value, (-4 if wrong == "flag" else 1), info | {"lam": multipliers}

    online = ImplicitMPC(pendulum_problem())
    x, expected = [0.5, 1.0], ImplicitMPC(pendulum_problem())([0.5, 1.0])
    monkeypatch.setattr(module.daqp, "solve", lying)
    if wrong == "nothing active":
        with pytest.raises(NumericalError, match=r"was not solved: KKT residual .* \(DAQP flag 1\)"):
            online(x)
    else:
        assert online(x) == pytest.approx(expected)


def singular(seed):
    """A convex problem whose H has no curvature in at least one direction, within a box; sometimes an equality row."""
    generator = np.random.default_rng(seed)
    n, t, rank = generator.integers((2, 1, 0), (5, 4, 2))
    root, rows = generator.normal(size=(rank, n)), generator.normal(size=(3, n))
    G, w = np.vstack([np.eye(n), -np.eye(n), rows]), np.r_[np.ones(2 * n), generator.uniform(0.1, 1, 3)]
    S = np.vstack([np.zeros((2 * n, t)), 0.3 * generator.normal(size=(3, t))])
    equal = (2 * int(n),) if generator.random() < 0.3 else ()
    w[list(equal)] = 0.0
    arrays = root.T @ root, generator.normal(size=n), generator.normal(size=(n, t)), G, w, S
    return MultiparametricQP(*arrays, np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t), equality_rows=equal)


@given(st.integers(0, 2**32 - 1))
def test_without_strict_convexity_the_objective_is_the_least(seed):
    problem = singular(seed)
    online, sign = ImplicitMPC(problem), np.isin(np.arange(len(problem.w)), problem.equality_rows)
    for theta in np.random.default_rng(seed).uniform(-1, 1, (3, problem.t)):
        linear, right = problem.f + problem.F @ theta, problem.w + problem.S @ theta
        z = cvxpy.Variable(problem.n)
        limits = [problem.G[~sign] @ z <= right[~sign], problem.G[sign] @ z == right[sign]]
        program = cvxpy.Problem(cvxpy.Minimize(cvxpy.quad_form(z, cvxpy.psd_wrap(problem.H)) / 2 + linear @ z), limits)
        program.solve(solver=cvxpy.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
        if program.status == "infeasible":
            with pytest.raises(OutsideDomain, match="no solution keeps all limits"):
                online(theta)
        elif program.status == "optimal":
            z = online(theta)
            assert z @ problem.H @ z / 2 + linear @ z == pytest.approx(program.value, abs=1e-7)
            assert (problem.G @ z <= right + 1e-9).all()
            assert problem.G[sign] @ z == pytest.approx(right[sign], abs=1e-9)


def test_of_several_minimisers_the_one_nearest_the_middle():
    """z0 + z1 = theta is all that counts within 0 <= z0 <= 2 and 0 <= z1 <= 4: shares go by ranges, in any units."""
    rows = np.vstack([np.eye(2), -np.eye(2)])
    for unit in (1.0, 1e6):
        scale = np.array([1.0, unit])
        H = np.ones((2, 2)) * np.outer(scale, scale)
        problem = MultiparametricQP(
            H, [0, 0], -scale[:, None], rows * scale, [2, 4, 0, 0], np.zeros((4, 1)), [[1], [-1]], [6, 0]
        )
        for theta in (0.5, 3.0, 5.5):
            half = (theta - 3) / (1 + 4) * np.array([1.0, 4.0])
            expected = np.clip(np.array([1.0, 2.0]) + half, 0, [2, 4])
            assert ImplicitMPC(problem)([theta]) * scale == pytest.approx(expected, abs=1e-8)


def test_an_objective_without_a_minimum_is_refused_at_birth():
    rows = {"G": [[1, 0], [-1, 0]], "w": [1, 1], "S": [[0], [0]], "A_theta": [[1], [-1]], "b_theta": [1, 1]}
    with pytest.raises(ProblemError, match=r"unbounded: .* falls without limit"):
        ImplicitMPC(MultiparametricQP(np.zeros((2, 2)), [0, 1], [[0], [0]], **rows))


@pytest.mark.parametrize("curvature", [0.0, 1.0])
def test_a_singular_solver_that_lies_is_caught(monkeypatch, curvature):
    rows = {"G": np.vstack([np.eye(2), -np.eye(2)]), "w": np.ones(4), "S": np.zeros((4, 1))}
    box = {"A_theta": [[1], [-1]], "b_theta": [1, 1]}
    online = ImplicitMPC(MultiparametricQP(np.diag([curvature, 0]), [1, 1], [[1], [0]], **rows, **box))
    assert online([0.5]) == pytest.approx([-1, -1], abs=1e-9)
    honest, solve = minimiser.linear_program, minimiser.daqp.solve
    monkeypatch.setattr(minimiser, "linear_program", lambda c, A, b: honest(-c, A, b))
    monkeypatch.setattr(minimiser.daqp, "solve", lambda H, f, *a, **k: solve(H, -f, *a, **k))
    with pytest.raises(NumericalError, match=r"the program at theta = \[0.5\] was not solved: KKT residual"):
        online([0.5])


def test_what_is_no_problem(pendulum_problem):
    with pytest.raises(ProblemError, match="`problem` is a str; pass an MPCProblem or a MultiparametricQP"):
        ImplicitMPC("pendulum")


@pytest.mark.parametrize("limit", [1e-8, 1e-4, 1.0])
def test_inputs_far_too_weak_stay_within_their_limits(pendulum_problem, limit):
    """The free solution asks for 1e10 times the smallest limit: the input still rests on it, to its own precision."""
    problem = pendulum_problem(input_bounds=(-limit, limit), state_bounds=None, parameter_bounds=([-2, -8], [2, 8]))
    states = np.random.default_rng(0).uniform([-2, -8], [2, 8], (50, 2))
    inputs = ImplicitMPC(problem).solution(states)
    assert np.abs(inputs).max() == pytest.approx(limit, rel=1e-12)
    assert np.abs(inputs).max() <= limit * (1 + 1e-9)
