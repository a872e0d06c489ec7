"""Points on the border of a core: where the trained part of an actor begins."""

import numpy as np

from plants import Plant
from plants.arrays import Array
from rl.core import Core, NoCore
from rl.errors import TrainingError

_ROUNDS = 100
_HALVINGS = 40


def border_points(core: Core, plant: Plant, source: np.random.Generator, count: int) -> Array:
    """Return `count` states (count, n) just outside a core, on rays from the plant's rest; none (0, n) of no core.

    Rays lead to points uniform in the plant's `state_bounds`, in `start_bounds` where they have no end. Each returned
    point is outside, and within 1e-12 of the ray's length there is one inside. Raises TrainingError if the rest is not
    in the core, or hardly a point outside.
    """
    home = plant.equilibrium[0]
    if isinstance(core, NoCore):
        return np.empty((0, plant.n))
    if not core.contains(home[None])[0]:
        raise TrainingError(
            f"the core does not hold the plant's rest {home}, from where its border would be found; pass `border`, "
            "starts on its border, and an actor without this core"
        )
    outside = _outside(core, plant, source, count)
    inside = np.tile(home, (count, 1))
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        held = core.contains(middle)
        inside[held], outside[~held] = middle[held], middle[~held]
    return outside


def _outside(core: Core, plant: Plant, source: np.random.Generator, count: int) -> Array:
    found = np.empty((0, plant.n))
    pairs = zip(plant.state_bounds, plant.start_bounds, strict=True)
    ends = [np.where(np.isfinite(wide), wide, narrow) for wide, narrow in pairs]
    for _ in range(_ROUNDS):
        drawn = plant.wrap(source.uniform(*ends, size=(count, plant.n)))
        found = np.concatenate([found, drawn[~core.contains(drawn)]])
        if len(found) >= count:
            return found[:count]
    raise TrainingError(
        f"only {len(found)} of {_ROUNDS * count} points of `state_bounds` lie outside the core; widen the bounds"
    )
