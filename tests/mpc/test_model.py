"""A linear model is whole at birth; linearise and discretise agree with finite differences and with exact solutions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mpc import LinearModel, ProblemError, discretise, linearise
from plants import Plant, QuadraticCost, clipped_pendulum


def tank(**changes) -> Plant:
    """A tank that drains, with an inflow; the equilibrium is far from the origin."""
    arguments = {
        "name": "tank",
        "derivative": lambda x, u: (u[0] - 2 * x[0] ** 0.5, x[0] - x[1]),
        "state_names": ["level", "taste"],
        "state_units": ["m", "-"],
        "input_names": ["inflow"],
        "input_units": ["m3/h"],
        "state_bounds": ([0.5, 0.5], [9, 9]),
        "input_bounds": ([0], [10]),
        "equilibrium": ([4, 4], [4]),
        "sample_time": 0.1,
        "time_unit": "h",
        "cost": QuadraticCost(np.eye(2), 1.0, [4, 4], [4]),
        "start_bounds": ([3, 3], [5, 5]),
    }
    return Plant(**arguments | changes)


def steps(plant, state, control, size=1e-6):
    """Central differences of one step."""
    n, m = plant.n, plant.m
    A = [plant.step(state + size * e, control) - plant.step(state - size * e, control) for e in np.eye(n)]
    B = [plant.step(state, control + size * e) - plant.step(state, control - size * e) for e in np.eye(m)]
    return np.array(A).T / (2 * size), np.array(B).T / (2 * size)


def test_linearise_agrees_with_differences_of_fine_steps():
    plant = tank()
    model = linearise(plant)
    A, B = steps(plant, *map(np.array, ([4.0, 4.0], [4.0])))
    assert np.allclose(model.A, A, atol=1e-6)
    assert np.allclose(model.B, B, atol=1e-6)
    assert (model.state_names, model.state_units) == (("level", "taste"), ("m", ""))
    assert (model.input_names, model.input_units, model.time_unit) == (("inflow",), ("m3/h",), "h")
    assert (model.state.tolist(), model.input.tolist(), model.sample_time) == ([4, 4], [4], 0.1)


def test_linearise_elsewhere_and_at_no_steady_state():
    model = linearise(tank(), at=([1, 1], [2]))
    assert model.A[0, 0] == pytest.approx(np.exp(-0.1))
    assert model.state.tolist() == [1, 1]
    with pytest.raises(ProblemError, match=r"`at` is no steady state: level moves by .* where the plant rests"):
        linearise(tank(), at=([1, 1], [4]))


def test_a_plant_given_by_its_next_state_is_taken_as_it_is():
    plant = tank(derivative=None, update=lambda x, u: (0.9 * x[0] + 0.1 * u[0], x[0]))
    model = linearise(plant)
    assert np.allclose(model.A, [[0.9, 0], [1, 0]])
    assert np.allclose(model.B, [[0.1], [0]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pendulum",), "`plant` is a str; pass a Plant"),
        ((clipped_pendulum(), 3), r"`at` is 3, but it must be a pair \(state, input\)"),
        ((clipped_pendulum(), ([0, 0],)), "must be a pair"),
        ((clipped_pendulum(), ([0, 0, 0], [0])), r"`at state` has shape \(3,\)"),
        ((clipped_pendulum(), ([0, 0], [np.nan])), "`at input` is NaN"),
    ],
)
def test_what_cannot_be_linearised(arguments, words):
    with pytest.raises(ProblemError, match=words):
        linearise(*arguments)


@given(st.integers(0, 2**32 - 1))
def test_zero_order_hold_is_the_exact_solution(seed):
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 4), generator.integers(1, 3)
    drift, inputs, period = generator.normal(size=(n, n)), generator.normal(size=(n, m)), generator.uniform(0.01, 1)
    A, B = discretise(drift, inputs, period)
    x, u = generator.normal(size=n), generator.normal(size=m)
    exact = solve_ivp(lambda _, y: drift @ y + inputs @ u, (0, period), x, rtol=1e-10, atol=1e-12).y[:, -1]
    assert np.allclose(A @ x + B @ u, exact, rtol=1e-7, atol=1e-8)


def test_an_integrator_has_its_known_hold():
    A, B = discretise([[0, 1], [0, 0]], [[0], [1]], 0.5)
    assert np.allclose(A, [[1, 0.5], [0, 1]])
    assert np.allclose(B, [[0.125], [0.5]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.ones((2, 3)), np.ones((2, 1)), 1), r"`A` has shape \(2, 3\), but it must be square"),
        ((np.eye(2), np.ones((3, 1)), 1), r"`B` has shape \(3, 1\)"),
        ((np.eye(2), np.ones((2, 1)), 0), "`sample_time` is 0, but it must be positive"),
        ((np.eye(2), np.ones((2, 1)), np.nan), "`sample_time` is NaN"),
    ],
)
def test_what_has_no_hold(arguments, words):
    with pytest.raises(ProblemError, match=words):
        discretise(*arguments)


def test_a_model_steps_around_its_operating_point():
    model = LinearModel([[0.5, 0], [0, 1]], [1, 2], 0.1, state=[10, 20], input=[3])
    assert model.step([10, 20], [3]).tolist() == [10, 20]
    assert model.step([12, 20], [4]).tolist() == [12, 22]
    batch = model.step(np.ones((4, 7, 2)), np.ones((4, 7, 1)))
    assert batch.shape == (4, 7, 2)
    assert batch[2, 3] == pytest.approx(model.step([1, 1], [1]))
    assert model.B.shape == (2, 1)
    assert repr(model) == "LinearModel(2 states, 1 inputs, every 0.1 s, spectral radius 1)"


def test_names_are_plain_unless_given():
    model = LinearModel(np.eye(2), np.eye(2), 1)
    assert (model.state_names, model.state_units) == (("state0", "state1"), ("", ""))
    assert LinearModel([[1]], [[1]], 1, input_names="torque").input_names == ("torque",)


def test_arguments_are_copied_and_read_only():
    A = np.eye(2)
    model = LinearModel(A, [0, 1], 0.1)
    A[0, 0] = 7
    assert model.A[0, 0] == 1
    for array in (model.A, model.B, model.state, model.input):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"A": [[1, 0], [np.nan, 1]]}, r"`A` is NaN at \[1, 0\]"),
        ({"A": [[1, 0], [np.inf, 1]]}, r"`A` is infinite at \[1, 0\]"),
        ({"A": np.ones((2, 3))}, r"`A` has shape \(2, 3\), but it must be square"),
        ({"A": [1, 2]}, r"`A` has shape \(2,\)"),
        ({"A": [["a", "b"], ["c", "d"]]}, "`A` has dtype"),
        ({"A": np.eye(2, dtype=object)}, "`A` has dtype object"),
        ({"A": np.eye(2, dtype=bool)}, "`A` has dtype bool"),
        ({"A": np.eye(2) * 1j}, "`A` has dtype complex"),
        ({"A": [[1, 0], [1]]}, "`A` is ragged"),
        ({"B": [[1, 2]]}, r"`B` has shape \(1, 2\), but `A` has 2 states: pass \(2, inputs\)"),
        ({"B": np.zeros((2, 0))}, r"`B` has shape \(2, 0\)"),
        ({"B": 1.0}, r"`B` has shape \(\)"),
        ({"B": [0, np.nan]}, "`B` is NaN"),
        ({"sample_time": 0}, "`sample_time` is 0, but it must be positive"),
        ({"sample_time": -0.05}, "`sample_time` is -0.05, but it must be positive"),
        ({"sample_time": np.nan}, "`sample_time` is NaN"),
        ({"sample_time": None}, r"continuous model was passed where a discrete one.*mpc\.discretise"),
        ({"sample_time": "fast"}, "`sample_time` has dtype"),
        ({"state": [1]}, r"`state` has shape \(1,\), but \(2,\) is needed"),
        ({"input": [np.inf]}, "`input` is infinite"),
        ({"state_names": ("one",)}, "`state_names` has 1 entries, but the model has 2"),
        ({"input_units": ("V", "A")}, "`input_units` has 2 entries, but the model has 1"),
        ({"state_names": 5}, "`state_names` is 5, but it must be a sequence of texts"),
    ],
)
def test_what_is_no_model_is_named(changes, words):
    with pytest.raises(ProblemError, match=words):
        LinearModel(**{"A": np.eye(2), "B": [0, 1], "sample_time": 0.1} | changes)


@pytest.mark.parametrize("decades", [0, 3, 6])
def test_stabilisability_does_not_depend_on_units(decades):
    unit = np.diag([10.0**decades, 10.0**-decades])
    A, B = np.array([[1.0188, 0.0503], [0.7547, 1.0188]]), np.array([[0.0038], [0.1509]])
    back = np.linalg.inv(unit)
    assert LinearModel(unit @ A @ back, unit @ B, 0.05).unstabilisable_mode() is None
    # along the growing mode (left eigenvector) this input does nothing
    values, vectors = np.linalg.eig(A.T)
    left = vectors[:, values.argmax()]
    B = np.array([[-left[1]], [left[0]]])
    assert LinearModel(unit @ A @ back, unit @ B, 0.05).unstabilisable_mode() == pytest.approx(values.max())


def test_a_discount_changes_what_must_be_stabilised():
    model = LinearModel(np.diag([1.02, 0.5]), [0, 1], 1)
    assert model.unstabilisable_mode() == pytest.approx(1.02)
    assert model.unstabilisable_mode(0.9) is None
