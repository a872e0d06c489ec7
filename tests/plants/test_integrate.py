"""Integrators against exact solutions and against each other."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from plants import PlantError, RungeKutta4, SemiImplicitEuler, clipped_pendulum

UNSTOPPED = replace(clipped_pendulum(), state_caps=None, angles=())


def exact(plant, state, entry):
    """One sample period by an adaptive method to 1e-13."""
    motion = solve_ivp(
        lambda _, x: plant.derivatives(x, entry), (0, plant.sample_time), state, rtol=1e-13, atol=1e-13, method="DOP853"
    )
    return motion.y[:, -1]


@pytest.mark.parametrize(("method", "order"), [(RungeKutta4, 4), (None, 1)])
def test_the_error_of_one_second_falls_with_the_order_of_the_method(method, order):
    state, entry = np.array([1.0, -0.5]), np.array([1.2])
    steps = [32, 64, 128, 256]
    wanted = exact(replace(UNSTOPPED, sample_time=1.0), state, entry)
    errors = []
    for count in steps:
        euler = SemiImplicitEuler(positions=("angle",), rates=("rate",))
        plant = replace(UNSTOPPED, sample_time=1 / count, integrator=method() if method else euler)
        x = state
        for _ in range(count):
            x = plant.step(x, entry)
        errors.append(np.abs(x - wanted).max())
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(slopes[-1], order, atol=0.2)


@given(st.integers(1, 6))
def test_substeps_are_shorter_steps(substeps):
    fine = replace(UNSTOPPED, integrator=RungeKutta4(substeps))
    short = replace(UNSTOPPED, integrator=RungeKutta4(), sample_time=UNSTOPPED.sample_time / substeps)
    x = np.array([0.4, -1.0])
    for _ in range(substeps):
        x = short.step(x, [1.5])
    np.testing.assert_allclose(fine.step([0.4, -1.0], [1.5]), x, atol=1e-12)


@given(st.floats(-3, 3), st.floats(-7, 7), st.floats(-2, 2))
def test_semi_implicit_euler_moves_positions_with_the_new_rates(angle, rate, torque):
    new_rate = rate + 0.05 * (15 * np.sin(angle) + 3 * torque)
    after = UNSTOPPED.step([angle, rate], [torque])
    np.testing.assert_allclose(after, [angle + 0.05 * new_rate, new_rate], atol=1e-12)


def test_semi_implicit_euler_pairs_states_in_any_order(spring):
    A = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [-4, 1, 0, 0], [1, -3, 0, 0]])
    order = [2, 1, 0, 3]  # speed 1, position 2, position 1, speed 2
    names = np.array(["position 1", "position 2", "speed 1", "speed 2"])
    common = {
        "state_units": ["m", "m", "m/s", "m/s"],
        "state_bounds": ([-5] * 4, [5] * 4),
        "equilibrium": ([0] * 4, [0]),
        "start_bounds": ([-1] * 4, [1] * 4),
        "integrator": SemiImplicitEuler(["position 1", "position 2"], ["speed 1", "speed 2"]),
        "cost": replace(spring().cost, state_weight=np.eye(4), state_target=np.zeros(4)),
    }
    sorted_plant = spring(**common, state_names=names.tolist(), derivative=lambda x, u: casadi.DM(A) @ x + u[0])
    mixed = A[np.ix_(order, order)]
    mixed_plant = spring(
        **common, state_names=names[order].tolist(), derivative=lambda x, u: casadi.DM(mixed) @ x + u[0]
    )
    x = np.array([0.3, -0.4, 0.8, 0.1])
    np.testing.assert_allclose(mixed_plant.step(x[order], [0.0]), sorted_plant.step(x, [0.0])[order], atol=1e-13)


def test_semi_implicit_euler_keeps_energy_bounded_where_plain_euler_gains_it(spring):
    plant = spring(
        derivative=lambda x, u: (x[1], -4 * x[0] + u[0] - u[0]), integrator=SemiImplicitEuler("position", "speed")
    )
    x, energies = np.array([1.0, 0.0]), []
    for _ in range(2000):
        x = plant.step(x, [0])
        energies.append(2 * x[0] ** 2 + x[1] ** 2 / 2)
    assert 1.7 < min(energies) <= max(energies) < 2.3


def test_a_rate_cap_acts_on_the_position_and_a_position_cap_stops_the_rate(spring):
    plant = spring(
        derivative=lambda x, u: (x[1], 100 * u[0]),
        integrator=SemiImplicitEuler("position", "speed"),
        state_caps=([-2, None], [None, 3]),
    )
    np.testing.assert_allclose(plant.step([0, 0], [1]), [0.3, 3], atol=1e-15)
    assert plant.step([-1.5, 0], [-1]).tolist() == [-2, 0]
    assert plant.step([-2, 0], [1])[1] == 3


@pytest.mark.parametrize("substeps", [0, -1, 1.5, True])
def test_substeps_are_whole_and_positive(substeps):
    with pytest.raises(PlantError, match="`substeps` is"):
        RungeKutta4(substeps)


def test_unpaired_names_are_refused():
    with pytest.raises(PlantError, match="2 `positions` but 1 `rates`"):
        SemiImplicitEuler(["position", "angle"], ["speed"])


def test_more_substeps_than_an_expression_holds_are_refused_at_once():
    with pytest.raises(
        PlantError, match=r"`substeps` is 100000000000, above the limit of 1000, .* shorter sample_time"
    ):
        RungeKutta4(10**11)


@pytest.mark.parametrize("names", [3, None, [0], {"angle"}])
def test_positions_and_rates_are_names(names):
    with pytest.raises(PlantError, match="`positions` "):
        SemiImplicitEuler(names, "rate")
    with pytest.raises(PlantError, match="`rates` "):
        SemiImplicitEuler("angle", names)


def test_many_substeps_are_held_as_calls_of_one_and_give_the_same_numbers(weighted_spring):
    assert (RungeKutta4(64).symbols, RungeKutta4(16).symbols) == (casadi.MX, casadi.SX)
    many = weighted_spring(integrator=RungeKutta4(64), sample_time=0.4)
    few = weighted_spring(integrator=RungeKutta4(16), sample_time=0.1)
    x, u, other = np.array([[0.3, -1.0], [-0.4, 0.2]]), np.array([[0.5], [-1.0]]), np.array([[7.0, 0.5, 0.2]] * 2)
    own, changed = x, x
    for _ in range(4):
        own, changed = few.step_rows(own, u), few.step_rows(changed, u, other)
    np.testing.assert_allclose(many.step_rows(x, u), own, atol=1e-13)
    np.testing.assert_allclose(many.step_rows(x, u, other), changed, atol=1e-13)
    assert np.abs(own - changed).min() > 0.01
