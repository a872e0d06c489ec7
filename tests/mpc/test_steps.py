"""Limits at chosen steps: the rows of those steps and no others, and the words for steps that there are not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import (
    InputBounds,
    InputPolytope,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    OutputPolytope,
    ProblemError,
    Soft,
    StateBounds,
    StatePolytope,
    Tightened,
)

KINDS = {
    StateBounds: ([None, -1], [None, 1]),
    InputBounds: (-1, 1),
    OutputBounds: ([-1, None], [1, None]),
    MoveBounds: (-1, 1),
    StatePolytope: ([[1, 1]], [1]),
    InputPolytope: ([[1]], [1]),
    OutputPolytope: ([[1, -1]], [1]),
    MixedPolytope: ([[1, 0, 1]], [1]),
}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@each_kind
@settings(max_examples=15, deadline=None)
@given(steps=st.sets(st.integers(0, 3), min_size=1), soft=st.booleans(), tight=st.booleans())
def test_limits_at_chosen_steps_are_those_rows_of_all(pendulum_problem, kind, steps, soft, tight):
    def rows(constraint):
        constraint = Tightened(constraint, residual=0.01) if tight else constraint
        constraint = Soft(constraint, quadratic=1, shared=False) if soft else constraint
        problem = pendulum_problem(constraints=(constraint,), horizon=4)
        return problem.constraints[0].rows(problem.prediction)

    def only_these(label):
        return any(f"step {k}" in label for k in steps)

    first = 0 if kind in (InputBounds, InputPolytope, MoveBounds, MixedPolytope) else 1
    steps = {k + first for k in steps}
    every, chosen = rows(kind(*KINDS[kind])), rows(kind(*KINDS[kind], steps=tuple(steps)))
    keep = [i for i, label in enumerate(every.labels) if only_these(label)]
    assert len(keep) % len(steps) == 0 < len(keep)
    assert chosen.labels == tuple(every.labels[i] for i in keep)
    for name in ("G", "S", "w"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(every, name)[keep])
    if soft:
        assert chosen.slack.columns.shape == (len(keep), len(keep))


@pytest.mark.parametrize(
    ("steps", "kept"),
    [(2, (2,)), (range(1, 3), (1, 2)), ([3, 1, 3], (1, 3)), (np.array([3, 2]), (2, 3)), (np.int64(1), (1,))],
)
def test_steps_are_kept_in_order(pendulum_problem, steps, kept):
    limit = StateBounds([-1, -1], [1, 1], steps=steps)
    assert limit.steps == kept
    assert limit.fitted(pendulum_problem().model).steps == kept
    assert all(type(k) is int for k in limit.steps)


@each_kind
def test_wrong_steps_are_named_at_birth(kind):
    name, early = f"{kind.__name__} steps", kind in (StateBounds, StatePolytope)
    for steps, words in (
        ((), f"`{name}` names no step, so that nothing is limited; pass None for all, or drop the limit"),
        (range(0), f"`{name}` names no step"),
        (1.0, f"`{name}` is 1.0; pass a step, a range or a tuple of steps, or None for all of them"),
        ("12", f"`{name}` is '12'; pass a step"),
        (True, f"`{name}` is True, but it must be a whole number"),
        ({1: 2}, f"`{name}` is {{1: 2}}; pass a step"),
        (np.array([[1]]), rf"`{name}` is array\(\[\[1\]\]\); pass a step"),
        ((1, 2.5), f"`{name}` is 2.5, but it must be a whole number of at least 0"),
        ((1, None), f"`{name}` is None, but it must be a whole number"),
        ((1, -1), f"`{name}` is -1, but it must be at least 0"),
        (range(10**20), f"`{name}` names more than 1000000 steps; name steps within the horizon"),
        *([(0, f"`{name}` names step 0, which no input reaches: the limit begins at step 1; leave")] if early else ()),
    ):
        with pytest.raises(ProblemError, match=words):
            kind(*KINDS[kind], steps=steps)


@each_kind
def test_steps_beyond_the_horizon_are_named(pendulum_problem, kind):
    last = 1 if kind in (InputBounds, InputPolytope, MoveBounds, MixedPolytope) else 2
    words = f"steps` names step {last + 1}, but within this `horizon` the limit acts at steps {last - 1} to {last}; "
    for wrap in (lambda c: c, lambda c: Soft(c, quadratic=1), lambda c: Tightened(c, residual=0.01)):
        with pytest.raises(ProblemError, match=f"`{kind.__name__} {words}"):
            pendulum_problem(constraints=(wrap(kind(*KINDS[kind], steps=(1, last + 1))),))
        pendulum_problem(constraints=(wrap(kind(*KINDS[kind], steps=(1, last))),))


def test_outputs_at_step_0_where_no_input_reaches_them_are_named(pendulum_problem):
    words = "`OutputBounds steps` names step 0, which no input reaches: the limit acts at steps 1 to 2"
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(OutputBounds([-1, -1], [1, 1], steps=(0, 1)),))
    direct = replace(pendulum_problem().model, D=[[1], [0]])
    rows = pendulum_problem(model=direct, constraints=(OutputBounds([-1, None], [1, None], steps=0),)).rows
    assert rows.labels[-2:] == ("angle at its upper limit 1 rad at step 0", "angle at its lower limit -1 rad at step 0")
