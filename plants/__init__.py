"""Plants: what is controlled, what it costs, and how it is run. Numpy and CasADi; gymnasium at the edge."""

from plants.check_plant import PlantReport, check_plant
from plants.cost import QuadraticCost
from plants.environment import PlantEnvironment
from plants.equilibrium import check_steady
from plants.errors import PlantError
from plants.integrate import RungeKutta4, SemiImplicitEuler
from plants.pendulum import clipped_pendulum
from plants.plant import Plant
from plants.simulate import Trajectory, simulate

__distribution__ = "yann-control"
__all__ = [
    "Plant",
    "PlantEnvironment",
    "PlantError",
    "PlantReport",
    "QuadraticCost",
    "RungeKutta4",
    "SemiImplicitEuler",
    "Trajectory",
    "check_plant",
    "check_steady",
    "clipped_pendulum",
    "simulate",
]
