"""The nonlinear controller: the plant's own equations, checked plans, and memory that makes it quick."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    ImplicitMPC,
    LinearModel,
    MPCProblem,
    MultiStart,
    NonlinearMPC,
    NumericalError,
    OutsideDomain,
    ProblemError,
    RepeatPlan,
    SingleStart,
    SoftBounds,
    StateBounds,
    linearise,
)
from plants import Plant, QuadraticCost, clipped_pendulum, simulate

HARD = np.array([[0.45, 0.0], [-0.45, 0.0]])
DYNAMIC_PROGRAMMING = 123.9  # cost of 200 steps from +-0.45, on a grid of 801 x 401 states and 13 torques


@pytest.fixture(scope="module")
def pendulum():
    return clipped_pendulum()


@pytest.fixture(scope="module")
def swinger(pendulum):
    return NonlinearMPC(pendulum, horizon=60, guesses=MultiStart(lines=5))


@pytest.fixture(scope="module")
def steady(pendulum):
    """The swinger's program from one guess, which is quick."""
    return NonlinearMPC(pendulum, horizon=60, guesses=SingleStart())


@pytest.fixture(scope="module")
def problem(pendulum):
    limits = {"state_bounds": pendulum.state_bounds, "input_bounds": pendulum.input_bounds}
    return MPCProblem(linearise(pendulum), np.diag([1, 0.1]), 0.001, 20, **limits)


@pytest.fixture(scope="module")
def keeper(pendulum, problem):
    return NonlinearMPC(pendulum, problem)


@pytest.fixture(scope="module")
def impatient(pendulum):
    """The swinger's program, but no time to solve it."""
    return NonlinearMPC(pendulum, horizon=60, max_iterations=1, guesses=SingleStart(), on_failure=RepeatPlan(most=3))


def linear_plant(model, **changes):
    """The model as a plant whose update is x+ = A x + B u."""
    A, B = model.A, model.B
    arguments = {
        "name": "linear",
        "update": lambda x, u: [sum(A[i, j] * x[j] for j in range(2)) + B[i, 0] * u[0] for i in range(2)],
        "state_names": ("angle", "rate"),
        "state_units": ("rad", "rad/s"),
        "input_names": ("torque",),
        "input_units": ("N m",),
        "state_bounds": ([-2, -8], [2, 8]),
        "input_bounds": ([-2], [2]),
        "equilibrium": ([0, 0], [0]),
        "sample_time": model.sample_time,
        "cost": QuadraticCost(np.diag([1, 0.1]), 0.001, [0, 0], [0]),
        "start_bounds": ([-0.5, 0], [0.5, 0]),
    }
    return Plant(**arguments | changes)


@pytest.mark.parametrize(("discount", "count", "reach"), [(1.0, 50, 1.0), (0.9, 10, 0.4)])
def test_on_a_linear_plant_it_is_the_linear_controller(pendulum_problem, discount, count, reach):
    problem = pendulum_problem(horizon=10, discount=discount)
    online = ImplicitMPC(problem)
    nonlinear = NonlinearMPC(linear_plant(problem.model), problem, guesses=SingleStart())
    generator, compared, saturated = np.random.default_rng(0), 0, 0
    while compared < count:
        x = reach * generator.uniform([-0.5, -2], [0.5, 2])
        try:
            expected = online(x)
        except OutsideDomain:
            with pytest.raises(OutsideDomain, match="no plan within all limits was found"):
                nonlinear(x)
            continue
        assert nonlinear(x) == pytest.approx(expected, abs=1e-6)
        compared += 1
        saturated += abs(expected[0]) > 2 - 1e-9
    assert 0.2 * compared <= saturated < 0.9 * compared


def test_a_plan_is_what_the_plant_will_do(pendulum, swinger):
    x = np.array([3.1, 2.0])  # the angle soon passes pi
    plan = swinger.plan(x)
    assert plan.states[0] == pytest.approx(x)
    assert plan.states[:, 0].max() > np.pi
    after = pendulum.step(pendulum.wrap(plan.states[:-1]), plan.inputs)
    slow = np.abs(after[:, 1]) < 7.9
    assert slow.sum() > 50
    assert (pendulum.wrap(plan.states[1:]) - after)[slow] == pytest.approx(0, abs=1e-8)
    assert plan.cost == pytest.approx(swinger.goal.cost(plan.states, plan.inputs))
    assert pendulum.cost.stage(plan.states[:-1], plan.inputs).sum() < plan.cost


def test_hard_starts_cost_no_more_than_dynamic_programming(pendulum, swinger):
    run = simulate(pendulum, swinger, HARD)
    assert run.total_cost == pytest.approx([DYNAMIC_PROGRAMMING] * 2, abs=0.05)
    assert all(status.success and status.warm for status in swinger.last)


def test_easy_starts_cost_less_than_under_linear_control(pendulum, problem, keeper):
    starts = np.array([[0.1, 0], [-0.2, 0], [0.3, 0], [0.35, 0]])
    linear = simulate(pendulum, ImplicitMPC(problem), starts, 60).total_cost
    nonlinear = simulate(pendulum, keeper, starts, 60).total_cost
    assert (nonlinear < linear).all()
    assert nonlinear == pytest.approx(linear, rel=0.02)


def work(controller):
    return controller.last[0].iterations, controller.last[0].seconds


def test_memory_saves_work_and_changes_nothing(pendulum, steady):
    x, memory = np.array([[0.3, 0.0], [-0.2, 1.0]]), steady.start(2)
    warm, cold = np.zeros((2, 2))  # iterations and seconds
    for step in range(6):
        u, memory = steady.step(x, memory)
        if step:
            assert all(status.warm for status in steady.last)
            warm += work(steady)
        assert u == pytest.approx(steady(x), abs=1e-6)
        if step:
            cold += work(steady)
        x = pendulum.step(x, u)
    assert warm[0] < cold[0] / 2
    assert warm[1] < cold[1]


def test_a_plan_goes_on_where_its_angle_wraps(pendulum, swinger):
    x, memory, costs, iterations = np.array([[3.0, 2.0]]), swinger.start(1), [], []
    for _ in range(4):
        u, memory = swinger.step(x, memory)
        costs.append(swinger.last[0].cost)
        iterations.append(swinger.last[0].iterations)
        x = pendulum.step(x, u)
    assert x[0, 0] < 0
    assert max(iterations[1:]) < 10
    assert (np.diff(costs) < 0).all()


@pytest.mark.parametrize("lead", [(), (3,), (2, 2), (0,)])
def test_batches(steady, lead):
    x = np.random.default_rng(1).uniform(-0.2, 0.2, (*lead, 2))
    u = steady(x)
    assert u.shape == (*lead, 1)
    assert len(steady.last) == int(np.prod(lead))
    for index in np.ndindex(*lead):
        assert (u[index] == steady(x[index])).all()


def test_more_guesses_find_the_way_round(pendulum, swinger, steady):
    try:
        alone = steady.plan(HARD[0]).cost
    except NumericalError:
        alone = np.inf
    assert swinger.plan(HARD[0]).cost < 0.6 * alone
    every = NonlinearMPC(pendulum, horizon=15, guesses=MultiStart(lines=1, random=2), every_step=True)
    _, memory = every.step(HARD, every.start(2))
    assert [status.guesses for status in every.last] == [5, 5]
    every.step(HARD, memory)
    assert [status.guesses for status in every.last] == [6, 6]


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (-1, "`weight` of SoftBounds is -1, but one number above 0, or one for each state, is needed"),
        (0, "`weight` of SoftBounds is 0, but one number above 0"),
        ([[1.0]], "`weight` of SoftBounds is"),
        (np.nan, "`weight of SoftBounds` is NaN"),
        ("x", "`weight of SoftBounds` has dtype"),
    ],
)
def test_a_weight_of_soft_bounds_is_checked_at_birth(weight, words):
    with pytest.raises(ProblemError, match=words):
        SoftBounds(weight)


THREADS = """
import threading
from mpc import NonlinearMPC, SingleStart
from plants import clipped_pendulum
controllers = [NonlinearMPC(clipped_pendulum(), horizon=10, guesses=SingleStart()) for _ in range(2)]
alone, wrong = {x: controllers[0]([x, 0]).item() for x in (0.02, 0.04)}, []

def run(x):
    for i in range(20):
        if controllers[i % 2]([x, 0]).item() != alone[x]:
            wrong.append(x)

threads = [threading.Thread(target=run, args=(x,), daemon=True) for x in alone]
[t.start() for t in threads]
[t.join(60) for t in threads]
print("wrong", len(wrong), "alive", sum(t.is_alive() for t in threads))
"""


def test_threads_that_share_controllers_get_the_answers_of_one():
    ran = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "wrong 0 alive 0\n")


def test_soft_bounds_give_way_only_where_they_must(pendulum, problem, keeper):
    soft = NonlinearMPC(pendulum, problem, soft=SoftBounds(weight=[1e4, 1e3]), guesses=SingleStart())
    assert soft([0.3, 0.0]) == pytest.approx(keeper([0.3, 0.0]), abs=1e-6)
    with pytest.raises(OutsideDomain, match="start inside, pass soft=SoftBounds"):
        keeper([0.45, 1.0])
    plan = soft.plan([0.45, 1.0])
    assert plan.inputs[0] == pytest.approx(-2)
    beyond = np.maximum(np.abs(plan.states[1:]) - [2, 8], 0).sum(axis=0)
    assert beyond[0] > 0.1
    assert plan.cost == pytest.approx(soft.goal.cost(plan.states, plan.inputs) + beyond @ [1e4, 1e3], rel=1e-6)


def test_own_limits_of_a_plant_are_kept(pendulum):
    limited = replace(pendulum, safe_limits=([-1, None], [1, None]))
    plan = NonlinearMPC(limited, horizon=20, guesses=SingleStart()).plan([0.35, 0.3])
    assert np.abs(plan.states[:, 0]).max() <= 1
    tight = NonlinearMPC(limited, horizon=20, guesses=SingleStart(), state_bounds=([-0.36, None], [0.36, 1.0]))
    plan = tight.plan([0.35, 0.1])
    assert plan.states[:, 0].max() == pytest.approx(0.36, abs=2e-2)
    assert plan.states[:, 0].max() <= 0.36 + 1e-7


def test_weights_and_discount_of_the_plants_own_cost(pendulum):
    controller = NonlinearMPC(pendulum, horizon=3, discount=0.5, terminal_weight=np.eye(2), guesses=SingleStart())
    plan = controller.plan([0.1, 0.2])
    stages = pendulum.cost.stage(plan.states[:-1], plan.inputs)
    assert plan.cost == pytest.approx(stages @ [1, 0.5, 0.25] + 0.125 * (plan.states[-1] ** 2).sum())


def test_where_no_plan_is_found_the_last_one_goes_on_counted(steady, impatient):
    x = np.array([[0.3, 0.0]])
    first, memory = steady.step(x, steady.start(1))
    plan = memory[0].solution
    x += [[0.1, 0.5]]  # far from the plan
    for count in (1, 2, 3):
        u, memory = impatient.step(x, memory)
        assert u == pytest.approx(plan.inputs[count : count + 1])
        [status] = impatient.last
        assert (status.success, status.repeated) == (False, count)
        assert "Maximum_Iterations_Exceeded" in status.message
    with pytest.raises(NumericalError, match="no plan stands its check"):
        impatient.step(x, memory)
    assert first == pytest.approx(plan.inputs[:1])


def test_without_a_plan_there_is_nothing_to_repeat(impatient):
    words = (
        r"state \(angle = 0.3, rate = 0\): no plan stands its check: violation .*, residual .* \(IPOPT: "
        r"Maximum_Iterations_Exceeded after 1 iterations, the best of 1 attempts\); raise `max_iterations`"
    )
    with pytest.raises(NumericalError, match=words):
        impatient.step([[0.3, 0.0]], impatient.start(1))
    with pytest.raises(NumericalError, match=words):
        impatient([0.3, 0.0])


class Liar:
    """A solver that says it succeeded and returns its first guess, or worse."""

    def __init__(self, entry):
        self.entry = entry

    def __call__(self, x0, lbg, **_):
        x0[-3:] = self.entry
        return {"x": x0, "lam_x": np.zeros(len(x0)), "lam_g": np.zeros(len(lbg))}

    def stats(self):
        return {"return_status": "Solve_Succeeded", "iter_count": 1, "success": True}


@pytest.mark.parametrize("entry", [0.5, 5.0, np.nan])
def test_the_solvers_flag_is_not_trusted(pendulum, monkeypatch, entry):
    controller = NonlinearMPC(pendulum, horizon=3, guesses=SingleStart())
    monkeypatch.setattr(controller._solver, "_cold", Liar(entry))
    with pytest.raises(NumericalError, match=r"no plan stands its check: violation .* \(IPOPT: Solve_Succeeded"):
        controller([0.1, 0.0])


def test_a_feasible_plan_that_is_no_minimum_is_refused(pendulum, monkeypatch):
    controller = NonlinearMPC(pendulum, horizon=1, guesses=SingleStart())
    solver = controller._solver
    x, inputs = np.array([0.1, 0.0]), np.array([[0.5]])
    states = solver.rollout(x, inputs)
    fake = Liar(0)
    monkeypatch.setattr(type(fake), "__call__", lambda self, x0, lbg, **_: {"x": x0, "lam_x": 0 * x0, "lam_g": 0 * lbg})
    monkeypatch.setattr(solver, "_cold", fake)
    solution = solver.solve(x, states, inputs)
    assert solution.feasible
    assert not solution.solved


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "neither `problem` nor `horizon` was given; pass an MPCProblem, or a horizon in steps"),
        ({"horizon": 0}, "`horizon` is 0, but it must be at least 1"),
        ({"horizon": 5, "discount": 1.5}, "`discount` is 1.5, but it must be at most 1"),
        ({"horizon": 5, "terminal_weight": np.eye(3)}, "`terminal_weight` has shape"),
        ({"horizon": 5, "state_bounds": ([1, 0], [1, 1])}, "leave angle no room: 1 to 1"),
        ({"horizon": 5, "max_iterations": 0}, "`max_iterations` is 0, but it must be at least 1"),
        ({"horizon": 5, "guesses": "many"}, "`guesses` is str, .*; pass MultiStart"),
        ({"horizon": 5, "guesses": MultiStart}, "`guesses` is MultiStart, .* of an object; pass MultiStart"),
        ({"horizon": 5, "on_failure": 3}, "`on_failure` is int, .*; pass RepeatPlan"),
        ({"horizon": 5, "soft": 1e4}, "`soft` is a float, .*; pass SoftBounds"),
        ({"horizon": 5, "soft": SoftBounds([1, 2, 3])}, "`weight` of SoftBounds has 3 entries, but the plant 2 states"),
        (
            {"horizon": 10**6},
            "`horizon` 1000000 with 2 states, 1 inputs and 0 slacks a step makes 3000002 variables, more than the size "
            "limit 20000; shorten it, or raise `max_variables`",
        ),
        ({"horizon": 5, "max_variables": 16}, "makes 17 variables, more than the size limit 16"),
        (
            {"horizon": 5, "soft": SoftBounds(), "state_bounds": ([-1, None], [1, None]), "max_variables": 26},
            "2 states, 1 inputs and 2 slacks a step makes 27 variables",
        ),
        ({"horizon": 5, "max_variables": 0}, "`max_variables` is 0, but it must be at least 1"),
        ({"horizon": 5, "every_step": 1}, "`every_step` is a int, .*; pass True or False"),
        ({"problem": 3}, "`problem` is a int, but a MPCProblem is needed"),
    ],
)
def test_arguments_that_do_not_fit(pendulum, arguments, words):
    with pytest.raises(ProblemError, match=words):
        NonlinearMPC(pendulum, **arguments)


@pytest.mark.parametrize(
    ("rule", "arguments", "words"),
    [
        (MultiStart, {"lines": 0}, "`lines` is 0, but it must be at least 1"),
        (MultiStart, {"random": -1}, "`random` is -1, but it must be at least 0"),
        (MultiStart, {"seed": 0.5}, "`seed` is 0.5, but it must be a whole number"),
        (RepeatPlan, {"most": 0}, "`most` is 0, but it must be at least 1"),
    ],
)
def test_rules_that_do_not_fit(rule, arguments, words):
    with pytest.raises(ProblemError, match=words):
        rule(**arguments)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"constraints": (StateBounds([-1, -8], [1, 8]),)}, r"`constraints` of the problem \(StateBounds\) has no non"),
        ({"norm": 1}, r"`norm` of the problem \(1\.0\) has no nonlinear counterpart yet; leave it out .*norm=2"),
        ({"input_bounds": (3, 4)}, "give torque the range 3 to 4, of which the plant's -2 to 2 leave nothing"),
    ],
)
def test_problems_that_cannot_be_carried_over(pendulum, problem, changes, words):
    with pytest.raises(ProblemError, match=words):
        NonlinearMPC(pendulum, replace(problem, **changes))


def test_a_problem_and_a_plant_that_do_not_go_together(pendulum, problem):
    with pytest.raises(ProblemError, match=r"`horizon` and `problem` were both given, .*replace"):
        NonlinearMPC(pendulum, problem, 30)
    slow = replace(problem, model=replace(problem.model, sample_time=0.1))
    with pytest.raises(ProblemError, match=r"`problem` has the sample time 0.1, but the plant .* has 0.05"):
        NonlinearMPC(pendulum, slow)
    wide = MPCProblem(
        LinearModel(problem.model.A, np.eye(2), 0.05), np.eye(2), np.eye(2), 2, state_bounds=([-2, -8], [2, 8])
    )
    with pytest.raises(ProblemError, match=r"`problem` has 2 states and 2 inputs, but the plant .* has 2 and 1"):
        NonlinearMPC(pendulum, wide)
    with pytest.raises(ProblemError, match="`plant` is a MPCProblem, but a Plant is needed"):
        NonlinearMPC(problem)
    blind = replace(pendulum, cost=QuadraticCost(np.zeros((2, 2)), 1.0, [0, 0], [0]))
    with pytest.raises(ProblemError, match=r"`terminal_weight` is None, but .*; or pass `terminal_weight`"):
        NonlinearMPC(blind, horizon=5)


def test_states_that_do_not_fit(steady):
    with pytest.raises(ProblemError, match="`x` is NaN"):
        steady([np.nan, 0])
    with pytest.raises(ProblemError, match=r"one state \(2,\) is needed; plan for each"):
        steady.plan(HARD)
    with pytest.raises(ProblemError, match=r"`x` has shape \(2, 2\), but the memory has 1 rows; pass one state"):
        steady.step(HARD, steady.start(1))
    assert repr(steady) == "NonlinearMPC('clipped pendulum', horizon 60, discount 1)"


def test_it_prints_nothing_and_do_mpc_waits_until_it_is_needed():
    code = (
        "import sys, mpc; assert 'do_mpc' not in sys.modules; from plants import clipped_pendulum\n"
        "mpc.NonlinearMPC(clipped_pendulum(), horizon=5)([0.1, 0.0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
