"""A controller gives its law the theta that belongs to the step, row by row, and refuses parts that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    ClippedTheta,
    ImplicitMPC,
    InsideOnly,
    Memory,
    MoveBounds,
    MPCController,
    NearestRegion,
    OutsideDomain,
    ProblemError,
    Sensor,
    Setpoint,
    four_tank,
    solve_explicit,
)
from plants import clipped_pendulum, simulate

PLAIN = four_tank()


@pytest.fixture(scope="module")
def tracking(make_tank_problem):
    """No disturbance and a constant setpoint: nothing to be remembered."""
    return make_tank_problem(model=PLAIN, parameters=(Setpoint([5, 5], [8, 8]),))


def test_with_nothing_to_keep_it_is_a_function_of_the_state(tracking):
    online = ImplicitMPC(tracking)
    controller = MPCController(online, tracking, setpoint=[6.5, 6.2])
    x = PLAIN.state + np.array([[0.5, 0, 0, 0], [0, -1, 0, 0.2]])
    assert not controller.needs_memory
    assert (controller(x) == online(tracking.theta(x, setpoint=[6.5, 6.2]))).all()
    assert (controller(x[1]) == controller(x)[1]).all()
    assert (controller.step(x, controller.start(2))[0] == controller(x)).all()


def test_a_controller_with_a_schedule_cannot_be_called_like_a_function(tracking):
    controller = MPCController(ImplicitMPC(tracking), tracking, setpoint=[[6.5, 6.2], [6.4, 6.2]])
    assert controller.needs_memory
    with pytest.raises(ProblemError, match=r"keeps something from step to step .* call memory = start\(batch\)"):
        controller(PLAIN.state)


def test_a_table_a_constant_and_a_function_of_the_step_agree(tracking, run):
    table = np.array([[6.5, 6.2]] * 3 + [[6.8, 6.0]])
    paths = [
        run(MPCController(ImplicitMPC(tracking), tracking, setpoint=goals), PLAIN, 8)[1]
        for goals in (table, lambda k: table[min(k, 3)])
    ]
    assert (paths[0] == paths[1]).all()
    constant = run(MPCController(ImplicitMPC(tracking), tracking, setpoint=table[0]), PLAIN, 8)[1]
    assert (constant[:3] == paths[0][:3]).all()
    assert not (constant[3] == paths[0][3]).all()


def test_moves_start_from_the_input_that_was_applied_last(make_tank_problem, run):
    limit = MoveBounds([-0.1, -0.2], [0.1, 0.2])
    problem = make_tank_problem(model=PLAIN, parameters=(Setpoint([5, 5], [8, 8]),), constraints=(limit,))
    controller = MPCController(ImplicitMPC(problem), problem, setpoint=[7.5, 7.5], previous_input=[2.5, 3.0])
    _, inputs, _ = run(controller, PLAIN, 20)
    moves = np.diff(np.vstack([[2.5, 3.0], inputs]), axis=0)
    assert (np.abs(moves) <= np.array([0.1, 0.2]) + 1e-9).all()
    assert moves[0] == pytest.approx([0.1, 0.2], abs=1e-9)


def test_a_batch_with_estimates_is_its_rows(law, problem, make_tank_filter, tanks):
    controller = MPCController(law, problem, setpoint=[6.8, 6.0], estimator=make_tank_filter())
    starts = tanks.state + np.array([[0.1, 0, 0, 0], [0, -0.2, 0, 0.2], [0.1, 0.1, 0, 0]])
    memory, x, path = controller.start(3), starts, []
    for _ in range(10):
        u, memory = controller.step(x, memory)
        x = tanks.step(x, u, [0.2, 0.1])
        path.append(u)
    for i in range(3):
        memory, x = controller.start(1), starts[i : i + 1]
        for k in range(10):
            u, memory = controller.step(x, memory)
            x = tanks.step(x, u, [0.2, 0.1])
            assert u[0] == pytest.approx(path[k][i], rel=1e-10)


def test_memory_is_never_changed_in_place(law, problem, make_tank_filter, tanks):
    controller = MPCController(law, problem, setpoint=[6.8, 6.0], estimator=make_tank_filter())
    memory = controller.start(1)
    first, after = controller.respond([[6.3, 6.3]], memory)
    again, _ = controller.respond([[6.3, 6.3]], memory)
    assert (first == again).all()
    assert (memory.step, after.step) == (0, 1)
    kept = first.copy()
    first *= 0
    assert (after.previous_input == kept).all()
    assert not after.previous_input.flags.writeable


def test_reading_by_a_sensor_is_responding_to_what_it_reads(law, problem, make_tank_filter, tanks):
    sensor = Sensor(tanks, bias=[0.05, 0.0])
    controller = MPCController(law, problem, setpoint=[6.8, 6.0], estimator=make_tank_filter(), measure=sensor)
    x = tanks.state[None] + 0.1
    by_state, _ = controller.step(x, controller.start(1))
    reading = tanks.outputs(x) + np.array([0.05, 0.0])
    by_reading, _ = controller.respond(reading, controller.start(1))
    assert (by_state == by_reading).all()


def test_the_first_guess_of_the_state_is_used(law, problem, make_tank_filter, tanks):
    guess = tanks.state + np.array([0, 0, 0.5, 0.5])
    controller = MPCController(law, problem, setpoint=[6.8, 6.0], estimator=make_tank_filter(), first_state=guess)
    assert (controller.start(2).expected.state == guess).all()


def test_it_runs_a_plant(pendulum_problem):
    problem = pendulum_problem()
    controller = MPCController(solve_explicit(problem), problem)
    starts = [[0.2, 0.0], [-0.1, 0.1]]
    path = simulate(clipped_pendulum(), controller, starts, steps=60)
    plain = simulate(clipped_pendulum(), solve_explicit(problem), starts, steps=60)
    assert path.inputs == pytest.approx(plain.inputs, abs=1e-12)


OUTSIDE = np.array([[10.0, 10, 2, 2], [25.0, 10, 2, 2]])


@pytest.mark.parametrize("kind", ["explicit law", "online", "function"])
def test_outside_the_domain_step_and_state_are_named(make_tank_problem, kind):
    problem = make_tank_problem(model=PLAIN, parameters=(Setpoint([5, 5], [8, 8]),), horizon=2)
    law = {"explicit law": solve_explicit, "online": ImplicitMPC}.get(kind, lambda _: _three_volts)(problem)
    controller = MPCController(law, problem, setpoint=[6.8, 6.0])
    memory = controller.step(OUTSIDE[:1].repeat(2, axis=0), controller.start(2))[1]
    words = r"at step 1, state \[25\. 10\. +2\. +2\.\] \(level 1, level 2.*level 1 (= |is )25"
    with pytest.raises(OutsideDomain, match=words) as caught:
        controller.step(OUTSIDE, memory)
    assert caught.value.theta[0] == 25
    assert "NearestRegion() or ClippedTheta()" in str(caught.value)


def _three_volts(theta):
    return np.full((*theta.shape[:-1], 2), 3.0)


def test_outside_the_nearest_region_or_the_nearest_theta_may_answer(make_tank_problem):
    problem = make_tank_problem(model=PLAIN, parameters=(Setpoint([5, 5], [8, 8]),), horizon=2)
    law = solve_explicit(problem)
    arguments = {"setpoint": [6.8, 6.0]}
    clipped = MPCController(law, problem, outside=ClippedTheta(), **arguments)
    nearest = MPCController(law, problem, outside=NearestRegion(), **arguments)
    strict = MPCController(law, problem, outside=InsideOnly(), **arguments)
    border = np.array([19.0, 10, 2, 2])
    assert (clipped(OUTSIDE)[1] == strict(border)).all()
    assert (clipped(OUTSIDE)[0] == strict(OUTSIDE[0])).all()
    theta = problem.theta(OUTSIDE, setpoint=[6.8, 6.0])
    assert (nearest(OUTSIDE) == np.clip(law.nearest(theta)[0], 1, 5)).all()


def test_the_nearest_regions_input_keeps_its_bounds(tracking):
    class Law:
        def __call__(self, theta):
            return self.nearest(theta)[0]

        def nearest(self, theta):
            return np.array([[9.0, -9.0]]), np.array([0]), np.array([False])

    controller = MPCController(Law(), tracking, setpoint=[6.8, 6.0], outside=NearestRegion())
    assert controller(OUTSIDE[1:]).tolist() == [[5.0, 1.0]]


def fitted(problem, **changes):
    arguments = {"law": ImplicitMPC(problem), "problem": problem, "setpoint": [6.5, 6.2]}
    return MPCController(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"law": 3}, "`law` is 3, but a function of theta is needed"),
        ({"law": ImplicitMPC}, "`law` is <class"),
        (
            {"setpoint": None},
            r"`setpoint` is missing, but theta holds it: theta is \(level 1, .*setpoint of reading 2\)",
        ),
        (
            {"setpoint": [6.5]},
            r"`setpoint` has shape \(1,\), but \(2,\) or \(steps, 2\) is needed for \(reading 1, read",
        ),
        ({"setpoint": [[6.5, 6.2], [9.0, 6.2]]}, r"`setpoint` at step 1: reading 1 is 9, outside the range \[5, 8\]"),
        ({"setpoint": np.zeros((0, 2))}, r"`setpoint` has shape \(0, 2\)"),
        ({"setpoint": [np.nan, 6]}, r"`setpoint` is NaN at \[0\]"),
        ({"disturbance": [0.0]}, "`disturbance` was given, but nothing reads it"),
        ({"outside": ClippedTheta}, r"`outside` is <class .*pass InsideOnly\(\), NearestRegion\(\) or ClippedTheta"),
        ({"outside": "nearest"}, "`outside` is 'nearest'"),
        ({"outside": NearestRegion()}, "a ImplicitMPC has no regions; pass ClippedTheta"),
        ({"measure": lambda x: x}, "`measure` was given, but no `estimator` that reads it"),
        ({"estimator": "kalman"}, "`estimator` is a str, but a KalmanFilter is needed"),
        ({"setpoint": lambda: 1}, r"`setpoint` is a function of \(\), but it is called with 1 argument, the step"),
        ({"previous_input": [1.0]}, r"`previous_input` has shape \(1,\), but \(2,\)"),
        ({"first_state": [1.0, np.inf, 0, 0]}, r"`first_state` is infinite at \[1\]"),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_birth(tracking, changes, words):
    with pytest.raises(ProblemError, match=words):
        fitted(tracking, **changes)


def test_a_problem_is_needed():
    with pytest.raises(ProblemError, match="`problem` is a str, but a MPCProblem is needed; pass the one that the law"):
        MPCController(_three_volts, "tanks")


def test_an_estimator_of_another_model_is_refused(tracking, make_tank_filter, make_tank_problem):
    with pytest.raises(ProblemError, match=r"`estimator` has 2 disturbances \(.*but the problem 0 \(\); give both"):
        fitted(tracking, estimator=make_tank_filter())
    blind = make_tank_problem(parameters=(Setpoint([5, 5], [8, 8]),))
    with pytest.raises(ProblemError, match=r"estimates 2 disturbances, but theta holds 0; .*Disturbance\(lower"):
        fitted(blind, estimator=make_tank_filter())


def test_a_disturbance_that_is_estimated_cannot_be_given_too(problem, make_tank_filter, tanks):
    with pytest.raises(ProblemError, match="`disturbance` was given, but nothing reads it"):
        fitted(problem, estimator=make_tank_filter(), disturbance=[0.0, 0.0])
    with pytest.raises(ProblemError, match="`disturbance` is missing, but theta holds it"):
        fitted(problem)
    partly = make_tank_filter(measured="disturbance of pump 2", disturbance_noise=1e-3)
    with pytest.raises(ProblemError, match=r"`disturbance` has shape \(2,\), .* for \(disturbance of pump 2\)"):
        fitted(problem, estimator=partly, disturbance=[0.0, 0.0])
    with pytest.raises(ProblemError, match=r"disturbance of pump 2 is 1.5, outside the range \[-1, 1\]"):
        fitted(problem, estimator=partly, disturbance=1.5)


def test_measured_disturbances_are_given_in_the_estimators_order(problem, make_tank_filter):
    names, seen = ("disturbance of pump 2", "disturbance of pump 1"), []

    def law(theta):
        seen.append(theta)
        return np.full((*theta.shape[:-1], 2), 3.0)

    filter_ = make_tank_filter(measured=names, disturbance_noise=None)
    controller = fitted(problem, law=law, estimator=filter_, disturbance=[0.2, 0.1])
    controller.respond([[6.0, 6.0]], controller.start(1))
    assert seen[0][0, -2:].tolist() == [0.1, 0.2]


def test_one_number_is_enough_for_one_component(pendulum_problem):
    problem = pendulum_problem(parameters=(Setpoint(-0.1, 0.1, outputs="angle"),))
    goals = (0.05, [0.05], lambda _: 0.05, lambda _: [0.05])
    loops = [MPCController(ImplicitMPC(problem), problem, setpoint=r, previous_input=0) for r in goals]
    answers = [loop.step([[0.02, 0.0]], loop.start(1))[0] for loop in loops]
    assert np.ptp(answers, axis=0).max() == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.step([PLAIN.state], None), "`memory` is a NoneType, but a Memory is needed; pass what start"),
        (lambda c: c.respond([[6.0, 6.0]], 3), "`memory` is a int, but a Memory is needed"),
        (lambda _: Memory("a", np.zeros((1, 2))), "`Memory step` is 'a', but it must be a whole number"),
        (lambda _: Memory(0, [[np.nan, 0]]), r"`Memory previous_input` is NaN at \[0, 0\]"),
        (lambda _: Memory(0, [[0, 0]], 1), "`Memory expected` is a int, but a Estimate or a NoneType is needed"),
    ],
)
def test_what_is_no_memory_is_refused(tracking, call, words):
    with pytest.raises(ProblemError, match=words):
        call(fitted(tracking))


def test_a_law_of_another_problem_is_refused(law, tracking):
    with pytest.raises(ProblemError, match=r"`law` takes 8 parameters \(level 1.*but the problem's theta has 6 \("):
        fitted(tracking, law=law)


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (lambda theta: np.full((*theta.shape[:-1], 2), np.nan), "`law's input at step 0` is NaN"),
        (lambda theta: np.zeros((*theta.shape[:-1], 1)), r"`law's input at step 0` has shape \(3, 1\).*pump 1, pump 2"),
        (lambda theta: np.zeros(2), r"`law` returns inputs of shape \(2,\) for theta of shape \(3, 6\)"),
    ],
)
def test_what_a_law_returns_is_checked(tracking, law, words):
    with pytest.raises(ProblemError, match=words):
        fitted(tracking, law=law).step(np.tile(PLAIN.state, (3, 1)), fitted(tracking).start(3))


def test_states_readings_and_functions_are_checked_at_their_step(tracking, problem, make_tank_filter):
    controller = fitted(tracking, setpoint=lambda k: [6.5, np.nan] if k else [6.5, 6.2])
    _, memory = controller.step(PLAIN.state[None], controller.start(1))
    with pytest.raises(ProblemError, match=r"`setpoint at step 1` is NaN at \[1\]"):
        controller.step(PLAIN.state[None], memory)
    with pytest.raises(ProblemError, match=r"`x` is NaN at \[0, 0\]"):
        controller.step([[np.nan, 1, 1, 1]], memory)
    with pytest.raises(ProblemError, match="outputs were given, but there is no estimator"):
        controller.respond([[6.0, 6.0]], memory)
    with pytest.raises(ProblemError, match="`batch` is 0, but it must be at least 1"):
        controller.start(0)
    reading = fitted(problem, estimator=make_tank_filter())
    with pytest.raises(ProblemError, match=r"`y` is NaN at \[0, 1\]"):
        reading.respond([[6.0, np.nan]], reading.start(1))


def test_an_estimate_that_leaves_its_range_is_named_or_clipped(problem, make_tank_filter, tanks, run):
    arguments = {"law": ImplicitMPC(problem), "problem": problem, "setpoint": tanks.output}
    strict = MPCController(estimator=make_tank_filter(), **arguments)
    with pytest.raises(OutsideDomain, match=r"at step \d+, estimated state .*disturbance of pump 1 = 1\."):
        run(strict, tanks, 100, d=[1.4, 0.0])
    clipped = MPCController(estimator=make_tank_filter(), outside=ClippedTheta(), **arguments)
    outputs, _, _ = run(clipped, tanks, 100, d=[1.4, 0.0])
    assert np.abs(outputs[-1] - tanks.output).max() < 1.5


@pytest.mark.parametrize("setpoint", [[6.5, 6.2], [[6.5, 6.2], [6.4, 6.2]], lambda step: [6.5, 6.2 - 0.01 * step]])
def test_a_controller_can_be_built_anew_from_its_own_parts(tracking, setpoint):
    controller = MPCController(ImplicitMPC(tracking), tracking, setpoint=setpoint)
    again = replace(controller, outside=ClippedTheta())
    memory, other, x = controller.start(1), again.start(1), PLAIN.state[None]
    for _ in range(3):
        (u, memory), (v, other) = controller.step(x, memory), again.step(x, other)
        assert np.array_equal(u, v)
