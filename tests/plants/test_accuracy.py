"""The stated accuracy of integrators: against exact solutions, and for every plant of the package."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator

from plants import CVODES, IntegrationError, PlantError, RungeKutta4, integration_error
from plants.accuracy import EXACT
from plants.registry import PLANTS

LARGEST = {"Pendulum": 0.2, "SafetyCSTR": 1e-6, "JacketedCSTR": 1e-5, "FourTanks": 1e-4, "ExtractionColumn": 1e-3}


@pytest.mark.parametrize("name", PLANTS)
def test_every_plant_of_the_package_states_its_accuracy(name):
    error = integration_error(load_env_creator(PLANTS[name])(), points=100, episodes=4, steps=20)
    assert error.gave_up == 0
    assert 0 < error.step < LARGEST.get(name, 1e-3)
    assert 0 < error.episode < LARGEST.get(name, 1e-3)


def test_the_reference_meets_an_exact_solution(spring):
    """Without damping and force: a turn of the plane."""
    plant = spring(derivative=lambda x, u: (2 * x[1], -2 * x[0] + 0 * u[0]), sample_time=1.0, integrator=EXACT)
    cosine, sine = np.cos(2.0), np.sin(2.0)
    x = plant.sample_starts(np.random.default_rng(0), 20)
    np.testing.assert_allclose(plant.step(x, [0.0]), x @ np.array([[cosine, -sine], [sine, cosine]]), atol=1e-7)


def test_the_gap_of_a_step_is_the_worst_in_half_widths(spring):
    """Two states of widths 4 and 6, one of which the coarse method gets wrong by a known amount."""
    plant = spring(derivative=lambda x, u: (0 * x[0] + 3 * u[0], -x[1]), sample_time=0.5, integrator=RungeKutta4())
    h = 0.5
    ratio = 1 - h + h**2 / 2 - h**3 / 6 + h**4 / 24
    error = integration_error(plant, points=2000, episodes=1, steps=1)
    assert error.step == pytest.approx(3 * abs(ratio - np.exp(-h)) / 3, rel=0.01)
    assert integration_error(replace(plant, integrator=CVODES(1e-11, 1e-11)), 50, 2, 3).step < 1e-8


def test_the_gap_of_an_episode_falls_with_the_order_of_the_method(spring):
    gaps = [integration_error(spring(integrator=RungeKutta4(k)), 1, 5, 40) for k in (1, 2)]
    assert gaps[0].episode > gaps[0].step
    assert np.log2(gaps[0].episode / gaps[1].episode) == pytest.approx(4, abs=0.3)


def test_angles_are_compared_on_the_circle(spring):
    """All end within rounding of the lowest point, on whichever side of pi."""
    falling = spring(
        derivative=lambda x, u: (300 * casadi.sin(x[0]) + 0 * u[0], -x[1]),
        angles=["position"],
        state_units=["rad", "m/s"],
        state_bounds=([-np.pi, -3], [np.pi, 3]),
        integrator=RungeKutta4(100),
    )
    assert integration_error(falling, 100, 5, 10).step < 1e-6


def test_points_that_run_away_are_counted_and_left_out(spring):
    plant = spring(derivative=lambda x, u: (x[0] ** 3 + 0 * u[0], -x[1]), sample_time=0.3, integrator=RungeKutta4(64))
    error = integration_error(plant, points=300, episodes=3, steps=5)
    assert 20 < error.gave_up < 200
    assert np.isfinite([error.step, error.episode]).all()


def test_a_plant_given_by_its_next_state_is_exact(spring):
    plant = spring(derivative=None, update=lambda x, u: (0.9 * x[0] + 0.1 * x[1], 0.8 * x[1] + u[0]))
    assert integration_error(plant, 7, 3, 9) == IntegrationError(0.0, 0.0, 7, 3, 9)


def test_it_follows_from_the_seed(spring):
    assert integration_error(spring(), seed=1) == integration_error(spring(), seed=1)
    assert integration_error(spring(), seed=1) != integration_error(spring(), seed=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"points": 0}, "`points` is 0"),
        ({"episodes": 1.5}, "`episodes` is 1.5"),
        ({"steps": -1}, "`steps` is -1"),
        ({"seed": None}, "`seed` is None"),
        ({"points": 10**12}, "above the limit of"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(spring, settings, words):
    with pytest.raises(PlantError, match=words):
        integration_error(spring(), **settings)


def test_anything_else_than_a_plant_is_refused():
    with pytest.raises(PlantError, match="`plant` is a int, but a Plant is needed; pass the Plant to measure"):
        integration_error(3)
