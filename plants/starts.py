"""Where episodes begin: uniform in a box, at the points that a filter keeps."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plants.arrays import Array, check_size, instance_of, whole_number
from plants.errors import PlantError

if TYPE_CHECKING:
    from plants.plant import Plant

StartFilter = Callable[[Array], Any]
"""Rows (rows, n) -> bool (rows,): which of them may be starts."""

_MOST_ROUNDS = 1000


def sample_starts(
    plant: "Plant", generator: np.random.Generator, count: int, bounds: tuple[Array, Array] | None = None
) -> Array:
    """Return `count` states (count, n) uniform within `bounds`, by default the plant's own, that its filter keeps.

    Raises PlantError for a wrong argument, and where the filter keeps hardly a point.
    """
    instance_of(generator, np.random.Generator, "generator", PlantError, "pass np.random.default_rng(seed)")
    rows = whole_number(count, "count", PlantError)
    check_size(rows * plant.n, f"`count` = {rows}", PlantError, "draw fewer starts at a time")
    lower, upper = plant.start_bounds if bounds is None else bounds
    if plant.start_filter is None:
        return plant.wrap(generator.uniform(lower, upper, size=(rows, plant.n)))
    starts = np.empty((rows, plant.n))
    done = 0
    for _ in range(_MOST_ROUNDS):
        drawn = plant.wrap(generator.uniform(lower, upper, size=(rows - done, plant.n)))
        kept = drawn[kept_starts(plant, drawn)]
        starts[done : done + len(kept)] = kept
        done += len(kept)
        if done == rows:
            return starts
    raise _too_few(done, rows)


def sample_each(
    plant: "Plant", generators: Sequence[np.random.Generator], bounds: tuple[Array, Array] | None = None
) -> Array:
    """Return one state (rows, n) from each generator, the same whichever others there are.

    As with `sample_starts` it is uniform within `bounds` and kept by the filter, with the same PlantError.
    """
    lower, upper = plant.start_bounds if bounds is None else bounds
    starts = np.empty((len(generators), plant.n))
    missing: Any = np.arange(len(generators))
    for _ in range(_MOST_ROUNDS):
        shares = np.array([generators[row].random(plant.n) for row in missing])
        drawn = plant.wrap(lower + shares * (upper - lower))
        kept = kept_starts(plant, drawn)
        starts[missing[kept]] = drawn[kept]
        missing = missing[~kept]
        if not len(missing):
            return starts
    raise _too_few(len(generators) - len(missing), len(generators))


def kept_starts(plant: "Plant", points: Array) -> Any:
    """Return, as bool (rows,), which states (rows, n) the filter keeps; PlantError for another answer."""
    if plant.start_filter is None:
        return np.ones(len(points), dtype=bool)
    kept = np.asarray(plant.start_filter(points.copy()))
    if kept.shape != (len(points),) or kept.dtype != bool:
        raise PlantError(
            f"`start_filter` returns {kept.dtype} of shape {kept.shape}, but bool of shape ({len(points)},) is "
            "needed: one answer for each row"
        )
    return kept


def _too_few(done: int, rows: int) -> PlantError:
    return PlantError(
        f"`start_filter` keeps only {done} of {rows} starts after {_MOST_ROUNDS} rounds of draws; "
        "narrow `start_bounds` to where it keeps more"
    )


def kept_share(plant: "Plant", points: int = 10_000, seed: int = 0) -> float:
    """Return the share of `points` uniform draws within `start_bounds` that the plant's filter keeps.

    Raises PlantError for what has no starts, and for numbers that are none.
    """
    if not hasattr(plant, "start_filter"):
        raise PlantError(f"`plant` is a {type(plant).__name__}, but a Plant is needed; pass the one whose starts count")
    rows = whole_number(points, "points", PlantError, least=1)
    check_size(rows * plant.n, f"`points` = {rows}", PlantError, "ten thousand will do")
    generator = np.random.default_rng(whole_number(seed, "seed", PlantError))
    drawn = generator.uniform(*plant.start_bounds, size=(rows, plant.n))
    return float(kept_starts(plant, plant.wrap(drawn)).mean())
