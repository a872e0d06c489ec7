"""CoreCertificate: what was checked of a core of a grid, and with what result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plants import Plant, simulate
from plants.arrays import Array
from rl.closed_loop import ClosedLoop

if TYPE_CHECKING:
    from rl.grid_core import GridCore

_SIDE = 3  # check points along a side of a cell
_HALVINGS = 50
_RAYS = 200
_MOST_ERROR = 0.02  # of the level


@dataclass(frozen=True)
class CoreCertificate:
    """What was found when a core was checked.

    Near the border nothing is to be checked: a state is in the core there only if the law's own run from it stays in
    the core's cells and costs at most `level`, so the next state of that run passes the same test. What is
    left are states deep inside. Of `points` in `cells` all but `left` come in one step to a state of the core, at a
    cost to go `margin` below the level; between neighbouring points it changes by `between` at most, halved.
    Then `runs` simulated runs, by their own code, among them from the border as found by bisection: `escaped` left the
    core at some step; their costs differ from the core's value by at most `value_error` (in cost).

    All this is sampled: proved is only that runs from near the border stay, until they come deep inside.
    """

    level: float
    cells: int
    points: int
    left: int
    margin: float
    between: float
    runs: int
    escaped: int
    value_error: float

    @property
    def passed(self) -> bool:
        """Return whether nothing left the core or can between the points, and values err by at most 2 % of level."""
        stays = self.left == 0 and self.escaped == 0 and self.runs > 0 and self.margin > self.between
        return stays and self.value_error <= _MOST_ERROR * self.level

    def __str__(self) -> str:
        """Return what was checked, in words."""
        said = "holds" if self.passed else "does not hold"
        return (
            f"core of level {self.level:g} {said}: {self.left} of {self.points} points in {self.cells} cells leave it "
            f"in a step (margin {self.margin:.3g}, {self.between:.3g} between points; sampled); {self.escaped} of "
            f"{self.runs} runs leave it; values differ from simulated costs by at most {self.value_error:.3g}"
        )


def certify(core: "GridCore", loop: ClosedLoop, runs: int, seed: int) -> CoreCertificate:
    """Return what is found of `core` when its plant and law are those of `loop`."""
    costs = _costs_after(core, loop)
    worst = costs.max((1, 2))
    with np.errstate(invalid="ignore"):
        changes = [np.abs(np.diff(costs, axis=axis)).max((1, 2)) for axis in (1, 2)]
    tight = int(np.argmax(np.where(np.isfinite(worst), worst + sum(changes) / 2, np.inf)))
    starts = _starts(core, runs, np.random.default_rng(seed))
    escaped, error = _simulated(core, loop, starts)
    return CoreCertificate(
        level=core.level,
        cells=len(costs),
        points=costs.size,
        left=int((~np.isfinite(costs)).sum()),
        margin=float(core.level - worst[tight]),
        between=float(sum(change[tight] for change in changes) / 2),
        runs=len(starts),
        escaped=escaped,
        value_error=error,
    )


def _costs_after(core: "GridCore", loop: ClosedLoop) -> Array:
    """Return what the law costs one step after the check points of all cells inside (cells, side, side)."""
    cells = np.argwhere(core.zones.inside)
    share = np.linspace(0, 1, _SIDE)
    within = np.stack(np.meshgrid(share, share, indexing="ij"), axis=-1)
    points = core.grid.lower + (cells[:, None, None] + within) * core.grid.step
    after, _, bad = loop.step(np.ascontiguousarray(points.reshape(-1, 2)))
    costs = np.where(bad, np.inf, core.cost(after))
    return costs.reshape(len(cells), _SIDE, _SIDE)


def _starts(core: "GridCore", count: int, generator: np.random.Generator) -> Array:
    """Return states of the core: so many drawn from its cells, and those on its border along rays from rest."""
    cells = np.argwhere(core.zones.inside | core.zones.border)
    chosen = cells[generator.integers(len(cells), size=count)]
    drawn = core.grid.lower + (chosen + generator.uniform(size=(count, 2))) * core.grid.step
    angle = generator.uniform(0, 2 * np.pi, _RAYS)
    reach = core.grid.step * (np.array(core.grid.counts) - 1)
    rest = core.loop.plant.equilibrium[0]
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach
    low, high = np.zeros(_RAYS), np.ones(_RAYS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        held = core.contains(rest + middle[:, None] * rays)
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    found = _within(core.loop.plant, np.concatenate([drawn[core.contains(drawn)], rest + low[:, None] * rays]))
    return found[core.contains(found)]


def _within(plant: Plant, x: Array) -> Array:
    """Return states (rows, n) within caps and safe limits, beyond which grid and rays may be by rounding."""
    capped = np.clip(x, *plant.state_caps)
    return capped if plant.safe_limits is None else np.clip(capped, *plant.safe_limits)


def _simulated(core: "GridCore", loop: ClosedLoop, starts: Array) -> tuple[int, float]:
    """Return how many runs from `starts` leave the core, and the largest difference of their costs from its value."""

    def controller(x: Any) -> Any:
        return np.clip(loop.inputs(x), *loop.plant.input_bounds)

    run = simulate(loop.plant, controller, starts, core.steps, loop.cost)
    held = core.contains(run.states.reshape(-1, 2)).reshape(run.states.shape[:-1])
    costs = run.costs @ core.discount ** np.arange(core.steps)
    return int((~held).any(1).sum()), float(np.abs(costs - core.value(starts)).max())
