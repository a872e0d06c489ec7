"""What the law reads besides the state: its place in theta, and the words for what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import Disturbance, LinearModel, MoveBounds, MoveWeight, MPCProblem, PreviousInput, ProblemError, Setpoint

MODEL = LinearModel(
    [[1.0, 0.1], [0.0, 0.9]],
    [0.0, 0.1],
    0.1,
    state_names=("level", "flow"),
    input_names=("valve",),
    C=[[1, 0]],
    output_names=("level",),
    output_units=("m",),
    E=[0.0, 0.05],
    disturbance_names=("rain",),
)


def problem(**changes):
    arguments = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2), "horizon": 3}
    return MPCProblem(**{"model": MODEL, "state_weight": np.eye(2), "input_weight": 0.1} | arguments | changes)


def test_theta_is_state_previous_input_setpoint_and_disturbance():
    full = problem(parameters=(Disturbance(-1, 1), Setpoint(-0.5, 1.5)), costs=(MoveWeight(0.1),))
    assert full.layout.names == ("level", "flow", "previous valve", "setpoint of level", "rain")
    assert full.layout.units[3] == "m"
    assert np.array(full.layout.bounds).tolist() == [[-2, -8, -2, -0.5, -1], [2, 8, 2, 1.5, 1]]
    theta = full.theta([1, 2], previous_input=[3], setpoint=[4], disturbance=[5])
    assert theta.tolist() == [1, 2, 3, 4, 5]
    assert full.parameters[0].preview is False


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([(), (1,), (4,), (3, 1), (3, 4)]), min_size=3, max_size=3))
def test_the_parts_of_theta_broadcast_as_arrays_do(leads):
    full = problem(parameters=(Disturbance(-1, 1),), constraints=(MoveBounds(-1, 1),))
    rng = np.random.default_rng(0)
    x, u, d = (rng.normal(size=(*lead, size)) for lead, size in zip(leads, (2, 1, 1), strict=True))
    theta = full.theta(x, previous_input=u, disturbance=d)
    lead = np.broadcast_shapes(*leads)
    assert theta.shape == (*lead, 4)
    for part, columns in ((x, slice(0, 2)), (u, slice(2, 3)), (d, slice(3, 4))):
        assert (theta[..., columns] == np.broadcast_to(part, (*lead, part.shape[-1]))).all()


def test_a_preview_holds_one_value_a_step():
    ahead = problem(parameters=(Setpoint(-1, 1, preview=True), Disturbance(-1, 1, preview=True)))
    names = [f"setpoint of level at step {k}" for k in (1, 2, 3)] + [f"rain at step {k}" for k in (0, 1, 2)]
    assert list(ahead.layout.names[2:]) == names
    theta = ahead.theta([0, 0], setpoint=[1, 2, 3], disturbance=[4, 5, 6])
    assert [(ahead.layout.place("disturbance", k) @ theta).item() for k in range(3)] == [4, 5, 6]
    assert [(ahead.layout.place("setpoint", k) @ theta).item() for k in range(3)] == [1, 2, 3]


def test_a_fixed_setpoint_stays_out_of_theta():
    for value in (0.5, [0.5]):
        assert problem(parameters=(Setpoint(value),)).layout.names == ("level", "flow")


def test_the_previous_input_comes_with_moves_and_goes_with_them():
    moving = problem(costs=(MoveWeight(1.0),))
    assert moving.parameters == ()
    assert replace(moving, costs=()).layout.names == ("level", "flow")
    assert np.array(replace(moving, input_bounds=(-3, 4)).layout.bounds)[:, 2].tolist() == [-3, 4]
    half = problem(costs=(MoveWeight(1.0),), input_bounds=(None, 2), parameters=(PreviousInput(-7),))
    assert np.array(half.layout.bounds)[:, 2].tolist() == [-7, 2]


SIDES = [
    (-1, np.nan, "`{} upper` is NaN at \\[0\\]"),
    (1, -1, "`{}`: the lower bound of .* is 1, above its upper bound -1; swap"),
    (1, 1, "`{}` gives .* no width: both bounds are 1; widen"),
    ([-1, -1], [1, 1], "`{} lower` has shape \\(2,\\), but \\(1,\\) is needed"),
    ("a", "b", "`{} lower` has dtype <U1; pass real numbers"),
    (-np.inf, 1, "`{}`: .* is unbounded; give it two finite bounds"),
    (np.inf, np.inf, "`{}`: the lower bound of .* is \\+inf; swap the sign"),
    (np.array([None]), 1, "`{} lower` has dtype object"),
    ([], [], "`{} lower` has shape \\(0,\\)"),
    (True, False, "`{} lower` has dtype bool"),
]


@pytest.mark.parametrize("kind", [Setpoint, Disturbance, PreviousInput])
@pytest.mark.parametrize(("lower", "upper", "words"), SIDES)
def test_wrong_ranges_are_named(kind, lower, upper, words):
    with pytest.raises(ProblemError, match=words.format(kind.__name__)):
        problem(parameters=(kind(lower, upper),))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (lambda: Setpoint(-1, 1), "`parameters` is a Setpoint, but a Sequence is needed; pass a tuple"),
        (lambda: None, "`parameters` is a NoneType"),
        (lambda: (5,), "`parameters` entry 0 is a int; pass Setpoint, Disturbance, PreviousInput or OwnParameter"),
        (lambda: (Setpoint,), "`parameters` entry 0 is the class Setpoint; make an object"),
        (lambda: (Setpoint(0), Setpoint(-1, 1)), "`parameters` holds two Setpoint; give it once"),
        (lambda: (Setpoint(-1, 1, outputs="lvel"),), "`Setpoint outputs` names 'lvel'; did you mean 'level'"),
        (lambda: (Setpoint(-1, 1, outputs=5),), "`Setpoint outputs` is a int, .* name the outputs"),
        (lambda: (Setpoint([0, 0], [1, 1], outputs=("level",) * 2),), "names 'level' at 0 and 1; once will do"),
        (lambda: (Setpoint(-1, 1, preview="yes"),), "`Setpoint preview` is a str, but a bool"),
        (lambda: (Disturbance(-1, 1, preview=1),), "`Disturbance preview` is a int, but a bool"),
        (lambda: (Setpoint(1, preview=True),), "`Setpoint preview` is True, but `upper` is None"),
        (lambda: (Setpoint([np.nan]),), r"`Setpoint` is NaN at \[0\]"),
        (lambda: (Setpoint([1, 2]),), r"`Setpoint` has shape \(2,\), but \(1,\) is needed"),
    ],
)
def test_wrong_parameters_are_named(parameters, words):
    with pytest.raises(ProblemError, match=words):
        problem(parameters=parameters())


def test_a_disturbance_needs_one_in_the_model():
    with pytest.raises(ProblemError, match=r"`Disturbance` was given, but the model has none; pass LinearModel.*E="):
        problem(
            model=replace(MODEL, E=None, F=None, disturbance=None, disturbance_names=(), disturbance_units=()),
            parameters=(Disturbance(-1, 1),),
        )


@pytest.mark.parametrize("bounds", [None, (None, 2), (-2, None)])
def test_moves_need_a_range_of_the_previous_input(bounds):
    with pytest.raises(ProblemError, match=r"whose range is unbounded: give finite `input_bounds`, or .*PreviousInput"):
        problem(input_bounds=bounds, constraints=(MoveBounds(-1, 1),))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"state": [0, 0]},
            r"`previous_input` is missing, but theta holds it: theta is \(level, flow, previous valve\)",
        ),
        ({"state": None, "previous_input": [0]}, "`state` is missing"),
        ({"state": [0, 0], "previous_input": [0], "setpoint": [0]}, "`setpoint` was given, but theta does not hold it"),
        ({"state": [0, np.nan], "previous_input": [0]}, r"`state` is NaN at \[1\]"),
        ({"state": [0, 0], "previous_input": [np.inf]}, r"`previous_input` is infinite at \[0\]"),
        ({"state": "ab", "previous_input": [0]}, "`state` has dtype <U2"),
        ({"state": [0], "previous_input": [0]}, r"`state` has shape \(1,\), .* must be 2 long \(level, flow\)"),
        ({"state": [[0, 0], [0]], "previous_input": [0]}, "`state` is ragged"),
        (
            {"state": np.zeros((3, 2)), "previous_input": np.zeros((2, 1))},
            r"do not fit one another: `state` \(3, 2\), `previous_input` \(2, 1\)",
        ),
    ],
)
def test_wrong_parts_of_theta_are_named(parts, words):
    with pytest.raises(ProblemError, match=words):
        problem(costs=(MoveWeight(0.1),)).theta(**parts)
