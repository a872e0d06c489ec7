"""Bounds and polytopes: a sentence for every row, the rows' meaning, and the words for what does not fit."""

import numpy as np
import pytest

from mpc import (
    InputBounds,
    InputPolytope,
    LinearModel,
    MixedPolytope,
    MoveBounds,
    MPCProblem,
    OutputBounds,
    OutputPolytope,
    ProblemError,
    StateBounds,
    StatePolytope,
    condense,
)

MODEL = LinearModel(
    [[1.0, 0.1], [0.0, 0.9]],
    [0.0, 0.1],
    0.1,
    state_names=("angle", "rate"),
    state_units=("rad", "rad/s"),
    input_names=("torque",),
    input_units=("N m",),
    C=[[1, 1]],
    output_names=("sum",),
)


def problem(*constraints, **changes):
    arguments = {"horizon": 2, "parameter_bounds": ([-2, -8], [2, 8])} | changes
    if any(isinstance(c, MoveBounds) for c in constraints):
        arguments |= {"input_bounds": (-2, 2)}
    return MPCProblem(
        **{"model": MODEL, "state_weight": np.eye(2), "input_weight": 0.1, "constraints": constraints} | arguments
    )


@pytest.mark.parametrize(
    ("constraint", "sentences"),
    [
        (
            StateBounds([None, -1], [480, None]),
            ["angle at its upper limit 480 rad at step {}", "rate at its lower limit -1 rad/s at step {}"],
        ),
        (OutputBounds([-3], [4]), ["sum at its upper limit 4 at step {}", "sum at its lower limit -3 at step {}"]),
        (
            StatePolytope([[1, 0.5], [0, 1]], [3, 2]),
            ["1 angle + 0.5 rate at its limit 3 at step {}", "rate at its upper limit 2 rad/s at step {}"],
        ),
        (OutputPolytope([[-2]], [1]), ["sum at its lower limit -0.5 at step {}"]),
    ],
)
def test_rows_of_states_and_outputs_say_what_they_limit(constraint, sentences):
    assert condense(problem(constraint)).names.rows == tuple(s.format(k) for k in (1, 2) for s in sentences)


@pytest.mark.parametrize(
    ("constraint", "sentences"),
    [
        (InputBounds(-2, None), ["torque at its lower limit -2 N m at step {}"]),
        (InputPolytope([[2]], [3]), ["torque at its upper limit 1.5 N m at step {}"]),
        (MixedPolytope([[1, 0, -1]], [3]), ["1 angle - 1 torque at its limit 3 at step {}"]),
    ],
)
def test_rows_of_inputs_say_what_they_limit(constraint, sentences):
    assert condense(problem(constraint)).names.rows == tuple(s.format(k) for k in (0, 1) for s in sentences)


def test_rows_of_moves_say_what_they_limit():
    rows = condense(problem(MoveBounds(-0.5, 0.25))).names.rows[-4:]
    assert rows[:2] == (
        "move of torque at its upper limit 0.25 N m at step 0",
        "move of torque at its lower limit -0.5 N m at step 0",
    )


def test_rows_hold_exactly_where_a_walk_through_the_model_keeps_the_limits():
    A = np.array([[1.0, 0.5, -2.0], [-1.0, 0.0, 1.0]])
    given = problem(MixedPolytope(A, [0.5, 0.7]), MoveBounds(-0.5, 0.25), OutputBounds(-0.4, 0.6))
    qp, rng = condense(given), np.random.default_rng(0)
    for _ in range(200):
        x0, u = rng.normal(size=2) / 2, rng.normal(size=(3, 1)) / 4
        path = [x0, MODEL.step(x0, u[1])]
        path.append(MODEL.step(path[1], u[2]))
        kept = all((A @ np.r_[path[k], u[k + 1]] <= [0.5, 0.7]).all() for k in range(2))
        kept &= all(-0.5 <= (u[k + 1] - u[k]).item() <= 0.25 for k in range(2))
        kept &= all(-0.4 <= MODEL.outputs(path[k]).item() <= 0.6 for k in (1, 2))
        kept &= bool((np.abs(u[1:]) <= 2).all())
        theta = given.theta(x0, previous_input=u[0])
        assert (qp.G @ u[1:].ravel() <= qp.w + qp.S @ theta + 1e-12).all() == kept


@pytest.mark.parametrize(("kind", "size"), [(StateBounds, 2), (InputBounds, 1), (OutputBounds, 1), (MoveBounds, 1)])
def test_wrong_bounds_are_named(kind, size):
    name, one = kind.__name__, np.ones(size)
    for lower, upper, words in (
        (-one, np.nan * one, rf"`{name} upper` is NaN at \[0\]"),
        (one, -one, rf"`{name}`: the lower bound of .* \(index 0\) is 1, above its upper bound -1; swap the two"),
        (np.inf * one, np.inf * one, rf"`{name}`: the lower bound of .* is \+inf; swap the sign"),
        (-one, -np.inf * one, rf"`{name}`: the upper bound of .* is -inf; swap the sign, or use None"),
        (np.ones(3), np.ones(3), rf"`{name} lower` has shape \(3,\), but \({size},\) is needed"),
        ("a", "b", f"`{name} lower` has dtype <U1; pass real numbers"),
        (np.array([object()] * size), one, f"`{name} lower` has dtype object"),
        ([], [], rf"`{name} lower` has shape \(0,\)"),
        (1j * one, one, f"`{name} lower` has dtype complex128"),
    ):
        with pytest.raises(ProblemError, match=words):
            problem(kind(lower, upper))
    with pytest.raises(ProblemError, match=f"entry 0 is the class {name}; make an object"):
        problem(kind)


@pytest.mark.parametrize(
    ("kind", "size"), [(StatePolytope, 2), (InputPolytope, 1), (OutputPolytope, 1), (MixedPolytope, 3)]
)
def test_wrong_polytopes_are_named(kind, size):
    name, row = kind.__name__, [1.0] * size
    for A, b, words in (
        ([[np.nan] * size], [1], rf"`{name} A` is NaN at \[0, 0\]"),
        ([row], [np.nan], rf"`{name} b` is NaN at \[0\]"),
        ([row], [-np.inf], rf"`{name} b` is infinite at \[0\]"),
        ([[*row, 1.0]], [1], rf"`{name} A` has shape \(1, {size + 1}\), but \(any, {size}\) is needed"),
        ([row], [1, 2], rf"`{name} A` has 1 rows, but `{name} b` has shape \(2,\)"),
        ([row, [0.0] * size], [1, -1], f"`{name}` row 1 says 0 <= -1, which is infeasible; remove it or mend `A`"),
        ("A", "b", f"`{name} A` has dtype <U1"),
        (None, None, f"`{name} A` has dtype object"),
        ([row], None, f"`{name} b` has dtype object"),
        (row, [1], rf"`{name} A` has shape \({size},\)"),
    ):
        with pytest.raises(ProblemError, match=words):
            problem(kind(A, b))


class HiddenMoves:
    def rows(self, prediction):
        return MoveBounds(np.array([-1.0]), np.array([1.0])).rows(prediction)


class KnownMoves(HiddenMoves):
    uses_moves = True


def test_moves_within_a_constraint_of_ones_own_are_not_dropped():
    with pytest.raises(ProblemError, match=r"theta does not hold it: give the class .* `uses_moves = True`, or pass"):
        problem(HiddenMoves())
    rows = condense(problem(KnownMoves(), input_bounds=(-2, 2))).names.rows
    assert "move of torque at its upper limit 1 N m at step 0" in rows
