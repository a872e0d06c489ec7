"""Invariant sets: inside the limits, invariant, and the largest, each against an oracle that knows no sets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import LinearModel, Polyhedron, ProblemError, dlqr, linearise, maximal_admissible, maximal_control_invariant
from mpc.sets.invariance import invariance
from plants import clipped_pendulum

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=10)
BOX = ([-2, -8], [2, 8])
PENDULUM = linearise(clipped_pendulum())
GAIN = dlqr(PENDULUM.A, PENDULUM.B, np.diag([1, 0.1]), [[0.001]])[0]


def system(seed, n=2):
    """An unstable model with an operating point, and its limits."""
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(n, n))
    A *= generator.uniform(1.1, 1.5) / np.abs(np.linalg.eigvals(A)).max()
    B = generator.normal(size=(n, 1))
    assume(np.linalg.cond(np.c_[B, A @ B]) < 30)
    model = LinearModel(A, B, 1.0, state=generator.uniform(-50, 50, n), input=[generator.uniform(-5, 5)])
    lower, upper = model.state - generator.uniform(0.5, 2, n), model.state + generator.uniform(0.5, 2, n)
    return model, (lower, upper), (model.input - 0.7, model.input + 0.9)


def path_room(model, states, inputs, x, steps):
    """The largest room that some inputs keep to the state limits at steps 0..N, input limits kept; by one program."""
    n, N = model.n, steps
    offset, maps, rows, levels = x - model.state, np.zeros((n, N)), [], []
    for k in range(N + 1):
        for sign, limit in ((1, states[1]), (-1, states[0])):
            rows.append(np.c_[sign * maps, np.ones(n)])
            levels.append(sign * (limit - model.state - offset))
        if k < N:
            offset, maps = model.A @ offset, model.A @ maps
            maps[:, k] += model.B[:, 0]
    span = (inputs[0][0] - model.input[0], inputs[1][0] - model.input[0])
    bounds = [span] * N + [(None, None)]
    return -linprog(np.r_[np.zeros(N), -1.0], np.vstack(rows), np.concatenate(levels), bounds=bounds).fun


def around(polyhedron, seed, count):
    """Points in and near a set."""
    lower, upper = polyhedron.box()
    middle, reach = (lower + upper) / 2, 0.6 * (upper - lower)
    return np.random.default_rng(seed).uniform(middle - reach, middle + reach, (count, len(lower)))


@FEW
@given(SEEDS)
def test_the_largest_controlled_set_holds_just_the_states_from_which_long_paths_exist(seed):
    model, states, inputs = system(seed)
    found = maximal_control_invariant(model, states, inputs)
    assert found.converged
    assert found.check().holds
    assert Polyhedron.from_bounds(*states).contains(found.corners, 1e-8).all()
    for corner in found.corners:
        assert path_room(model, states, inputs, corner, 8) >= -1e-7
    grown = np.abs(np.linalg.eigvals(model.A)).max()
    horizon = int(np.ceil(np.log(1e5) / np.log(grown)))
    for x in around(found.polyhedron, seed, 12):
        depth = (found.polyhedron.A @ x - found.polyhedron.b).max()
        if abs(depth) > 1e-2:
            assert (depth < 0) == (path_room(model, states, inputs, x, min(horizon, 60)) >= -1e-9)


@FEW
@given(SEEDS)
def test_the_largest_set_of_a_gain_holds_just_the_states_whose_paths_keep_the_limits(seed):
    model, states, inputs = system(seed)
    K = dlqr(model.A, model.B, np.eye(2), [[1.0]])[0]
    found = maximal_admissible(model, K, states, inputs)
    assert found.converged
    assert found.check().holds
    points = around(found.polyhedron, seed, 200)
    x, kept = points, np.ones(200, bool)
    for _ in range(300):
        u = model.input - (x - model.state) @ K.T
        kept &= ((states[0] <= x) & (x <= states[1])).all(axis=1) & (inputs[0] <= u[:, 0]) & (u[:, 0] <= inputs[1])
        x = model.step(x, u)
    depth = (points @ found.polyhedron.A.T - found.polyhedron.b).max(axis=1)
    sure = np.abs(depth) > 1e-9
    assert (found.contains(points) == kept)[sure].all()


@FEW
@given(SEEDS)
def test_against_disturbances_the_worst_path_decides(seed):
    """The worst of w in a box at steps before k moves row h A^k by the sum of |h A^j| times its half width."""
    model, states, inputs = system(seed)
    K = dlqr(model.A, model.B, np.eye(2), [[1.0]])[0]
    w = 0.05 * np.random.default_rng(seed).uniform(0.2, 1, 2)
    closed = model.A - model.B @ K
    rows = np.vstack([np.eye(2), -np.eye(2), -K, K])
    levels = np.r_[states[1] - model.state, model.state - states[0], inputs[1] - model.input, model.input - inputs[0]]
    hard, room = [], []
    power, spent = np.eye(2), np.zeros(len(rows))
    for _ in range(300):
        hard.append(rows @ power)
        room.append(levels - spent)
        spent, power = spent + np.abs(rows @ power) @ w, closed @ power
    assume(np.concatenate(room).min() > 1e-3)
    found = maximal_admissible(model, K, states, inputs, disturbance=(-w, w))
    assert found.converged
    assert found.check().holds
    points = around(found.polyhedron, seed, 200)
    worst = ((points - model.state) @ np.vstack(hard).T - np.concatenate(room)).max(axis=1)
    sure = np.abs(worst) > 1e-9
    assert (found.contains(points) == (worst <= 0))[sure].all()


@FEW
@given(SEEDS, st.sampled_from([3, 6]))
def test_other_units_give_the_same_set(seed, decades):
    model, states, inputs = system(seed)
    generator = np.random.default_rng(seed)
    size, unit = 10 ** generator.uniform(-decades, decades, 2), 10 ** generator.uniform(-decades, decades)
    other = LinearModel(
        model.A * np.outer(size, 1 / size), model.B * size[:, None] / unit, 1.0, model.state * size, model.input * unit
    )
    scaled = [[limit * size for limit in states], [limit * unit for limit in inputs]]
    plain, found = maximal_control_invariant(model, states, inputs), maximal_control_invariant(other, *scaled)
    assert found.steps == plain.steps
    for x in around(plain.polyhedron, seed, 300):
        if abs((plain.polyhedron.A @ x - plain.polyhedron.b).max()) > 1e-6:
            assert found.contains(x * size) == plain.contains(x)


@pytest.mark.paper
def test_the_pendulum_can_be_held_from_18_7_percent_of_its_box():
    found = maximal_control_invariant(PENDULUM, BOX, (-2, 2))
    assert found.converged
    assert found.share(BOX).value == pytest.approx(0.187, abs=0.002)
    assert found.check().holds
    assert "from all 6 corners the next state stays inside" in str(found.check())
    assert str(found) == (
        f"the largest invariant set under the best inputs: 6 half-spaces in 2 dimensions, found in {found.steps} steps"
    )


def test_a_contraction_leaves_room_that_grows_with_it():
    wide, narrow = (maximal_control_invariant(PENDULUM, BOX, (-2, 2), contraction=c) for c in (0.999, 0.9))
    largest = maximal_control_invariant(PENDULUM, BOX, (-2, 2))
    assert largest.share(BOX).value > wide.share(BOX).value > narrow.share(BOX).value
    A, b = narrow.polyhedron.A, narrow.polyhedron.b  # the operating point is 0
    for corner in narrow.corners:
        ends = PENDULUM.step(corner, [[-2.0], [2.0]])
        between = np.linspace(*ends, 2001)
        assert (A @ between.T - 0.9 * b[:, None]).max(axis=0).min() <= 1e-2
    assert "that contracts by 0.9 a step" in str(narrow)
    calm = invariance(replace(narrow.system, contraction=1.0), *narrow.system.scaled(narrow.polyhedron))
    assert calm.room > 1e-3


def test_a_disturbed_set_holds_against_each_corner_of_the_disturbance():
    w = Polyhedron([[1, 1], [-1, 1], [0, -1]], [0.01, 0.01, 0.01])
    found = maximal_control_invariant(PENDULUM, ([-0.6, -4], [0.6, 4]), (-2, 2), disturbance=w)
    calm = maximal_control_invariant(PENDULUM, ([-0.6, -4], [0.6, 4]), (-2, 2))
    assert found.converged
    assert found.share(calm.polyhedron).value < 0.99
    A, b = found.polyhedron.A, found.polyhedron.b
    for corner in found.corners:
        rows = np.vstack([A @ PENDULUM.B] * 3)
        levels = np.concatenate([b - A @ (PENDULUM.A @ corner + push) for push in w.vertices()])
        assert linprog([0.0], rows, levels + 1e-8, bounds=(-2, 2)).success
    assert calm.check().holds
    assert "against every disturbance" in str(found)


def test_three_states_and_two_inputs():
    A = [[1.1, 0.2, 0.0], [-0.1, 1.05, 0.3], [0.0, 0.2, 0.9]]
    model = LinearModel(A, [[1, 0], [0.5, 1], [0, 0.3]], 0.1)
    found = maximal_control_invariant(model, ([-1] * 3, [1] * 3), ([-0.3] * 2, [0.3] * 2))
    assert found.converged
    assert found.check().holds
    assert 0.5 < found.share(([-1] * 3, [1] * 3)).value < 1 - 1e-6


def test_four_states():
    A = np.array([[1.05, 0.2, 0, 0.1], [-0.1, 1.0, 0.3, 0], [0.0, 0.2, 0.9, 0.1], [0.1, 0, 0, 0.95]])
    model = LinearModel(A, [[1, 0], [0.5, 1], [0, 0.3], [0.2, 0.2]], 0.1)
    K = dlqr(A, model.B, np.eye(4), np.eye(2))[0]
    found = maximal_admissible(model, K, ([-1] * 4, [1] * 4), ([-0.3] * 2, [0.3] * 2))
    assert found.converged
    assert found.check().holds
    assert found.share(([-1] * 4, [1] * 4)).samples == 20_000


def test_one_state_has_the_set_that_one_computes_by_hand():
    """x+ = 2 x + u, |u| <= 1: |x| <= 1 can be held."""
    found = maximal_control_invariant(LinearModel([[2.0]], [[1.0]], 1.0), ([-5], [5]), ([-1], [1]))
    assert found.corners.ravel() == pytest.approx([-1, 1], abs=1e-9)


def test_output_limits_count():
    model = LinearModel(PENDULUM.A, PENDULUM.B, 0.05, C=[[1.0, 0.25]], D=[[0.1]])
    free = maximal_admissible(model, GAIN, BOX, (-2, 2))
    found = maximal_admissible(model, GAIN, BOX, (-2, 2), outputs=(-0.05, 0.05))
    y = found.corners @ (model.C - model.D @ GAIN).T
    assert np.abs(y).max() == pytest.approx(0.05)
    assert np.abs(free.corners @ (model.C - model.D @ GAIN).T).max() > 0.06


def test_limits_on_inputs_alone_bound_an_observable_loop():
    found = maximal_admissible(PENDULUM, GAIN, inputs=(-2, 2))
    assert np.abs(found.corners @ GAIN.T).max() == pytest.approx(2)
    assert found.check().holds


def test_a_stopped_iteration_is_an_outer_set_and_says_so():
    found = maximal_control_invariant(PENDULUM, BOX, (-2, 2), max_steps=5)
    assert not found.converged
    assert not found.check().holds
    assert found.check().room < -0.01
    assert "not invariant: at (" in str(found.check())
    assert str(found).startswith("an outer set, not invariant: 8 half-spaces")
    assert "Stopped after 5 steps, the last of which still cut off 0.11 half widths; raise `max_steps`" in str(found)
    share, largest = found.share(BOX), maximal_control_invariant(PENDULUM, BOX, (-2, 2))
    assert (share.lower, str(share)[:7]) == (0.0, "at most")
    assert found.contains(largest.corners, 1e-9).all()
    assert share.value > largest.share(BOX).value


def test_the_share_of_a_start_set():
    found = maximal_control_invariant(PENDULUM, BOX, (-2, 2))
    starts = Polyhedron([[1, 0], [-1, 0], [0, 1], [0, -1]], [0.3, 0.3, 0.01, 0.01])
    assert found.share(starts).value == 1
    points = np.random.default_rng(1).uniform([-2, -8], [2, 8], (5000, 2))
    drawn = found.share(points)
    assert drawn.lower < found.share(BOX).value < drawn.upper


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: maximal_admissible(PENDULUM, -GAIN, BOX), "spectral radius 2.1387, but it must be below 1; take the"),
        (lambda: maximal_admissible(PENDULUM, [[1, 2, 3]], BOX), r"`gain` has shape \(1, 3\), but \(1, 2\) is needed"),
        (lambda: maximal_admissible(PENDULUM, GAIN, ([1, -8], [2, 8])), "its room to the lower limit 1 of angle is -1"),
        (lambda: maximal_admissible(PENDULUM, GAIN), "the set is unbounded: angle has no limit"),
        (lambda: maximal_control_invariant(PENDULUM, ([-2, None], [2, None])), "rate has no limit below; add a finite"),
        (lambda: maximal_control_invariant(PENDULUM, ([-2, 1], [2, 1])), "leave rate no width: 1 to 1; widen them"),
        (lambda: maximal_control_invariant(PENDULUM, ([-2] * 3, [2] * 3)), r"`states lower` has shape \(3,\)"),
        (lambda: maximal_control_invariant(PENDULUM, Polyhedron([[1]], [1])),
         r"`states` is a Polyhedron in 1 dimensions, but the model has 2 \(angle, rate\)"),
        (lambda: maximal_control_invariant(PENDULUM, Polyhedron([[1, 0], [-1, 0], [0, 1], [0, -1]], [1, -2, 1, 1])),
         "the set is empty: angle would be at least 2 and at most 1"),
        (lambda: maximal_control_invariant(PENDULUM, ([1, 2], [2, 8]), (-2, 2)), "no state can be kept within"),
        (lambda: maximal_control_invariant(PENDULUM, BOX, (-2, 2), contraction=1.5), "is 1.5, but it must be at most"),
        (lambda: maximal_control_invariant(PENDULUM, BOX, (-2, 2), contraction=0), "`contraction` is 0, but it must"),
        (lambda: maximal_control_invariant(PENDULUM, BOX, (-2, 2), max_steps=0), "`max_steps` is 0, but it must be at"),
        (lambda: maximal_control_invariant("pendulum", BOX), "`model` is a str, but a LinearModel is needed"),
        (lambda: maximal_control_invariant(PENDULUM, BOX, (-2, 2), disturbance=([0, -0.5], [0, 0.5])),
         "It moves rate within 1 rad/s a step, inputs move it within 0.6038 rad/s, and the set was 16 rad/s wide"),
        (lambda: maximal_control_invariant(PENDULUM, BOX, (-2, 2), disturbance=([0, 0], [0, None])),
         "the disturbance of rate has no limit above"),
        (lambda: maximal_admissible(PENDULUM, GAIN, BOX, (-2, 2), disturbance=([0, -0.9], [0, 0.9])),
         "`disturbance` is too large: step 1 leaves no state. It moves rate within 1.8 rad/s a step, and the set was"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_with_both_numbers(ask, words):
    with pytest.raises(ProblemError, match=words):
        ask()


def test_a_disturbance_that_is_one_number_is_refused():
    model = LinearModel([[0.5]], [[1.0]], 1.0)
    with pytest.raises(ProblemError, match="`disturbance` must be a pair"):
        maximal_control_invariant(model, (-1, 1), (-1, 1), disturbance=np.array(0.1))
