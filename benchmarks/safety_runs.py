"""Reactors that are pushed at the border of their safe set: starts, policies, disturbances, and what came of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpc import SafeSet
from mpc.safety.max_min import MaxMin
from plants import Plant
from plants.arrays import Array

Policy = Callable[[Array, int], Array]
"""Wanted inputs (rows, 1) at states (rows, 4) in a step."""
Maker = Callable[[Plant, int, np.random.Generator], Policy]
Weather = Callable[[int], Array]
"""The plant's constants (rows, k) in a step."""


@dataclass(frozen=True)
class Tally:
    """What happened in `steps` steps of all rows together; `hottest` [K] is the highest temperature of any sample.

    `violations` counts samples beyond the plant's limit, `left` those outside the safe set, `interventions` the steps
    in which the filter changed the input.
    """

    steps: int
    violations: int
    left: int
    interventions: int
    hottest: float


def starts(safe: SafeSet, rows: int, generator: np.random.Generator) -> Array:
    """Half of them on the border of the facets, up to rounding, the others below it; C_B - C_A often at an end."""
    content, drawn = safe.certificate.content, 2 * rows
    facets, ranges = np.array(content["facets"]), content["ranges"]
    spread = np.where(generator.random(drawn) < 0.5, 1.0, generator.random(drawn) ** 3)
    A = ranges["concentration"] * spread * generator.random(drawn)
    at_an_end = generator.choice(ranges["difference"], drawn)
    w = np.where(generator.random(drawn) < 0.5, at_an_end, generator.uniform(*ranges["difference"], drawn))
    border = (facets[:, 1] - np.outer(A, facets[:, 0])).min(axis=1)
    below = np.where(np.arange(drawn) % 2, 0.0, (border - ranges["coldest"]) * generator.random(drawn) ** 2)
    x = np.c_[A, A + w, np.full(drawn, ranges["stock"]), border - below]
    return x[safe.contains(x)][:rows]


def random(plant: Plant, rows: int, generator: np.random.Generator) -> Policy:
    """Any input at any time."""
    return lambda x, step: generator.uniform(*plant.input_bounds, (rows, 1))


def bang_bang(plant: Plant, rows: int, generator: np.random.Generator) -> Policy:
    """One limit or the other, drawn anew in every step."""
    return lambda x, step: generator.choice(np.ravel(plant.input_bounds), (rows, 1))


def held(plant: Plant, rows: int, generator: np.random.Generator) -> Policy:
    """One limit or the other, each held for an hour."""
    drawn = generator.choice(np.ravel(plant.input_bounds), (1000, rows, 1))
    return lambda x, step: drawn[step // 60 % 1000]


def zero_cooling(plant: Plant, rows: int, generator: np.random.Generator) -> Policy:
    """No cooling, ever."""
    return lambda x, step: np.tile(plant.input_bounds[0], (rows, 1))


def overcool(plant: Plant, rows: int, generator: np.random.Generator) -> Policy:
    """Full cooling for 2 h so that A piles up, then none for 2 h."""
    low, high = plant.input_bounds
    return lambda x, step: np.tile(high if step % 240 < 120 else low, (rows, 1))


POLICIES: dict[str, Maker] = {
    "random": random,
    "bang-bang": bang_bang,
    "held for 1 h": held,
    "zero cooling": zero_cooling,
    "overcool, then none": overcool,
}


def as_policy(controller: Callable[[Array], Array]) -> Maker:
    """A policy of any function from states (rows, 4) to inputs (rows, 1)."""
    return lambda plant, rows, generator: lambda x, step: controller(x)


@dataclass(frozen=True)
class Disturbances:
    """Vertices of the bounds in a safe set's certificate, `doubled` or as they are."""

    plant: Plant
    safe: SafeSet
    doubled: bool = False

    def vertices(self, signs: Array) -> Array:
        """Constants (rows, k) for signs (rows, 5), each -1 or 1, of feed A, B and S, feed temperature and fouling."""
        bound = self.safe.certificate.content["disturbance"]
        size = 2 if self.doubled else 1
        constants = np.tile(self.plant.constant_values, (len(signs), 1))
        place = {constant.name: i for i, constant in enumerate(self.plant.constants)}
        for i, name in enumerate(("feed_a", "feed_b", "feed_s")):
            constants[:, place[name]] *= 1 + size * bound["feed"] * signs[:, i]
        constants[:, place["feed_temperature"]] += size * bound["inlet"] * signs[:, 3]
        constants[:, place["effectiveness"]] *= np.where(signs[:, 4] > 0, bound["effectiveness"] ** size, 1.0)
        return constants

    def weathers(self, rows: int, generator: np.random.Generator) -> dict[str, Weather]:
        """Named weathers: the worst, with B the other way, reversals after 200 steps, and any vertex in any step."""
        worst, opposed, mild = (
            self.vertices(np.tile(signs, (rows, 1)))
            for signs in ([1.0] * 5, [1.0, -1.0, 1.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0, -1.0])
        )
        if not any(self.safe.certificate.content["disturbance"][name] for name in ("feed", "inlet")):
            return {"none": lambda step: worst}
        return {
            "worst": lambda step: worst,
            "B the other way": lambda step: opposed,
            "reversals": lambda step: mild if step // 200 % 2 == 0 else worst,
            "any vertex": lambda step: self.vertices(generator.choice([-1.0, 1.0], (rows, 5))),
        }


def run(
    safe: SafeSet, plant: Plant, x: Array, policy: Policy, weather: Weather, steps: int, filtered: bool = True
) -> Tally:
    """Run all rows of starts x (rows, 4) for so many steps, with the filter or without."""
    keep, limit = MaxMin.of(safe), float(safe.certificate.content["limit"])
    violations = left = interventions = 0
    hottest = -np.inf
    for step in range(steps):
        wanted = policy(x, step)
        u = keep.filtered(x, wanted) if filtered else wanted
        interventions += int((u != wanted).sum())
        x = plant.step_rows(x, u, weather(step))
        violations += int((x[:, 3] > limit).sum())
        left += int((~safe.contains(x)).sum())
        hottest = max(hottest, float(x[:, 3].max()))
    return Tally(steps * len(x), violations, left, interventions, hottest)
