"""Problems without a law are refused: by the rows that conflict, by the parameter, by the limit that is lost."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import Infeasible, Limits, LinearModel, MPCProblem, MultiparametricQP, ProblemError, solve_explicit


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"G": [[1], [-1]], "w": [-1, -1], "S": [[0], [0]]}, Infeasible, "row 0; row 1.*widen one, or make it soft"),
        ({"G": [[1], [-1]], "w": [-3, -3], "S": [[1], [-1]]}, Infeasible, "no parameter admits a solution"),
        ({"G": [[0]], "w": [-5], "S": [[1]]}, Infeasible, "row 0"),
        ({"b_theta": [-3, -3]}, ProblemError, "empty.*widen"),
        ({"A_theta": [[1]], "b_theta": [1]}, ProblemError, "unbounded: theta0 has no limit below"),
        ({"A_theta": [[-1]], "b_theta": [1]}, ProblemError, "unbounded: theta0 has no limit above"),
        ({"b_theta": [1, -1]}, ProblemError, "single point theta0 = 1: nothing is left.*widen one"),
        ({"G": [[1], [1]], "w": [0, 1], "S": [[0], [0]], "equality_rows": (0, 1)}, Infeasible, "conflict: row 0; row"),
        (
            {"G": [[1], [1]], "w": [0, 0], "S": [[0], [1]], "equality_rows": (0, 1)},
            ProblemError,
            r"row 0; row 1\).*parameter: theta0 = 0;",
        ),
        ({"G": [[0], [0]], "w": [0, 0], "S": [[1], [-1]]}, ProblemError, "fix a parameter: theta0 = 0;"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_law_is_an_error_with_a_mend(line, changes, error, words):
    with pytest.raises(error, match=re.compile(words, re.DOTALL)):
        solve_explicit(line(**changes))


def test_a_parameter_without_a_limit_is_named_beside_one_that_has_both(plane):
    with pytest.raises(ProblemError, match="unbounded: theta1 has no limit below"):
        solve_explicit(plane(A_theta=[[1, 0], [-1, 0], [0, 1]], b_theta=[1, 1, 1]))


def test_a_direction_without_a_limit_is_given_whole(plane):
    with pytest.raises(ProblemError, match=r"theta0 has no limit below \(-1 theta0, -1 t"):
        solve_explicit(plane(A_theta=[[1, -1], [-1, 1]], b_theta=[1, 1]))


def test_infeasible_carries_rows_and_relaxation(line):
    with pytest.raises(Infeasible) as caught:
        solve_explicit(line(G=[[1], [-1]], w=[-1, -1], S=[[0], [0]]))
    assert caught.value.rows == ("row 0", "row 1")
    assert caught.value.relaxation == pytest.approx(1.0)


def test_the_refusals_of_the_problem_set(trusted, problem):
    errors = {"Infeasible": Infeasible, "ProblemError": ProblemError}
    refused = {name: entry["error"] for name, entry in trusted.items() if "error" in entry}
    assert len(refused) == 3
    for name, kind in refused.items():
        with pytest.raises(errors[kind]):
            solve_explicit(problem(name))


@pytest.mark.parametrize("span", [1e-8, 1e-4, 1.0, 1e4])
@pytest.mark.parametrize("limit", [1e-10, 1e-6, 1e-2, 1e2])
def test_an_input_far_too_weak_or_strong_is_solved_or_refused(span, limit, oracle):
    """Never a wrong law where limits are tiny beside what the solution without limits asks for."""
    model = LinearModel([[1.0188, 0.0503], [0.7547, 1.0188]], [[0.0038], [0.1509]], sample_time=0.05)
    box = ([-span, -span], [span, span])
    problem = MPCProblem(model, np.eye(2), 0.001, 2, input_bounds=(-limit, limit), parameter_bounds=box)
    if span / limit > 1e7:
        with pytest.raises(ProblemError, match="check the units of limits and weights"):
            solve_explicit(problem)
        return
    law = solve_explicit(problem)
    points = np.random.default_rng(0).uniform(-span, span, (100, 2))
    expected = np.array([oracle(problem)(point) for point in points])
    assert law.solution(points) == pytest.approx(expected, abs=1e-9 * limit + 1e-14 * span * 100)


def test_moving_the_named_rows_is_enough(plane):
    """Two conflicts, z0 <= -1 <= 1 <= z0 and z1 <= -.5 <= .5 <= z1, and an equality that leaves no variable free."""
    two = plane(G=np.vstack([np.eye(2), -np.eye(2)])[[0, 2, 1, 3]], w=[-1, -1, -0.5, -0.5], S=np.zeros((4, 2)))
    with pytest.raises(Infeasible, match=r"row 0; row 1; row 2; row 3\. Moving each of them by 1 ") as caught:
        solve_explicit(two)
    assert caught.value.relaxation == pytest.approx(1)
    solve_explicit(replace(two, w=two.w + 1.001))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_relaxation_helps_and_no_smaller_one_does(seed, equality):
    draw = np.random.default_rng(seed)
    n, q = draw.integers(1, 4), draw.integers(3, 7)
    G, w, S = draw.normal(size=(q, n)), draw.normal(size=q) - 1, draw.normal(size=(q, 1))
    rows = (int(q) - 1,) if equality else ()
    box = {"A_theta": [[1], [-1]], "b_theta": [1, -0.5], "equality_rows": rows}
    problem = MultiparametricQP(np.eye(n), np.zeros(n), np.ones((n, 1)), G, w, S, **box)
    try:
        solve_explicit(problem)
    except Infeasible as error:
        named = [int(name.split()[1]) for name in error.rows]
        for share, feasible in ((1 + 1e-6, True), (1 - 1e-6, False)):
            move = np.zeros(q)
            move[named] = share * error.relaxation * np.linalg.norm(G[named], axis=1)
            A, b = np.c_[G, -S], w + move
            A, b = np.vstack([A, -A[list(rows)]]), np.concatenate([b, (move - w)[list(rows)]])
            found = linprog(np.zeros(n + 1), A, b, bounds=[(None, None)] * n + [(0.5, 1)])
            assert found.success == feasible


def test_a_feasible_set_without_interior_names_the_rows_that_hold_with_equality():
    """theta1 <= 0 by the parameter set and theta1 >= 0 by z0 + z1 <= theta1 - 2 beside -1 <= z: no interior."""
    G, S = np.vstack([np.eye(2), -np.eye(2), [[1, 1]]]), np.vstack([np.zeros((4, 2)), [[0, 1]]])
    box = {"A_theta": np.vstack([np.eye(2), -np.eye(2)]), "b_theta": [1, 0, 1, 1]}
    flat = MultiparametricQP(np.eye(2), [0, 0], np.eye(2), G, [1, 1, 1, 1, -2], S, **box)
    with pytest.raises(ProblemError, match=r"\(row 2; row 3; row 4\) fix a parameter: theta1 = 0;.*widen"):
        solve_explicit(flat)


@pytest.mark.parametrize("h", [1e-9, 1e-12])
def test_room_that_is_lost_beside_a_curvature_of_nearly_0_names_both(h):
    flat = MultiparametricQP(np.diag([1, h]), [0, 0], [[1], [1]], np.vstack([np.eye(2), -np.eye(2)]), np.ones(4),
                             np.zeros((4, 1)), [[1], [-1]], [2, 2])  # fmt: skip
    words = f"room of 2 that .* beside the {2 / h:.3g} that .*H: {h:.3g} to 1, condition number {1 / h:.1g}.*pass 0 for"
    with pytest.raises(ProblemError, match=words.replace("+", r"\+")):
        solve_explicit(flat)


def test_a_limit_that_leaves_no_region_says_so(problem):
    with pytest.raises(ProblemError, match="before it knew a region of the law; raise that limit"):
        solve_explicit(problem("mplp_inf_N2"), limits=Limits(memory=1))


def test_the_relaxation_of_each_row_is_in_its_own_unit():
    model = LinearModel([[1.0]], [[0.01]], 1.0, state_names=("level",), state_units=("m",), input_units=("A",))
    with pytest.raises(Infeasible) as caught:
        solve_explicit(MPCProblem(model, 1.0, 1.0, 1, ([3.0], [None]), (-1, 1), parameter_bounds=([-2.0], [2.0])))
    current, level = (float(move.split()[0]) for move in caught.value.moves)
    assert [move.split()[1] for move in caught.value.moves] == ["A", "m"]
    assert 2.0 + 0.01 * (1.0 + current) == pytest.approx(3.0 - level, rel=2e-3)
    assert "unit rows" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


TRIANGLE = {"A_theta": [[-1, 0], [0, -1], [1, 1]], "b_theta": [0, 0, 1]}


def test_the_relaxation_looks_at_the_side_where_the_parameters_are():
    """z <= -1 - theta0 - theta1 and z >= 1: least in conflict at theta = 0, and with + at the other side."""
    S = [[-1.0, -1], [0, 0]]
    with pytest.raises(Infeasible) as caught:
        solve_explicit(MultiparametricQP([[1]], [0], [[1, 1]], [[1], [-1]], [-1, -1], S, **TRIANGLE))
    assert caught.value.relaxation == pytest.approx(1)
    with pytest.raises(Infeasible) as caught:
        solve_explicit(MultiparametricQP([[1]], [0], [[1, 1]], [[1], [-1]], [-3, -1], -np.array(S), **TRIANGLE))
    assert caught.value.relaxation == pytest.approx(1.5)


@pytest.mark.parametrize(("slope", "room"), [(1.0, 3), (-1.0, 2)])
def test_the_room_of_a_row_is_the_most_that_any_parameter_leaves(slope, room):
    """-1 <= z1 <= 1 + slope (theta0 + theta1), with a sum from 0 to 1."""
    S = np.array([[0, 0], [slope, slope], [0, 0], [0, 0]])
    G = np.vstack([np.eye(2), -np.eye(2)])
    flat = MultiparametricQP(np.diag([1, 1e-12]), [0, 0], [[1, 0], [1, 0]], G, np.ones(4), S, **TRIANGLE)
    with pytest.raises(ProblemError, match=f"row 1: the room of {room} that"):
        solve_explicit(flat)
