"""The safety-critical reactor, the second case study of the paper: hot, slow, and never far from a runaway."""

from dataclasses import replace
from math import exp, sqrt
from typing import Any

import numpy as np
from casadi import SX, fmax, fmin
from casadi import exp as symbolic_exp

from plants.constants import Constant
from plants.cost import QuadraticCost
from plants.integrate import RungeKutta4
from plants.plant import Plant
from plants.recoverable import Recoverable

GAS = 8.31446261815324  # J/(mol K)
FACTOR_1, ENERGY_1, HEAT_1 = 4e14, 128e3, 45.4e3  # L/(mol h), J/mol, J/mol released: A + B -> products
FACTOR_2, ENERGY_2, HEAT_2 = 1e84, 800e3, 320e3  # 1/h, J/mol, J/mol released: S -> products, the runaway
CAPACITY = 3150.0  # J/(L K)
VOLUME, AREA = 4000.0, 5.3  # L, m2
DILUTION = 244 / VOLUME  # 1/h
FEED = (4.3, 5.1, 3.0)  # mol/L of A, B, S
COOLANT = 373.0  # K
OPERATING_TEMPERATURE, OPERATING_TRANSFER = 475.0, 55.0  # K, kJ/(h m2 K)
LIMIT = 480.0  # K
COLDEST, HOTTEST = 273.0, 600.0  # K: where a step stops
RECOVERY_STEPS = 90  # of all starts within `state_bounds`, full cooling loses the last at about step 70


def safety_cstr() -> Plant:
    """Return the reactor: x = (C_A, C_B, C_S [mol/L], T [K]), u = heat transfer coefficient U [kJ/(h m2 K)], in h.

    A + B give heat slowly and all the time, S gives ten times as much at once where it gets too hot: above 480 K the
    plant is unsafe, above about 485.8 K no cooling brings it back. At rest at 475 K it is stable (slowest mode 16 h);
    the input moves it by 2.4 K/h at most. Starts are the study set, T0 -8 to +4.75 K and every concentration +-0.05
    mol/L from rest, restricted to what full cooling (U = 110) keeps at or below 480 K: that is all of them (100 %; of
    +5 K and +-0.3 mol/L it would be 95 %). More heat transfer never makes this reactor hotter at any later step of an
    episode, so a start that full cooling loses is lost to all controllers.

    Two Runge-Kutta steps per minute stay within 1e-8 K and 1e-9 mol/L of an integration at 1e-12 over an episode from
    any of these starts. `effectiveness` multiplies U: 0.6 is a fouled jacket. Where a runaway leaves the fixed steps
    behind, temperatures are held at 600 K and concentrations at 0, in the rates as well, so nothing overflows.

    Source: Braniff & Tian 2025 (arXiv 2508.16474), Eq. 13 and Table A1, made consistent: every species has its own
    feed, energies are in J/mol, rates per hour, the heat capacity is 3150 J/(L K), which Eq. 14 implies and the table
    does not; kinetics and feed are those of Fogler, Elements of Chemical Reaction Engineering, LEP 13-6.
    """
    rest, feed_temperature = _operating_point()
    input_target = [OPERATING_TRANSFER]
    plant = Plant(
        name="safety-critical CSTR",
        derivative=reactor_motion,
        state_names=("concentration_a", "concentration_b", "concentration_s", "temperature"),
        state_units=("mol/L", "mol/L", "mol/L", "K"),
        input_names=("heat_transfer",),
        input_units=("kJ/(h m2 K)",),
        constants=_constants(feed_temperature),
        state_bounds=(
            [*np.maximum(rest[:3] - 2, 0), OPERATING_TEMPERATURE - 70],
            [*rest[:3] + 2, LIMIT],
        ),
        input_bounds=([0], [110]),
        equilibrium=(rest, input_target),
        sample_time=1 / 60,
        time_unit="h",
        integrator=RungeKutta4(substeps=2),
        state_caps=([0, 0, 0, COLDEST], [None, None, None, HOTTEST]),
        safe_limits=([None] * 4, [None, None, None, LIMIT]),
        cost=QuadraticCost(0.1 * np.eye(4), 1e-4, rest, input_target, violation_penalty=1e5),
        start_bounds=(rest - np.array([0.05, 0.05, 0.05, 8]), rest + np.array([0.05, 0.05, 0.05, 4.75])),
        episode_steps=200,
        source="Braniff & Tian 2025, Eq. 13; Fogler, LEP 13-6",
    )
    return replace(plant, start_filter=Recoverable(plant, plant.input_bounds[1], RECOVERY_STEPS))


def reactor_motion(x: SX, u: SX, p: Any) -> tuple[SX, SX, SX, SX]:
    """Return d(C_A, C_B, C_S, T)/dt per hour: feed and outflow, two reactions, cooling through the jacket.

    Rates are taken at states within their caps.
    """
    a, b, s, temperature = x[0], x[1], x[2], x[3]
    inverse = 1 / (GAS * fmax(fmin(temperature, HOTTEST), COLDEST))
    slow = FACTOR_1 * symbolic_exp(-ENERGY_1 * inverse) * fmax(a, 0) * fmax(b, 0)
    fast = FACTOR_2 * symbolic_exp(-ENERGY_2 * inverse) * fmax(s, 0)
    cooling = 1e3 * AREA / (CAPACITY * VOLUME) * p.effectiveness * u[0] * (temperature - p.coolant_temperature)
    heating = (HEAT_1 / CAPACITY) * slow + (HEAT_2 / CAPACITY) * fast
    return (
        p.dilution * (p.feed_a - a) - slow,
        p.dilution * (p.feed_b - b) - slow,
        p.dilution * (p.feed_s - s) - fast,
        p.dilution * (p.feed_temperature - temperature) + heating - cooling,
    )


def _constants(feed_temperature: float) -> tuple[Constant, ...]:
    return (
        Constant("effectiveness", 1.0, "-"),
        Constant("dilution", DILUTION, "1/h"),
        Constant("feed_a", FEED[0], "mol/L"),
        Constant("feed_b", FEED[1], "mol/L"),
        Constant("feed_s", FEED[2], "mol/L"),
        Constant("feed_temperature", feed_temperature, "K"),
        Constant("coolant_temperature", COOLANT, "K"),
    )


def _operating_point() -> tuple[np.ndarray, float]:
    """Return the state at rest at 475 K under U = 55, and the feed temperature [K] that this takes."""
    hot = GAS * OPERATING_TEMPERATURE
    first, second = FACTOR_1 * exp(-ENERGY_1 / hot), FACTOR_2 * exp(-ENERGY_2 / hot)
    half = (first * (FEED[1] - FEED[0]) + DILUTION) / 2
    a = DILUTION * FEED[0] / (half + sqrt(half**2 + first * DILUTION * FEED[0]))
    b, s = a + FEED[1] - FEED[0], DILUTION * FEED[2] / (DILUTION + second)
    heating = (HEAT_1 * first * a * b + HEAT_2 * second * s) / CAPACITY
    cooling = 1e3 * AREA / (CAPACITY * VOLUME) * OPERATING_TRANSFER * (OPERATING_TEMPERATURE - COOLANT)
    feed_temperature = OPERATING_TEMPERATURE - (heating - cooling) / DILUTION
    return np.array([a, b, s, OPERATING_TEMPERATURE]), feed_temperature
