"""Further costs: what they add to the program, costs of one's own, and the words for those that do not fit."""

from collections.abc import Callable

import numpy as np
import pytest

from mpc import (
    CrossWeight,
    LinearModel,
    MoveWeight,
    MPCProblem,
    OutputWeight,
    ProblemError,
    condense,
    dlqr,
    printed_pendulum,
)
from mpc.terms import Term

MODEL = printed_pendulum()


def test_a_weight_on_outputs_that_are_states_is_one_on_states(pendulum_problem):
    weighed = condense(pendulum_problem(costs=(OutputWeight(np.diag([2.0, 0.3])),)))
    plain = condense(pendulum_problem(state_weight=np.diag([3.0, 0.4])))
    for name in ("H", "F", "f"):
        np.testing.assert_allclose(getattr(weighed, name), getattr(plain, name), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_terminal_weight_includes_cross_terms(pendulum_problem, discount):
    N = np.array([[0.01], [0.005]])
    problem = pendulum_problem(costs=(CrossWeight(N),), discount=discount)
    K, P = dlqr(MODEL.A, MODEL.B, problem.state_weight, problem.input_weight, discount, N)
    np.testing.assert_allclose(problem.final_weight, P, rtol=1e-12)
    np.testing.assert_allclose(problem.regulator, K, rtol=1e-12)
    A, B, Q, R, g = MODEL.A, MODEL.B, problem.state_weight, problem.input_weight, discount
    both = np.block([[Q, N], [N.T, R]]) + g * np.hstack([A, B]).T @ P @ np.hstack([A, B])
    np.testing.assert_allclose(K, np.linalg.solve(both[2:, 2:], both[2:, :2]), rtol=1e-9)
    np.testing.assert_allclose(P, both[:2, :2] - both[:2, 2:] @ K, rtol=1e-9)


def test_the_terminal_weight_of_moves_is_that_of_state_and_input(pendulum_problem):
    problem = pendulum_problem(costs=(MoveWeight(0.1),))
    assert problem.final_weight.shape == (3, 3)
    again = pendulum_problem(costs=(MoveWeight(0.1),), terminal_weight=problem.final_weight)
    np.testing.assert_array_equal(condense(again).H, condense(problem).H)
    none = pendulum_problem(costs=(MoveWeight(0.1),), terminal_weight=np.zeros((2, 2)))
    assert not none.final_weight.any()


class Effort:
    """factor u_k^2 in physical units, by terms alone."""

    def __init__(self, factor, kind: Callable = Term):
        self.factor, self.kind = factor, kind

    def terms(self, prediction, discount):
        for k, u in enumerate(prediction.inputs):
            yield self.kind(u, np.array([[self.factor]]), discount**k, "the effort", k)


def test_a_cost_of_ones_own_needs_terms_alone(pendulum_problem):
    P = {"terminal_weight": np.eye(2)}
    own = condense(pendulum_problem(costs=(Effort(0.05),), **P))
    plain = condense(pendulum_problem(input_weight=0.051, **P))
    np.testing.assert_allclose(own.H, plain.H, rtol=1e-12)


@pytest.mark.parametrize("kind", [OutputWeight, MoveWeight])
@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.nan, "`{}` is NaN"),
        (np.inf, "`{}` is infinite"),
        (np.eye(3), "`{}` has shape \\(3, 3\\), but .* is needed"),
        ("a", "`{}` has dtype <U1; pass real numbers"),
        (None, "`{}` has dtype object"),
        ([], "`{}` has shape \\(0,\\)"),
    ],
)
def test_wrong_weights_are_named(pendulum_problem, kind, norm, weight, words):
    with pytest.raises(ProblemError, match=words.format(kind.__name__)):
        pendulum_problem(costs=(kind(weight),), norm=norm)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"costs": MoveWeight(1)}, r"`costs` is a MoveWeight, but a Sequence is needed; pass a tuple of costs"),
        ({"costs": None}, "`costs` is a NoneType"),
        ({"costs": (MoveWeight,)}, "`costs` entry 0 is the class MoveWeight; make an object"),
        ({"costs": (3,)}, r"`costs` entry 0 is a int; pass OutputWeight, .* or one with a method terms"),
        ({"costs": (MoveWeight(-1),)}, "`MoveWeight` must be positive semidefinite, .* is -1; make it 0 or more"),
        ({"costs": (OutputWeight([[1, 2], [0, 1]]),)}, "`OutputWeight` is not symmetric"),
        ({"costs": (CrossWeight(1),)}, r"`CrossWeight` has shape \(\), but \(2, 1\) is needed"),
        ({"costs": (CrossWeight([[0], [np.nan]]),)}, r"`CrossWeight` is NaN at \[1, 0\]"),
        ({"costs": (CrossWeight([[9], [9]]),)}, "CrossWeight; CrossWeight', input_weight.*semidefinite.* is -12.4"),
        (
            {"costs": (CrossWeight([[0], [0]]),), "norm": 1},
            "`CrossWeight` is a product .*; `norm` 1 has none: leave it",
        ),
        ({"costs": (Effort(1, lambda *given: given),)}, r"`Effort.terms\(\)` is a tuple, but a Term is needed"),
        ({"costs": (Effort(np.nan),)}, r"`Effort.terms\(\) weight` is NaN at \[0, 0\]"),
        (
            {
                "norm": 1,
                "horizon": 1,
                "input_weight": 0,
                "terminal_weight": [[0, 0]],
                "costs": (OutputWeight([[1, 1]]),),
            },
            "no weight counts: all that act at steps 1 to 1 of `horizon` 1 are 0",
        ),
    ],
)
def test_wrong_costs_are_named(pendulum_problem, changes, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(**changes)


def test_what_the_moves_do_not_show_is_named_by_its_input():
    model = LinearModel([[0.9]], [[1.0, 2.0]], 1.0, input_names=("pump", "valve"))
    words = r"weigh it in `state_weight` or `input_weight` \(it lives in previous pump, previous valve\)"
    with pytest.raises(ProblemError, match=words):
        MPCProblem(model, 1, np.zeros((2, 2)), 3, (-5, 5), ([-1, -1], [1, 1]), costs=(MoveWeight(np.eye(2)),))
