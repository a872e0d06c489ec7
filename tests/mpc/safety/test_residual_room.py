"""Room for a residual: loops whose inputs get the worst residual keep all limits; without the room they do not."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    LinearModel,
    MixedPolytope,
    MoveBounds,
    MPCProblem,
    Polyhedron,
    ProblemError,
    Soft,
    StateBounds,
    TerminalOrigin,
    Tightened,
    feasibility,
    feasible_set,
    linearise,
    maximal_admissible,
    solve_explicit,
)
from mpc.safety.errors import NoSafeSet
from mpc.safety.residual_room import room_for_residual
from mpc.terminal import TerminalSet
from plants import clipped_pendulum

PENDULUM = linearise(clipped_pendulum())
BOX = ([-0.6, -4.0], [0.6, 4.0])
WIND = ([0.0, -0.02], [0.0, 0.02])
RESIDUAL = 0.2


def problem(**changes):
    facts = {
        "state_weight": np.diag([1, 0.1]),
        "input_weight": 0.01,
        "horizon": 3,
        "state_bounds": BOX,
        "input_bounds": (-2, 2),
    }
    return MPCProblem(PENDULUM, **facts | changes)


@pytest.fixture(scope="module")
def room():
    return room_for_residual(problem(), RESIDUAL, WIND)


def lost(roomy, residual, wind, loops=1_000, steps=60, seed=0):
    """How many of the loops leave the limits, or reach a state without a plan, under the worst signs of both."""
    law, among, generator = solve_explicit(roomy), feasible_set(roomy), np.random.default_rng(seed)
    corners = among.vertices()
    starts = np.vstack([corners, generator.dirichlet(np.ones(len(corners)), loops - len(corners)) @ corners])
    centre = corners.mean(axis=0)
    x, kept = centre + (1 - 1e-9) * (starts - centre), np.ones(loops, bool)
    winds = np.array([[0, sign * wind] for sign in (-1, 1)])
    for _ in range(steps):
        u, _, inside = law.nearest(x)
        kept &= inside
        after, signed = [], [u + sign * residual for sign in (-1, 1)]
        kept &= (np.abs(np.hstack(signed)) <= 2 + 1e-9).all(axis=1)
        after = np.stack([PENDULUM.step(x, v) + w for v in signed for w in winds], axis=1)
        worst = (after @ among.A.T - among.b).max(axis=2).argmax(axis=1)
        x = after[np.arange(loops), worst]
        kept &= ((x >= np.array(BOX[0]) - 1e-9) & (x <= np.array(BOX[1]) + 1e-9)).all(axis=1)
        x = np.clip(x, *BOX)
    return int((~kept).sum())


def test_a_thousand_loops_survive_the_worst_residual(room):
    assert room.claim.recursive
    assert lost(room.problem, RESIDUAL, 0.02) == 0


def test_more_than_there_is_room_for_loses_loops(room):
    assert lost(room.problem, 2 * RESIDUAL, 0.02) > 0


def test_without_room_they_are_lost():
    plain = problem()
    end = maximal_admissible(PENDULUM, plain.regulator, BOX, (-2, 2), contraction=0.999)
    ended = replace(plain, constraints=(TerminalSet(end.polyhedron),))
    assert feasibility(ended).recursive
    assert lost(ended, RESIDUAL, 0.02) > 100
    assert lost(plain, 0.0, 0.0) > 0


def test_what_it_costs_is_told(room):
    assert room.before.value > room.claim.feasible.value > 0
    assert 0 < room.cost < 1
    words = str(room)
    assert words.startswith("Room for a residual of torque +-0.2 N m costs ")
    assert f"{100 * room.cost:.3g} % of the feasible set, which was {room.before} of the parameter set" in words
    assert "Recursively feasible: whatever w of `disturbance` and e of `residual` is" in words


def test_less_residual_costs_less(room):
    costs = [room_for_residual(problem(), size).cost for size in (0.0, 0.1, RESIDUAL)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert 0 < costs[1] < costs[2] < room.cost


def test_the_end_is_kept_by_the_gain_against_each_corner_of_both(room):
    K, A, b = problem().regulator, room.end.polyhedron.A, room.end.polyhedron.b
    x = room.end.corners
    u = -x @ K.T
    assert (np.abs(u) + RESIDUAL <= 2 + 1e-9).all()
    for e in (-RESIDUAL, RESIDUAL):
        for w in (-0.02, 0.02):
            after = PENDULUM.step(x, u + e) + np.array([0, w])
            assert (after @ A.T <= b + 1e-9).all()


def test_two_inputs_with_residuals_of_their_own():
    model = LinearModel([[1.1, 0.2], [0.0, 1.05]], [[1.0, 0.2], [0.0, 1.0]], 1.0)
    two = MPCProblem(model, np.eye(2), np.eye(2), 2, state_bounds=([-2, -2], [2, 2]), input_bounds=([-1, -1], [1, 1]))
    found = room_for_residual(two, [0.1, 0.05], Polyhedron.from_bounds([-0.01, -0.01], [0.01, 0.01]))
    assert found.claim.recursive
    assert "input0 +-0.1, input1 +-0.05 costs" in str(found)
    assert found.cost < room_for_residual(two, [0.2, 0.1]).cost


def test_mixed_limits_and_limits_of_the_parameter_set_alone():
    mixed = MixedPolytope([[1.0, 0.0, 0.1]], [0.5])
    assert room_for_residual(problem(constraints=(mixed,)), 0.1).claim.recursive
    alone = problem(state_bounds=None, parameter_bounds=BOX)
    assert room_for_residual(alone, 0.1).claim.recursive


def test_soft_limits_stay_and_terminal_ones_are_replaced():
    soft = Soft(StateBounds([None, -1], [None, 1]), quadratic=10.0, linear=1.0, shared=False)
    found = room_for_residual(problem(constraints=(soft, TerminalOrigin())), 0.1)
    assert any(isinstance(c, Soft) for c in found.problem.constraints)
    assert not any(isinstance(c, TerminalOrigin) for c in found.problem.constraints)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: room_for_residual("problem", 0.1), "`problem` is a str, but a MPCProblem is needed"),
        (lambda: room_for_residual(problem(), -0.1), "`residual` is -0.1, but one number of 0 or more is"),
        (lambda: room_for_residual(problem(), [0.1, 0.2]), r"`residual` is \[0.1, 0.2\], but one number"),
        (lambda: room_for_residual(problem(), 2.5),
         "the residual takes 2.5 of torque at its upper limit 2 N m at step 0, which has 2 of room there; make"),
        (lambda: room_for_residual(problem(), 1.9), "may push rate by 0.28.* rad/s in a step, and the gain keeps no"),
        (lambda: room_for_residual(problem(), 0.1, gain=[[0.0, 0.0]]), "`gain` does not stabilise"),
        (lambda: room_for_residual(problem(), 0.1, gain=[[0.0]]), r"`gain` has shape \(1, 1\)"),
        (lambda: room_for_residual(problem(constraints=(Tightened(StateBounds(*BOX), residual=0.1),)), 0.1),
         "`problem` has a Tightened constraint already; pass the problem without room"),
        (lambda: room_for_residual(problem(constraints=(MoveBounds(-1, 1),)), 0.1),
         "the law also reads previous torque, but room is left in problems whose law reads the state alone"),
    ],
)  # fmt: skip
def test_what_has_no_room_is_refused_with_both_numbers(ask, words):
    with pytest.raises(ProblemError, match=words):
        ask()


def test_no_end_is_a_safe_set_not_found():
    with pytest.raises(NoSafeSet) as caught:
        room_for_residual(problem(), 2.5)
    assert (caught.value.found, caught.value.needed) == (2, 2.5)
