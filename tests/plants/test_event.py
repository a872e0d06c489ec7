"""What ends an episode besides time and limits, and that it is charged once."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from casadi import SX

from plants import Event, Plant, PlantError, QuadraticCost, StageCost, simulate


def crawler(cost, **changes):
    """x+ = x + u, unsafe beyond 2."""
    usual = {
        "name": "crawler",
        "update": lambda x, u: [x[0] + u[0]],
        "state_names": ["way"],
        "state_units": ["m"],
        "input_names": ["move"],
        "input_units": ["m"],
        "state_bounds": ([-3], [3]),
        "input_bounds": ([-1], [1]),
        "equilibrium": ([0], [0]),
        "sample_time": 1.0,
        "safe_limits": ([-2], [2]),
        "cost": cost,
        "start_bounds": ([-1], [1]),
    }
    return Plant(**usual | changes)


ARRIVED = Event("arrived", lambda x: x[0] - 0.95, cost=-10)
COSTS = [
    QuadraticCost(1, 0, [0], [0], violation_penalty=100, event=ARRIVED),
    StageCost(lambda x, u: x[0] ** 2, 1, 1, violation_penalty=100, event=ARRIVED),
]


@pytest.mark.parametrize("cost", COSTS)
def test_it_ends_the_episode_and_is_charged_once(cost):
    run = simulate(crawler(cost), lambda x: np.full_like(x, 0.25), [[0.0], [0.5], [-0.5]], steps=6)
    assert run.finished.tolist() == [True, True, True]
    assert run.ended_at.tolist() == [4, 2, 6]
    assert not run.unsafe.any()
    np.testing.assert_allclose(run.costs[0], [0, 0.0625, 0.25, 0.5625 - 10, 0, 0])
    np.testing.assert_allclose(run.costs[1], [0.25, 0.5625 - 10, 0, 0, 0, 0])
    np.testing.assert_allclose(run.states[1, 2:], 1)
    assert run.total_cost[2] == pytest.approx(sum((0.25 * k - 0.5) ** 2 for k in range(6)) - 10)
    assert "3 finished" in repr(run)


@pytest.mark.parametrize("cost", COSTS)
def test_where_it_does_not_happen_it_costs_nothing(cost):
    run = simulate(crawler(cost), lambda x: 0 * x, [[0.5]], steps=3)
    assert not run.finished.any()
    assert run.costs.tolist() == [[0.25, 0.25, 0.25]]


@pytest.mark.parametrize("cost", COSTS)
def test_an_unsafe_end_is_no_finish(cost):
    """A step from 1.5 to 2.5 passes the event's line and the safe limit at once."""
    late = replace(cost, event=Event("arrived", lambda x: x[0] - 2.1, cost=-10))
    run = simulate(crawler(late), lambda x: 0 * x + 1, [[1.5]], steps=3)
    assert (run.unsafe.all(), run.finished.any()) == (True, False)
    np.testing.assert_allclose(run.costs, [[1.5**2 + 100, 0, 0]])


def test_it_is_looked_for_after_each_step_and_0_is_not_above_0():
    event = Event("there", lambda x: x[0] - 1)
    cost = QuadraticCost(0, 0, [0], [0], event=event)
    run = simulate(crawler(cost), lambda x: 0 * x, [[1.0], [1.25]], steps=3)
    assert run.ended_at.tolist() == [3, 1]
    assert event.rows(np.array([[1.0], [1.5], [np.nan]])).tolist() == [False, True, False]


def test_conditions_may_be_joined():
    event = Event("docked", lambda x: ca.logic_and(ca.fabs(x[0]) < 0.1, ca.fabs(x[1]) < 0.2))
    assert event.rows(np.array([[0.0, 0.0], [0.05, 0.3], [0.5, 0.0]])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Event("", lambda x: x[0]), "name of an Event"),
        (lambda: Event("done", 3), "`when` of the event 'done' is 3, but a function of the state is needed"),
        (lambda: Event("done", lambda x: x[0], np.inf), "`cost of the event 'done'` is infinite"),
        (lambda: fitted(lambda x: x), "`when` of the event 'done' returns 2 entries, but 1 is needed; return one"),
        (lambda: fitted(lambda x: x[4]), "`when` of the event 'done' fails on CasADi symbols"),
        (lambda: fitted(lambda x: x[0] + SX.sym("goal")), "'done' uses symbols that it was not given: goal"),
        (lambda: QuadraticCost(1, 1, [0], [0], event=lambda x: x), r"but an Event\(name, when\) or None is needed"),
    ],
)
def test_what_is_no_event_is_refused(make, words):
    with pytest.raises(PlantError, match=words):
        make()


def fitted(when):
    return QuadraticCost(np.eye(2), 1, [0, 0], [0], event=Event("done", when))


def test_an_expression_that_cannot_be_hashed_is_refused():
    class Goal:  # noqa: PLW1641  the point
        def __eq__(self, other):
            return True

        def __call__(self, x):
            return x[0]

    with pytest.raises(PlantError, match="Goal that cannot be hashed"):
        QuadraticCost(1, 1, [1], [1], event=Event("there", Goal()))
