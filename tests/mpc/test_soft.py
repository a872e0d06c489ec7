"""Soft: what it costs to pass a limit, in every norm, and the words for what cannot be softened."""

import cvxpy
import numpy as np
import pytest

from mpc import (
    InputBounds,
    ProblemError,
    Soft,
    StateBounds,
    TerminalOrigin,
    Tightened,
    condense,
    solve_explicit,
)

BOUNDS = StateBounds([-1, -4], [1, 4])
WIDE = {"state_bounds": None, "parameter_bounds": ([-2, -8], [2, 8])}


@pytest.mark.parametrize("weight", [1e308, 1e-320])
def test_prices_whose_products_leave_float64_are_named(weight):
    with pytest.raises(ProblemError, match=r"`Soft quadratic` .*holds"):
        Soft(InputBounds(-1, 1), weight)


def test_rows_and_slacks_have_sentences(pendulum_problem):
    one = condense(pendulum_problem(constraints=(Soft(StateBounds([None, None], [1, None]), 5.0, 2.0),), **WIDE)).names
    assert one.variables[-1] == "passing the limits of StateBounds"
    assert one.rows[-3:-1] == tuple(f"angle at its upper limit 1 rad at step {k} (soft)" for k in (1, 2))
    assert one.rows[-1] == "the limits of StateBounds kept (soft)"
    each = condense(
        pendulum_problem(constraints=(Soft(StateBounds([None, None], [1, None]), 5.0, shared=False),), **WIDE)
    )
    assert each.names.variables[-2:] == tuple(f"passing angle at its upper limit 1 rad at step {k}" for k in (1, 2))
    np.testing.assert_allclose(np.diag(each.H)[-2:], 10.0)
    tightened = Tightened(StateBounds([None, None], [1, None]), residual=0.01)
    both = condense(pendulum_problem(constraints=(Soft(tightened, 5.0, 2.0),), **WIDE)).names
    assert both.rows[-1] == "the limits of Tightened StateBounds kept (soft)"


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize(("quadratic", "linear"), [(3.0, 0.0), (0.0, 2.0), (3.0, 2.0)])
def test_the_law_of_soft_limits_is_the_optimum(pendulum_problem, norm, quadratic, linear):
    """With norms the square of a slack makes a quadratic program whose H is singular."""
    problem = pendulum_problem(constraints=(Soft(BOUNDS, quadratic, linear),), norm=norm, **WIDE)
    qp, law = condense(problem), solve_explicit(problem)
    z, theta = cvxpy.Variable(qp.n), cvxpy.Parameter(2)
    cost = cvxpy.quad_form(z, cvxpy.psd_wrap(qp.H)) / 2 + qp.f @ z + theta @ (qp.F.T @ z)
    program = cvxpy.Problem(cvxpy.Minimize(cost), [qp.G @ z <= qp.w + qp.S @ theta])
    for point in np.random.default_rng(1).uniform([-2, -8], [2, 8], (12, 2)):
        theta.value = point
        program.solve(solver="CLARABEL")
        assert program.status == "optimal"
        answer = law.solution(point)
        assert (qp.G @ answer <= qp.w + qp.S @ point + 1e-7).all()
        reached = answer @ qp.H @ answer / 2 + (qp.f + qp.F @ point) @ answer
        assert reached == pytest.approx(program.value, rel=1e-5, abs=1e-5)


def test_a_dear_linear_price_keeps_the_hard_law(pendulum_problem):
    limit = StateBounds([-1, -0.5], [1, 0.5])
    hard = solve_explicit(pendulum_problem(constraints=(limit,), **WIDE))
    dear = solve_explicit(pendulum_problem(constraints=(Soft(limit, 1.0, 1e4),), **WIDE))
    cheap = solve_explicit(pendulum_problem(constraints=(Soft(limit, 1e-3),), **WIDE))
    points = np.random.default_rng(0).uniform([-2, -8], [2, 8], (300, 2))
    kept = hard.nearest(points)[2]
    assert 0 < kept.sum() < 300
    np.testing.assert_allclose(dear(points[kept]), hard(points[kept]), atol=1e-6)
    assert np.abs(cheap(points[kept]) - hard(points[kept])).max() > 1e-3
    assert dear.nearest(points)[2].all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"quadratic": -1}, "`Soft quadratic` is -1, but it must be at least 0"),
        ({"quadratic": np.nan}, "`Soft quadratic` is NaN"),
        ({"quadratic": np.inf}, "`Soft quadratic` is infinite"),
        ({"quadratic": None}, "`Soft quadratic` has dtype object"),
        ({"quadratic": [1, 2]}, r"`Soft quadratic` has shape \(2,\), but \(\) is needed"),
        ({"quadratic": "dear"}, "`Soft quadratic` has dtype <U4"),
        ({"quadratic": True}, "`Soft quadratic` has dtype bool"),
        ({"quadratic": 1, "linear": -2}, "`Soft linear` is -2, but it must be at least 0"),
        ({"quadratic": 0}, "`Soft quadratic` and `Soft linear` are both 0, so the limit would be none; weigh it"),
        ({"quadratic": 1, "shared": 1}, "`Soft shared` is a int, but a bool is needed"),
    ],
)
def test_wrong_prices_are_named_at_once(arguments, words):
    with pytest.raises(ProblemError, match=words):
        Soft(BOUNDS, **arguments)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (Soft(BOUNDS, 1), "`Soft` was given a Soft that is soft already; soften limits, and once"),
        (Tightened(Soft(BOUNDS, 1), residual=1e-3), "`Soft` was given a Tightened that is soft already"),
        (TerminalOrigin(), "`Soft` was given a TerminalOrigin that is an equality"),
        (StateBounds, r"`Soft` constraint is the class StateBounds; make an object, StateBounds\(...\)"),
        (None, r"`Soft` constraint is a NoneType; pass objects with a method rows\(prediction\)"),
        ("angle < 2", "`Soft` constraint is a str"),
        (StateBounds([2, 2], [1, 1]), "`StateBounds`: the lower bound of angle .* is 2, above its upper bound 1"),
    ],
)
def test_what_cannot_be_softened_is_named(pendulum_problem, constraint, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(Soft(constraint, 1.0),))


def test_slacks_count_as_variables(pendulum_problem):
    soft = (Soft(BOUNDS, 1.0, shared=False),)
    with pytest.raises(ProblemError, match="add 8 slacks, together 10 variables, more than the size limit 9; let rows"):
        pendulum_problem(constraints=soft, max_variables=9)
    assert condense(pendulum_problem(constraints=soft, max_variables=10)).n == 10
