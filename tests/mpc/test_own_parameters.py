"""Parameters of one's own: their place in theta, what they do to cost and limits, the words for what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import (
    Disturbance,
    ImplicitMPC,
    InputBounds,
    InputPolytope,
    LinearCost,
    LinearModel,
    MPCProblem,
    NonlinearMPC,
    OwnParameter,
    ParametricPolytope,
    ProblemError,
    Setpoint,
    StateBounds,
    StatePolytope,
    condense,
    feasibility,
    linearise,
    solve_explicit,
)
from plants import clipped_pendulum

MODEL = LinearModel(
    [[1.0, 0.1], [0.0, 0.9]],
    [0.0, 0.1],
    0.1,
    state=[0.2, -0.1],
    input=[0.3],
    state_names=("level", "flow"),
    state_units=("m", "m/s"),
    input_names=("valve",),
    input_units=("%",),
    C=[[1, 0]],
    output_names=("reading",),
    E=[0.0, 0.05],
    disturbance_names=("rain",),
)
PRICE = OwnParameter("price", -1, 3, unit="EUR")
CEILING = OwnParameter("ceiling", 0.5, 1.5, unit="m")
BELOW = ParametricPolytope([0.0], state=[[1, 0]], parameters={"ceiling": [1]})
BOUGHT = LinearCost(input=0.5, parameter="price")


def problem(**changes):
    arguments = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2), "horizon": 3}
    return MPCProblem(**{"model": MODEL, "state_weight": np.eye(2), "input_weight": 0.1} | arguments | changes)


def program(**changes):
    return condense(problem(**changes))


def test_they_stand_behind_the_other_parts_of_theta_with_names_units_and_ranges():
    full = problem(parameters=(PRICE, Setpoint(-0.5, 1.5), CEILING, Disturbance(-1, 1)))
    assert full.layout.names == ("level", "flow", "setpoint of reading", "rain", "price", "ceiling")
    assert full.layout.units == ("m", "m/s", "", "", "EUR", "m")
    assert np.array(full.layout.bounds)[:, 4:].tolist() == [[-1, 0.5], [3, 1.5]]
    theta = full.theta([1, 2], ceiling=6, price=[5], setpoint=[3], disturbance=[4])
    assert theta.tolist() == [1, 2, 3, 4, 5, 6]
    assert [(full.layout.place(name) @ theta).item() for name in ("price", "ceiling")] == [5, 6]


def test_a_preview_holds_one_value_a_step_up_to_the_last():
    ahead = problem(parameters=(replace(PRICE, preview=True), CEILING))
    assert ahead.layout.names[2:] == (*(f"price at step {k}" for k in range(4)), "ceiling")
    theta = ahead.theta([0, 0], price=[1, 2, 3, 4], ceiling=5)
    assert [(ahead.layout.place("price", k) @ theta).item() for k in range(4)] == [1, 2, 3, 4]
    assert (ahead.layout.place("ceiling", 2) @ theta).item() == 5


def test_any_text_is_a_name():
    odd = problem(parameters=(OwnParameter("heat price", 0, 1), OwnParameter("self", 0, 1)))
    assert odd.theta([0, 0], **{"heat price": 0.5, "self": np.array(0.25)}).tolist() == [0, 0, 0.5, 0.25]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([(), (1,), (4,), (3, 1), (3, 4)]), min_size=2, max_size=2))
def test_values_broadcast_as_arrays_do(leads):
    rng = np.random.default_rng(0)
    x, price = rng.normal(size=(*leads[0], 2)), rng.normal(size=(*leads[1], 1))
    theta = problem(parameters=(PRICE,)).theta(x, price=price)
    assert theta.shape == (*np.broadcast_shapes(*leads), 3)
    assert (theta[..., 2:] == price).all()
    assert (theta[..., :2] == x).all()


numbers = st.floats(-2, 2).map(lambda v: round(v, 3))


@settings(max_examples=25, deadline=None)
@given(st.tuples(numbers, numbers), numbers.filter(bool), numbers.filter(bool), st.booleans())
def test_at_one_price_the_law_is_that_of_the_fixed_cost(state, control, price, previewed):
    moving = LinearCost(state, control, "price")
    fixed = LinearCost(price * np.array(state), price * control)
    free = program(costs=(moving,), parameters=(replace(PRICE, preview=previewed),), discount=0.9)
    held = program(costs=(fixed,), discount=0.9)
    values = np.full(4 if previewed else 1, price)
    x = np.array([0.3, -0.4])
    theta = np.concatenate([x, values])
    np.testing.assert_allclose(free.H, held.H)
    np.testing.assert_allclose(free.f + free.F @ theta, held.f + held.F @ x, atol=1e-12)
    z = np.array([0.1, -0.5, 0.7])
    cost = [float(z @ qp.H @ z / 2 + z @ (qp.f + qp.F @ at) + qp.constant(at)) for qp, at in ((free, theta), (held, x))]
    assert cost[0] == pytest.approx(cost[1], abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 1.5), numbers, numbers, st.booleans())
def test_at_one_value_the_limits_are_those_of_a_fixed_polytope(ceiling, level, moves, previewed):
    given_parameters = (replace(CEILING, preview=previewed),)
    for kind, A, other in (
        ("state", [[2.0, 1.0], [0, -3.0]], StatePolytope),
        ("input", [[-2.0], [1.0]], InputPolytope),
    ):
        limit = ParametricPolytope([level, 1.0], **{kind: A}, parameters={"ceiling": [moves, 0.5]})
        free = program(constraints=(limit,), parameters=given_parameters)
        held = program(constraints=(other(A, [level + moves * ceiling, 1 + 0.5 * ceiling]),))
        theta = np.array([0.3, -0.4, *[ceiling] * (4 if previewed else 1)])
        np.testing.assert_allclose(free.G, held.G)
        np.testing.assert_allclose(free.w + free.S @ theta, held.w + held.S @ theta[:2], atol=1e-12)


def test_each_step_reads_its_own_value():
    ahead = problem(constraints=(BELOW,), parameters=(replace(CEILING, preview=True),))
    S = ahead.rows.S[-3:, 2:]
    np.testing.assert_array_equal(S, np.eye(4)[1:])
    priced = program(costs=(LinearCost(input=2.0, parameter="price"),), parameters=(replace(PRICE, preview=True),))
    np.testing.assert_allclose(priced.F[:, 2:], 2 * np.eye(3, 4))


def test_a_law_of_prices_and_limits_is_that_of_the_problem_with_them_fixed():
    whole = problem(constraints=(BELOW,), costs=(BOUGHT,), parameters=(PRICE, CEILING), horizon=2)
    law = solve_explicit(whole)
    for price, ceiling in ((-0.7, 0.6), (0.0, 1.5), (2.9, 0.9)):
        fixed = problem(
            constraints=(StateBounds(None, [ceiling, None]),), costs=(LinearCost(input=0.5 * price),) * (price != 0),
            horizon=2,
        )  # fmt: skip
        for x in ([0.0, 0.0], [0.5, 0.4], [-1.5, 2.0]):
            assert law(whole.theta(x, price=price, ceiling=ceiling)) == pytest.approx(ImplicitMPC(fixed)(x), abs=1e-9)


def test_explanations_name_them():
    limits = ParametricPolytope([0.25, 0.0], input=[[2.0], [-1]], parameters={"price": [0, 0], "ceiling": [1, 2]})
    both = problem(constraints=(limits, BELOW), parameters=(PRICE, CEILING), horizon=1)
    labels, units = both.rows.labels[-3:], both.rows.units[-3:]
    assert labels == (
        "valve at its upper limit of 0.5 ceiling + 0.125 at step 0",
        "valve at its lower limit of -2 ceiling at step 0",
        "level at its upper limit of ceiling at step 1",
    )
    assert units == ("%", "%", "m")
    explanation = solve_explicit(both).explain(both.theta([1.5, -7], price=2, ceiling=0.5))
    assert "ceiling = 0.5 m" in str(explanation)
    assert "valve at its upper limit of 0.5 ceiling + 0.125 at step 0" in str(explanation)


def test_rows_of_several_components_are_told_as_sums():
    limit = ParametricPolytope([1.0], state=[[1, 0.5]], input=[[-1]], output=[[0]], parameters={"ceiling": [-1]})
    labels = problem(constraints=(limit,), parameters=(CEILING,)).rows.labels[-3:]
    assert labels[1] == "1 level + 0.5 flow - 1 valve at its limit of -1 ceiling + 1 at step 1"
    still = ParametricPolytope([1.0, 2.0], state=[[1, 1], [0, 1]], parameters={"ceiling": [0, 1]})
    assert (
        problem(constraints=(still,), parameters=(CEILING,)).rows.labels[-2]
        == "1 level + 1 flow at its limit of 1 at step 3"
    )


def test_limits_of_inputs_begin_at_step_0_and_those_of_states_at_1():
    for direct, steps in (([0.0], [1, 2, 3]), ([0.5], [0, 1, 2])):
        limit = ParametricPolytope([0.0], output=[[1]], parameters={"ceiling": [1]})
        found = problem(model=replace(MODEL, D=direct), constraints=(limit,), parameters=(CEILING,)).rows.labels[-3:]
        assert [int(label[-1]) for label in found] == steps


def test_what_may_be_claimed_of_such_a_problem():
    found = feasibility(problem(constraints=(BELOW,), parameters=(CEILING,), horizon=2))
    assert found.for_ever is None
    assert not found.recursive
    assert "ceiling" in found.reason


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (lambda: OwnParameter(5, 0, 1), "`OwnParameter name` is 5, but it must be the name of a parameter"),
        (lambda: OwnParameter(" ", 0, 1), "`OwnParameter name` is ' ', but it must be the name"),
        (lambda: OwnParameter("setpoint", 0, 1), "`OwnParameter name` is 'setpoint', which is a part of theta already"),
        (lambda: OwnParameter("price", 0, 1, unit=3), "`OwnParameter unit` is 3, but it must be a text, as in 'K'"),
        (lambda: OwnParameter("price", 0, 1, preview=1), "`OwnParameter preview` is a int, but a bool"),
        (lambda: OwnParameter("flow", 0, 1), "`OwnParameter name` is 'flow', but theta holds 'flow' already; take ano"),
        (lambda: PRICE, "`OwnParameter name` is 'price', but theta holds 'price' already"),
        (lambda: OwnParameter("a", 1, -1), "`OwnParameter a`: the lower bound of a .* is 1, above its upper bound -1"),
        (lambda: OwnParameter("a", 1, 1), "`OwnParameter a` gives a no width: both bounds are 1; widen"),
        (lambda: OwnParameter("a", None, 1), "`OwnParameter a`: a .* is unbounded; give it two finite bounds"),
        (lambda: OwnParameter("a", np.nan, 1), r"`OwnParameter a lower` is NaN at \[0\]"),
        (lambda: OwnParameter("a", [0, 0], [1, 1]), r"`OwnParameter a lower` has shape \(2,\), but \(1,\) is needed"),
        (lambda: OwnParameter("a", 0, 1e300), r"`OwnParameter a upper` holds 1e\+300"),
        (lambda: OwnParameter, "`parameters` entry 1 is the class OwnParameter; make an object of it"),
    ],
)
def test_wrong_parameters_are_named(parameters, words):
    with pytest.raises(ProblemError, match=words):
        problem(parameters=(replace(PRICE, preview=True), parameters()))


def test_names_that_a_preview_makes_may_not_be_taken_either():
    with pytest.raises(ProblemError, match="is 'price', but theta holds 'price at step 1' already"):
        problem(parameters=(OwnParameter("price at step 1", 0, 1), replace(PRICE, preview=True)))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, r"`price` is missing, but theta holds it: theta is \(level, flow, price\)"),
        ({"prise": 1}, r"`prise` was given, but theta does not hold it: theta is \(level, flow, price\)"),
        ({"price": np.nan}, "`price` is NaN"),
        ({"price": [np.inf]}, "`price` is infinite"),
        ({"price": "a"}, "`price` has dtype <U1"),
        ({"price": True}, "`price` has dtype bool"),
        ({"price": [1, 2]}, r"`price` has shape \(2,\), but its last axis must be 1 long \(price\)"),
        ({"price": [[1], [1, 2]]}, "`price` is ragged"),
        ({"price": 1, "setpoint": [1]}, "`setpoint` was given, but theta does not hold it"),
    ],
)
def test_wrong_values_are_named(parts, words):
    with pytest.raises(ProblemError, match=words):
        problem(parameters=(PRICE,)).theta([0, 0], **parts)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (LinearCost(), "`LinearCost` has no `state` or `input` that is not 0: it costs nothing; price one"),
        (LinearCost([0, 0], 0.0, "price"), "`LinearCost` has no `state` or `input`"),
        (LinearCost([1.0], parameter="price"), r"`LinearCost state` has shape \(1,\), but \(2,\) is needed"),
        (LinearCost(1.0, parameter="price"), r"`LinearCost state` has shape \(\), but \(2,\) is needed"),
        (LinearCost(input=[np.nan]), r"`LinearCost input` is NaN at \[0\]"),
        (LinearCost(input=1e200), r"`LinearCost input` holds 1e\+200"),
        (LinearCost(input="high"), "`LinearCost input` has dtype"),
        (LinearCost(input=1, parameter=3), "`LinearCost parameter` is 3, but it must be the name of a parameter"),
        (LinearCost(input=1, parameter="prise"), "`LinearCost parameter` names 'prise'; did you mean 'price'"),
    ],
)
def test_wrong_costs_are_named(cost, words):
    with pytest.raises(ProblemError, match=words):
        problem(costs=(cost,), parameters=(PRICE,))


def test_a_linear_cost_needs_a_quadratic_one_and_its_parameter():
    for norm in (1, np.inf):
        with pytest.raises(ProblemError, match=f"`LinearCost` adds to a quadratic cost; `norm` {norm:g} has none"):
            problem(costs=(BOUGHT,), parameters=(PRICE,), norm=norm)
    words = r"`LinearCost parameter` names 'price', but theta holds no parameter of one's own; pass .*'price', lower"
    with pytest.raises(ProblemError, match=words):
        problem(costs=(BOUGHT,))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"b": 0.0}, r"`ParametricPolytope b` has shape \(\), but \(any,\) is needed"),
        ({"b": [np.inf]}, r"`ParametricPolytope b` is infinite at \[0\]"),
        ({"state": [[1, 0, 0]]}, r"`ParametricPolytope state` has shape \(1, 3\), but \(1, 2\) is needed"),
        ({"input": [[1], [1]]}, r"`ParametricPolytope input` has shape \(2, 1\), but \(1, 1\) is needed"),
        ({"output": [1]}, r"`ParametricPolytope output` has shape \(1,\), but \(1, 1\) is needed"),
        ({"state": None}, "`ParametricPolytope` row 0 holds no state, input or output, .* narrower range instead"),
        ({"state": [[1e200, 0]]}, r"`ParametricPolytope state` holds 1e\+200"),
        ({"parameters": None}, "`ParametricPolytope parameters` is a NoneType, but a Mapping is needed; pass {'ceil"),
        ({"parameters": {}}, "`ParametricPolytope parameters` is empty, so that nothing moves these limits; pass"),
        ({"parameters": {3: [1]}}, "`ParametricPolytope parameters key` is 3, but it must be the name"),
        ({"parameters": {"ceiling": 1}}, r"`ParametricPolytope parameters\['ceiling'\]` has shape \(\), but \(1,\)"),
        ({"parameters": {"ceiling": [np.nan]}}, r"`ParametricPolytope parameters\['ceiling'\]` is NaN"),
        ({"parameters": {"roof": [1]}}, "`ParametricPolytope parameters` names 'roof'; did you mean 'ceiling'"),
        ({"steps": 0}, "`ParametricPolytope steps` names step 0, which no input reaches: the limit acts at steps 1 to"),
        ({"steps": 4}, "`ParametricPolytope steps` names step 4, but within this `horizon` the limit acts at steps 1"),
        ({"steps": "all"}, "`ParametricPolytope steps` is 'all'; pass a step"),
    ],
)
def test_wrong_limits_are_named(changes, words):
    with pytest.raises(ProblemError, match=words):
        problem(constraints=(replace(BELOW, **changes),), parameters=(CEILING,))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parameters": (PRICE,)}, r"`parameters` of the problem \(OwnParameter\) has no nonlinear counterpart yet"),
        (
            {"costs": (LinearCost(input=1.0),)},
            r"`costs` of the problem \(LinearCost\) has no nonlinear",
        ),
    ],
)
def test_nonlinear_mpc_says_that_it_does_not_know_them(changes, words):
    plant = clipped_pendulum()
    linear = MPCProblem(linearise(plant), np.eye(2), 0.1, 3, state_bounds=([-2, -8], [2, 8]), **changes)
    with pytest.raises(ProblemError, match=words):
        NonlinearMPC(plant, linear)


def test_bounds_beside_limits_that_move_stay():
    both = problem(constraints=(BELOW, InputBounds(-1, 1)), parameters=(CEILING,))
    assert both.rows.labels[-1] == "valve at its lower limit -1 % at step 2"
