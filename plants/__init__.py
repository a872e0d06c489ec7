"""Plants: what is controlled, what it costs, and how it is run. Numpy and CasADi; gymnasium at the edge."""

from plants.cost import QuadraticCost
from plants.errors import PlantError
from plants.integrate import RungeKutta4, SemiImplicitEuler
from plants.pendulum import clipped_pendulum
from plants.plant import Plant
from plants.simulate import Trajectory, simulate

__distribution__ = "yann-control"
__all__ = [
    "Plant",
    "PlantError",
    "QuadraticCost",
    "RungeKutta4",
    "SemiImplicitEuler",
    "Trajectory",
    "clipped_pendulum",
    "simulate",
]
