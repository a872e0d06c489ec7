"""Controllers of the reactor that learn nothing: linear MPC, the same with a constant bias, and offset-free MPC."""

from collections.abc import Callable

import numpy as np

from mpc import (
    Disturbance,
    KalmanFilter,
    MPCController,
    MPCProblem,
    NearestRegion,
    Setpoint,
    linearise,
    solve_explicit,
    with_input_disturbance,
)
from plants import Plant
from plants.arrays import Array

LINEAR, OFFSET_FREE = "linear MPC", "offset-free MPC"
_BOX = np.array([2.0, 2.0, 2.0, 70.0]), np.array([2.0, 2.0, 2.0, 5.0])  # mol/L and K below and above rest


def reactor_problem(plant: Plant, horizon: int = 2) -> MPCProblem:
    """Return the MPC problem of the paper's section 5.2: the plant's own weights, limits on the input alone."""
    return _problem(plant, linearise(plant), horizon=horizon)


def linear_mpc(plant: Plant) -> MPCController:
    """Return the paper's law, two steps ahead, with its nearest region where it has none."""
    problem = reactor_problem(plant)
    return MPCController(solve_explicit(problem), problem, outside=NearestRegion())


def offset_free_mpc(plant: Plant) -> MPCController:
    """Return MPC with the same goal, a disturbance at the input estimated from all readings, and 475 K as setpoint."""
    seen = with_input_disturbance(linearise(plant))
    model = with_input_disturbance(linearise(plant, outputs="temperature"))
    parameters = (Setpoint(plant.equilibrium[0][3:]), Disturbance([-60], [60]))
    problem = _problem(plant, model, parameters)
    noise = np.diag([1e-6, 1e-6, 1e-6, 1e-2])  # a thermometer that is right within .1 K
    estimator = KalmanFilter(seen, np.diag([1e-6, 1e-6, 1e-6, 1e-4]), noise, [[0.1]])
    return MPCController(solve_explicit(problem), problem, estimator=estimator, outside=NearestRegion())


def biased(controller: Callable[[Array], Array], plant: Plant, bias: float | Array) -> Callable[[Array], Array]:
    """Return the controller with a constant added to what it wants, or one per row, within the plant's bounds."""
    return lambda x: np.clip(controller(x) + bias, *plant.input_bounds)


def _problem(plant: Plant, model: object, parameters: tuple = (), horizon: int = 2) -> MPCProblem:
    cost, rest = plant.cost, plant.equilibrium[0]
    return MPCProblem(
        model,  # type: ignore[arg-type]
        cost.state_weight,  # type: ignore[attr-defined]
        cost.input_weight,  # type: ignore[attr-defined]
        horizon,
        input_bounds=plant.input_bounds,
        parameter_bounds=(rest - _BOX[0], rest + _BOX[1]),
        parameters=parameters,
    )
