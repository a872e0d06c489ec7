"""Terminal constraints: their sentences and meaning, and the words for sets that do not fit."""

import numpy as np
import pytest

from mpc import Polyhedron, ProblemError, TerminalOrigin, TerminalSet, condense, solve_explicit

BOX = Polyhedron.from_bounds([-0.2, -0.5], [0.2, 0.5])


def test_rows_have_sentences(pendulum_problem):
    inside = condense(pendulum_problem(constraints=(TerminalSet(BOX),))).names.rows
    assert inside[-4:-2] == (
        "angle at its upper limit 0.2 rad at step 2, in the terminal set",
        "rate at its upper limit 0.5 rad/s at step 2, in the terminal set",
    )
    qp = condense(pendulum_problem(constraints=(TerminalOrigin(),)))
    assert [qp.names.rows[i] for i in qp.equality_rows] == [
        "angle at its target at step 2",
        "rate at its target at step 2",
    ]


def test_the_last_state_is_where_it_must_be(pendulum_problem):
    for constraint, reach in ((TerminalSet(BOX), BOX), (TerminalOrigin(), Polyhedron.from_bounds([0, 0], [0, 0]))):
        problem = pendulum_problem(constraints=(constraint,), horizon=3)
        law = solve_explicit(problem)
        for region in law.regions:
            x = region.centre
            for u in law.solution(region.centre)[:3]:
                x = problem.model.step(x, [u])
            assert reach.contains(x, 1e-8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Polyhedron([[1, 0], [-1, 0]], [-1, 0]), "`TerminalSet polyhedron` is empty: no state keeps all of its 2 rows"),
        (Polyhedron([[1, 1], [-1, 0], [0, -1]], [-1e-3, 0, 0]), "is empty: .* 3 rows, which are .* too narrow"),
        (Polyhedron([[1]], [1]), "`TerminalSet polyhedron` has 1 dimensions, but the model has 2 states"),
        (None, "`TerminalSet polyhedron` is a NoneType, but a Polyhedron is needed"),
        (np.eye(2), "`TerminalSet polyhedron` is a ndarray"),
        ("box", "`TerminalSet polyhedron` is a str"),
        (Polyhedron, "`TerminalSet polyhedron` is a type"),
    ],
)
def test_wrong_sets_are_named(pendulum_problem, given, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(TerminalSet(given),))


def test_classes_are_no_objects(pendulum_problem):
    with pytest.raises(
        ProblemError, match=r"entry 0 is the class TerminalOrigin; make an object, TerminalOrigin\(...\)"
    ):
        pendulum_problem(constraints=(TerminalOrigin,))


def test_half_spaces_and_single_points_are_sets_too(pendulum_problem):
    for given in (Polyhedron([[1, 0]], [0.3]), Polyhedron.from_bounds([0, 0], [0, 0])):
        assert condense(pendulum_problem(constraints=(TerminalSet(given),))).n == 2


def test_a_set_out_of_reach_is_named_by_its_rows(pendulum_problem):
    far = TerminalSet(Polyhedron.from_bounds([1e3, 1e3], [1e4, 1e4]))
    with pytest.raises(
        ProblemError,
        match=r"infeasible: no parameter admits a solution; these rows conflict: .*, in the terminal set",
    ):
        solve_explicit(pendulum_problem(constraints=(far,)))
