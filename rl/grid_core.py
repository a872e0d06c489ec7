"""GridCore: the core of a law of two states, {cost of the law <= level}, from a grid of what the law costs."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float64

from mpc import PiecewiseAffineLaw
from plants import Cost, Plant
from plants.arrays import Array, check_size, real_scalar, whole_number
from rl.closed_loop import ClosedLoop
from rl.core_certificate import CoreCertificate, certify
from rl.core_zones import CoreZones
from rl.errors import TrainingError
from rl.fitting import check_plant
from rl.grid import Grid
from rl.grid_level import grid_of_costs, largest_level
from rl.learnable import Learnable, learnable

_TRIES = 8
_TABLES = 16  # numbers per node, while what the law costs is found


@dataclass(frozen=True, eq=False)
class GridCore:
    """{x: the law costs at most `level` from x until rest}, the part of it that holds the equilibrium.

    `grid` has the law's cost `costs` on its nodes, and `values`, the same discounted. Deep inside, states are in the
    core by what the grid says; near its border by running the law from them, to the digit. So no run of the law that
    begins near the border leaves the core. The weight is 0 in all cells that the border can pass, and grows over
    `ramp` cells beyond them.
    """

    loop: ClosedLoop
    grid: Grid
    costs: Array
    values: Array
    level: float
    discount: float
    steps: int
    zones: CoreZones
    certificate: CoreCertificate | None = None

    @classmethod
    def of_law(
        cls,
        law: object,
        plant: Plant,
        level: float | None = None,
        cost: Cost | None = None,
        nodes: int = 201,
        ramp: int = 1,
        discount: float = 1.0,
    ) -> Self:
        """Return the core of `law`, an actor, a PiecewiseAffineLaw or a function of states, on a plant of two states.

        `level` is in cost; None takes the largest at which neighbouring nodes inside differ by at most a quarter of
        it, halved until the certificate holds.
        A run has the plant's episode to come to rest. `nodes` along each axis. Raises TrainingError for a plant
        of other than two states, a law of another size, a level that the grid cannot resolve, a law that does not
        come to rest at the equilibrium, and a core that a check finds not to be one.
        """
        _check_plant(plant)
        loop = ClosedLoop.of(law, plant, cost)
        count = whole_number(nodes, "nodes", TrainingError, least=11)
        check_size(_TABLES * count**2, f"`nodes` = {count} x {count}", TrainingError, "take fewer")
        wanted = None if level is None else real_scalar(level, "level", TrainingError, positive=True)
        beyond = whole_number(ramp, "ramp", TrainingError, least=1)
        gamma = real_scalar(discount, "discount", TrainingError, positive=True)
        if gamma > 1:
            raise TrainingError(f"`discount` is {gamma:g}, but it must be at most 1 (1 counts all steps alike)")
        steps = plant.episode_steps
        given = [wanted] if wanted is not None else largest_level(loop, steps) * 0.5 ** np.arange(_TRIES)
        found = None
        for trial in map(float, given):
            grid, costs, values = grid_of_costs(loop, trial, count, steps, gamma)
            zones = CoreZones.of(grid, costs, trial, plant.equilibrium[0], beyond)
            core = cls(loop, grid, costs, values, trial, gamma, steps, zones)
            found = core.certify()
            if found.passed:
                return replace(core, certificate=found)
        raise TrainingError(f"{found}; take a lower `level`, or more `nodes`")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the core itself: nothing in it changes."""
        return self

    def contains(self, x: Float64[np.ndarray, "rows 2"]) -> Bool[np.ndarray, " rows"]:
        """Return which states (rows, 2) are in the core."""
        inside, border = self._zone(x)
        if border.any():
            inside[border] = np.isfinite(self._run(x[border])[0])
        return inside

    def cost(self, x: Float64[np.ndarray, "rows 2"]) -> Float64[np.ndarray, " rows"]:
        """Return what the law costs from states (rows, 2), not discounted; infinite outside the core."""
        inside, border = self._zone(x)
        found = np.full(len(x), np.inf)
        cell, place, _ = self.grid.places(x[inside])
        found[inside] = self.grid.interpolate(self.costs, cell, place)
        if border.any():
            found[border] = self._run(x[border])[0]
        return found

    def value(self, x: Float64[np.ndarray, "rows 2"]) -> Float64[np.ndarray, " rows"]:
        """Return what the law costs from states (rows, 2), discounted; NaN outside the core."""
        inside, border = self._zone(x)
        found = np.full(len(x), np.nan)
        cell, place, _ = self.grid.places(x[inside])
        found[inside] = self.grid.interpolate(self.values, cell, place)
        if border.any():
            run = self._run(x[border])[1]
            found[border] = np.where(np.isfinite(run), run, np.nan)
        return found

    def weight(self, x: Float64[np.ndarray, "rows 2"]) -> Float64[np.ndarray, " rows"]:
        """Return how far learning counts at states (rows, 2): 0 in the core and a cell around it, then rising to 1."""
        cell, place, beyond = self.grid.places(x)
        near = self.grid.interpolate(self.zones.weights, cell, place)
        return np.minimum(1.0, near + beyond / self.zones.ramp)

    def certify(
        self, law: object = None, plant: Plant | None = None, runs: int = 1000, seed: int = 0
    ) -> CoreCertificate:
        """Return the core checked anew, also for another law, or the same one on another plant (None: its own).

        Raises TrainingError for a law or a plant of another size.
        """
        here = self.loop.plant if plant is None else plant
        _check_plant(here)
        loop = ClosedLoop.of(self.loop.inputs if law is None else law, here, self.loop.cost)
        count, drawn = whole_number(runs, "runs", TrainingError, least=1), whole_number(seed, "seed", TrainingError)
        numbers = count * (self.steps + 1) * (here.n + here.m + 1)
        check_size(numbers, f"`runs` = {count} of {self.steps} steps", TrainingError, "take fewer")
        return certify(self, loop, count, drawn)

    def learns(self, law: PiecewiseAffineLaw) -> Learnable:
        """Return which regions of `law` may learn: never, partly, or everywhere."""
        return learnable(self, law)

    def _zone(self, x: Array) -> tuple[Any, Any]:
        """Return which states (rows, 2) are deep inside, and which are near the border."""
        cell, _, beyond = self.grid.places(x)
        on = beyond == 0
        at = (cell[:, 0], cell[:, 1])
        return self.zones.inside[at] & on, self.zones.border[at] & on

    def _run(self, x: Array) -> tuple[Array, Array]:
        """Return what the law costs from states (rows, 2) near the border, as it is and discounted.

        Infinite where it costs more than the level, or leaves the border's cells other than into the inside.
        """
        total, counted = np.zeros((2, len(x)))
        live, factor = np.arange(len(x)), 1.0
        for _ in range(self.steps):
            x, cost, bad = self.loop.step(x)
            total[live] += cost
            counted[live] += factor * cost
            factor *= self.discount
            inside, border = self._zone(x)
            inside &= ~bad
            cell, place, _ = self.grid.places(x[inside])
            total[live[inside]] += self.grid.interpolate(self.costs, cell, place)
            counted[live[inside]] += factor * self.grid.interpolate(self.values, cell, place)
            lost = bad | ~(inside | border)
            total[live[lost]] = np.inf
            on = border & ~bad
            x, live = x[on], live[on]
            if not len(live):
                break
        total[live] = np.inf
        outside = ~(total <= self.level)
        total[outside] = counted[outside] = np.inf
        return total, counted


def _check_plant(plant: Plant) -> None:
    check_plant(plant)
    if plant.n != 2:
        raise TrainingError(
            f"`plant` {plant.name!r} has {plant.n} states ({', '.join(plant.state_names)}), but a grid takes 2; "
            "use LevelCore.of_law, which takes any number"
        )
    for name, low, high in zip(plant.state_names, *plant.state_bounds, strict=True):
        if not (np.isfinite(low) and np.isfinite(high)):
            raise TrainingError(
                f"`state_bounds` of {plant.name!r} leave {name} unbounded ({low:g} to {high:g}), but a grid needs two "
                "finite ones; give the plant both"
            )
