"""StoredHeat: how a reactor's safe set is designed, and what it shall withstand."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from mpc.explicit.errors import ProblemError
from plants.arrays import real_scalar


@dataclass(frozen=True, kw_only=True)
class StoredHeat:
    """A reactor's safe set of facets T + s C_A <= c: the temperature with the heat that is still stored in A.

    `breaks` [mol/L] are where one facet ends and the next begins, counted from where the first one ends, so k of them
    give k + 2 facets. `decrease` [K/h] is the least rate at which full cooling must lower each of them at the border;
    it is raised until the check holds. Within `ramp` [K] of a facet the least input rises from its lower to its upper
    limit; it is wider where one sample of full cooling is worth more than half of it. `ceiling` [K] above the lowest
    temperature the greatest input falls to its lower limit; 0 for none, and then the set holds more of A and is smaller
    under disturbances. `reserve` [K] is kept to the limit. `spread` [mol/L] is how far concentrations may be from those
    fed at the start. `cell` [mol/L] is how finely the check divides C_A.

    Withstood, all at once and changing at any time: feed concentrations off by the share `feed`, each on its own, the
    feed temperature by `inlet` [K], the constant `effectiveness` down to that share of itself, the rate of A + B by the
    share `kinetics`. The filter may be fed a temperature off by `temperature_error` [K] and a concentration of A off by
    `concentration_error` [mol/L].

    Raises ProblemError for anything else.
    """

    breaks: Sequence[float] = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4)
    decrease: float = 0.05
    ramp: float = 0.15
    ceiling: float = 0.0
    reserve: float = 1e-3
    feed: float = 0.0
    inlet: float = 0.0
    effectiveness: float = 1.0
    kinetics: float = 0.0
    temperature_error: float = 0.0
    concentration_error: float = 0.0
    spread: float = 0.05
    cell: float = 5e-4

    def __post_init__(self) -> None:
        if isinstance(self.breaks, str | bytes) or not isinstance(self.breaks, Sequence):
            raise ProblemError(f"`breaks` is {self.breaks!r}; pass a sequence of rising numbers [mol/L], or ()")
        rising = tuple(real_scalar(value, "breaks", ProblemError, positive=True) for value in self.breaks)
        if any(second <= first for first, second in pairwise(rising)) or len(rising) > 20:
            raise ProblemError(f"`breaks` is {rising}; pass at most 20 numbers [mol/L], each above the one before")
        object.__setattr__(self, "breaks", rising)
        for field in fields(self)[1:]:
            self._put_number(field.name, *LIMITS[field.name])

    def _put_number(self, name: str, lower: float, upper: float) -> None:
        value: Any = real_scalar(getattr(self, name), name, ProblemError)
        if not lower <= value <= upper:
            raise ProblemError(f"`{name}` is {value:g}, but a number from {lower:g} to {upper:g} is needed")
        object.__setattr__(self, name, value)


LIMITS = {
    "decrease": (1e-3, 100.0),
    "ramp": (1e-3, 10.0),
    "ceiling": (0.0, 100.0),
    "reserve": (0.0, 100.0),
    "feed": (0.0, 0.9),
    "inlet": (0.0, 200.0),
    "effectiveness": (1e-3, 1.0),
    "kinetics": (0.0, 0.9),
    "temperature_error": (0.0, 10.0),
    "concentration_error": (0.0, 10.0),
    "spread": (0.0, 1.0),
    "cell": (1e-4, 0.1),
}  # of each setting, from least to greatest

READABLE = StoredHeat(breaks=())
NOMINAL = StoredHeat()
ROBUST = StoredHeat(
    breaks=(0.005, 0.0125, 0.025, 0.05, 0.1, 0.2), ceiling=3.0, feed=0.05, inlet=2.0, effectiveness=0.6, cell=2.5e-4
)
