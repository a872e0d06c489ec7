"""What a controller, or a stack of actors, costs from fixed starts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plants import Cost, Plant, Scenario, Trajectory, simulate
from plants.arrays import Array, real_points
from plants.simulate import Controller
from rl.errors import TrainingError
from rl.fitting import check_plant
from rl.ledger import frozen
from yann.stacked import StackedNetwork


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Episodes without exploration: `costs` (..., K) with penalties, `violations` (..., K) whether each was unsafe.

    `runaways` (..., K) says which ended because a state without a cap of its own ran away. The leading
    axis (S,) is there for a stack of S > 1 actors. `trajectory` has every step.
    """

    costs: Array
    violations: Any
    runaways: Any
    trajectory: Trajectory

    def __repr__(self) -> str:
        """Return one line: how many episodes, their mean cost, how many were unsafe or ran away."""
        unsafe, wild = int(self.violations.sum()), int(self.runaways.sum())
        runaways = f", {wild} runaways" if wild else ""
        return f"Evaluation({self.costs.size} episodes, mean cost {self.costs.mean():.4g}, {unsafe} unsafe{runaways})"


def evaluate(
    controller: StackedNetwork | Controller,
    plant: Plant | Scenario,
    cost: Cost | None = None,
    *,
    starts: ArrayLike,
    steps: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Return what episodes from `starts` (K, n) cost under a controller or a stack of actors.

    A stack of S > 1 actors runs all of them at once, each from every start: costs (S, K). `cost` defaults to the
    plant's, `steps` to its episode; what is random about a scenario follows from `seed` and the place of the start, so
    all actors meet the same. Raises TrainingError for starts of a wrong shape, none at all, NaN or infinity, and
    PlantError for those that the plant refuses.
    """
    if not isinstance(plant, Scenario):
        check_plant(plant)
    points = checked_starts(starts, "starts", plant.plant if isinstance(plant, Scenario) else plant)
    if isinstance(controller, StackedNetwork) and controller.members > 1:
        points = np.broadcast_to(points, (controller.members, *points.shape))
    trajectory = simulate(plant, controller, points, steps, cost, seed)
    return Evaluation(
        costs=frozen(trajectory.total_cost),
        violations=frozen(trajectory.unsafe),
        runaways=frozen(trajectory.runaway),
        trajectory=trajectory,
    )


def checked_starts(starts: ArrayLike, name: str, plant: Plant) -> Array:
    """Return starts (K, n); raise TrainingError naming them otherwise."""
    points = real_points(starts, name, plant.state_names, TrainingError)
    if points.ndim != 2 or not len(points):
        raise TrainingError(
            f"`{name}` has shape {points.shape}, but (K, {plant.n}) is needed, K at least 1; pass one row per start"
        )
    return points
