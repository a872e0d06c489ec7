"""Plants: what is controlled, what it costs, and how it is run. Numpy and CasADi; gymnasium at the edge."""

from plants.accuracy import IntegrationError, integration_error
from plants.actuator import Delayed, Lagged, Limited, RateLimited
from plants.check_plant import PlantReport, check_plant
from plants.constants import Constant, with_constants
from plants.cost import Cost, QuadraticCost, on_circle
from plants.cvodes import CVODES
from plants.disturbance import Disturbance, Misread, Scaled, Shifted
from plants.environment import PlantEnvironment
from plants.equilibrium import check_steady
from plants.errors import PlantError
from plants.event import Event
from plants.exchange import casadi_function, casadi_step, do_mpc_simulator, to_do_mpc
from plants.extraction_column import extraction_column, extraction_column_setpoints
from plants.four_tanks import four_tanks, four_tanks_setpoints
from plants.from_do_mpc import plant_from_do_mpc
from plants.integrate import RungeKutta4, SemiImplicitEuler
from plants.jacketed_cstr import (
    jacketed_cstr,
    jacketed_cstr_inlet,
    jacketed_cstr_limits,
    jacketed_cstr_setpoints,
)
from plants.metrics import Metrics, metrics
from plants.pendulum import clipped_pendulum
from plants.plant import Plant
from plants.reactor import safety_cstr
from plants.reactor_scenarios import reactor_scenarios
from plants.recoverable import Recoverable
from plants.registry import register, register_all
from plants.scenario import Scenario
from plants.sequence import sequence_plant
from plants.setpoints import Setpoints, Tracking
from plants.signals import Drift, During, Jump, Level, Ramp, Signal, Sine, Uniform, White
from plants.simulate import Trajectory, simulate
from plants.stage_cost import StageCost
from plants.starts import kept_share
from plants.traced import Traced, traced
from plants.vector_environment import PlantVectorEnvironment

__distribution__ = "yann-control"
__all__ = [
    "CVODES",
    "Constant",
    "Cost",
    "Delayed",
    "Disturbance",
    "Drift",
    "During",
    "Event",
    "IntegrationError",
    "Jump",
    "Lagged",
    "Level",
    "Limited",
    "Metrics",
    "Misread",
    "Plant",
    "PlantEnvironment",
    "PlantError",
    "PlantReport",
    "PlantVectorEnvironment",
    "QuadraticCost",
    "Ramp",
    "RateLimited",
    "Recoverable",
    "RungeKutta4",
    "Scaled",
    "Scenario",
    "SemiImplicitEuler",
    "Setpoints",
    "Shifted",
    "Signal",
    "Sine",
    "StageCost",
    "Traced",
    "Tracking",
    "Trajectory",
    "Uniform",
    "White",
    "casadi_function",
    "casadi_step",
    "check_plant",
    "check_steady",
    "clipped_pendulum",
    "do_mpc_simulator",
    "extraction_column",
    "extraction_column_setpoints",
    "four_tanks",
    "four_tanks_setpoints",
    "integration_error",
    "jacketed_cstr",
    "jacketed_cstr_inlet",
    "jacketed_cstr_limits",
    "jacketed_cstr_setpoints",
    "kept_share",
    "metrics",
    "on_circle",
    "plant_from_do_mpc",
    "reactor_scenarios",
    "register",
    "safety_cstr",
    "sequence_plant",
    "simulate",
    "to_do_mpc",
    "traced",
    "with_constants",
]

register_all()
