"""The plant of most tests here: written as a user would write it."""

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
