"""Tightened: the room that it leaves, and the words for rooms that there are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mpc import (
    InputBounds,
    LinearModel,
    MixedPolytope,
    Polyhedron,
    ProblemError,
    StateBounds,
    TerminalOrigin,
    Tightened,
    condense,
    solve_explicit,
)

LIMITS = StateBounds([-1, -4], [1, 4])
SMALL = Polyhedron.from_bounds([-0.01, -0.02], [0.01, 0.02])
GAIN = np.array([[9.0, 3.0]])


@pytest.mark.parametrize("gain", [None, GAIN])
def test_the_room_is_the_largest_error_of_drawn_disturbances(pendulum_problem, gain):
    hard = condense(pendulum_problem(constraints=(LIMITS,), horizon=3))
    tight = condense(pendulum_problem(constraints=(Tightened(LIMITS, SMALL, 0.1, gain),), horizon=3))
    for before, after, gave in zip(hard.names.rows, tight.names.rows, hard.w - tight.w, strict=True):
        unit = "rad/s" if before.startswith("rate") else "rad"
        assert after == (f"{before}, less {gave:.3g} {unit} of room" if gave > 0 else before)
    model, K = pendulum_problem().model, np.zeros((1, 2)) if gain is None else gain
    room, worst, corners = (
        hard.w - tight.w,
        np.zeros(len(hard.w)),
        np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1).T,
    )
    for signs in corners:
        e, at = np.zeros(2), []
        for step in signs.reshape(3, 3):
            e = model.A @ e + model.B @ (0.1 * step[2:] - K @ e) + step[:2] * [0.01, 0.02]
            at += [*e, *-e]
        worst[-12:] = np.maximum(worst[-12:], at)
    np.testing.assert_allclose(room, worst, atol=1e-12)


@pytest.mark.parametrize("gain", [None, GAIN], ids=["unanswered", "answered"])
def test_a_first_state_is_answered_from_step_1(pendulum_problem, gain):
    start, K = Polyhedron([[1, 1], [-1, 1], [0, -1]], [0.02, 0.02, 0.01]), np.zeros((1, 2)) if gain is None else gain
    hard = condense(pendulum_problem(constraints=(LIMITS,), horizon=3))
    tight = condense(pendulum_problem(constraints=(Tightened(LIMITS, gain=gain, initial=start),), horizon=3))
    model, expected = pendulum_problem().model, []
    errors = start.vertices() @ model.A.T
    for _ in range(3):
        expected += [*errors.max(axis=0), *(-errors).max(axis=0)]
        errors = errors @ (model.A - model.B @ K).T
    np.testing.assert_allclose((hard.w - tight.w)[-12:], expected, atol=1e-12)
    assert tight.names.rows[-1] == f"rate at its lower limit -4 rad/s at step 3, less {expected[-1]:.3g} rad/s of room"


def test_a_first_state_counts_at_step_0_where_a_limit_reads_it(pendulum_problem):
    mixed = MixedPolytope([[1, 0, 1]], [3], steps=0)
    box = Polyhedron.from_bounds([-0.1, -0.2], [0.3, 0.2])
    hard = condense(pendulum_problem(constraints=(mixed,)))
    tight = condense(pendulum_problem(constraints=(Tightened(mixed, initial=box, residual=0.05, gain=GAIN),)))
    assert (hard.w - tight.w)[-1] == pytest.approx(0.3 + 0.05)


SHAPES = Polyhedron([[1, 0.3], [-1, 0.2], [0, 1], [0.1, -1]], [0.02, 0.02, 0.05, 0.05])


HUNDREDTHS = st.integers(-120, 120).map(lambda i: i / 100)


@settings(max_examples=25, deadline=None)
@given(
    A=arrays(float, (2, 2), elements=HUNDREDTHS),
    gain=arrays(float, (1, 2), elements=HUNDREDTHS),
    answered=st.booleans(),
    step=st.integers(1, 3),
)
def test_rooms_of_all_errors_add_up(pendulum_problem, A, gain, answered, step):
    """The room of all three is the worst of every choice of vertices, walked through the model one by one."""
    model, limit = LinearModel(A, [[0.5], [1]], 1.0), StateBounds([-50, -50], [50, 50], steps=step)
    usual = {"model": model, "horizon": 3, "discount": 0.1}
    errors = {"disturbance": SMALL, "residual": 0.1, "initial": SHAPES, "gain": gain if answered else None}
    hard = condense(pendulum_problem(**usual, constraints=(limit,)))
    tight = condense(pendulum_problem(**usual, constraints=(Tightened(limit, **errors),)))
    K, worst = gain if answered else np.zeros((1, 2)), np.full(4, -np.inf)
    for start in SHAPES.vertices():
        ends = start[None]
        for k in range(step):
            answers = ends @ A.T - (ends @ K.T @ model.B.T if k else 0)
            ends = np.concatenate([answers + w + 0.1 * sign * model.B.T for w in SMALL.vertices() for sign in (1, -1)])
        worst = np.maximum(worst, np.r_[ends.max(axis=0), (-ends).max(axis=0)])
    np.testing.assert_allclose((hard.w - tight.w)[-4:], worst, atol=1e-10)


def worst_walk(law, model, start, errors):
    """By how much plans from measured states pass LIMITS, or torques 2, at the worst vertices of all errors."""
    plan, K, w, worst = law.solution(start), errors["gain"], errors["disturbance"].vertices(), -np.inf
    planned, true = start[:, None], start[:, None] + errors["initial"].vertices()
    for k in range(3):
        free = plan[:, None, k : k + 1]
        u = free - (true - planned) @ K.T * (k > 0)
        planned = planned @ model.A.T + free @ model.B.T
        true = true @ model.A.T + u @ model.B.T
        true = (true[:, :, None] + w).reshape(len(start), -1, 2)
        worst = max(worst, (np.abs(true) - LIMITS.upper).max(), np.abs(u).max() - 2)
    return worst


def test_no_vertex_of_the_errors_passes_a_tightened_limit_and_some_pass_another(pendulum_problem):
    errors = {"initial": SHAPES, "disturbance": SMALL, "gain": GAIN}
    parts = (LIMITS, InputBounds(-2, 2))
    worst = {}
    for without in ("", "initial", "disturbance"):
        given = {kind: value for kind, value in errors.items() if kind != without}
        problem = pendulum_problem(constraints=tuple(Tightened(part, **given) for part in parts), horizon=3)
        law = solve_explicit(problem)
        drawn = np.random.default_rng(0).uniform([-1, -4], [1, 4], (3000, 2))
        inside = drawn[np.asarray(law.locate(drawn).margin) > 0]
        assert len(inside) > 300
        worst[without] = worst_walk(law, problem.model, inside, errors)
    assert worst[""] < 1e-9
    assert worst["initial"] > 0.01
    assert worst["disturbance"] > 0.005


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "`Tightened` has neither `disturbance` nor `residual` nor `initial`"),
        ({"residual": -1}, "`Tightened residual` is -1, but it must be at least 0"),
        ({"residual": np.nan}, "`Tightened residual` is NaN"),
        ({"residual": np.inf}, "`Tightened residual` is infinite"),
        ({"residual": [0.1, 0.1]}, r"`Tightened residual` has shape \(2,\), but there are 1 inputs; pass a number or"),
        ({"residual": "a"}, "`Tightened residual` has dtype <U1"),
        ({"residual": 0.1, "gain": [[1]]}, r"`Tightened gain` has shape \(1, 1\), but \(1, 2\) is needed"),
        ({"residual": 0.1, "gain": [[np.nan, 0]]}, r"`Tightened gain` is NaN at \[0, 0\]"),
        ({"disturbance": Polyhedron}, "`Tightened disturbance` is a type, but a Polyhedron"),
        ({"disturbance": [0.1, 0.1]}, "`Tightened disturbance` is a list"),
        ({"disturbance": Polyhedron([[1]], [1])}, "has 1 dimensions, but the model has 2 states"),
        (
            {"disturbance": Polyhedron([[1, 0]], [1])},
            "`Tightened disturbance` must be bounded and not empty: the set is unbounded: angle has no limit below",
        ),
        (
            {"disturbance": Polyhedron([[1, 0], [-1, 0]], [-1, 0])},
            "`Tightened disturbance` must be bounded .* empty: angle would be at least -0 and at most -1",
        ),
        (
            {"disturbance": Polyhedron.from_bounds([-9, -9], [9, 9])},
            "leaves nothing of StateBounds: `disturbance` may take 29.23 from the limit 'angle at its upper limit 1 "
            "rad at step 3', but the limits have room for 1 at most; widen",
        ),
        ({"initial": Polyhedron}, "`Tightened initial` is a type, but a Polyhedron is needed; pass a Polyhedron"),
        ({"initial": [0.1, 0.1]}, "`Tightened initial` is a list"),
        ({"initial": Polyhedron([[1]], [1])}, "`Tightened initial` has 1 dimensions, but the model has 2 states"),
        (
            {"initial": Polyhedron([[1, 0]], [1])},
            "`Tightened initial` must be bounded and not empty: the set is unbounded: angle has no limit below",
        ),
        (
            {"initial": Polyhedron.from_bounds([-9, -9], [9, 9]), "residual": 0.1},
            "leaves nothing of StateBounds: `residual` and `initial` may take .* make `residual` or `initial` smaller",
        ),
        ({"residual": 50.0}, "leaves nothing of StateBounds: .* from the limit .* at most; widen the limits, or make"),
    ],
)
def test_wrong_rooms_are_named(pendulum_problem, arguments, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(Tightened(LIMITS, **arguments),), horizon=3)


def test_how_much_room_there_is_decides(pendulum_problem):
    assert condense(pendulum_problem(constraints=(Tightened(InputBounds(-2, 2), residual=1.999),))).n == 2
    assert condense(pendulum_problem(constraints=(Tightened(InputBounds(None, 2), residual=3.0),))).n == 2
    words = "take 3 from the limit 'torque at its .* limit -?2 N m at step .', but the limits have room for 2 at most"
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(Tightened(InputBounds(-2, 2), residual=3.0),))


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (
            TerminalOrigin(),
            "`Tightened` was given a TerminalOrigin that is an equality, which leaves no room; bound it",
        ),
        (StateBounds, "`Tightened` constraint is the class StateBounds; make an object"),
        (None, "`Tightened` constraint is a NoneType"),
    ],
)
def test_what_cannot_be_tightened_is_named(pendulum_problem, constraint, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(constraints=(Tightened(constraint, residual=0.1),))
