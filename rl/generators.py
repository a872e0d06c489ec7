"""Where the randomness of a training comes from: one generator for each seed and each use."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

STARTS = (0,)
EXPLORATION = (1,)
REPLAY = (2,)
DISTURBANCES = (3, 0)
UPDATES = (4,)
SECOND_CRITIC = (5,)
GATE = (6,)
CLONING = (7,)
SAFETY_CRITIC = (8,)


def generator(seed: int, use: tuple[int, ...]) -> np.random.Generator:
    """Return the generator of one seed for one use; what a seed draws does not depend on the other seeds.

    Evaluation draws the disturbances of row i from (i,) of its own seed: no seed of training meets them beforehand as
    disturbances. Those of its first rows are, at the same seed, the numbers of other uses above: (0,), (1,), ...
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=use))


def second_seed(seed: int) -> int:
    """Return the seed from which the second of a member's two critics is drawn."""
    return _seed_for(seed, SECOND_CRITIC)


def safety_seed(seed: int) -> int:
    """Return the seed from which a member's safety critic is drawn."""
    return _seed_for(seed, SAFETY_CRITIC)


def _seed_for(seed: int, use: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=use).generate_state(1)[0])


class MemberNormals:
    """Standard normal numbers for S members, each from a generator of its own."""

    def __init__(self, seeds: Sequence[int], use: tuple[int, ...] = UPDATES) -> None:
        self.generators = tuple(generator(seed, use) for seed in seeds)

    def __call__(self, *shape: int) -> Tensor:
        """Return numbers (S, *shape), float64."""
        numbers = np.empty((len(self.generators), *shape))
        for drawn, own in zip(numbers, self.generators, strict=True):
            own.standard_normal(out=drawn)
        return torch.from_numpy(numbers)

    def state(self) -> Mapping[str, Any]:
        """Return the generators, for a checkpoint."""
        return {"generators": self.generators}
