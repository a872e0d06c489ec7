"""to_cvxpy: what comes back, in which shapes, and in which words it refuses."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cvxpy
import numpy as np
import pytest

from mpc import (
    CrossWeight,
    LinearModel,
    MoveBlocking,
    NumericalError,
    OutputWeight,
    OutsideDomain,
    Prestabilised,
    ProblemError,
    Rows,
    Setpoint,
    Soft,
    StateBounds,
    Tightened,
    solve_explicit,
)
from mpc.stage import StageWeights


class Corner:
    """The sum of both states at step 1 is at most -0.1: a constraint of one's own, in cvxpy where it is `Stated`."""

    def rows(self, prediction):
        both = prediction.states[1].mapped(np.array([[1.0, 1.0]]), ["sum"], [""])
        return Rows(both.z_map, -0.1 - both.offset, -both.theta_map, ("sum at its limit",))


class Stated(Corner):
    def state(self, trajectory):
        return [(trajectory.states[1] @ np.ones((2, 1)), np.array([-0.1]))]


class Ticket:
    """A cost of one's own that says nothing in cvxpy."""

    weight = np.eye(1)

    def fitted(self, model, norm):
        return self

    def terms(self, prediction, discount):
        return iter(())

    def stage(self, model):
        return StageWeights.plain(np.zeros((2, 2)), np.zeros((1, 1)))


def test_what_an_answer_holds(problem):
    given = problem()
    statement = given.to_cvxpy()
    answer = statement.solve([1.0, 0.5])
    assert answer.inputs.shape == (3, 1)
    assert answer.states.shape == (4, 2)
    assert answer.first == pytest.approx(answer.inputs[0])
    assert answer.states[0] == pytest.approx([1.0, 0.5])
    for k in range(3):
        assert given.model.step(answer.states[k], answer.inputs[k]) == pytest.approx(answer.states[k + 1], abs=1e-9)
    assert statement.problem.is_dpp()
    assert statement.problem.is_qp()
    assert (statement.states.shape, statement.inputs.shape, statement.slacks) == ((4, 2), (3, 1), ())


def test_another_solver_says_the_same(problem):
    statement = problem().to_cvxpy()
    plain, other = statement.solve([1.0, 0.5]), statement.solve([1.0, 0.5], solver="CLARABEL")
    assert other.first == pytest.approx(plain.first, abs=1e-6)
    loose = statement.solve([1.0, 0.5], solver="OSQP", eps_abs=1e-3, eps_rel=1e-3)
    assert loose.value == pytest.approx(plain.value, rel=1e-2)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_no_solution_and_no_answer(problem):
    statement = problem().to_cvxpy()
    with pytest.raises(OutsideDomain, match=r"theta = \[5\. 5\.\] is outside the domain: no solution keeps all limits"):
        statement.solve([5.0, 5.0])
    with pytest.raises(ProblemError, match="`theta` has shape"):
        statement.solve([[5.0, 5.0]])
    with pytest.raises(ProblemError, match="its last axis must be 2 long"):
        statement.solve([5.0])
    with pytest.raises(NumericalError, match="cvxpy found no answer at theta"):
        statement.solve([1.0, 0.5], solver="OSQP", max_iter=1, eps_abs=1e-12, eps_rel=1e-12)


@pytest.mark.parametrize("wrap", [lambda c: c, lambda c: Tightened(c, residual=0.1)], ids=["plain", "tightened"])
def test_a_constraint_of_ones_own(problem, wrap):
    given = problem(constraints=(wrap(Stated()),))
    law, statement = solve_explicit(given), given.to_cvxpy()
    free, met, kept = solve_explicit(problem()), 0, 0
    for theta in np.random.default_rng(0).uniform([0, 0], [0.6, 0.5], (15, 2)):
        if law.locate(theta).margin > 1e-6:
            met += 1
            kept += abs(law(theta) - free(theta)) > 1e-3
            assert statement.solve(theta).first == pytest.approx(law(theta), abs=1e-8)
    assert met >= kept > 2


def test_what_says_nothing_in_cvxpy(problem):
    with pytest.raises(ProblemError, match=r"`Corner` emits rows, but .* give it a method state\(trajectory\)"):
        problem(constraints=(Corner(),)).to_cvxpy()
    with pytest.raises(ProblemError, match=r"`Ticket` emits terms, but .* returns the cost of every step"):
        problem(costs=(Ticket(),)).to_cvxpy()


class OwnPlan(MoveBlocking):
    pass


class Held:
    def blocks(self, horizon):
        return [0] * horizon

    def feedback(self, problem):
        return None


def test_plans_of_ones_own(problem):
    assert len(OwnPlan((1, 2)).blocks(3)) == 3
    problem(plan=OwnPlan((1, 2))).to_cvxpy()
    with pytest.raises(ProblemError, match="`Held` is a plan of one's own; to_cvxpy knows EveryStep, MoveBlocking"):
        problem(plan=Held()).to_cvxpy()


def test_it_may_be_changed(problem):
    statement = problem().to_cvxpy()
    statement.theta.value = np.array([1.0, 0.5])
    more = cvxpy.Problem(statement.problem.objective, [*statement.problem.constraints, statement.inputs[0] == 0.0])
    more.solve(solver="CLARABEL")
    assert more.value > statement.solve([1.0, 0.5]).value


def test_a_gain_is_checked_as_for_the_law(problem):
    with pytest.raises(ProblemError, match="does not stabilise"):
        problem(plan=Prestabilised(gain=[[9.0, 9.0]])).to_cvxpy()


@pytest.mark.parametrize("unit", [1e-8, 1e-6, 1e8])
def test_units_of_inputs_do_not_matter(problem, unit):
    plain, model = problem(), problem().model
    other = problem(
        replace(model, B=model.B / unit), input_weight=0.5 / unit**2, input_bounds=(-unit, unit)
    )  # the same inputs, counted in other units
    for theta in ([1.0, 0.5], [4.0, -1.0], [1e-4, 0.0]):
        expected = plain.to_cvxpy().solve(theta)
        answer = other.to_cvxpy().solve(theta)
        assert answer.first / unit == pytest.approx(expected.first, rel=1e-5, abs=1e-9)
        assert answer.states == pytest.approx(expected.states, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_setpoints_do_not_matter(problem, unit):
    plain = problem().model
    model = LinearModel(plain.A, plain.B, 1.0, C=[[unit, 0.0]])
    given = problem(model, parameters=(Setpoint(-unit, unit),))
    theta = given.theta([0.2, -0.1], setpoint=[0.3 * unit])
    assert given.to_cvxpy().solve(theta).first == pytest.approx(solve_explicit(given)(theta), abs=1e-7)


def test_threads_get_their_own_answers(problem):
    statement, points = problem().to_cvxpy(), np.random.default_rng(0).uniform(-1, 1, (40, 2))
    alone = [statement.solve(point).first for point in points]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda point: statement.solve(point).first, np.tile(points, (2, 1))))
    assert np.array(together) == pytest.approx(np.tile(alone, (2, 1)), abs=1e-9)


def test_products_may_be_convex_by_outputs_alone(problem):
    given = problem(state_weight=np.zeros((2, 2)), costs=(OutputWeight(np.eye(2)), CrossWeight([[0.05], [0]])))
    answer, law = given.to_cvxpy().solve([1.0, 0.5]), solve_explicit(given)
    assert answer.first == pytest.approx(law([1.0, 0.5]), abs=1e-8)
    assert answer.value == pytest.approx(float(law.value([1.0, 0.5])), abs=1e-8)


def test_an_answer_beyond_a_limit_is_not_believed(problem, monkeypatch):
    statement = problem().to_cvxpy()
    monkeypatch.setattr(statement.problem.constraints[0], "violation", lambda: np.array([0.1]))
    with pytest.raises(NumericalError, match=r"called its answer .* optimal, but it passes"):
        statement.solve([1.0, 0.5])


@pytest.mark.filterwarnings("error")
def test_an_inaccurate_answer_is_an_error_and_no_warning(problem):
    given = problem(constraints=(Soft(StateBounds([None, -0.3], [None, 0.3]), 1e8),))
    with contextlib.suppress(NumericalError):
        given.to_cvxpy().solve([1.9, -0.9], solver="DAQP", iter_limit=3)
