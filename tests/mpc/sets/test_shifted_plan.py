"""Recursive feasibility of tightened problems: claimed ones against adversaries, and what must not be claimed."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    InputBounds,
    LinearModel,
    MixedPolytope,
    MoveBlocking,
    MoveBounds,
    MPCProblem,
    OutputBounds,
    Polyhedron,
    Prestabilised,
    ProblemError,
    Soft,
    StateBounds,
    TerminalOrigin,
    TerminalSet,
    Tightened,
    dlqr,
    feasibility,
    feasible_set,
    maximal_admissible,
    solve_explicit,
)
from mpc.rows import Slack

BOX = ([-2.0, -1.0], [2.0, 1.0])
STATES, INPUTS = StateBounds(*BOX), InputBounds(-1, 1)
WIND = Polyhedron.from_bounds([-0.001, -0.01], [0.001, 0.01])
MODEL = LinearModel([[1, 0.1], [0, 1]], [[0.005], [0.1]], sample_time=0.1)
Q, R = np.diag([1, 0.1]), np.array([[0.1]])
GAIN = dlqr(MODEL.A, MODEL.B, Q, R)[0]
RESIDUAL = 0.03


def ending(disturbance: Polyhedron | None = WIND, largest: float = 1.0):
    found = maximal_admissible(MODEL, GAIN, BOX, (-largest, largest), disturbance=disturbance, contraction=0.999)
    return TerminalSet(found.polyhedron)


END = ending()


def tight(*limits, **changes):
    return tuple(Tightened(limit, **{"disturbance": WIND, "gain": GAIN, **changes}) for limit in limits)


def problem(*constraints, horizon=3, **changes):
    return MPCProblem(MODEL, Q, R, horizon, parameter_bounds=BOX, constraints=constraints, **changes)


def lost(law, among, corners, steps=200):
    """How many closed loops from all vertices, and from points between them, meet a state that has no plan.

    Of each start one loop is driven by the corner that leads furthest out of the feasible set, one by drawn corners and
    one by the same corner all the time, for each of them.
    """
    generator, (A, b) = np.random.default_rng(0), (among.A, among.b)
    vertices = among.vertices()
    starts = np.vstack([vertices, generator.dirichlet(np.ones(len(vertices)), 30) @ vertices])
    ways = 2 + len(corners)
    x, kind = np.tile(starts, (ways, 1)), np.repeat(np.arange(ways), len(starts))
    kept = np.ones(len(x), bool)
    for _ in range(steps):
        u, _, inside = law.nearest(x)
        kept &= inside
        further = MODEL.step(x, u)[:, None] + corners
        worst = (further @ A.T - b).max(axis=2).argmax(axis=1)
        drawn = generator.integers(len(corners), size=len(x))
        chosen = np.where(kind == 0, worst, np.where(kind == 1, drawn, kind - 2))
        x = further[np.arange(len(x)), chosen]
        kept &= (x >= np.array(BOX[0]) - 1e-9).all(axis=1) & (x <= np.array(BOX[1]) + 1e-9).all(axis=1)
        x = np.clip(x, *BOX)
    return int((~kept).sum())


def corners_of(disturbance, residual=0.0):
    pushed = residual * MODEL.B[:, 0]
    return np.vstack([disturbance.vertices() + pushed, disturbance.vertices() - pushed])


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_claimed_loop_survives_every_adversary(horizon):
    claimed = problem(*tight(STATES, INPUTS, END), horizon=horizon)
    found = feasibility(claimed)
    assert found.recursive
    assert found.for_ever is None
    assert found.reason == (
        "whatever w of `disturbance` is, the old plan, shifted by a step, answered by the gain of `Tightened` and "
        f"ended by it, keeps all {len(claimed.rows.w) + 4} rows of the limits and of the parameter set again (shown by "
        "a linear program for each, over all states that have a plan)"
    )
    assert lost(solve_explicit(claimed), feasible_set(claimed), corners_of(WIND)) == 0


def test_the_adversaries_find_a_problem_without_an_end():
    endless = problem(*tight(STATES, INPUTS))
    assert not feasibility(endless).recursive
    assert lost(solve_explicit(endless), feasible_set(endless), corners_of(WIND)) > 0


def test_an_end_that_is_not_robust_earns_no_claim():
    found = feasibility(problem(*tight(STATES, INPUTS, ending(None))))
    assert not found.recursive
    assert found.reason.startswith(
        "for some w of `disturbance` the old plan, shifted by a step, answered by the gain of"
    )
    assert "passes a limit (state1 at its " in found.reason
    assert "; tighten all limits alike and add Tightened(TerminalSet(" in found.reason


def test_residuals_count_as_disturbances():
    """The terminal set must hold against both, e as a disturbance B e, and leave e its part of the inputs."""
    furthest = RESIDUAL * np.abs(MODEL.B[:, 0]) + np.array([0.001, 0.01])
    both = Polyhedron.from_bounds(-furthest, furthest)
    limits = STATES, INPUTS, ending(both, 1 - RESIDUAL)
    claimed = problem(*tight(*limits, residual=RESIDUAL))
    found = feasibility(claimed)
    assert found.recursive
    assert found.reason.startswith("whatever w of `disturbance` and e of `residual` is, the old plan")
    assert lost(solve_explicit(claimed), feasible_set(claimed), corners_of(WIND, RESIDUAL)) == 0
    assert (
        "whatever e of `residual` is" in feasibility(problem(*tight(*limits, disturbance=None, residual=0.03))).reason
    )
    for end in (END, ending(both), ending(WIND, 1 - RESIDUAL)):
        assert not feasibility(problem(*tight(STATES, INPUTS, end, residual=RESIDUAL))).recursive


@pytest.mark.parametrize(("push", "claim"), [(0.1, True), (0.1001, False)])
def test_a_residual_moves_the_next_state_to_the_end_of_the_parameter_set(push, claim):
    """From 1 the largest input and its residual lead to 0.9 + push."""
    pushed = MPCProblem(
        LinearModel([[0.9]], [[push]], 1.0),
        state_weight=1.0,
        input_weight=1.0,
        horizon=2,
        parameter_bounds=([-1], [1]),
        constraints=tight(InputBounds(-1, 1), disturbance=None, residual=0.2, gain=None),
    )
    assert feasibility(pushed).recursive is claim


def test_the_claim_is_the_same_in_other_units():
    """A state in thousandths and an input in thousands."""
    unit, amount = np.array([1e3, 1e-2]), 1e-3
    model = LinearModel(MODEL.A * unit[:, None] / unit, MODEL.B * unit[:, None] / amount, 0.1)
    gain = GAIN / unit * amount
    box = tuple(np.array(side) * unit for side in BOX)
    for end, claim in ((END, True), (ending(None), False)):
        limits = (
            StateBounds(*box),
            InputBounds(-amount, amount),
            TerminalSet(Polyhedron(end.polyhedron.A / unit, end.polyhedron.b)),
        )
        wind = Polyhedron(WIND.A / unit, WIND.b)
        weights = Q / np.outer(unit, unit), R / amount**2
        changed = MPCProblem(
            model, *weights, 3, parameter_bounds=box, constraints=tight(*limits, disturbance=wind, gain=gain)
        )
        assert feasibility(changed).recursive is claim


def test_about_an_operating_point_and_prestabilised():
    point, hold = np.array([5.0, 0.0]), np.array([2.0])
    model = replace(MODEL, state=point, input=hold)
    end = TerminalSet(Polyhedron(END.polyhedron.A, END.polyhedron.b + END.polyhedron.A @ point))
    box = tuple(np.array(side) + point for side in BOX)
    limits = tight(StateBounds(*box), InputBounds(1, 3), end)
    moved = MPCProblem(model, Q, R, 3, parameter_bounds=box, constraints=limits)
    assert feasibility(moved).recursive
    assert feasibility(replace(moved, plan=Prestabilised())).recursive
    shorter = replace(moved, parameter_bounds=(box[0], point + np.array([2, 0.9])))
    assert "passes a limit (row 1 of the parameter set) by up to 0.1; " in feasibility(shorter).reason


def test_soft_limits_beside_tightened_ones_take_nothing_from_the_claim():
    limits = tight(STATES, INPUTS, END)
    softened = Soft(StateBounds([None, -0.3], [None, 0.3]), quadratic=10.0, linear=1.0, shared=False)
    assert feasibility(problem(*limits, softened)).recursive
    assert feasibility(problem(*limits, *tight(softened))).recursive


def test_a_stable_plant_needs_no_gain():
    """Its inputs need no room then, and may be bounded as usual; 0.8 of the limit and 0.2 are the limit again."""
    model = LinearModel([[0.8]], [[0.1]], 1.0)
    wind = Polyhedron.from_bounds([-0.2], [0.2])
    room = Tightened(StateBounds([-1], [1]), disturbance=wind)
    weights = {"state_weight": 1.0, "input_weight": 1.0, "horizon": 4, "parameter_bounds": ([-1], [1])}
    assert feasibility(MPCProblem(model, **weights, input_bounds=(-1, 1), constraints=(room,))).recursive
    windier = replace(room, disturbance=Polyhedron.from_bounds([-0.21], [0.21]))
    assert not feasibility(MPCProblem(model, **weights, input_bounds=(-1, 1), constraints=(windier,))).recursive


class Own:
    """A limit of one's own: that of the last speed alone."""

    def rows(self, prediction):
        return StateBounds(np.array([-9, -1]), np.array([9, 1]), steps=prediction.horizon).rows(prediction)


ROOM_ELSEWHERE = {
    "states without room": (STATES, *tight(INPUTS, END)),
    "inputs without room": (INPUTS, *tight(STATES, END)),
    "an end without room": (END, *tight(STATES, INPUTS)),
    "no end": tight(STATES, INPUTS),
    "an end that is a point": (TerminalOrigin(), *tight(STATES, INPUTS)),
    "a mixed limit": (MixedPolytope([[0.0, 1.0, 0.5]], [0.9]), *tight(STATES, INPUTS, END)),
    "a step": tight(StateBounds([None, -0.3], [None, 0.3], steps=1), STATES, INPUTS, END),
    "a later step": tight(InputBounds(-0.8, 0.8, steps=1), STATES, INPUTS, END),
    "one of one's own": (Own(), *tight(StateBounds([-2, None], [2, None]), INPUTS)),
}


@pytest.mark.parametrize("limits", ROOM_ELSEWHERE.values(), ids=ROOM_ELSEWHERE)
def test_a_limit_that_a_shifted_plan_may_pass_earns_no_claim(limits):
    found = feasibility(problem(*limits))
    assert not found.recursive
    assert "passes a limit (" in found.reason
    assert found.reason.endswith("contraction=0.999).polyhedron), ...)")


DIFFERENT = {
    "different `gain`s, but a plan is answered by one": {"gain": 1.01 * GAIN},
    "different `gain`s": {"gain": None},
    "room for different `disturbance`s; give all of them the same": {"disturbance": Polyhedron(WIND.A, 0.9 * WIND.b)},
    "room for different `disturbance`s": {"disturbance": None, "residual": 0.0},
    "room for different `residual`s; give all of them the same": {"residual": 0.01},
    "`Tightened initial` is about the first state alone, and later states are": {"initial": WIND},
}


@pytest.mark.parametrize(("words", "changes"), DIFFERENT.items(), ids=[", ".join(c) for c in DIFFERENT.values()])
def test_errors_that_are_not_the_same_for_all_earn_no_claim(words, changes):
    found = feasibility(problem(*tight(STATES, END), *tight(INPUTS, **changes)))
    assert not found.recursive
    assert words in found.reason


@pytest.mark.parametrize("wind", [(-0.1, 0.0), (0.0, 0.1)])
def test_a_point_is_missed_on_either_side(wind):
    room = Tightened(StateBounds([-0.8], [0.8]), disturbance=Polyhedron.from_bounds([wind[0]], [wind[1]]))
    ended = MPCProblem(
        LinearModel([[0.5]], [[1.0]], 1.0),
        state_weight=1.0,
        input_weight=1.0,
        horizon=2,
        parameter_bounds=([-1], [1]),
        constraints=(room, TerminalOrigin()),
    )
    assert "(state0 at its target at step 2) by up to 0.025; " in feasibility(ended).reason


def test_a_problem_without_a_plan_is_refused():
    high = tight(StateBounds([None, 0.9], [None, 1]), INPUTS)
    low = MPCProblem(MODEL, Q, R, 1, parameter_bounds=([-1, -0.5], [1, 0.5]), constraints=high)
    with pytest.raises(
        ProblemError, match="no state of the parameter set has a plan that keeps all limits; widen or soften one"
    ):
        feasibility(low)


def test_what_keeps_a_plan_from_being_shifted_comes_first():
    limits = tight(STATES, INPUTS, END)
    assert "MoveBlocking holds inputs" in feasibility(problem(*limits, plan=MoveBlocking((1, 2)))).reason
    assert "also reads previous input0" in feasibility(problem(*limits, MoveBounds(-1, 1), input_bounds=(-1, 1))).reason


def test_slacks_that_tighten_are_no_way_out():
    class Strange:
        def rows(self, prediction):
            given = OutputBounds(np.array([-1, -1]), np.array([1, 1])).rows(prediction)
            columns = -np.ones((len(given.w), 1))
            return replace(given, slack=Slack(columns, np.ones(1), np.ones(1), ("tightening",)))

    found = feasibility(problem(*tight(STATES, INPUTS, END), Strange()))
    assert (found.recursive, found.reason) == (
        False,
        "it has slacks that tighten limits, so that passing those may be no way out",
    )
