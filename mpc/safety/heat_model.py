"""What a construction needs to know of a reactor: its constants, its input and its limit, as plain numbers."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mpc.safety.heat_settings import StoredHeat
from plants import reactor
from plants.arrays import Array
from plants.plant import Plant

KINETICS = {
    "gas": reactor.GAS,
    "factor_1": reactor.FACTOR_1,
    "energy_1": reactor.ENERGY_1,
    "heat_1": reactor.HEAT_1,
    "factor_2": reactor.FACTOR_2,
    "energy_2": reactor.ENERGY_2,
    "heat_2": reactor.HEAT_2,
    "capacity": reactor.CAPACITY,
    "volume": reactor.VOLUME,
    "area": reactor.AREA,
}
RAMP = 1.8  # samples of full cooling


@dataclass(frozen=True, eq=False)
class HeatModel:
    """A reactor with the bounds of its disturbances; rates per hour, of arrays of C_A [mol/L], C_B - C_A and T [K].

    `constants` are the plant's by name, `input` the least and the greatest heat transfer, `limit` the highest
    temperature.
    """

    constants: dict[str, float]
    input: tuple[float, float]
    sample_time: float
    limit: float
    settings: StoredHeat

    @classmethod
    def of(cls, plant: Plant, limit: float, settings: StoredHeat) -> Self:
        """Return the model of a plant with the reactor's equations."""
        lower, upper = plant.input_bounds
        values = {constant.name: float(constant.value) for constant in plant.constants}
        return cls(values, (float(lower[0]), float(upper[0])), float(plant.sample_time), limit, settings)

    @property
    def heats(self) -> tuple[float, float]:
        """Return h1, h2: by how many K one mol/L that reacts warms the reactor."""
        return KINETICS["heat_1"] / KINETICS["capacity"], KINETICS["heat_2"] / KINETICS["capacity"]

    @property
    def transfer(self) -> float:
        """Return a e: how fast [1/h] one unit of clean heat transfer cools."""
        cooled = 1e3 * KINETICS["area"] / (KINETICS["capacity"] * KINETICS["volume"])
        return cooled * self.constants["effectiveness"]

    @property
    def ramp(self) -> float:
        """Return within how many K of a facet the input is raised: well more than a sample of full cooling is worth."""
        span = self.input[1] - self.input[0]
        worth = self.sample_time * self.transfer * span * (self.limit - self.constants["coolant_temperature"])
        return max(self.settings.ramp, RAMP * worth)

    def fed(self, name: str) -> tuple[float, float]:
        """Return the least and the greatest concentration that is fed of "a", "b" or "s"."""
        value, off = self.constants[f"feed_{name}"], self.settings.feed
        return value * (1 - off), value * (1 + off)

    def speed(self, i: int, T: Array) -> Array:
        """Return k1 or k2 at temperatures, without disturbance."""
        hot = KINETICS["gas"] * np.asarray(T, dtype=float)
        return KINETICS[f"factor_{i}"] * np.exp(-KINETICS[f"energy_{i}"] / hot)

    def cooled(self, T: Array, stock: float) -> Array:
        """Return T' under full cooling without A + B, at worst [K/h]: negative where full cooling helps."""
        p, s = self.constants, self.settings
        warm = p["dilution"] * (p["feed_temperature"] + s.inlet - T) + self.heats[1] * self.speed(2, T) * stock
        return warm - s.effectiveness * self.transfer * self.input[1] * (T - p["coolant_temperature"])
