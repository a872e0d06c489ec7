"""An MPC problem refuses what is not well posed, at birth, with the argument, both numbers and the mend."""

import time
from dataclasses import replace

import numpy as np
import pytest

from mpc import LinearModel, MoveWeight, MPCProblem, ProblemError, Setpoint, dlqr, printed_pendulum

BOX = ([-2, -8], [2, 8])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "pendulum"}, r"`model` is a str; pass linearise\(plant\) or a LinearModel"),
        (
            {"input_weight": 0},
            "`input_weight` must be positive definite, but its smallest eigenvalue is 0; add a small",
        ),
        ({"input_weight": -0.1}, "smallest eigenvalue is -0.1"),
        ({"input_weight": np.nan}, "`input_weight` is NaN"),
        ({"input_weight": np.eye(2)}, r"`input_weight` has shape \(2, 2\), but \(1, 1\) is needed"),
        ({"input_weight": [[[1]]]}, r"`input_weight` has shape \(1, 1, 1\), but \(1, 1\) is needed"),
        ({"state_weight": np.diag([1, -1])}, "`state_weight` must be positive semidefinite.*-1"),
        ({"state_weight": [[1, 1], [0, 1]]}, r"`state_weight` is not symmetric: \[0, 1\] is 1 but \[1, 0\] is 0"),
        ({"state_weight": 1.0}, r"`state_weight` has shape \(\), but \(2, 2\) is needed"),
        ({"state_weight": [1, 1]}, r"`state_weight` has shape \(2,\)"),
        ({"state_weight": np.zeros((2, 2))}, "does not see the mode with eigenvalue 1.2136"),
        ({"terminal_weight": np.diag([1, -1])}, "`terminal_weight` must be positive semidefinite"),
        ({"terminal_weight": [[1]]}, r"`terminal_weight` has shape \(1, 1\)"),
        ({"horizon": 0}, "`horizon` is 0, but it must be at least 1"),
        ({"horizon": -1}, "`horizon` is -1, but it must be at least 1"),
        ({"horizon": 2.0}, "`horizon` is 2.0, but it must be a whole number"),
        ({"horizon": True}, "`horizon` is True"),
        (
            {"horizon": 10**6},
            "`horizon` 1000000 .* more than the size limit 1000; shorten it, or raise `max_variables`",
        ),
        ({"horizon": 1001}, "1001 variables, more than the size limit 1000"),
        ({"max_variables": 0}, "`max_variables` is 0"),
        ({"discount": 0}, "`discount` is 0, but it must be positive"),
        ({"discount": 1.5}, "`discount` is 1.5, but it must be at most 1"),
        ({"discount": np.nan}, "`discount` is NaN"),
        ({"state_bounds": ([-2, 9], [2, 8])}, r"lower bound of rate \(index 1\) is 9, above its upper bound 8; swap"),
        ({"state_bounds": ([-2, -8], [2, np.nan])}, r"`state_bounds upper` is NaN at \[1\]"),
        ({"state_bounds": ([-2, -8], [2, -np.inf])}, r"upper bound of rate \(index 1\) is -inf; swap the sign"),
        ({"state_bounds": ([-2, np.inf], [2, 8])}, r"lower bound of rate \(index 1\) is \+inf; swap the sign"),
        ({"state_bounds": ([-2], [2])}, r"`state_bounds lower` has shape \(1,\), but \(2,\)"),
        ({"state_bounds": 2}, r"`state_bounds` must be a pair \(lower, upper\)"),
        ({"state_bounds": ([-2, -8], [2, 8], [0, 0])}, "must be a pair"),
        ({"state_bounds": ([None, -8], [2, 8])}, "theta is unbounded: `state_bounds` gives angle the range -inf to 2"),
        ({"state_bounds": None}, "theta is unbounded: neither `parameter_bounds` nor `state_bounds` was given"),
        ({"state_bounds": ([-2, 1], [2, 1])}, "`state_bounds` gives rate no width: both bounds are 1; widen"),
        ({"parameter_bounds": ([-2, -8], [2, np.inf])}, "theta is unbounded: `parameter_bounds` gives rate"),
        ({"parameter_bounds": ([1, 1], [1, 2])}, "`parameter_bounds` gives angle no width"),
        ({"parameter_bounds": ([np.nan, 1], [1, 2])}, r"`parameter_bounds lower` is NaN at \[0\]"),
        ({"input_bounds": (2, -2)}, r"`input_bounds`: the lower bound of torque \(index 0\) is 2, above .* -2"),
        ({"input_bounds": (-np.inf, -np.inf)}, "is -inf; swap the sign"),
        ({"input_bounds": ("a", 2)}, "`input_bounds lower`.*dtype"),
        ({"constraints": 5}, "`constraints` is a int; pass a tuple"),
        ({"constraints": ("torque < 2",)}, r"`constraints` entry 0 is a str; pass objects with a method rows"),
        ({"model": LinearModel(np.diag([1.2, 0.5]), [0, 1], 0.1)}, "not stabilisable.*1.2"),
    ],
)
def test_what_is_not_well_posed_is_named_at_once(pendulum_problem, changes, words):
    started = time.perf_counter()
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(**changes)
    assert time.perf_counter() - started < 2.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_weight": 1e308}, r"`input_weight` holds 1e\+308"),
        ({"input_weight": 1e-320}, "`input_weight` diagonal entry 0 holds nothing larger than 9.99"),
        ({"costs": (MoveWeight(1e308),)}, r"`MoveWeight` holds 1e\+308"),
        ({"parameters": (Setpoint([1e308, 0.0]),)}, r"`Setpoint` holds 1e\+308"),
        ({"parameters": (Setpoint([-1e300, -1.0], [1.0, 1.0]),)}, r"`Setpoint lower` holds -1e\+300"),
    ],
)
def test_numbers_whose_products_leave_float64_are_named(changes, words):
    model = LinearModel([[1, 1], [0, 1]], [[0.5], [1]], 1.0)
    given = {"state_weight": np.eye(2), "input_weight": 1.0, "horizon": 2, "input_bounds": (-1, 1)}
    with pytest.raises(ProblemError, match=words):
        MPCProblem(model, **(given | {"parameter_bounds": ([-2, -1], [2, 1])} | changes))


def test_numbers_lists_and_none_are_understood(pendulum_problem):
    problem = pendulum_problem(input_bounds=(None, 2.0), state_bounds=([-2, -8], [2, None]), parameter_bounds=BOX)
    assert np.array(problem.input_bounds).tolist() == [[-np.inf], [2]]
    assert problem.state_bounds[1].tolist() == [2, np.inf]
    assert problem.input_weight.tolist() == [[0.001]]
    assert np.array(pendulum_problem().domain).tolist() == [[-2, -8], [2, 8]]
    assert repr(problem) == "MPCProblem(2 states, 1 inputs, horizon 2, discount 1)"


def test_harmless_asymmetry_is_taken_out(pendulum_problem):
    weight = np.diag([1.0, 0.1])
    weight[0, 1] = 1e-17
    problem = pendulum_problem(state_weight=weight)
    assert (problem.state_weight == problem.state_weight.T).all()


@pytest.mark.parametrize("discount", [1.0, 0.99, 0.95])
def test_the_terminal_weight_is_the_discounted_cost_to_go(pendulum_problem, discount):
    problem = pendulum_problem(discount=discount)
    model = printed_pendulum()
    assert (problem.final_weight == dlqr(model.A, model.B, np.diag([1, 0.1]), 0.001, discount)[1]).all()
    assert pendulum_problem(terminal_weight=np.zeros((2, 2))).final_weight.any() == 0


def test_the_size_limit_may_be_raised(pendulum_problem):
    assert pendulum_problem(horizon=1001, max_variables=2000).horizon == 1001


def test_arguments_are_copied_and_read_only(pendulum_problem):
    weight, lower, upper = np.diag([1.0, 0.1]), np.array([-2.0, -8]), np.array([2.0, 8])
    problem = pendulum_problem(state_weight=weight, state_bounds=(lower, upper))
    weight[0, 0] = lower[0] = upper[0] = 99
    assert problem.state_weight[0, 0] == 1
    assert (problem.state_bounds[0][0], problem.domain[1][0]) == (-2, 2)
    for array in (problem.state_weight, problem.input_weight, problem.final_weight, *problem.state_bounds):
        assert not array.flags.writeable


def test_a_changed_copy_derives_anew_what_was_not_given(pendulum_problem):
    problem = pendulum_problem()
    other = replace(problem, discount=0.9, state_bounds=([-1, -4], [1, 4]))
    model = problem.model
    assert (other.final_weight == dlqr(model.A, model.B, np.diag([1, 0.1]), 0.001, 0.9)[1]).all()
    assert np.array(other.domain).tolist() == [[-1, -4], [1, 4]]
    given = replace(pendulum_problem(terminal_weight=np.eye(2), parameter_bounds=([-1, -1], [1, 1])), discount=0.9)
    assert (given.final_weight == np.eye(2)).all()
    assert np.array(given.domain).tolist() == [[-1, -1], [1, 1]]
