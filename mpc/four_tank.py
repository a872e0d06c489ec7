"""The quadruple-tank process at its minimum-phase operating point: two pumps, two measured levels, strong coupling."""

import numpy as np

from mpc.model import LinearModel
from mpc.sampling import discretise

GRAVITY = 981.0  # cm/s2
TANK = np.array([28.0, 32.0, 28.0, 32.0])  # cross-sections, cm2
OUTLET = np.array([0.071, 0.057, 0.071, 0.057])  # cross-sections, cm2
LEVEL = np.array([12.4, 12.7, 1.8, 1.4])  # cm
VOLTAGE = np.array([3.0, 3.0])  # V
PUMP = np.array([3.33, 3.35])  # cm3/(V s)
VALVE = np.array([0.70, 0.60])  # share of each pump's flow that goes to the lower tank on its own side
SENSOR = 0.5  # V/cm


def four_tank(sample_time: float = 5.0) -> LinearModel:
    """Return the four levels [cm] under two pump voltages [V], sampled by zero-order hold every `sample_time` [s].

    Outputs are the readings [V] of the levels of tanks 1 and 2. Tank 3 drains into 1 and tank 4 into 2; pump 1 feeds
    tanks 1 and 4, pump 2 tanks 2 and 3.
    Source: Johansson 2000, The Quadruple-Tank Process, IEEE Transactions on Control Systems Technology 8(3): parameters
    and operating point P-, from which the matrices follow by Torricelli's law.
    """
    time = TANK / OUTLET * np.sqrt(2 * LEVEL / GRAVITY)
    A = np.diag(-1 / time)
    A[0, 2] = TANK[2] / (TANK[0] * time[2])
    A[1, 3] = TANK[3] / (TANK[1] * time[3])
    own, across = VALVE * PUMP, (1 - VALVE) * PUMP
    B = np.array([[own[0] / TANK[0], 0], [0, own[1] / TANK[1]], [0, across[1] / TANK[2]], [across[0] / TANK[3], 0]])
    return LinearModel(
        *discretise(A, B, sample_time),
        sample_time=sample_time,
        state=LEVEL,
        input=VOLTAGE,
        state_names=tuple(f"level {i}" for i in range(1, 5)),
        state_units=("cm",) * 4,
        input_names=("pump 1", "pump 2"),
        input_units=("V", "V"),
        C=SENSOR * np.eye(2, 4),
        output_names=("reading 1", "reading 2"),
        output_units=("V", "V"),
    )
