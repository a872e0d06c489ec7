"""Rest is asked of each state in its own unit: the answer does not depend on what else there is, or on the units."""

import casadi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants import Plant, PlantError, QuadraticCost, check_plant, check_steady, clipped_pendulum
from plants.equilibrium import state_scales

RATE, REST = np.array([0.5, 0.2]), np.array([3.0, 0.4])


def nudged(angle):
    return REST + np.array([0, angle])


def tank(units=(1.0, 1.0), at=REST, **changes):
    """Two states that fall back to rest, written in `units` that are so many of the first ones."""
    size = np.array(units)
    x, span = np.array(at) / size, 2 / size
    arguments = {
        "name": "tank",
        "derivative": lambda x, u: [RATE[i] * (REST[i] / size[i] - x[i]) + u[0] / size[i] for i in range(2)],
        "state_names": ["pressure", "angle"],
        "state_units": ["Pa", "rad"],
        "input_names": ["flow"],
        "input_units": ["m3/s"],
        "state_bounds": (x - span, x + span),
        "input_bounds": ([-1], [1]),
        "equilibrium": (x, [0]),
        "sample_time": 0.1,
        "cost": QuadraticCost(np.eye(2), 1, x, [0]),
        "start_bounds": (x - span / 2, x + span / 2),
    }
    return Plant(**arguments | changes)


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_units_decide_nothing(first, second):
    units = (10.0**first, 10.0**second)
    tank(units)
    tank(units, at=nudged(1e-5))  # moves by 2e-7 in a sample: a tenth of a millionth of 2
    with pytest.raises(PlantError, match=r"no steady state: angle moves by .* 0.0005 of its scale"):
        tank(units, at=nudged(0.05))


def test_a_large_state_hides_no_small_one():
    with pytest.raises(PlantError, match=r"angle moves by -0.002 rad .* 0.001 of its scale 2 .* tolerance 1e-06"):
        tank(units=(1e-5, 1.0), at=nudged(0.1))


def test_scales_are_half_bounds_else_half_starts_else_the_state_itself():
    scales = [
        state_scales(tank(**changes), np.array([3.0, 0.0]))
        for changes in (
            {},
            {"state_bounds": ([None, None], [9, None])},
            {"state_bounds": (None, None), "start_bounds": (REST, REST)},
        )
    ]
    np.testing.assert_allclose(scales, [[2, 2], [1, 1], [3, 1]])


def test_an_update_turns_angles_on_the_circle():
    plant = clipped_pendulum()
    whole_turn = {"derivative": None, "update": lambda x, u: (x[0] + 2 * np.pi, x[1] + 0 * u[0])}
    turning = Plant(**{
        f: getattr(plant, f) for f in plant.__dataclass_fields__ if plant.__dataclass_fields__[f].init
    } | whole_turn | {"integrator": plant.integrator})  # fmt: skip
    assert check_steady(turning, np.zeros(2), np.zeros(1)) < 1e-12


def test_another_point_is_checked_in_another_packages_words():
    class OtherError(ValueError):
        pass

    plant = tank()
    assert check_steady(plant, REST, np.zeros(1)) < 1e-15
    held = REST + np.array([0.3, 0.3])
    with pytest.raises(OtherError, match=r"`at` is no steady state: pressure moves by -0.015 Pa"):
        check_steady(plant, held, np.zeros(1), "at", OtherError)
    root = tank(derivative=lambda x, u: [casadi.sqrt(x[0]) - REST[0] ** 0.5 + u[0], REST[1] - x[1]])
    with pytest.raises(OtherError, match=r"nan.* at the at: pressure is not finite"):
        check_steady(root, np.array([-1.0, 0.4]), np.zeros(1), "at", OtherError)


@pytest.mark.parametrize("unit", [1e-7, 1e-3, 1.0, 1e5, 1e12])
def test_sound_plants_pass_the_check_in_any_unit(unit):
    """A junction's current: exponential within the bounds, in volts of any size."""
    caps = ([-1e15], [1e15])
    plant = Plant(
        name="junction",
        derivative=lambda x, u: (-unit * (casadi.exp(x[0] / unit) - 1) + u[0],),
        state_names=["voltage"],
        state_units=["V"],
        input_names=["slope"],
        input_units=["V/s"],
        state_bounds=([-3 * unit], [3 * unit]),
        input_bounds=([-10 * unit], [10 * unit]),
        equilibrium=([0], [0]),
        sample_time=0.01,
        cost=QuadraticCost(1, 1, [0], [0]),
        start_bounds=([0], [unit]),
        state_caps=caps,
    )
    report = check_plant(plant)
    assert report.jacobian_error < 1e-7
    assert report.step_error < 1e-3


@pytest.mark.parametrize("unit", [1e-7, 1.0, 1e5])
def test_a_wrong_slope_is_found_in_any_unit(unit):
    class WrongJacobian(Plant):
        def jacobians(self, x, u):
            by_state, by_input = super().jacobians(x, u)
            return by_state * np.array([1, 1.01]), by_input

    sound = tank((unit, 1.0))
    fields = {name: getattr(sound, name) for name, f in sound.__dataclass_fields__.items() if f.init}
    with pytest.raises(PlantError, match=r"Jacobian of `derivative`, angle by angle, is -0.202, but .* give -0.2 "):
        check_plant(WrongJacobian(**fields))
