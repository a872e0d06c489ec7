"""What a constraint of the user's own emits is checked before anything uses it, also within Soft and Tightened."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import ProblemError, Rows, Soft, Tightened, solve_explicit
from mpc.rows import Slack


class Own:
    def __init__(self, *rows, **more):
        self.given = Rows(*rows, **more) if rows else more.get("instead")

    def rows(self, prediction):
        wider = prediction.sizes[0] - 2
        return self.given and replace(self.given, G=np.pad(self.given.G, ((0, 0), (0, wider))))


class SumOfTorques:
    """u_0 + u_1 <= limit, of whatever prediction it is given."""

    def __init__(self, limit):
        self.limit = limit

    def rows(self, prediction):
        total = prediction.inputs[0] + prediction.inputs[1]
        return Rows(total.z_map, self.limit - total.offset, -total.theta_map, ("sum of torques at its limit",))


ROW = np.ones((1, 2)), np.ones(1), np.zeros((1, 2)), ("own",)


def slack(columns=((1.0,),), quadratic=(1.0,), linear=(0.0,), names=("e",)):
    return Slack(np.array(columns), np.array(quadratic), np.array(linear), names)


@pytest.mark.parametrize("wrap", [lambda c: c, lambda c: Soft(c, 1.0), lambda c: Tightened(c, residual=0.1)])
@pytest.mark.parametrize(
    ("own", "words"),
    [
        (Own(), r"`Own.rows\(\)` is a NoneType, but a Rows is needed; let its rows\(prediction\) return Rows"),
        (Own(*ROW, equal=(1,)), r"`Own equal\[0\]` is 1, but there are 1 rows, 0 to 0; pass the numbers"),
        (Own(*ROW, equal=(-1,)), r"`Own equal\[0\]` is -1, but it must be at least 0"),
        (Own(*ROW, equal="a"), r"`Own equal\[0\]` is 'a', but it must be a whole number"),
        (Own(*ROW, equal=0), "`Own equal` is a int, but a Sequence is needed"),
        (Own(*ROW, slack=1), "`Own slack` is a int, but a Slack is needed"),
        (Own(*ROW, slack=slack(columns=((1.0,), (1.0,)))), r"`Own slack columns` has shape \(2, 1\), but \(1, any\)"),
        (Own(*ROW, slack=slack(quadratic=(np.nan,))), r"`Own slack quadratic` is NaN at \[0\]"),
        (Own(*ROW, slack=slack(quadratic=(-2.0,))), "`Own slack quadratic` is -2, but it must be at least 0"),
        (Own(*ROW, slack=slack(linear=(1.0, 2.0))), r"`Own slack linear` has shape \(2,\), but \(1,\) is needed"),
        (Own(*ROW, slack=slack(names=())), "`Own slack` has 1 columns, but 0 names; name each slack"),
    ],
)
def test_wrong_rows_are_named(pendulum_problem, own, words, wrap):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(wrap(own),))


def test_a_constraint_of_ones_own_is_kept_softened_and_tightened(pendulum_problem):
    for limit, room, constraint in (
        (0.5, 0.0, SumOfTorques(0.5)),
        (0.5, 0.2, Tightened(SumOfTorques(0.5), residual=0.1)),
    ):
        law = solve_explicit(pendulum_problem(constraints=(constraint,)))
        sums = np.array([law.solution(r.centre)[:2].sum() for r in law.regions])
        assert sums.max() == pytest.approx(limit - room, abs=1e-9)
    soft = solve_explicit(pendulum_problem(constraints=(Soft(SumOfTorques(0.5), quadratic=1e-3),)))
    z = np.array([soft.solution(r.centre) for r in soft.regions])
    assert z[:, :2].sum(axis=1).max() > 0.6
    assert (z[:, :2].sum(axis=1) - z[:, 2]).max() <= 0.5 + 1e-9
