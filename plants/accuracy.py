"""How far a plant's integrator is from the truth, which is CVODES at its tightest."""

from dataclasses import dataclass, replace

import numpy as np

from plants.arrays import Array, check_size, instance_of, whole_number
from plants.cvodes import CVODES
from plants.equilibrium import state_scales
from plants.errors import PlantError
from plants.plant import Plant

EXACT = CVODES(relative=1e-10, absolute=1e-10)


@dataclass(frozen=True)
class IntegrationError:
    """The worst gaps between a plant's integrator and CVODES at 1e-10, every state counted in its scale.

    `step` is that of one sample period, from `points` states and inputs drawn within their bounds. `episode` is that
    anywhere along `episodes` runs of at most `steps` steps from the plant's starts, both under the same random inputs,
    until one of the two is unsafe or runs away: a plant that is unstable there magnifies it. At `gave_up` of the points
    one of the two integrators gave up: they are not counted. All are 0 for a plant that is given by its next state.
    """

    step: float
    episode: float
    points: int
    episodes: int
    steps: int
    gave_up: int = 0


def integration_error(
    plant: Plant, points: int = 200, episodes: int = 10, steps: int = 50, seed: int = 0
) -> IntegrationError:
    """Return how far the plant's steps and episodes are from those of CVODES at 1e-10, as shares of its states' scales.

    A scale is half the width of a state's bounds. Raises PlantError for what is no plant and for numbers that are none.
    """
    instance_of(plant, Plant, "plant", PlantError, "pass the Plant to measure")
    counts = {"points": points, "episodes": episodes, "steps": steps}
    sizes = [whole_number(count, name, PlantError, least=1) for name, count in counts.items()]
    whole_number(seed, "seed", PlantError)
    check_size(max(sizes[0], sizes[1] * sizes[2]) * (plant.n + plant.m), f"{counts}", PlantError, "take fewer")
    steps = min(steps, plant.episode_steps)
    if not plant.is_continuous:
        return IntegrationError(0.0, 0.0, points, episodes, steps)
    exact = replace(plant, integrator=EXACT)
    generator = np.random.default_rng(seed)
    tried = sampled_points(plant, points, generator)
    gaps = _gaps(plant, plant.step_rows(*tried), exact.step_rows(*tried))
    gave_up = np.isnan(gaps).any(-1)
    starts = plant.sample_starts(generator, episodes)
    inputs = generator.uniform(*plant.input_bounds, size=(steps, episodes, plant.m))
    worst = float(gaps[~gave_up].max(initial=0.0)), _episode(plant, exact, starts, inputs)
    return IntegrationError(*worst, points, episodes, steps, int(gave_up.sum()))


def sampled_points(plant: Plant, count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return `count` states (count, n) within the plant's bounds, its starts where there are none, and inputs."""
    lower, upper = (
        np.where(np.isfinite(bound), bound, start)
        for bound, start in zip(plant.state_bounds, plant.start_bounds, strict=True)
    )
    states = plant.wrap(generator.uniform(lower, upper, size=(count, plant.n)))
    return states, generator.uniform(*plant.input_bounds, size=(count, plant.m))


def _gaps(plant: Plant, one: Array, other: Array) -> Array:
    """Return the gaps (rows, n) of states (rows, n), on the circle for angles, in scales; NaN where either is."""
    gap = one - other
    finite = np.isfinite(gap)
    turned = plant.wrap(np.where(finite, gap, 0.0))
    return np.where(finite, np.abs(turned), np.nan) / state_scales(plant, plant.equilibrium[0])


def _episode(plant: Plant, exact: Plant, starts: Array, inputs: Array) -> float:
    own, true = starts, starts
    worst, live = 0.0, np.ones(len(starts), dtype=bool)
    for entry in inputs:
        own, true = plant.step_rows(own, entry), exact.step_rows(true, entry)
        live &= np.isfinite(own + true).all(-1)
        own, true = (np.where(live[:, None], x, plant.equilibrium[0]) for x in (own, true))
        live &= ~(plant.unsafe(own) | plant.unsafe(true) | plant.runaway(own) | plant.runaway(true))
        worst = max(worst, float(_gaps(plant, own, true)[live].max(initial=0.0)))
    return worst
