"""Worth: what the optimum at one theta costs and brings."""

from dataclasses import dataclass

from mpc.explicit.errors import NumericalError
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.prices import Price, prices_at
from mpc.explicit.value import value_at
from plants.arrays import Array

OUTSIDE = "theta lies outside the domain"
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
    readings = tuple(Reading(one.name, float(one(theta, z)), one.unit) for one in problem.readouts)
    prices, unpriced = (), ""
    try:
        prices = prices_at(problem, theta, z)
    except NumericalError as error:
        unpriced = str(error)
    return Worth(float(value_at(problem, theta, z)), problem.constant is not None, prices, readings, unpriced)
