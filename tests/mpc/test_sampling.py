"""Sampling rules agree with exact solutions, and linearise with finite differences of the plant's own steps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from mpc import ProblemError, discretise, forward_euler, linearise, sampled_map, zero_order_hold
from plants import Plant, QuadraticCost, RungeKutta4, clipped_pendulum


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
        ((clipped_pendulum(), None, "euler"), "`rule` is 'euler', but it must be a function"),
        ((clipped_pendulum(), None, zero_order_hold, "angel"), "`outputs` names 'angel'; did you mean 'angle'"),
        ((clipped_pendulum(), None, zero_order_hold, np.eye(3)), r"`outputs` has shape \(3, 3\), but \(any, 2\)"),
        ((clipped_pendulum(), None, zero_order_hold, 5), r"`outputs` has shape \(\)"),
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
        (
            (np.eye(2), np.ones((2, 1)), 0.1, "tustin"),
            "`rule` is 'tustin', but it must be a function such as zero_order",
        ),
        (([[1e4]], [[1]], 1), r"`A` grows too fast for `sample_time` 1: its fastest eigenvalue is 1e\+04"),
    ],
)
def test_what_has_no_hold(arguments, words):
    with pytest.raises(ProblemError, match=words):
        discretise(*arguments)


def test_forward_euler_is_the_first_order_of_the_hold():
    A, B = np.array([[0.0, 1], [-2, -3]]), np.array([0.0, 1])
    euler, hold = discretise(A, B, 1e-4, forward_euler), discretise(A, B, 1e-4)
    assert np.array_equal(euler[0], np.eye(2) + 1e-4 * A)
    assert np.array_equal(euler[1], 1e-4 * B[:, None])
    for rough, exact in zip(euler, hold, strict=True):
        assert 1e-9 < np.abs(rough - exact).max() < 5e-8
    assert np.array_equal(linearise(tank(), rule=forward_euler).A, [[1 - 0.05, 0], [0.1, 0.9]])


def test_a_rule_of_ones_own():
    def backward_euler(A, B, h):
        implicit = np.linalg.inv(np.eye(len(A)) - h * A)
        return implicit, h * implicit @ B

    assert discretise([[-1.0]], [[1.0]], 1.0, backward_euler)[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "plant",
    [
        tank(),
        tank(integrator=RungeKutta4(4)),
        tank(derivative=None, update=lambda x, u: (0.9 * x[0] + 0.1 * u[0], x[0])),
    ],
)
def test_the_sampled_map_is_the_derivative_of_the_plants_own_step(plant):
    model = linearise(plant, rule=sampled_map)
    A, B = steps(plant, np.array([4.0, 4.0]), np.array([4.0]))
    assert np.allclose(model.A, A, atol=1e-8)
    assert np.allclose(model.B, B, atol=1e-8)


def test_the_sampled_map_nears_the_hold_with_the_integrators_fourth_order():
    exact = linearise(tank(sample_time=0.5)).A
    errors = [
        np.abs(linearise(tank(sample_time=0.5, integrator=RungeKutta4(k)), rule=sampled_map).A - exact).max()
        for k in (1, 2, 4)
    ]
    assert errors[0] < 0.01
    assert 10 < errors[0] / errors[1] < 40
    assert 10 < errors[1] / errors[2] < 40


def test_the_sampled_map_ignores_input_limits_at_which_a_plant_rests():
    plant = tank(input_bounds=([4], [10]))
    assert steps(plant, np.array([4.0, 4.0]), np.array([4.0]))[1][0, 0] == pytest.approx(0.05, rel=0.1)
    assert linearise(plant, rule=sampled_map).B[0, 0] == pytest.approx(0.0975, rel=0.01)


def test_the_pendulums_sampled_map_is_its_semi_implicit_step_by_hand():
    model = linearise(clipped_pendulum(), rule=sampled_map)
    assert np.allclose(model.A, [[1 + 0.05 * 0.75, 0.05], [0.75, 1]])
    assert np.allclose(model.B, [[0.0075], [0.15]])


def test_the_sampled_map_ignores_a_stop_at_which_a_plant_rests():
    plant = replace(clipped_pendulum(angle_stop=1.0), state_bounds=([0, -8], [1, 8]), state_caps=([0, -8], [1, 8]),
                    start_bounds=([0, 0], [0.5, 0]))  # fmt: skip
    assert np.array_equal(linearise(plant, rule=sampled_map).A, linearise(clipped_pendulum(), rule=sampled_map).A)


@pytest.mark.parametrize("outputs", ["taste", ["taste"], np.array([[0.0, 1.0]])])
def test_outputs_by_name_or_by_matrix(outputs):
    model = linearise(tank(), outputs=outputs)
    assert model.C.tolist() == [[0, 1]]
    assert model.output.tolist() == [4]
    named = not isinstance(outputs, np.ndarray)
    assert (model.output_names, model.output_units) == ((("taste",), ("",)) if named else (("output0",), ("",)))
    assert model.is_detectable
