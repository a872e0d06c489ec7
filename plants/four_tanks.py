"""The quadruple tank of PC-Gym: two pumps, four tanks, the levels of the upper two to be held."""

from math import sqrt as root
from typing import Any

import numpy as np
from casadi import SX, fmax, sqrt

from plants.constants import Constant
from plants.cost import QuadraticCost
from plants.disturbance import Misread
from plants.integrate import RungeKutta4
from plants.plant import Plant
from plants.scenario import Scenario
from plants.setpoints import Setpoints, Tracking
from plants.signals import White

CONSTANTS = (
    Constant("gravity", 9.81, "m/s2"),
    Constant("valve_1", 0.2, "-"),  # the share of pump 1 that goes to tank 1
    Constant("valve_2", 0.2, "-"),
    Constant("pump_gain_1", 0.00085, "m3/(s V)"),
    Constant("pump_gain_2", 0.00095, "m3/(s V)"),
    Constant("hole_1", 0.0035, "m2"),
    Constant("hole_2", 0.0030, "m2"),
    Constant("hole_3", 0.0020, "m2"),
    Constant("hole_4", 0.0025, "m2"),
    Constant("area_1", 1.0, "m2"),
    Constant("area_2", 1.0, "m2"),
    Constant("area_3", 1.0, "m2"),
    Constant("area_4", 1.0, "m2"),
)
STEPS, STEP = 60, 1000 / 60  # s
HIGHEST = 0.6  # m
FILM = 1e-5  # m: below it the outflow is proportional to the level; no pair of pump voltages rests below 3.5e-5 m
MOVE_WEIGHT = 0.1 / 9.9**2  # 1/V2: 0.1 times the square in shares of the range of the pumps
NOISE = 0.05


def four_tanks() -> Plant:
    """Return the tanks: x = four levels [m], u = voltages of two pumps [V]; tanks 3 and 4 empty into 1 and 2.

    Pump 1 feeds tanks 1 and 4, pump 2 feeds 2 and 3. It rests with levels 3 and 4 at 0.5 and 0.2 m, the first setpoints
    of `four_tanks_setpoints`, and its stage cost is the squared distance of these two from there, in shares of 0.6 m,
    and 0.1 times that of the voltages in shares of their range. An outflow sqrt(2 g h) has an infinite slope at an
    empty tank: here it is sqrt(2 g) h / sqrt(max(h, 0.01 mm)), the same from 0.01 mm on, and water never leaves an
    empty tank.

    Source: Bloor et al. 2024, PC-Gym (arXiv 2410.22093), model `four_tank` of pcgym 0.1.8; after Johansson, IEEE
    Transactions on Control Systems Technology 8(3), 2000, whose small tanks are mpc.four_tank.
    """
    levels, voltages = _rest(0.5, 0.2)
    return Plant(
        name="four tanks",
        derivative=tank_flows,
        constants=CONSTANTS,
        state_names=("level_1", "level_2", "level_3", "level_4"),
        state_units=("m",) * 4,
        input_names=("pump_1", "pump_2"),
        input_units=("V", "V"),
        state_bounds=([0] * 4, [HIGHEST] * 4),
        input_bounds=([0.1, 0.1], [10, 10]),
        equilibrium=(levels, voltages),
        sample_time=STEP,
        integrator=RungeKutta4(substeps=32),
        state_caps=([0] * 4, [None] * 4),
        cost=QuadraticCost(np.diag([0, 0, 1, 1]) / HIGHEST**2, MOVE_WEIGHT * np.eye(2), levels, voltages),
        start_bounds=([0.05] * 4, [0.5] * 4),
        episode_steps=STEPS,
        source="Bloor et al. 2024 (arXiv 2410.22093), pcgym 0.1.8",
    )


def four_tanks_setpoints() -> Scenario:
    """Return the tracking task: levels 3 and 4 at 0.5 and 0.2 m, then at 0.1 and 0.3 m, for 30 steps of 16.7 s each.

    Readings are off by 5 % (1 sigma). The numbers are PC-Gym's, the protocol is ours: 60 steps and not 59; the setpoint
    at step k is charged to state and input of step k, and shown at step k; true states are charged, not readings; the
    first move is one from rest; noise follows from the seed; an episode that runs its length is truncated.
    """
    plant, start = four_tanks(), [0.141, 0.112, 0.072, 0.42]
    setpoints = Setpoints.in_turn(level_3=[(0.5, 30), (0.1, 30)], level_4=[(0.2, 30), (0.3, 30)])
    return Scenario(
        plant=plant,
        name="setpoints",
        disturbances=tuple(Misread(state, White(NOISE), relative=True) for state in plant.state_names),
        tracking=Tracking(setpoints, np.eye(2) / HIGHEST**2, MOVE_WEIGHT * np.eye(2)),
        steps=STEPS,
        start_bounds=(start, start),
        purpose="Two upper levels up and down, in turn",
    )


def tank_flows(x: SX, u: SX, p: Any) -> tuple[SX, SX, SX, SX]:
    """Return d(levels)/dt [m/s]."""
    holes = (p.hole_1, p.hole_2, p.hole_3, p.hole_4)
    speed = sqrt(2 * p.gravity)
    out = [hole * speed * x[i] / sqrt(fmax(x[i], FILM)) for i, hole in enumerate(holes)]
    first, second = p.pump_gain_1 * u[0], p.pump_gain_2 * u[1]
    return (
        (out[2] - out[0] + p.valve_1 * first) / p.area_1,
        (out[3] - out[1] + p.valve_2 * second) / p.area_2,
        ((1 - p.valve_2) * second - out[2]) / p.area_3,
        ((1 - p.valve_1) * first - out[3]) / p.area_4,
    )


def _rest(level_3: float, level_4: float) -> tuple[list[float], list[float]]:
    """Return the levels and voltages at which the nominal tanks rest with these upper levels."""
    p = {constant.name: constant.value for constant in CONSTANTS}
    speed = root(2 * p["gravity"])
    from_3, from_4 = p["hole_3"] * speed * root(level_3), p["hole_4"] * speed * root(level_4)
    first, second = from_4 / (1 - p["valve_1"]), from_3 / (1 - p["valve_2"])  # m3/s of the pumps
    out_1, out_2 = from_3 + p["valve_1"] * first, from_4 + p["valve_2"] * second
    lower = [(out / (p[hole] * speed)) ** 2 for out, hole in ((out_1, "hole_1"), (out_2, "hole_2"))]
    return [*lower, level_3, level_4], [first / p["pump_gain_1"], second / p["pump_gain_2"]]
