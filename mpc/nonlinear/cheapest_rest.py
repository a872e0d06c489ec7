"""Where a plant rests at the least cost: the point around which an economic cost is regulated."""

import casadi as ca
import numpy as np
from casadi import SX

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.nonlinear.solver import ALONE
from plants import Plant
from plants.arrays import Array, instance_of
from plants.dynamics import symbolic
from plants.equilibrium import STEADY, motion_at, state_scales

_OPTIONS = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes", "ipopt.tol": 1e-12}


def cheapest_rest(plant: Plant) -> tuple[Array, Array]:
    """Return the (state, input) of least cost at which the plant rests, within state bounds, safe limits and inputs.

    It is a local one, found by IPOPT from the equilibrium. Pass it as `at` to `quadratised` and `regulator_problem`, or
    build the plant with it as its equilibrium. Where it lies at a limit no regulator around it is optimal, and they
    refuse it. A discount below 1 has another best rest. Raises NumericalError where none is found.
    """
    instance_of(plant, Plant, "plant", ProblemError, "pass a Plant, such as clipped_pendulum()")
    home, low, high, scales = _box(plant)
    z = SX.sym("z", plant.n + plant.m)
    point = home + scales * z
    x, u = point[: plant.n], point[plant.n :]
    flow = symbolic(plant)(x, u)
    moved = (flow * plant.sample_time if plant.is_continuous else flow - x) / scales[: plant.n]
    program = {"x": z, "f": plant.cost.expression(x, u), "g": moved}
    with ALONE:
        solver = ca.nlpsol("rest", "ipopt", program, _OPTIONS)
        found = solver(x0=0, lbx=(low - home) / scales, ubx=(high - home) / scales, lbg=0, ubg=0)
        status = str(solver.stats()["return_status"])
    best = np.clip(home + scales * np.array(ca.DM(found["x"]).full()).ravel(), low, high)
    state, entry = best[: plant.n], best[plant.n :]
    rests = np.isfinite(best).all() and (np.abs(motion_at(plant, state, entry)) <= STEADY * scales[: plant.n]).all()
    if status != "Solve_Succeeded" or not rests:
        raise NumericalError(
            f"no cheapest point of rest of {plant.name!r} was found from its equilibrium (IPOPT: {status}); begin "
            "nearer to it, or give the cost a least value within the bounds"
        )
    return state, entry


def _box(plant: Plant) -> tuple[Array, Array, Array, Array]:
    """Return the equilibrium, the limits below and above, and the scales, of states and inputs together (n + m,)."""
    lower, upper = plant.state_bounds
    if plant.safe_limits is not None:
        lower, upper = np.maximum(lower, plant.safe_limits[0]), np.minimum(upper, plant.safe_limits[1])
    least, most = plant.input_bounds
    scales = np.concatenate([state_scales(plant, plant.equilibrium[0]), (most - least) / 2])
    return np.concatenate(plant.equilibrium), np.concatenate([lower, least]), np.concatenate([upper, most]), scales
