"""A reactor's rates over intervals of states, with every disturbance anywhere within its bounds."""

from dataclasses import dataclass
from functools import cached_property

from mpc.safety.heat_model import KINETICS, HeatModel
from mpc.safety.heat_ranges import HeatRanges
from mpc.safety.interval import Interval
from mpc.safety.interval_functions import exp, square


@dataclass(frozen=True, eq=False)
class HeatMotion:
    """C_A, T and what they do; C_B - C_A and C_S are anywhere in their ranges."""

    model: HeatModel
    ranges: HeatRanges

    @property
    def dilution(self) -> float:
        """Return the share [1/h] of the volume that is replaced."""
        return self.model.constants["dilution"]

    def fed(self, name: str) -> Interval:
        """Return the concentration that is fed of "a", "b" or "s"."""
        return Interval(*self.model.fed(name))

    @cached_property
    def inlet(self) -> Interval:
        """Return the feed temperature."""
        middle, off = self.model.constants["feed_temperature"], self.model.settings.inlet
        return Interval(middle - off, middle + off)

    @cached_property
    def transfer(self) -> Interval:
        """Return a e, how fast a unit of heat transfer cools."""
        clean = Interval(1e3 * KINETICS["area"]) / (Interval(KINETICS["capacity"]) * KINETICS["volume"])
        return clean * self.model.constants["effectiveness"] * Interval(self.model.settings.effectiveness, 1.0)

    @cached_property
    def difference(self) -> Interval:
        """Return C_B - C_A."""
        return Interval(*self.ranges.difference)

    @cached_property
    def stock(self) -> Interval:
        """Return C_S."""
        return Interval(0.0, self.ranges.stock)

    def heat(self, i: int) -> Interval:
        """Return h1 or h2."""
        return Interval(KINETICS[f"heat_{i}"]) / KINETICS["capacity"]

    def activation(self, i: int) -> Interval:
        """Return E / R [K]."""
        return Interval(KINETICS[f"energy_{i}"]) / KINETICS["gas"]

    def above_coolant(self, T: Interval) -> Interval:
        """Return T - coolant temperature."""
        return T - self.model.constants["coolant_temperature"]

    def speeds(self, T: Interval) -> tuple[Interval, Interval]:
        """Return k1, k2 at T."""
        off = self.model.settings.kinetics
        slow, fast = (KINETICS[f"factor_{i}"] * exp(-(self.activation(i) / T)) for i in (1, 2))
        return slow * Interval(1 - off, 1 + off), fast

    def rates(self, A: Interval, T: Interval, u: Interval) -> tuple[Interval, Interval]:
        """Return C_A', T'."""
        k1, k2 = self.speeds(T)
        reacted = k1 * A * (A + self.difference)
        heating = self.heat(1) * reacted + self.heat(2) * k2 * self.stock
        cooling = self.transfer * u * self.above_coolant(T)
        return self.dilution * (self.fed("a") - A) - reacted, self.dilution * (self.inlet - T) + heating - cooling

    def rise(self, slope: float, A: Interval, T: Interval) -> Interval:
        """Return (T + slope C_A)' without cooling."""
        k1, k2 = self.speeds(T)
        released = (self.heat(1) - slope) * (k1 * A * (A + self.difference))
        stocked = self.dilution * slope * (self.fed("a") - A)
        return self.dilution * (self.inlet - T) + stocked + released + self.heat(2) * k2 * self.stock

    def bend(self, slope: float, A: Interval, T: Interval, u: Interval) -> Interval:
        """Return the rate of (T + slope C_A)' along the motion, under disturbances that may jump meanwhile."""
        (k1, k2), (to_A, to_T) = self.speeds(T), self.rates(A, T, u)
        B = A + self.difference
        to_difference = self.dilution * (self.fed("b") - self.fed("a") - self.difference)
        to_stock = self.dilution * (self.fed("s") - self.stock) - k2 * self.stock
        quicker = [self.activation(i) / square(T) for i in (1, 2)]
        reacting = k1 * (A + B) * to_A + k1 * A * to_difference + quicker[0] * k1 * A * B * to_T
        flashing = k2 * (quicker[1] * self.stock * to_T + to_stock)
        leaving = self.dilution * (to_T + slope * to_A) + self.transfer * u * to_T
        return (self.heat(1) - slope) * reacting + self.heat(2) * flashing - leaving
