"""The extraction column of PC-Gym: five stages in which a gas takes a solute from a liquid in counterflow; stiff."""

from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
from casadi import SX

from plants.constants import Constant
from plants.cost import QuadraticCost
from plants.disturbance import Misread
from plants.integrate import RungeKutta4
from plants.plant import Plant
from plants.scenario import Scenario
from plants.setpoints import Setpoints, Tracking
from plants.signals import White

STAGES = 5
CONSTANTS = (
    Constant("liquid_volume", 5.0, "m3"),
    Constant("gas_volume", 5.0, "m3"),
    Constant("equilibrium_factor", 1.0, "kg/m3"),
    Constant("transfer", 5.0, "1/h"),
    Constant("liquid_feed", 0.6, "kg/m3"),
    Constant("gas_feed", 0.05, "kg/m3"),
)
STEPS = 60
LOWEST, HIGHEST = np.array([5.0, 10.0]), np.array([500.0, 1000.0])  # m3/h
GAS_AT_REST = 505.0  # m3/h, the middle of its range
START = (0.55, 0.3, 0.45, 0.25, 0.4, 0.2, 0.35, 0.15, 0.25, 0.1)
MOVE_WEIGHT = np.diag(0.1 / (HIGHEST - LOWEST) ** 2)  # 0.1 times the square in shares of the ranges
NOISE = 0.05


def extraction_column() -> Plant:
    """Return the column: x = (liquid_1, gas_1, ..., gas_5) concentrations [kg/m3], u = flows of both [m3/h], in h.

    The liquid enters at stage 1 with 0.6 kg/m3, the gas at stage 5 with 0.05; in a stage the gas takes up solute until
    its concentration squared is that of the liquid. It rests with liquid_5 at 0.3, the first setpoint of
    `extraction_column_setpoints`, and the gas flow in the middle of its range. The stage cost is the squared distance
    of liquid_5 from there, and 0.1 times that of the flows in shares of their ranges. It is stiff: rates reach 250 per
    hour, beside samples of one hour in which it nearly settles, so a step takes 160 Runge-Kutta steps, of which fewer
    than 90 are unstable. They follow it to 1e-5 kg/m3, to 1e-6 at 99 of 100 states and flows.

    Source: Bloor et al. 2024, PC-Gym (arXiv 2410.22093), model `multistage_extraction` of pcgym 0.1.8.
    """
    concentrations, flows = _rest(0.3)
    weights = np.zeros((2 * STAGES, 2 * STAGES))
    weights[-2, -2] = 1
    return Plant(
        name="extraction column",
        derivative=column_flows,
        constants=CONSTANTS,
        state_names=[f"{phase}_{stage}" for stage in range(1, STAGES + 1) for phase in ("liquid", "gas")],
        state_units=("kg/m3",) * (2 * STAGES),
        input_names=("liquid_flow", "gas_flow"),
        input_units=("m3/h", "m3/h"),
        state_bounds=([0] * (2 * STAGES), [1] * (2 * STAGES)),
        input_bounds=(LOWEST, HIGHEST),
        equilibrium=(concentrations, flows),
        sample_time=1.0,
        time_unit="h",
        integrator=RungeKutta4(substeps=160),
        state_caps=([0] * (2 * STAGES), [None] * (2 * STAGES)),
        cost=QuadraticCost(weights, MOVE_WEIGHT, concentrations, flows),
        start_bounds=(np.array(START) - 0.05, np.array(START) + 0.05),
        episode_steps=STEPS,
        source="Bloor et al. 2024 (arXiv 2410.22093), pcgym 0.1.8",
    )


def extraction_column_setpoints() -> Scenario:
    """Return the tracking task: liquid_5 at 0.3, 0.4 and 0.3 kg/m3 for 15, 30 and 15 steps of one hour.

    Readings are off by 5 % (1 sigma). The numbers are PC-Gym's, the protocol is ours: 60 steps and not 59; the setpoint
    at step k is charged to state and input of step k, and shown at step k; true states are charged, not readings; the
    first move is one from rest; noise follows from the seed; an episode that runs its length is truncated.
    """
    plant = extraction_column()
    setpoints = Setpoints.in_turn(liquid_5=[(0.3, 15), (0.4, 30), (0.3, 15)])
    return Scenario(
        plant=plant,
        name="setpoints",
        disturbances=tuple(Misread(state, White(NOISE), relative=True) for state in plant.state_names),
        tracking=Tracking(setpoints, 1.0, MOVE_WEIGHT),
        steps=STEPS,
        start_bounds=(START, START),
        purpose="The outlet concentration up and down, by two flows",
    )


def column_flows(x: SX, u: SX, p: Any) -> list[SX]:
    """Return d(liquid_1, gas_1, ..., gas_5)/dt [kg/(m3 h)]."""
    liquid = [p.liquid_feed, *(x[2 * stage] for stage in range(STAGES))]
    gas = [*(x[2 * stage + 1] for stage in range(STAGES)), p.gas_feed]
    rates = []
    for (above, here), (mine, below) in zip(pairwise(liquid), pairwise(gas), strict=True):
        taken = p.transfer * p.liquid_volume * (here - mine**2 / p.equilibrium_factor)
        rates.append((u[0] * (above - here) - taken) / p.liquid_volume)
        rates.append((u[1] * (below - mine) + taken) / p.gas_volume)
    return rates


def _rest(outlet: float) -> tuple[list[float], list[float]]:
    """Return the concentrations and flows at which the nominal column rests with this liquid_5.

    The feed at which it would rest falls with the liquid flow, so halving finds the flow that goes with the real feed.
    """
    feed = next(constant.value for constant in CONSTANTS if constant.name == "liquid_feed")
    low, high = float(LOWEST[0]), float(HIGHEST[0])
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _upwards(outlet, middle)[1] > feed else (low, middle)
    return _upwards(outlet, low)[0], [low, GAS_AT_REST]


def _upwards(outlet: float, flow: float) -> tuple[list[float], float]:
    """Return the concentrations at rest from stage 1 to 5, and the feed that they need, stage after stage from 5 up."""
    p = {constant.name: constant.value for constant in CONSTANTS}
    strength = p["transfer"] * p["liquid_volume"]
    factor = p["equilibrium_factor"]
    states: list[float] = []
    liquid, below = outlet, p["gas_feed"]
    for _ in range(STAGES):
        half = GAS_AT_REST * factor / (2 * strength)  # gas flow (gas - below) = strength (liquid - gas^2 / factor)
        gas = sqrt(half**2 + 2 * half * below + factor * liquid) - half
        states = [liquid, gas, *states]
        liquid, below = liquid + GAS_AT_REST * (gas - below) / flow, gas
    return states, liquid
