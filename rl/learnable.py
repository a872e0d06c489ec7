"""Which regions of a law may learn, given a core."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from mpc import PiecewiseAffineLaw
from mpc.sets.corners import corners_of
from plants.arrays import Array, instance_of
from rl.errors import TrainingError

if TYPE_CHECKING:
    from rl.core import Core

_MIXED = 400  # points of each region, mixed of its corners


class Learns(StrEnum):
    """How much of a region may learn."""

    NEVER = "never"
    PARTLY = "partly"
    ALL = "all"


@dataclass(frozen=True)
class Learnable:
    """How much of each region may learn, `regions[i]` of region i; judged at its corners and 400 points in it."""

    regions: tuple[Learns, ...]

    def to_dict(self) -> Mapping[str, list[int]]:
        """Return the numbers of the regions by how much of them may learn, ready for JSON."""
        return {str(kind): [i for i, found in enumerate(self.regions) if found is kind] for kind in Learns}

    def __str__(self) -> str:
        """Return one line for each kind: which regions may learn never, partly, everywhere."""
        lines = {"never": "untouched", "partly": "learn outside the core", "all": "learn everywhere"}
        return "\n".join(f"{lines[kind]}: {', '.join(map(str, of)) or 'none'}" for kind, of in self.to_dict().items())


def learnable(core: "Core", law: PiecewiseAffineLaw) -> Learnable:
    """Return which regions of `law` may learn; raises TrainingError for what is no law."""
    instance_of(law, PiecewiseAffineLaw, "law", TrainingError, "pass the law that solve_explicit returns")
    generator = np.random.default_rng(0)
    return Learnable(tuple(_judged(core.weight(_points(law, i, generator))) for i in range(len(law.regions))))


def _judged(weights: Array) -> Learns:
    learns = weights > 0
    if learns.all():
        return Learns.ALL
    return Learns.PARTLY if learns.any() else Learns.NEVER


def _points(law: PiecewiseAffineLaw, index: int, generator: np.random.Generator) -> Array:
    """Return points of a region: its centre, its corners, and mixtures of them."""
    region = law.regions[index]
    size = np.linalg.norm(region.A, axis=1)
    corners = np.concatenate([corners_of(region.A / size[:, None], region.b / size), region.centre[None]])
    shares = generator.dirichlet(np.full(len(corners), 0.5), _MIXED)
    return np.concatenate([corners, shares @ corners])
