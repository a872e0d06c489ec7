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
