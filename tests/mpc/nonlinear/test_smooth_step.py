"""The step that is optimised is the plant's own, away from caps to the last digits, and smooth at them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.nonlinear.smooth_step import BAND, smooth_step
from plants import Plant, QuadraticCost, RungeKutta4, clipped_pendulum


def tank(**changes):
    """A level with a cap on both sides and a temperature with none."""
    arguments = {
        "name": "tank",
        "derivative": lambda x, u: (u[0] - 0.1 * x[0] ** 3, -0.2 * x[1] + x[0]),
        "state_names": ("level", "temperature"),
        "state_units": ("m", "K"),
        "input_names": ("flow",),
        "input_units": ("m/s",),
        "state_bounds": ([-5, -100], [5, 100]),
        "input_bounds": ([-50], [50]),
        "equilibrium": ([0, 0], [0]),
        "sample_time": 0.1,
        "state_caps": ([-4, None], [4, None]),
        "integrator": RungeKutta4(substeps=2),
        "cost": QuadraticCost(np.eye(2), 1.0, [0, 0], [0]),
        "start_bounds": ([-1, -1], [1, 1]),
    }
    return Plant(**arguments | changes)


def capped_map():
    return tank(derivative=None, update=lambda x, u: (0.9 * x[0] + 0.1 * u[0], 0.5 * x[1] + x[0]))


PLANTS = {"pendulum": clipped_pendulum(), "stop": clipped_pendulum(1.0), "tank": tank(), "map": capped_map()}
STEPS = {name: smooth_step(plant) for name, plant in PLANTS.items()}


def after(name, x, u):
    return np.asarray(STEPS[name](x, u)).ravel()


@pytest.mark.parametrize("name", PLANTS)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_the_plants_step_up_to_the_rounded_caps(name, seed):
    plant, generator = PLANTS[name], np.random.default_rng(seed)
    lower, upper = (np.clip(b, -5, 5) for b in plant.state_bounds)
    x, u = generator.uniform(lower, upper), generator.uniform(*plant.input_bounds)
    x = np.clip(x, *plant.state_caps)
    expected, found = plant.step(x, u), plant.wrap(after(name, x, u))
    cap = np.abs(plant.state_caps[1])
    gap = np.where(cap < 1e9, cap, np.inf) - np.abs(expected)
    gap[list(plant.angle_indices)] = np.inf
    if (gap > BAND * cap).all():
        assert found == pytest.approx(expected, abs=1e-12)
    elif name != "stop":  # there the rate depends on the cap of the angle
        assert found == pytest.approx(expected, abs=BAND * cap.min() / 4 + 1e-9)


def test_beyond_a_cap_it_stays_there_and_a_stop_stops():
    assert after("tank", [3.9, 0], [50])[0] == 4
    assert after("tank", [-3.9, 0], [-50])[0] == -4
    assert after("map", [3.9, 0], [50])[0] == 4
    assert after("pendulum", [0.5, 8.0], [2]) == pytest.approx([0.9, 8.0])
    assert after("pendulum", [3.1, 7.0], [0])[0] > np.pi
    assert after("stop", [0.99, 5.0], [2]) == pytest.approx([1.0, 0.0])
    assert after("stop", [-0.99, -5.0], [2]) == pytest.approx([-1.0, 0.0])


def test_corners_are_rounded_without_a_jump():
    levels = np.linspace(3.9, 4.1, 2001)
    found = np.array([after("map", [0.0, 0.0], [10 * level])[0] for level in levels])
    slope = np.diff(found) / np.diff(levels)
    assert (slope >= -1e-9).all()
    assert (slope <= 1 + 1e-9).all()
    assert np.abs(np.diff(slope)).max() < 2e-3
    assert found - np.minimum(levels, 4) == pytest.approx(0, abs=BAND * 4 / 4 + 1e-9)
