"""Plans: what they free, that they are what they say, and the words for those that do not fit."""

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    EveryStep,
    LinearModel,
    MoveBlocking,
    MoveWeight,
    MPCProblem,
    Prestabilised,
    ProblemError,
    Rows,
    condense,
    solve_explicit,
)


@pytest.mark.parametrize(
    ("plan", "blocks"),
    [
        (EveryStep(), [0, 1, 2, 3, 4]),
        (MoveBlocking((1, 1, 3)), [0, 1, 2, 2, 2]),
        (MoveBlocking([2, 1]), [0, 0, 1, 1, 1]),
        (ControlHorizon(2), [0, 1, 1, 1, 1]),
        (Prestabilised(plan=ControlHorizon(3)), [0, 1, 2, 2, 2]),
    ],
)
def test_blocks_and_names_of_the_free_inputs(pendulum_problem, plan, blocks):
    problem = pendulum_problem(horizon=5, plan=plan)
    assert plan.blocks(5) == blocks
    names = condense(problem).names.variables
    starts = [blocks.index(b) for b in range(max(blocks) + 1)]
    assert names == ("torque", *(f"torque at step {k}" for k in starts[1:]))
    assert problem.free_inputs == len(starts)


class Held:
    """u_3 = u_4 = u_5 as equality rows, which MoveBlocking((1, 1, 3)) eliminates."""

    def rows(self, prediction):
        G = np.array([[0, 0, 1.0, -1, 0], [0, 0, 0, 1.0, -1]])
        return Rows(G, np.zeros(2), np.zeros((2, 2)), ("held at step 3", "held at step 4"), equal=(0, 1))


def test_blocked_moves_are_inputs_held_by_equalities(pendulum_problem):
    blocked = solve_explicit(pendulum_problem(horizon=5, plan=MoveBlocking((1, 1, 3))))
    held = solve_explicit(pendulum_problem(horizon=5, constraints=(Held(),)))
    free = solve_explicit(pendulum_problem(horizon=5))
    points = np.random.default_rng(0).uniform([-2, -8], [2, 8], (400, 2))
    inside = blocked.nearest(points)[2]
    assert inside.sum() > 30
    np.testing.assert_array_equal(inside, held.nearest(points)[2])
    np.testing.assert_allclose(blocked(points[inside]), held(points[inside]), atol=1e-7)
    assert np.abs(blocked(points[inside]) - free(points[inside])).max() > 1e-3


@pytest.mark.parametrize("growth", [0.9, 1.2, 1.5])
@pytest.mark.parametrize("gain", [None, 0.75])
def test_prestabilised_is_the_same_law_where_every_step_is_free(growth, gain):
    model = LinearModel([[growth]], [[1.0]], 1.0)
    plain = MPCProblem(model, 1.0, 0.5, 4, (-4, 4), (-1, 1))
    K = None if gain is None else [[gain]]
    stable = MPCProblem(model, 1.0, 0.5, 4, (-4, 4), (-1, 1), plan=Prestabilised(K))
    one, other = solve_explicit(plain), solve_explicit(stable)
    points = np.linspace(-4, 4, 401)[:, None]
    inside = one.nearest(points)[2]
    np.testing.assert_array_equal(inside, other.nearest(points)[2])
    np.testing.assert_allclose(one(points[inside]), other(points[inside]), atol=1e-9)
    np.testing.assert_allclose(one.value(points[inside]), other.value(points[inside]), rtol=1e-9, atol=1e-9)


def test_corrections_are_held_over_their_blocks(pendulum_problem):
    K = np.array([[9.0, 3.0]])
    problem = pendulum_problem(horizon=3, plan=Prestabilised(K, MoveBlocking((2, 1))))
    x, z, prediction = np.array([0.3, -0.7]), np.array([0.8, -0.2]), problem.prediction
    states, inputs = ([q.offset + q.theta_map @ x + q.z_map @ z for q in quantities]
                      for quantities in (prediction.states, prediction.inputs))  # fmt: skip
    corrections = [(u + K @ s).item() for s, u in zip(states, inputs, strict=False)]
    assert corrections == pytest.approx([(0.8 + K @ x).item()] * 2 + [-0.2])
    assert inputs[0] == pytest.approx([0.8])


def scaled_condition(problem):
    H = condense(problem).H
    size = np.sqrt(np.diag(H))
    return np.linalg.cond(H / np.outer(size, size))


def test_prestabilising_keeps_long_horizons_of_unstable_plants_well_conditioned(pendulum_problem):
    model = LinearModel([[2.0]], [[1.0]], 1.0)
    arguments = {"model": model, "state_weight": 1.0, "input_weight": 1e-3, "horizon": 40}
    with pytest.raises(
        ProblemError, match=r"`horizon` 40 is too long for a plant that grows by 2 a step.*Prestabilised"
    ):
        condense(MPCProblem(**arguments, parameter_bounds=(-1, 1)))
    stable = MPCProblem(**arguments, parameter_bounds=(-1, 1), plan=Prestabilised())
    assert scaled_condition(stable) < 10
    law = solve_explicit(stable)
    assert law([0.5]).item() == pytest.approx(-0.5 * stable.regulator.item(), rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MoveBlocking(3), "`MoveBlocking lengths` is a int, .* pass block lengths such as"),
        (lambda: MoveBlocking("ab"), r"`MoveBlocking lengths\[0\]` is 'a', but it must be a whole number"),
        (lambda: MoveBlocking((1, 0)), r"`MoveBlocking lengths\[1\]` is 0, but it must be at least 1"),
        (lambda: MoveBlocking((1.0,)), r"`MoveBlocking lengths\[0\]` is 1.0"),
        (lambda: MoveBlocking(()), "`MoveBlocking lengths` is empty"),
        (lambda: ControlHorizon(0), "`ControlHorizon moves` is 0, but it must be at least 1"),
        (lambda: ControlHorizon(np.nan), "`ControlHorizon moves` is nan"),
        (lambda: ControlHorizon("two"), "`ControlHorizon moves` is 'two'"),
        (lambda: Prestabilised(plan="x"), "`Prestabilised plan` is 'x'; pass EveryStep"),
        (lambda: Prestabilised(plan=EveryStep), "`Prestabilised plan` is the class EveryStep; pass an object"),
        (lambda: Prestabilised(plan=Prestabilised()), "`Prestabilised plan` is a Prestabilised itself"),
    ],
)
def test_wrong_plans_are_named_at_once(make, words):
    with pytest.raises(ProblemError, match=words):
        make()


class Own:
    def __init__(self, blocks, gain=None):
        self.given, self.gain = blocks, gain

    def blocks(self, horizon):
        return self.given

    def feedback(self, problem):
        return self.gain


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (None, "`plan` is None; pass EveryStep"),
        (ControlHorizon, "`plan` is the class ControlHorizon; pass an object"),
        (MoveBlocking((1, 4)), r"has 5 steps in its blocks \(1, 4\), but `horizon` is 2; shorten"),
        (ControlHorizon(3), "`ControlHorizon` has 3 moves, but `horizon` is 2; make it at most 2"),
        (Prestabilised(plan=ControlHorizon(3)), "has 3 moves, but `horizon` is 2"),
        (Prestabilised([[1.0]]), r"`Prestabilised gain` has shape \(1, 1\), but \(1, 2\) is needed"),
        (Prestabilised([[np.nan, 1]]), r"`Prestabilised gain` is NaN at \[0, 0\]"),
        (Prestabilised("K"), "`Prestabilised gain` has dtype <U1"),
        (
            Prestabilised([[0, 0]]),
            "does not stabilise: .* spectral radius 1.2136.*, but it must be below 1; note the sign",
        ),
        (Own(None), r"`Own.blocks\(2\)` is a NoneType, .* return one number for each step"),
        (Own([0]), r"`Own.blocks\(2\)` has 1 entries, but `horizon` is 2"),
        (Own([0, 2]), r"`Own.blocks\(2\)\[1\]` is 2 after 0; begin with 0 and go on by 0 or 1"),
        (Own([1, 1]), r"`Own.blocks\(2\)\[0\]` is 1 after -1"),
        (Own([-1, 0]), r"`Own.blocks\(2\)\[0\]` is -1, but it must be at least 0"),
        (Own([0, 0.5]), r"`Own.blocks\(2\)\[1\]` is 0.5, but it must be a whole number"),
        (Own([0, 1], [[1.0]]), r"`Own gain` has shape \(1, 1\), but \(1, 2\) is needed"),
    ],
)
def test_plans_that_do_not_fit_are_named_at_birth(pendulum_problem, plan, words):
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(plan=plan)


def test_a_plan_of_ones_own_is_used(pendulum_problem):
    assert condense(pendulum_problem(plan=Own([0, 0]))).n == 1


@pytest.mark.parametrize("changes", [{"norm": 1}, {"input_weight": 0, "costs": (MoveWeight(1.0),)}])
def test_where_there_is_no_regulator_a_gain_is_asked_for(pendulum_problem, changes):
    with pytest.raises(ProblemError, match=r"`Prestabilised` has no regulator to take \(.*\); pass its `gain`"):
        pendulum_problem(plan=Prestabilised(), **changes)
    assert condense(pendulum_problem(plan=Prestabilised([[8.0, 2.0]]), **changes)).n >= 2
