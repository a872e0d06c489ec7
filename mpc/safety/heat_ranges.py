"""Ranges that a reactor's states never leave whatever is done, and a proof where no set at all can exist."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mpc.safety.errors import NoSafeSet
from mpc.safety.heat_model import HeatModel

OUTWARD = 1e-9  # mol/L or K: by how much ranges are wider than their formulas, so that rounding cannot matter


@dataclass(frozen=True)
class HeatRanges:
    """`difference` (least, greatest) of C_B - C_A, the greatest C_S and C_A [mol/L], and the lowest temperature [K].

    (C_B - C_A)' = D (fed - (C_B - C_A)) and C_S' <= D (fed - C_S) hold no input. With a ceiling on the input, feed that
    is uncooled is the coldest that can be, and then A cannot pile up; without one it is feed under full cooling.
    """

    difference: tuple[float, float]
    stock: float
    concentration: float
    coldest: float

    @classmethod
    def of(cls, model: HeatModel) -> Self:
        """Return the ranges; raises NoSafeSet where they leave the construction's ground."""
        a, b, s = (model.fed(name) for name in "abs")
        settings = model.settings
        between = model.constants["feed_b"] - model.constants["feed_a"]
        least = min(b[0] - a[1], between - 2 * settings.spread) - OUTWARD
        greatest = max(b[1] - a[0], between + 2 * settings.spread) + OUTWARD
        if least < 0:
            raise NoSafeSet(
                f"C_B - C_A may fall to {least:.3g} mol/L, but this construction needs 0 or more, that B is never the "
                f"scarcer one; make `feed` {settings.feed:g} or `spread` {settings.spread:g} smaller, or feed more B",
                least, 0.0, "mol/L",
            )  # fmt: skip
        stock = max(s[1], model.constants["feed_s"] + settings.spread) + OUTWARD
        coldest = _coldest(model)
        concentration = _most_of_a(model, coldest, least) if settings.ceiling else a[1] + OUTWARD
        return cls((least, greatest), stock, concentration, coldest)


def _coldest(model: HeatModel) -> float:
    """Return the temperature at which feed and cooling balance where nothing reacts."""
    cooling = model.transfer * model.input[0 if model.settings.ceiling else 1]
    dilution, coolant = model.constants["dilution"], model.constants["coolant_temperature"]
    inlet = model.constants["feed_temperature"] - model.settings.inlet
    coldest = (dilution * inlet + cooling * coolant) / (dilution + cooling) - OUTWARD
    if coldest < coolant:
        raise NoSafeSet(
            f"the reactor may get as cold as {coldest:.5g} K, below its coolant of {coolant:.5g} K, which would then "
            "warm it; use a colder coolant, or make `inlet` smaller",
            coldest, coolant, "K",
        )  # fmt: skip
    return coldest


def _most_of_a(model: HeatModel, coldest: float, difference: float) -> float:
    """Return the least C_A at which as much reacts in the coldest reactor as is fed."""
    fed, dilution = model.fed("a")[1], model.constants["dilution"]
    speed = (1 - model.settings.kinetics) * float(model.speed(1, np.array(coldest)))
    return min(_balance(dilution, speed, fed, difference), fed) + OUTWARD


def refuse_hopeless(model: HeatModel) -> None:
    """Raise NoSafeSet where even full cooling cannot take away what is fed, whatever the set.

    Take every disturbance at its worst for ever. Of a state that stays bounded z = T + h1 C_A does not change on the
    average, so what cooling takes, at most a e U (limit - coolant), is at least D (fed - z) on the average; and C_A
    ends below what reacts in the coldest reactor that this cooling can make.
    """
    p, off, hottest = model.constants, model.settings, model.limit
    dilution, coolant, high = p["dilution"], p["coolant_temperature"], model.input[1]
    power, inlet = off.effectiveness * model.transfer * high, p["feed_temperature"] + off.inlet
    fed = model.fed("a")[1]
    coldest = (dilution * inlet + power * coolant) / (dilution + power)
    speed = (1 + off.kinetics) * float(model.speed(1, np.array(coldest)))
    left = _balance(dilution, speed, fed, max(model.fed("b")[1] - fed, 0.0))
    brought = dilution * (inlet + model.heats[0] * (fed - left) - hottest)
    taken = power * (hottest - coolant)
    if taken < brought - OUTWARD:
        raise NoSafeSet(
            f"at {hottest:.5g} K the jacket takes away {taken:.3g} K/h at most, but feed brings at least "
            f"{brought:.3g} K/h on the average; cool more, feed less, or withstand less",
            taken, brought, "K/h", proved=True,
        )  # fmt: skip


def _balance(dilution: float, speed: float, fed: float, difference: float) -> float:
    """Return C_A at which D (fed - C_A) = k1 C_A (C_A + difference)."""
    b = dilution + speed * difference
    return 2 * dilution * fed / (b + (b**2 + 4 * speed * dilution * fed) ** 0.5)
