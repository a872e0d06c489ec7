"""The jacketed reactor of PC-Gym: one exothermic reaction A -> B, held at a concentration by its jacket."""

from dataclasses import replace
from math import log
from typing import Any

import numpy as np
from casadi import SX, exp, fmax, fmin

from plants.constants import Constant
from plants.cost import QuadraticCost
from plants.cvodes import CVODES
from plants.disturbance import Misread, Shifted
from plants.integrate import RungeKutta4
from plants.plant import Plant
from plants.scenario import Scenario
from plants.setpoints import Setpoints, Tracking
from plants.signals import During, Uniform, White

CONSTANTS = (
    Constant("flow", 100.0, "L/min"),
    Constant("volume", 100.0, "L"),
    Constant("heat_capacity", 239.0, "J/(L K)"),  # density 1000 g/L times 0.239 J/(g K)
    Constant("reaction_heat", 5e4, "J/mol"),  # released
    Constant("activation", 8750.0, "K"),  # E/R
    Constant("rate_factor", 7.2e10, "1/min"),
    Constant("heat_transfer", 5e4, "J/(min K)"),
    Constant("inlet_temperature", 350.0, "K"),
    Constant("inlet_concentration", 1.0, "mol/L"),
)
STEPS, STEP = 60, 26 / 60  # min
COLDEST, HOTTEST = 250.0, 600.0  # K: where a step stops; all of the feed burnt at once makes 559 K of 350 K
WEIGHT = 1000 / 0.3**2  # (L/mol)2: 1000 times the square in shares of PC-Gym's range of concentrations
NOISE = 0.001


def jacketed_cstr() -> Plant:
    """Return the reactor: x = (concentration of A [mol/L], temperature [K]), u = jacket temperature [K]; time in min.

    It rests at 0.85 mol/L and 327.3 K, the first setpoint of `jacketed_cstr_setpoints`. Its stage cost is the paper's,
    the squared distance from there in shares of PC-Gym's ranges (0.3 mol/L, weighed with 1000; inputs 7 K, with 0.1).
    Above about 338 K, where much feed is left, it ignites and burns at up to 540 K until that is gone: where that is
    to be followed and not just survived, use replace(plant, integrator=CVODES()). Eight Runge-Kutta steps follow all
    that starts within `state_bounds` to 2e-7; PC-Gym lets observations reach 350 K.

    Source: Bloor et al. 2024, PC-Gym (arXiv 2410.22093), model `cstr` of pcgym 0.1.8.
    """
    return _built(0.85, ([295], [302]), RungeKutta4(substeps=8))


def jacketed_cstr_setpoints() -> Scenario:
    """Return the tracking task: 0.85, 0.90, 0.87 mol/L for 20 steps of 26 s each, readings off by 0.1 % (1 sigma).

    The numbers are PC-Gym's, the protocol is ours: 60 steps and not 59; the setpoint at step k is charged to state and
    input of step k, and shown at step k; true states are charged, not readings; the first move is one from rest; noise
    follows from the seed; an episode that runs its length is truncated, not terminated.
    """
    setpoints = Setpoints.in_turn(concentration=[(0.85, 20), (0.9, 20), (0.87, 20)])
    return _tracked(jacketed_cstr(), setpoints, [0.8, 330], "setpoints", "Three concentrations in turn")


def jacketed_cstr_inlet() -> Scenario:
    """Return the tracking task with another inlet temperature, uniform in 330 to 370 K, in steps 20 to 39.

    It is held for all of them. From about 365 K on the reactor ignites whatever the jacket does: CVODES follows that.
    """
    usual = jacketed_cstr_setpoints()
    inlet = Shifted("inlet_temperature", During(Uniform(-20, 20), 20, 40))
    return replace(
        usual,
        plant=replace(usual.plant, integrator=CVODES()),
        name="inlet temperature",
        disturbances=(*usual.disturbances, inlet),
        purpose="The inlet changes while the setpoint does; a hot one ignites the reactor",
    )


def jacketed_cstr_limits() -> Scenario:
    """Return the task with limits: 0.86 and 0.90 mol/L alternate at every step, the temperature within 321 to 327 K.

    The jacket may be 290 to 310 K warm. Ours differs from PC-Gym's as `jacketed_cstr_setpoints` does, and an episode
    ends beyond a limit, at a penalty of 1000.
    """
    plant = _built(0.86, ([290], [310]), RungeKutta4(substeps=8), ([None, 321], [None, 327]))
    setpoints = Setpoints(("concentration",), np.tile([[0.86], [0.9]], (STEPS // 2, 1)))
    return _tracked(plant, setpoints, [0.8, 325], "limits", "Setpoints that pull against limits of the temperature")


def reactor_flows(x: SX, u: SX, p: Any) -> tuple[SX, SX]:
    """Return d(concentration, temperature)/dt per minute; the rate is that of a state within its caps."""
    burnt = p.rate_factor * exp(-p.activation / fmax(fmin(x[1], HOTTEST), COLDEST)) * fmax(x[0], 0)
    dilution = p.flow / p.volume
    heating = p.reaction_heat / p.heat_capacity * burnt
    jacket = p.heat_transfer / (p.heat_capacity * p.volume) * (u[0] - x[1])
    return dilution * (p.inlet_concentration - x[0]) - burnt, dilution * (p.inlet_temperature - x[1]) + heating + jacket


def _built(concentration: float, inputs: Any, integrator: RungeKutta4, limits: Any = None) -> Plant:
    state, entry = _rest(concentration)
    weights, penalty = np.diag([WEIGHT, 0]), 0.0 if limits is None else 1000.0
    return Plant(
        name="jacketed CSTR",
        derivative=reactor_flows,
        constants=CONSTANTS,
        state_names=("concentration", "temperature"),
        state_units=("mol/L", "K"),
        input_names=("jacket_temperature",),
        input_units=("K",),
        state_bounds=([0.7, 300], [1, 335]),
        input_bounds=inputs,
        equilibrium=(state, entry),
        sample_time=STEP,
        time_unit="min",
        integrator=integrator,
        state_caps=([0, COLDEST], [None, HOTTEST]),
        safe_limits=limits,
        cost=QuadraticCost(weights, _move_weight(inputs), state, entry, violation_penalty=penalty),
        start_bounds=([0.8, 322], [0.9, 326.5]) if limits else ([0.75, 315], [0.95, 332]),
        episode_steps=STEPS,
        source="Bloor et al. 2024 (arXiv 2410.22093), pcgym 0.1.8",
    )


def _move_weight(inputs: Any) -> float:
    return 0.1 / float(inputs[1][0] - inputs[0][0]) ** 2


def _rest(concentration: float) -> tuple[list[float], list[float]]:
    """Return the state and the input at which the nominal reactor rests with this concentration."""
    p = {constant.name: constant.value for constant in CONSTANTS}
    burnt = p["flow"] / p["volume"] * (p["inlet_concentration"] - concentration)
    temperature = p["activation"] / log(p["rate_factor"] * concentration / burnt)
    warming = p["flow"] / p["volume"] * (p["inlet_temperature"] - temperature)
    warming += p["reaction_heat"] / p["heat_capacity"] * burnt
    jacket = temperature - warming * p["heat_capacity"] * p["volume"] / p["heat_transfer"]
    return [concentration, temperature], [jacket]


def _tracked(plant: Plant, setpoints: Setpoints, start: list[float], name: str, purpose: str) -> Scenario:
    return Scenario(
        plant=plant,
        name=name,
        disturbances=tuple(Misread(state, White(NOISE), relative=True) for state in plant.state_names),
        tracking=Tracking(setpoints, WEIGHT, _move_weight(plant.input_bounds)),
        steps=STEPS,
        start_bounds=(start, start),
        purpose=purpose,
    )
