"""Sets of several models against trees of all that these may do, and against sets computed by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import (
    EmptySet,
    LinearModel,
    ProblemError,
    dlqr,
    linearise,
    maximal_admissible,
    maximal_control_invariant,
    zero_order_hold,
)
from plants import clipped_pendulum

SEEDS = st.integers(0, 2**32 - 1)
PENDULUM = linearise(clipped_pendulum())
BOX = ([-0.6, -4], [0.6, 4])
WIND = ([0, -0.02], [0, 0.02])


def line(a, b=1.0, **changes):
    return LinearModel([[a]], [[b]], 1.0, **changes)


def falling(share):
    """The pendulum with `share` of its gravity, about 0."""
    A, B = np.array([[0, 1], [15 * share, 0]]), np.array([[0.0], [3]])
    return replace(PENDULUM, **dict(zip("AB", zero_order_hold(A, B, 0.05), strict=True)))


HALVES = [falling(1.0), falling(np.sin(0.6) / 0.6)]


def tree_room(models, limits, inputs, wind, x, depth):
    """The largest room to the state limits over all paths of a tree, with one input for each node; by one program.

    From a node there are two ways for each model, with the wind and against it.
    """
    ways = 2 * len(models)
    nodes = (ways**depth - 1) // (ways - 1)
    rows, levels, level, next_input = [], [], [(x, np.zeros((len(x), nodes)))], 0
    for step in range(depth + 1):
        after = []
        for offset, maps in level:
            rows += [np.c_[sign * maps, np.ones(len(x))] for sign in (1, -1)]
            levels += [limits[1] - offset, offset - limits[0]]
            if step == depth:
                continue
            for model in models:
                moved = model.A @ maps
                moved[:, next_input] += model.B[:, 0]
                after += [(model.A @ offset + sign * wind, moved) for sign in (1, -1)]
            next_input += 1
        level = after
    bounds = [(inputs[0][0], inputs[1][0])] * nodes + [(None, None)]
    return -linprog(np.r_[np.zeros(nodes), -1.0], np.vstack(rows), np.concatenate(levels), bounds=bounds).fun


@settings(max_examples=12)
@given(SEEDS)
def test_the_largest_set_holds_just_the_states_that_no_tree_of_models_drives_out(seed):
    """After k steps the iteration has the states from which a tree of depth k is survived: an exact oracle."""
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(2, 2))
    A *= generator.uniform(1.0, 1.3) / np.abs(np.linalg.eigvals(A)).max()
    B = generator.normal(size=(2, 1))
    shift = 0.1 * generator.normal(size=(2, 3))
    models = [LinearModel(A + sign * shift[:, :2], B + sign * shift[:, 2:], 1.0) for sign in (1, -1)]
    limits, inputs = (-np.ones(2), generator.uniform(0.5, 1.5, 2)), ([-1.0], [0.7])
    wind = np.array([0, generator.uniform(0, 0.05)])
    try:
        found = maximal_control_invariant(models, limits, inputs, disturbance=(-wind, wind), max_steps=3)
    except EmptySet:
        assume(False)
    assert found.check().holds or not found.converged
    for x in generator.uniform(1.2 * limits[0], 1.2 * limits[1], (20, 2)):
        depth = (found.polyhedron.A @ x - found.polyhedron.b).max()
        if abs(depth) > 1e-6:
            assert (depth < 0) == (tree_room(models, limits, inputs, wind, x, found.steps) >= -1e-9)


@pytest.mark.parametrize(("slowest", "fastest", "half"), [(1, 3, 0.5), (1.5, 2, 1.0), (2, 2, 1.0)])
def test_one_state_has_the_set_that_one_computes_by_hand(slowest, fastest, half):
    """At the end c the input must turn the fastest, (fastest - 1) c <= 1, and not throw the slowest beyond -c."""
    found = maximal_control_invariant([line(slowest), line(fastest)], (-5, 5), (-1, 1))
    assert found.corners.ravel() == pytest.approx([-half, half], abs=1e-9)


@pytest.mark.parametrize("models", [[line(-2), line(2)], [line(2), line(2, -1.0)], [line(0.9), line(3)]])
def test_what_no_common_input_holds_is_refused_though_each_model_alone_can_be_held(models):
    for model in models:
        assert maximal_control_invariant(model, (-5, 5), (-1, 1), disturbance=(-0.01, 0.01)).converged
    with pytest.raises(EmptySet, match="`disturbance` is too large: step"):
        maximal_control_invariant(models, (-5, 5), (-1, 1), disturbance=(-0.01, 0.01))


def test_the_pendulum_in_a_sector_is_held_from_39_percent_of_its_limits_against_gusts():
    found = maximal_control_invariant(HALVES, BOX, (-2, 2), disturbance=WIND, contraction=0.998)
    assert found.converged
    assert found.check().holds
    assert 0.35 < found.share(BOX).value < maximal_control_invariant(HALVES[1], BOX, (-2, 2)).share(BOX).value
    A, b = found.polyhedron.A, found.polyhedron.b
    for corner in found.corners:
        rows = np.vstack([A @ model.B for model in HALVES for _ in range(2)])
        levels = [0.998 * b - A @ (m.A @ corner + [0, gust]) for m in HALVES for gust in (-0.02, 0.02)]
        assert linprog([0.0], rows, np.concatenate(levels) + 1e-8, bounds=(-2, 2)).success
    assert str(found).startswith(
        "the largest invariant set under the best inputs, whichever of 2 models or mixture of them rules, that "
        "contracts by 0.998 a step against every disturbance: "
    )


def test_a_set_of_one_model_is_found_out_when_another_may_rule():
    alone = maximal_control_invariant(HALVES[1], BOX, (-2, 2))
    both = replace(alone.system, further=((HALVES[0].A * alone.system.width / alone.system.width[:, None],
                                           alone.system.B * (HALVES[0].B[1] / HALVES[1].B[1])),))  # fmt: skip
    answer = replace(alone, system=both).check()
    assert alone.check().holds
    assert not answer.holds
    assert answer.row < answer.facets == len(alone.polyhedron.b)


@pytest.mark.parametrize("copies", [1, 3])
def test_copies_of_a_model_change_nothing(copies):
    plain, gain = maximal_control_invariant(PENDULUM, BOX, (-2, 2)), dlqr(PENDULUM.A, PENDULUM.B, np.eye(2), [[1]])[0]
    found = maximal_control_invariant([PENDULUM] * copies, BOX, (-2, 2))
    assert np.abs(found.corners - plain.corners).max() < 1e-9
    closed = maximal_admissible([PENDULUM] * copies, gain, BOX, (-2, 2))
    assert np.abs(closed.corners - maximal_admissible(PENDULUM, gain, BOX, (-2, 2)).corners).max() < 1e-9


def test_under_a_gain_every_mixture_of_the_models_keeps_the_limits():
    gain = dlqr(PENDULUM.A, PENDULUM.B, np.eye(2), [[1]])[0]
    found = maximal_admissible(HALVES, gain, BOX, (-2, 2), disturbance=WIND)
    assert found.converged
    assert found.check().holds
    generator = np.random.default_rng(0)
    x = np.repeat(found.corners, 50, axis=0) * (1 - 1e-9)
    for _ in range(100):
        u, mix = -x @ gain.T, generator.integers(0, 2, (len(x), 1)) * generator.uniform(0.5, 1, (len(x), 1))
        assert np.abs(u).max() <= 2 + 1e-9
        assert (np.abs(x) <= np.array(BOX[1]) + 1e-9).all()
        ends = [x @ model.A.T + u @ model.B.T for model in HALVES]
        x = mix * ends[0] + (1 - mix) * ends[1] + [0, 0.02] * generator.choice([-1, 1], (len(x), 1))


def test_each_model_has_outputs_of_its_own():
    wide, narrow = (LinearModel(PENDULUM.A, PENDULUM.B, 0.05, C=[[size, 0.0]]) for size in (1.0, 2.0))
    found = maximal_control_invariant([wide, narrow], BOX, (-2, 2), outputs=(-0.5, 0.5))
    assert np.abs(found.corners[:, 0]).max() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([], "`model` is an empty sequence, but at least 1 LinearModel is needed"),
        ([PENDULUM, "pendulum"], r"`model\[1\]` is a str, but a LinearModel is needed"),
        ([line(1), line(2, state=[1.0])],
         r"`model\[1\]` has the state \(1\), but `model\[0\]` has \(0\); vertex models must share names, sample time "
         "and operating point: put what differs into `disturbance`"),
        ([line(1), PENDULUM], r"`model\[1\]` has the state_names \(angle, rate\), but `model\[0\]` has \(state0\)"),
        ([line(1), LinearModel([[1]], [[1]], 2.0)], r"`model\[1\]` has the sample_time 2, but `model\[0\]` has 1"),
    ],
)  # fmt: skip
def test_models_that_do_not_belong_together_are_refused(models, words):
    with pytest.raises(ProblemError, match=words):
        maximal_control_invariant(models, (-5, 5), (-1, 1))
