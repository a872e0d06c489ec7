"""Worth: what the optimum at one theta costs and brings."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.prices import Price, prices_at
from mpc.explicit.readout import Readout
from mpc.explicit.value import value_at
from plants.arrays import Array

OUTSIDE = "theta lies outside the domain"
ROUNDING = 1e-14  # a readout this small beside its terms is 0
NO_PROBLEM = "the law holds no problem; ask the law as it was solved"


@dataclass(frozen=True)
class Reading:
    """The value of one readout at one theta."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        """Return name = value unit."""
        return f"{self.name} = {self.value:.6g} {self.unit}".rstrip()


@dataclass(frozen=True, eq=False)
class Worth:
    """What the optimum at one theta costs and brings: its value, prices of tight rows and readouts.

    `whole` tells whether the value holds the part of the cost that no z can change. Where prices are missing,
    `unpriced` says why; without a problem, or outside the domain, `value` is None as well.
    """

    value: float | None
    whole: bool
    prices: tuple[Price, ...]
    readings: tuple[Reading, ...]
    unpriced: str


def worth_at(problem: MultiparametricQP | None, theta: Array, z: Array, inside: bool) -> Worth:
    """Return the worth of the minimiser z at theta, as far as there is one."""
    if problem is None or not inside:
        return Worth(None, False, (), (), NO_PROBLEM if inside else OUTSIDE)
    readings = tuple(_reading(one, theta, z) for one in problem.readouts)
    prices, unpriced = (), ""
    try:
        prices = prices_at(problem, theta, z)
    except NumericalError as error:
        unpriced = str(error)
    return Worth(float(value_at(problem, theta, z)), problem.constant is not None, prices, readings, unpriced)


def _reading(one: Readout, theta: Array, z: Array) -> Reading:
    value, size = one(theta, z), abs(one.offset) + np.abs(one.theta_map * theta).sum() + np.abs(one.z_map * z).sum()
    return Reading(one.name, float(value) if abs(value) > ROUNDING * size else 0.0, one.unit)
