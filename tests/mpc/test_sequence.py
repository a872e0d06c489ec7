"""The law of several moves at once: the plan that the online solver finds, in the regions of the law of one move."""

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    ImplicitMPC,
    MoveBlocking,
    PiecewiseAffineLaw,
    Prestabilised,
    ProblemError,
    sequence_law,
    solve_explicit,
)


@pytest.fixture(scope="module")
def problem(pendulum_problem):
    """Return the pendulum's problem of five steps."""
    return pendulum_problem(horizon=5)


@pytest.fixture(scope="module")
def law(problem):
    """Return the law of its first three moves."""
    return sequence_law(problem, moves=3)


def test_it_gives_the_first_inputs_of_the_plan(problem, law):
    points = np.random.default_rng(0).uniform([-0.3, -1.0], [0.3, 1.0], (300, 2))
    points = points[law.locate(points).margin > 0]
    assert len(points) > 100
    np.testing.assert_allclose(law(points), ImplicitMPC(problem).solution(points)[:, :3], atol=1e-9)
    np.testing.assert_array_equal(law(points)[:, :1], solve_explicit(problem)(points))


def test_it_is_a_law_like_any_other(law, tmp_path):
    assert law.m == 3
    assert law.input_names == ("torque", "torque at step 1", "torque at step 2")
    assert law.input_units == ("N m",) * 3
    np.testing.assert_array_equal(law.input_bounds, [[-2] * 3, [2] * 3])
    assert law.certify().ok
    law.save(tmp_path / "law.npz")
    assert PiecewiseAffineLaw.load(tmp_path / "law.npz").digest == law.digest
    merged = law.merged()
    assert len(merged.regions) <= len(law.regions)
    np.testing.assert_allclose(merged([0.05, -0.1]), law([0.05, -0.1]), atol=1e-12)


def test_moves_that_a_plan_leaves_free_may_be_taken(pendulum_problem):
    problem = pendulum_problem(horizon=4, plan=ControlHorizon(2))
    law = sequence_law(problem, moves=2)
    np.testing.assert_allclose(law([0.02, 0.1]), ImplicitMPC(problem).solution([0.02, 0.1]), atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "moves", "words"),
    [
        ({"horizon": 2}, 3, r"`moves` is 3, but the plan ends after `horizon` 2 steps; lengthen the horizon"),
        ({"horizon": 4, "plan": ControlHorizon(2)}, 3, r"holds the input of step 1 at step 2, so that only 2 of them"),
        ({"horizon": 4, "plan": MoveBlocking((2, 1))}, 2, r"MoveBlocking holds the input of step 0 at step 1, so that"),
        ({"horizon": 4, "plan": Prestabilised()}, 2, r"`plan` Prestabilised corrects a feedback, which open loop has"),
        ({"horizon": 2}, 0, r"`moves` is 0, but it must be at least 1"),
    ],
)
def test_moves_that_there_are_not(pendulum_problem, changes, moves, words):
    with pytest.raises(ProblemError, match=words):
        sequence_law(pendulum_problem(**changes), moves)


def test_a_law_is_no_problem(law):
    with pytest.raises(ProblemError, match=r"`problem` is a PiecewiseAffineLaw.*pass MPCProblem"):
        sequence_law(law, 2)
