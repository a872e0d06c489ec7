"""The quadratic cost against its formula, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plants import PlantError, QuadraticCost

Q, R = np.array([[2, 0.5], [0.5, 1]]), np.array([[0.1]])
COST = QuadraticCost(Q, R, state_target=[1, -1], input_target=[0.5], violation_penalty=7)
NUMBERS = st.floats(-1e3, 1e3)


@given(arrays(np.float64, (3, 4, 2), elements=NUMBERS), arrays(np.float64, (3, 4, 1), elements=NUMBERS))
def test_the_stage_cost_is_its_formula_on_every_row(x, u):
    dx, du = x - [1, -1], u - 0.5
    wanted = np.einsum("...i,ij,...j", dx, Q, dx) + np.einsum("...i,ij,...j", du, R, du)
    np.testing.assert_allclose(COST.stage(x, u), wanted, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(COST(x, u), COST.stage(x, u))
    np.testing.assert_allclose(COST(x[0, 0], u[0, 0]), wanted[0, 0], rtol=1e-12, atol=1e-9)


def test_it_is_zero_at_the_target_and_leaves_out_the_penalty():
    assert COST([1, -1], [0.5]) == 0
    assert COST.violation_penalty == 7


def test_a_cost_leaves_its_arguments_alone_and_its_own_arrays_are_read_only():
    turning = QuadraticCost(np.eye(2), 1, [0, 0], [0], angles=(0,))
    x = np.array([4.0, 0.0])
    turning.stage_rows(x, np.zeros(1))
    assert x[0] == 4
    for array in (COST.state_weight, COST.input_weight, COST.state_target, COST.input_target):
        assert not array.flags.writeable


@given(st.floats(-20, 20), st.floats(-3, 3))
def test_an_angle_is_measured_on_the_circle(angle, target):
    cost = QuadraticCost(1, 1, [target], [0], angles=(0,))
    shortest = np.angle(np.exp(1j * (angle - target)))
    np.testing.assert_allclose(cost([angle], [0]), shortest**2, atol=1e-9)


def test_its_text_is_one_line():
    assert repr(COST) == "QuadraticCost(diag Q=[2.0, 1.0], diag R=[0.1], violation_penalty=7)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state_weight": [1, 1]}, r"`state_weight` has shape \(2,\), but \(2, 2\).*np.diag"),
        ({"state_weight": 1}, r"`state_weight` has shape \(\), but \(2, 2\)"),
        ({"state_weight": np.ones((2, 3))}, r"`state_weight` has shape \(2, 3\)"),
        ({"state_weight": [[1, 1], [0, 1]]}, "`state_weight` is not symmetric.* by 1;"),
        ({"state_weight": [[1, 2], [2, 1]]}, "`state_weight` has the eigenvalue -1"),
        ({"state_weight": [[1, np.nan], [0, 1]]}, r"`state_weight` is NaN at \[0, 1\]"),
        ({"state_weight": [["a", "b"], ["c", "d"]]}, "`state_weight` has dtype"),
        ({"input_weight": -0.1}, "`input_weight` has the eigenvalue -0.1"),
        ({"input_weight": np.eye(2)}, r"`input_weight` has shape \(2, 2\), but \(1, 1\)"),
        ({"state_target": 0}, r"`state_target` has shape \(\)"),
        ({"input_target": [np.inf]}, "`input_target` is infinite"),
        ({"violation_penalty": -1}, "`violation_penalty` is -1, but it must be at least 0"),
        ({"violation_penalty": np.nan}, "`violation_penalty` is NaN"),
        ({"angles": (2,)}, "`angles` has index 2, but there are 2 states"),
        ({"angles": ("angle",)}, "`angles` is 'angle'"),
        ({"angles": 0}, r"`angles` is a int, but a Sequence is needed; .* \(0,\)"),
        ({"angles": None}, "`angles` is a NoneType"),
        ({"angles": np.array(0)}, "`angles` is a int"),
        ({"angles": np.eye(2)}, r"`angles` is \[1.0, 0.0\]"),
    ],
)
def test_a_cost_that_is_none_is_refused(change, words):
    arguments = {"state_weight": Q, "input_weight": R, "state_target": [0, 0], "input_target": [0]}
    with pytest.raises(PlantError, match=words):
        QuadraticCost(**arguments | change)


@pytest.mark.parametrize(
    ("x", "u", "words"),
    [
        ([1, 2, 3], [0], r"`x` has shape \(3,\)"),
        ([1, 2], [0, 1], r"`u` has shape \(2,\)"),
        ([1, np.nan], [0], r"`x` is NaN"),
        (np.zeros((3, 2)), np.zeros((2, 1)), r"leading axes \(3,\) and \(2,\)"),
    ],
)
def test_bad_points_are_refused(x, u, words):
    with pytest.raises(PlantError, match=words):
        COST(x, u)


def test_targets_without_entries_are_refused():
    with pytest.raises(PlantError, match="`state_target` is empty"):
        QuadraticCost(np.empty((0, 0)), 1, [], [1])
