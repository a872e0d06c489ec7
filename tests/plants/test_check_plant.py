"""check_plant passes sound plants and names each defect of a broken one."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator

from plants import Plant, PlantError, QuadraticCost, RungeKutta4, SemiImplicitEuler, check_plant, clipped_pendulum
from plants.registry import PLANTS


def broken(plant, **fields):
    """`plant` with fields overwritten behind its back, as no constructor would let them."""
    for name, value in fields.items():
        object.__setattr__(plant, name, value)
    return plant


def test_a_sound_plant_gets_a_report(spring):
    report = check_plant(spring())
    assert (report.name, report.points, report.residual) == ("spring", 200, 0)
    assert report.jacobian_error < 1e-8
    assert report.step_error < 1e-5
    assert "spring: sound at 200 points" in str(report)
    assert check_plant(spring()) == report
    assert check_plant(spring(), points=7, seed=1).points == 7


def test_the_report_tells_a_coarse_integrator_from_a_fine_one(spring):
    coarse = check_plant(spring(integrator=SemiImplicitEuler("position", "speed"))).step_error
    fine, finer = (check_plant(spring(integrator=RungeKutta4(k))).step_error for k in (1, 4))
    assert coarse > 1e-3 > fine > finer
    assert 0.001 < check_plant(clipped_pendulum()).step_error < 0.1


def test_steep_plants_far_from_one_are_sound_too(spring):
    """Numbers as a reactor has them: 400 K, and a rate that doubles every few degrees."""
    rest = 8.0e12 * np.exp(-12000 / 400)
    hot = spring(
        derivative=lambda x, u: (x[1], 8.0e12 * casadi.exp(-12000 / x[0]) - rest - 3 * x[1] + u[0]),
        state_bounds=([350, -3], [450, 3]),
        equilibrium=([400, 0], [0]),
        start_bounds=([390, -1], [410, 1]),
        cost=replace(spring().cost, state_target=[400, 0]),
    )
    assert check_plant(hot).jacobian_error < 1e-4


def test_plants_given_by_their_next_state_are_checked(spring):
    plant = spring(derivative=None, update=lambda x, u: (0.9 * x[0] + 0.1 * x[1], 0.8 * x[1] + u[0]))
    assert check_plant(plant).step_error == 0


@pytest.mark.parametrize("name", PLANTS)
def test_every_plant_of_the_package_is_sound(name):
    plant = load_env_creator(PLANTS[name])()
    report = check_plant(plant, points=60)
    assert report.name == plant.name
    assert report.jacobian_error < 1e-4
    assert 0 < report.step_error == report.integration.step < 0.1


def test_a_plant_of_ones_own_is_sound():
    """A bath that drains, is filled and warmed: made here, with units of its own."""
    tub = Plant(
        name="tub",
        derivative=lambda x, u: ((u[0] - 0.2 * casadi.sqrt(x[0])) / 1.5, 0.4 * (u[1] - x[1])),
        state_names=["level", "temperature"],
        state_units=["m", "C"],
        input_names=["inflow", "heating"],
        input_units=["m3/min", "C"],
        state_bounds=([0.2, 10], [4, 60]),
        input_bounds=([0, 5], [1, 70]),
        equilibrium=([1, 40], [0.2, 40]),
        sample_time=0.5,
        time_unit="min",
        cost=QuadraticCost(np.diag([1, 0.01]), np.diag([1, 0.01]), [1, 40], [0.2, 40]),
        start_bounds=([0.5, 20], [2, 50]),
    )
    report = check_plant(tub)
    assert report.step_error < 1e-4
    assert report.jacobian_error < 1e-6
    assert "(against CVODES at 1e-10)" in str(report)
    assert " 50 steps, relative error" in str(report)


def tabulated(slope):
    """A sine that CasADi takes as finished, its Jacobian given by hand, as with tables and foreign code."""
    x, value = casadi.SX.sym("x"), casadi.SX.sym("value")
    jacobian = casadi.Function("jac_table", [x, value], [slope(x)], ["x", "out_y"], ["jac_y_x"])
    options = {"custom_jacobian": jacobian, "never_inline": True, "enable_forward": False, "enable_reverse": False}
    return casadi.Function("table", [x], [casadi.sin(x)], ["x"], ["y"], options)


def test_a_jacobian_given_by_hand_is_held_against_differences(spring):
    right, wrong = tabulated(casadi.cos), tabulated(lambda x: casadi.cos(x) + 0.01)
    assert check_plant(spring(derivative=lambda x, u: (x[1], u[0] - right(x[0])))).jacobian_error < 1e-8
    with pytest.raises(PlantError, match=r"Jacobian of `derivative`, speed by position, is .*, but finite differences"):
        check_plant(spring(derivative=lambda x, u: (x[1], u[0] - wrong(x[0]))))


class WrongJacobian(Plant):
    def jacobians(self, x, u):
        by_state, by_input = super().jacobians(x, u)
        by_state[..., 1, 0] += 1
        return by_state, by_input


class Escaping(Plant):
    def step(self, x, u):
        return super().step(x, u) + 10


class Drifting(Plant):
    def step(self, x, u):
        return super().step(x, u) + 1e-3


class Shuffling(Plant):
    def step(self, x, u):
        return super().step(x, u)[::-1]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (WrongJacobian, "Jacobian of `derivative`, speed by position, is -3, but finite differences give -4"),
        (Escaping, r"`step` takes position to .*, outside its `state_caps` \[-3, 3\]"),
        (Drifting, "`step` drifts by 0.001 in position from the `equilibrium`, above the tolerance 2e-05"),
        (Shuffling, "`step` of a batch differs from its rows"),
    ],
)
def test_a_method_that_is_wrong_is_found(spring, kind, words):
    sound = spring(state_caps=([-3, None], [3, None]))
    names = [name for name in sound.__dataclass_fields__ if sound.__dataclass_fields__[name].init]
    with pytest.raises(PlantError, match=words):
        check_plant(kind(**{name: getattr(sound, name) for name in names}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"derivative": lambda x, u: (casadi.log(1.5 + x[0]) - np.log(1.5), u[0])}, "gives nan for position at x = "),
        ({"derivative": lambda x, u: (x[1], -casadi.fabs(x[0]) / (x[0] + 1e-9) + u[0])}, "is there a jump or a kink"),
        ({"derivative": lambda x, u: (x[1], casadi.floor(1e5 * x[0]) * 1e-5 + u[0])}, "speed by position, is 0, but"),
    ],
)
def test_equations_that_fail_within_the_bounds_are_found(spring, change, words):
    with pytest.raises(PlantError, match=words):
        check_plant(spring(**change))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"equilibrium": (np.array([1.0, 0]), np.array([0.0]))}, "no steady state"),
        ({"state_bounds": (np.array([2.0, -3]), np.array([-2.0, 3]))}, "`state_bounds`: the lower bound of position"),
        ({"input_bounds": (np.array([np.nan]), np.array([1.0]))}, "`input_bounds lower` is NaN"),
        ({"state_units": ("m", "")}, "the unit of speed is missing"),
        ({"state_units": ("m",)}, "`state_units` has 1 entries"),
        ({"sample_time": -1.0}, "`sample_time` is -1"),
        ({"derivative": lambda x, u: (x[0], x[1], u[0])}, "returns 3 entries"),
    ],
)
def test_what_was_changed_behind_a_plants_back_is_found(spring, fields, words):
    with pytest.raises(PlantError, match=words):
        check_plant(broken(spring(), **fields))


def test_points_and_seed_are_whole_numbers(spring):
    with pytest.raises(PlantError, match="`points` is 0"):
        check_plant(spring(), points=0)
    with pytest.raises(PlantError, match=r"`points` = 10000000000 asks for .* above the limit of .* few hundred"):
        check_plant(spring(), points=10**10)
    for seed in (-1, 0.5, "a", None):
        with pytest.raises(PlantError, match="`seed` is"):
            check_plant(spring(), points=3, seed=seed)
