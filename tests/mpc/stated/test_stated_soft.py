"""Soft limits: one slack or one a row, quadratic and linear prices; the law against cvxpy, which keeps all e >= 0."""

import pytest

from mpc import MoveBounds, Polyhedron, Soft, StateBounds, TerminalSet

SPEED = StateBounds([None, -1], [None, 1])
WIDE = {"state_bounds": None, "parameter_bounds": ([-5, -3], [5, 3]), "horizon": 2}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("prices", [(100, 0), (10, 5), (0, 30)], ids=["quadratic", "both", "linear"])
def test_slacks(agreement, problem, shared, prices):
    soft = Soft(SPEED, quadratic=prices[0], linear=prices[1], shared=shared)
    assert agreement(problem(**WIDE, constraints=(soft,))).check() >= 3


def test_several(agreement, problem):
    end = Soft(TerminalSet(Polyhedron.from_bounds([-1, -0.5], [1, 0.5])), quadratic=2, linear=1, shared=False)
    assert agreement(problem(**WIDE, constraints=(Soft(SPEED, quadratic=10), end))).check() >= 3
    assert agreement(problem(**WIDE, constraints=(Soft(SPEED, 10), Soft(MoveBounds(-0.3, 0.3), 5, 1)))).check() >= 3


def test_slacks_are_variables_of_the_statement(problem):
    statement = problem(**WIDE, constraints=(Soft(SPEED, quadratic=10),)).to_cvxpy()
    (slack,) = statement.slacks
    theta = [4.0, 2.5]
    passed = statement.solve(theta).states[1:, 1].max() - 1
    assert float(slack.value) == pytest.approx(passed, abs=1e-8)
    assert passed > 0.1
