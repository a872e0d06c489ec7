"""Does a trained actor keep its core? Asked from many starts in it, in every seed."""

from collections.abc import Sequence

import numpy as np

from plants import Scenario
from plants.arrays import Array
from rl import evaluate
from rl.core import Core, NoCore, core_of
from studies.errors import StudyError
from yann.stacked import StackedNetwork

STARTS = 1_000
_DRAWS = 1_000_000


def core_excess(law: StackedNetwork, trained: Sequence[StackedNetwork], world: Scenario) -> Array:
    """Return the most (S,) by which each trained actor costs more than `law` from 1,000 starts in the law's core.

    NaN where the law keeps no core. What is fixed in training cannot change in it: so where every state on the law's
    runs has weight 0, which raises StudyError otherwise, the same holds at any moment of training.
    """
    core = core_of(law)
    if isinstance(core, NoCore):
        return np.full(len(trained), np.nan)
    starts = starts_in(core, world)
    kept = evaluate(law, world, starts=starts)
    states = kept.trajectory.states.reshape(-1, world.plant.n)
    moved = core.weight(states) > 0
    if moved.any():
        raise StudyError(
            f"the law's runs from its core pass {moved.sum()} states that may learn, at {states[moved][0]}"
        )
    return np.array([(evaluate(actor, world, starts=starts).costs - kept.costs).max() for actor in trained])


def starts_in(core: Core, world: Scenario) -> Array:
    """Return 1,000 states (1000, n) drawn evenly from the core within the plant's bounds, the same every time."""
    generator, (lower, upper) = np.random.default_rng(0), world.plant.state_bounds
    drawn = generator.uniform(lower, upper, (_DRAWS, world.plant.n))
    found = drawn[core.contains(drawn)][:STARTS]
    if len(found) < STARTS:
        raise StudyError(f"{len(found)} of {_DRAWS:,} states are in the core, but {STARTS:,} are needed to check it")
    return found
