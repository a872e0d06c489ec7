"""A cost of one's own: one formula for batches, expressions, plants, copies; and what it refuses."""

import copy
import pickle
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from casadi import SX
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plants import Event, PlantError, QuadraticCost, StageCost, clipped_pendulum, on_circle, simulate


def swing(x, u):
    return 1 - ca.cos(x[0]) + 0.05 * x[1] ** 2 + 0.0005 * u[0] ** 2


def barrier(x, u):
    return -ca.log(1 - x[0]) + u[0] ** 2


def far(x):
    return x[0] - 1


COST = StageCost(swing, 2, 1, violation_penalty=7)
NUMBERS = st.floats(-1e3, 1e3)
PENDULUM = clipped_pendulum()


@given(arrays(np.float64, (3, 4, 2), elements=NUMBERS), arrays(np.float64, (3, 4, 1), elements=NUMBERS))
def test_the_stage_cost_is_its_formula_on_every_row(x, u):
    wanted = 1 - np.cos(x[..., 0]) + 0.05 * x[..., 1] ** 2 + 0.0005 * u[..., 0] ** 2
    np.testing.assert_allclose(COST.stage(x, u), wanted, rtol=1e-13, atol=1e-12)
    np.testing.assert_array_equal(COST(x, u), COST.stage_rows(x, u))
    np.testing.assert_array_equal(COST(x[1, 2], u[1, 2]), COST(x, u)[1, 2])


@pytest.mark.parametrize("kind", [SX, ca.MX])
def test_the_expression_is_the_same_formula(kind):
    x, u = kind.sym("x", 2), kind.sym("u", 1)
    function = ca.Function("cost", [x, u], [COST.expression(x, u)])
    assert float(function([0.3, -2], [1.5])) == COST([0.3, -2], [1.5])


def test_the_same_quadratic_by_hand_costs_the_same_everywhere():
    own = StageCost(lambda x, u: on_circle(x[0]) ** 2 + 0.1 * x[1] ** 2 + 0.001 * u[0] ** 2, 2, 1)
    starts, law = [[0.4, 0.0], [3.0, 1.0]], lambda x: -5 * x[..., :1]
    runs = [simulate(plant, law, starts, 100) for plant in (PENDULUM, replace(PENDULUM, cost=own))]
    np.testing.assert_allclose(runs[0].costs, runs[1].costs, rtol=1e-12, atol=1e-14)


@given(st.floats(-50, 50))
def test_on_circle_is_the_shortest_way_round(angle):
    assert float(on_circle(ca.DM(angle))) == pytest.approx(np.angle(np.exp(1j * angle)), abs=1e-12)


def test_a_copy_costs_the_same():
    full = StageCost(swing, 2, 1, 7, Event("far", far, -2), far)
    for other in (pickle.loads(pickle.dumps(full)), copy.deepcopy(full), replace(full, event=None)):
        assert other.violation_penalty == 7
        assert other([0.3, -2], [1.5]) == full([0.3, -2], [1.5])
        assert other.terminal is far
    assert replace(full, event=None).event is None
    assert replace(full, formula=lambda x, u: x[0] + u[0])([3, 0], [4]) == 7
    assert pickle.loads(pickle.dumps(replace(PENDULUM, cost=full))).cost.event == Event("far", far, -2)


def test_its_text_is_one_line():
    assert repr(COST) == "StageCost(swing, n=2, m=1, violation_penalty=7)"
    assert repr(replace(COST, event=Event("far", far))).endswith("violation_penalty=7, event='far')")


def test_a_constant_is_a_cost_and_a_terminal_is_an_expression_that_nobody_charges():
    free = StageCost(lambda x, u: 3.0, 2, 1, terminal=lambda x: 5 * x[1])
    np.testing.assert_array_equal(free(np.zeros((4, 2)), np.zeros((4, 1))), [3, 3, 3, 3])
    assert float(ca.DM(free.terminal_expression(np.array([0.0, 2.0])))) == 10
    assert COST.terminal_expression(np.zeros(2)) is None
    run = simulate(replace(PENDULUM, cost=free), lambda x: x[..., :1], [[0.1, 0]], 5)
    assert run.total_cost == 15


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"formula": lambda x, u: np.exp(float(x[0]))}, "`formula` returns nan whatever it is given.*one CasADi expr"),
        (
            {"formula": lambda x, u: 1 / 0},
            "`formula` fails on CasADi symbols: ZeroDivisionError",
        ),
        ({"formula": lambda x: x[0]}, "`formula` fails on CasADi symbols: TypeError.*takes 1 positional"),
        ({"formula": lambda x, u: x[5]}, "`formula` fails on CasADi symbols"),
        ({"formula": lambda x, u: x}, "`formula` returns 2 entries, but 1 is needed"),
        ({"formula": lambda x, u: None}, "`formula` fails on CasADi symbols"),
        ({"formula": lambda x, u: x[0] * SX.sym("price")}, "symbols that it was not given: price"),
        ({"formula": 3}, "`formula` of a StageCost is 3, but a function of x and u is needed"),
        ({"terminal": 3}, "`terminal` of a StageCost is 3, but a function of x is needed"),
        ({"terminal": lambda x: x}, "`terminal` returns 2 entries"),
        ({"n": 0}, "`n` is 0, but it must be at least 1"),
        ({"m": 1.0}, "`m` is 1.0, but it must be a whole number"),
        ({"violation_penalty": -1}, "`violation_penalty` is -1, but it must be at least 0"),
        ({"event": "docked"}, r"`event` is 'docked', but an Event\(name, when\) or None"),
    ],
)
def test_a_cost_that_is_none_is_refused(change, words):
    with pytest.raises(PlantError, match=words):
        StageCost(**{"formula": swing, "n": 2, "m": 1} | change)


@pytest.mark.parametrize(
    ("x", "u", "words"),
    [([1, 2, 3], [0], r"`x` has shape \(3,\)"), ([0, 0], [np.nan], "`u` is NaN"), ([0, 0], [[0, 0]], "`u` has shape")],
)
def test_points_that_do_not_fit_are_refused(x, u, words):
    with pytest.raises(PlantError, match=words):
        COST.stage(x, u)


def test_a_cost_that_is_not_finite_says_where(spring):
    cost = StageCost(barrier, 2, 1)
    with pytest.raises(PlantError, match=r"barrier is inf at x = \[1. 0.\], u = \[0.\].*fmax\(room, 1e-6\)"):
        cost([[0.5, 0], [1, 0]], [[0], [0]])
    with pytest.raises(PlantError, match="barrier is nan at x = "):
        simulate(spring(cost=cost), lambda x: x[..., :1] * 0, [[1.5, 0]], 5)
    assert simulate(spring(cost=cost), lambda x: x[..., :1] * 0, [[0.5, 0]], 5).total_cost > 0


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (StageCost(lambda x, u: ca.log(x[0]), 2, 1), r"`cost` is -inf at the plant's operating point, state \[0. 0.\]"),
        (StageCost(swing, 2, 1, terminal=lambda x: 1 / x[0]), "`terminal` of the cost is inf at the plant's"),
        (StageCost(lambda x, u: x[0], 3, 1), "is one of 3 states, but the plant has 2"),
        (StageCost(lambda x, u: x[0], 2, 2), "is one of 2 inputs, but the plant has 1"),
        (StageCost(lambda x, u: x[0] ** 2, 2, 1), r"angle is .* one turn on.*on_circle\(x\[0\] - target\)"),
        (QuadraticCost(1, 1, [0], [0]), "state_target of 1 entries"),
        (swing, "`cost` is function, but a cost is needed: a QuadraticCost, or a StageCost"),
    ],
)
def test_a_cost_that_does_not_fit_the_plant_is_refused(cost, words):
    with pytest.raises(PlantError, match=words):
        replace(PENDULUM, cost=cost)
    with pytest.raises(PlantError, match=words):
        simulate(PENDULUM, lambda x: x[..., :1], [[0.1, 0]], 5, cost)


def test_a_formula_of_a_billion_states_is_refused_at_once():
    with pytest.raises(PlantError, match="`n` = 1000000000"):
        StageCost(lambda x, u: x[0], 10**9, 1)
