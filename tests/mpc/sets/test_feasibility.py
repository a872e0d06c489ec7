"""Feasible sets against linear programs, the paper's shares, and terminal sets that keep every closed loop feasible."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import (
    InputBounds,
    LinearModel,
    MoveBlocking,
    MoveBounds,
    MPCProblem,
    Polyhedron,
    ProblemError,
    Setpoint,
    Soft,
    StateBounds,
    TerminalOrigin,
    TerminalSet,
    condense,
    feasibility,
    feasible_set,
    feasible_share,
    kept_for_ever,
    linearise,
    maximal_admissible,
    maximal_control_invariant,
    solve_explicit,
)
from plants import clipped_pendulum

BOX = ([-2, -8], [2, 8])
WORDS_OF_THE_BOX = (
    "All limits can be kept over the horizon from 84.2 % of the parameter set. For ever they can be kept from 18.7 % "
    "of it. Recursive feasibility cannot be claimed: there is no terminal set, so the last state may be one that no "
    "input saves; add TerminalSet(maximal_control_invariant(..., contraction=0.999).polyhedron)."
)


@pytest.fixture(scope="module")
def problem(pendulum_problem):
    return pendulum_problem(model=linearise(clipped_pendulum()))


@pytest.fixture(scope="module")
def ended(problem):
    """The problem with a terminal set that one of its inputs contracts."""
    inside = maximal_control_invariant(problem.model, BOX, (-2, 2), contraction=0.999)
    return replace(problem, constraints=(TerminalSet(inside.polyhedron),))


def starts_in(region, count):
    """Its vertices, and points drawn between them."""
    vertices = region.vertices()
    weights = np.random.default_rng(0).dirichlet(np.ones(len(vertices)), count - len(vertices))
    return np.vstack([vertices, weights @ vertices])


def lost(law, model, x, steps=200):
    """How many of the starts meet a state without a feasible plan."""
    feasible = np.ones(len(x), bool)
    for _ in range(steps):
        u, _, inside = law.nearest(x)
        feasible &= inside
        x = model.step(x, u)
        feasible &= (x >= np.array(BOX[0]) - 1e-9).all(axis=1) & (x <= np.array(BOX[1]) + 1e-9).all(axis=1)
        x = np.clip(x, *BOX)  # the lost ones have been counted
    return int(np.count_nonzero(~feasible))


@pytest.mark.paper
def test_the_paper_s_box_is_feasible_at_84_percent_and_holdable_at_18_7(problem):
    found = feasibility(problem)
    assert found.feasible.value == pytest.approx(0.84, abs=0.005)
    assert found.for_ever.value == pytest.approx(0.187, abs=0.002)
    assert feasible_share(solve_explicit(problem)).value == pytest.approx(found.feasible.value, abs=1e-8)
    assert not found.recursive
    assert str(found) == WORDS_OF_THE_BOX


@pytest.mark.paper
def test_a_terminal_set_keeps_every_closed_loop_feasible_where_the_box_loses_most(problem, ended):
    assert feasibility(ended).recursive
    starts = starts_in(feasible_set(ended), 1000)
    assert lost(solve_explicit(ended), ended.model, starts) == 0
    assert lost(solve_explicit(problem), problem.model, starts_in(feasible_set(problem), 1000)) >= 500


def test_the_claims_of_a_terminal_set_read_well(ended):
    words = str(feasibility(ended))
    assert "Recursively feasible: the terminal set is invariant: from all 6 corners" in words


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_feasible_set_is_that_of_linear_programs(seed):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 4))
    A = generator.normal(size=(n, n))
    A *= 1.2 / np.abs(np.linalg.eigvals(A)).max()
    model = LinearModel(A, generator.normal(size=(n, 1)), 1.0, state=generator.uniform(-20, 20, n), input=[3.0])
    size = generator.uniform(0.5, 2, n)
    bounds = (model.state - size, model.state + size)
    drawn = MPCProblem(model, np.eye(n), [[1.0]], 4, bounds, (2.5, 3.5))
    found, qp = feasible_set(drawn), condense(drawn)
    hits = 0
    for theta in generator.uniform(*bounds, (15, n)):
        rows = np.c_[qp.G, np.ones(len(qp.w))]
        room = -linprog([0.0] * qp.n + [-1.0], rows, qp.w + qp.S @ theta, bounds=(None, None)).fun
        hits += room > 0
        if abs(room) > 1e-7:
            assert found.contains(theta) == (room > 0)
    share = feasible_share(drawn)
    assert abs(share.value - hits / 15) <= 0.5
    assert share.samples == 0


def test_equality_rows_count(problem):
    """A plan of three steps that ends at the operating point: the third input follows from two of them."""
    ended = replace(problem, horizon=3, constraints=(TerminalOrigin(),))
    A, B = problem.model.A, problem.model.B
    for vertex in feasible_set(ended).vertices():
        reach = np.c_[A @ A @ B, A @ B, B]
        best = linprog(
            np.zeros(3), A_eq=reach, b_eq=-np.linalg.matrix_power(A, 3) @ vertex, bounds=(-2 - 1e-6, 2 + 1e-6)
        )
        assert best.success
    assert feasibility(ended).recursive
    assert "ends at the operating point, where the plant can rest within all limits" in str(feasibility(ended))


def test_above_three_parameters_the_share_is_drawn(monkeypatch):
    monkeypatch.setattr("mpc.sets.feasible.PROGRAMS", 300)
    A = np.diag([1.2, 0.5, 0.5, 0.5])
    drawn = MPCProblem(LinearModel(A, np.ones((4, 1)), 1.0), np.eye(4), [[1.0]], 1, ([-1] * 4, [1] * 4), (-0.1, 0.1))
    found = feasible_share(drawn)  # |1.2 x| <= 1.1, and no limit of the others
    assert found.samples == 300
    assert found.lower <= 1.1 / 1.2 <= found.upper
    law = feasible_share(solve_explicit(drawn))
    assert law.lower <= 1.1 / 1.2 <= law.upper
    assert law.samples == 20_000


def test_a_box_may_be_asked_for(problem):
    small = ([-0.2, -0.5], [0.2, 0.5])
    assert feasible_share(problem, small).value == pytest.approx(1)
    assert feasible_share(solve_explicit(problem), small).value == pytest.approx(1)
    with pytest.raises(ProblemError, match="`box lower` has shape"):
        feasible_share(problem, ([0], [1]))
    with pytest.raises(ProblemError, match="`law_or_problem` is a list"):
        feasible_share([])


def test_soft_limits_do_not_bind(problem):
    softened = replace(
        problem, state_bounds=None, parameter_bounds=BOX, constraints=(Soft(StateBounds(*BOX), quadratic=1.0),)
    )
    assert feasible_share(softened).value == pytest.approx(1)
    assert kept_for_ever(softened).share(BOX).value == pytest.approx(kept_for_ever(problem).share(BOX).value, abs=1e-8)
    assert "the next state may leave" in _reason(softened, TerminalSet(kept_for_ever(problem).polyhedron))


def _reason(problem, *constraints, **changes):
    found = feasibility(replace(problem, constraints=(*problem.constraints, *constraints), **changes))
    assert not found.recursive
    return found.reason


def test_no_claim_without_its_proof(problem):
    invariant = TerminalSet(maximal_control_invariant(problem.model, BOX, (-2, 2)).polyhedron)
    square = TerminalSet(Polyhedron.from_bounds([-1, -1], [1, 1]))
    assert "the terminal set is not invariant: at (" in _reason(problem, square)
    assert "even the best input passes" in _reason(problem, square)
    assert "the law also reads previous torque" in _reason(problem, invariant, MoveBounds([-1], [1]))
    assert "MoveBlocking holds inputs over steps" in _reason(problem, invariant, horizon=3, plan=MoveBlocking((1, 2)))
    assert "not invariant" in _reason(problem, invariant, InputBounds([-1], [1]))

    class Own:
        def rows(self, prediction):
            return StateBounds(*np.array(BOX)).rows(prediction)

    assert "the constraint Own need not hold for a plan that is shifted by a step" in _reason(problem, invariant, Own())
    with pytest.raises(ProblemError, match="the constraint Own does not bind each step by itself; leave it out"):
        kept_for_ever(replace(problem, constraints=(Own(),)))
    with pytest.raises(ProblemError, match="theta holds 3 components, but the model has 2 states"):
        kept_for_ever(replace(problem, constraints=(MoveBounds([-1], [1]),)))
    with pytest.raises(ProblemError, match="`problem` is a str"):
        feasibility("pendulum")


def test_limits_at_chosen_steps_earn_no_claim(problem):
    invariant = TerminalSet(maximal_control_invariant(problem.model, BOX, (-2, 2), contraction=0.999).polyhedron)
    later = StateBounds([-1, -1], [1, 1], steps=2)
    assert "the constraint StateBounds at chosen `steps` need not hold for a plan" in _reason(problem, invariant, later)
    assert feasibility(replace(problem, constraints=(later,))).for_ever is None
    with pytest.raises(ProblemError, match="StateBounds at chosen `steps` does not bind each step by itself"):
        kept_for_ever(replace(problem, constraints=(later,)))
    kept_for_ever(replace(problem, constraints=(Soft(later, quadratic=1.0),)))


def test_an_operating_point_at_its_limit_still_ends_a_plan_and_one_beyond_does_not():
    model = LinearModel([[1.1]], [[1.0]], 1.0, input=[2.0])
    ended = MPCProblem(model, [[1.0]], [[1.0]], 2, ([-1], [1]), (-2, 2), constraints=(TerminalOrigin(),))
    assert feasibility(ended).recursive
    beyond = feasibility(replace(ended, input_bounds=(-2, 1.5)))
    assert "the operating point, where the plan ends, passes a limit (input0 at its upper limit 1.5" in beyond.reason
    assert beyond.reason.endswith("by 0.5")
    assert (beyond.recursive, beyond.for_ever.value) == (False, 0.0)


def test_a_law_s_own_admissible_set_is_a_terminal_set_too(problem):
    inside = maximal_admissible(problem.model, problem.regulator, BOX, (-2, 2))
    assert feasibility(replace(problem, constraints=(TerminalSet(inside.polyhedron),))).recursive


@pytest.mark.parametrize(("level", "claimed"), [(0.9, True), (1.8, False)])
def test_a_plan_that_ends_at_a_setpoint_must_be_able_to_rest_there(level, claimed):
    """To hold the level takes a tenth of it as input, of which there is 0.1."""
    model = LinearModel([[0.9]], [[1.0]], 1.0)
    problem = MPCProblem(
        model, 1.0, 0.1, 4, ([-0.5], [3]), (-0.1, 0.1), parameters=(Setpoint([level]),), constraints=(TerminalOrigin(),)
    )
    verdict = feasibility(problem)
    assert verdict.recursive is claimed
    assert "the steady state of the setpoint, where the plan ends, passes a limit" in str(verdict) or claimed


def test_what_is_no_problem_is_refused():
    for ask in (kept_for_ever, feasibility):
        with pytest.raises(ProblemError, match="`problem` is a NoneType"):
            ask(None)
