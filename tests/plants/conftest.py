"""The plant of most tests here: written as a user would write it."""

import json
from pathlib import Path

import numpy as np
import pytest


def spring_motion(x, u):
    position, speed = x[0], x[1]
    return speed, -4 * position - 0.3 * speed + u[0]


@pytest.fixture(scope="session")
def spring():
    """A builder of damped springs, with any of the arguments changed (None: left out)."""
    from plants import Plant, QuadraticCost  # noqa: PLC0415 - the shape-checked run hooks into this import

    usual = {
        "name": "spring",
        "derivative": spring_motion,
        "state_names": ["position", "speed"],
        "state_units": ["m", "m/s"],
        "input_names": ["force"],
        "input_units": ["N"],
        "state_bounds": ([-2, -3], [2, 3]),
        "input_bounds": ([-1], [1]),
        "equilibrium": ([0, 0], [0]),
        "sample_time": 0.1,
        "cost": QuadraticCost([[1, 0], [0, 0.1]], 0.01, state_target=[0, 0], input_target=[0]),
        "start_bounds": ([-1, -1], [1, 1]),
    }
    return lambda **changes: Plant(**{name: value for name, value in (usual | changes).items() if value is not None})


def weighted_motion(x, u, p):
    position, speed = x[0], x[1]
    return speed, -p.stiffness * position - 0.3 * speed + p.gain * u[0] + p.load


@pytest.fixture(scope="session")
def weighted_spring(spring):
    """A builder of the same spring, with its stiffness, its gain and a load as constants."""
    from plants import Constant  # noqa: PLC0415 - the shape-checked run hooks into this import

    constants = (Constant("stiffness", 4.0, "1/s2"), Constant("gain", 1.0, "1/kg"), Constant("load", 0.0, "m/s2"))
    return lambda **changes: spring(**({"derivative": weighted_motion, "constants": constants} | changes))


@pytest.fixture(scope="session")
def peer_runs():
    """PC-Gym's runs of one of its plants: name, inputs (59, m), states (60, n), constants (59, k) as ours would be."""
    stored = json.loads((Path(__file__).parents[1] / "data" / "pcgym" / "trajectories.json").read_text())["plants"]

    def runs(peer, plant, renamed):
        for run in stored[peer]["runs"]:
            inputs, states = np.array(run["inputs"]), np.array(run["states"])
            constants = np.tile(plant.constant_values, (len(inputs), 1))
            names = [constant.name for constant in plant.constants]
            for theirs, values in (run["disturbances"] or {}).items():
                constants[:, names.index(renamed[theirs])] = values[1:]  # entry t + 1 acts in step t
            yield run["name"], inputs, states, constants

    return runs


@pytest.fixture(scope="session")
def follow(peer_runs):
    """Our states after all of PC-Gym's inputs, beside its own: pairs (60, n) by the name of the run."""

    def pairs(peer, plant, **renamed):
        found = {}
        for name, inputs, theirs, constants in peer_runs(peer, plant, renamed):
            ours = [theirs[:1]]
            for u, p in zip(inputs, constants, strict=True):
                ours.append(plant.step_rows(ours[-1], u[None], p[None]))
            found[name] = np.concatenate(ours), theirs
        return found

    return pairs


@pytest.fixture(scope="session")
def linear_mpc():
    """A builder of a linear MPC of 10 steps for the setpoints of a scenario, with its own weights."""
    from mpc import ImplicitMPC, MoveWeight, MPCController, MPCProblem, Setpoint, linearise  # noqa: PLC0415

    def controller(scenario):
        plant, tracking = scenario.plant, scenario.tracking
        model = linearise(plant, outputs=list(tracking.setpoints.names))
        table = tracking.setpoints.table
        problem = MPCProblem(
            model,
            state_weight=model.C.T @ tracking.weight @ model.C,
            input_weight=1e-3 * tracking.move_weight,
            horizon=10,
            input_bounds=plant.input_bounds,
            parameter_bounds=(plant.state_caps[0] - 1, np.minimum(plant.state_caps[1], 1e3)),
            costs=(MoveWeight(tracking.move_weight),),
            parameters=(Setpoint(table.min(0) - 0.01, table.max(0) + 0.01),),
        )
        return MPCController(ImplicitMPC(problem), problem, setpoint=table)

    return controller
