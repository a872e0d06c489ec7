"""facet_jump: by how much an actor's residuals differ where regions meet, as a penalty for whoever trains it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Indices, instance_of, whole_number
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.gathered import check_law
from yann.readout import half_input_range

HAIR = 1e-9
"""Half widths beyond a facet, where the region on the other side is looked for."""


@dataclass(frozen=True, eq=False)
class FacetJump:
    """Points (k, t) on facets between two regions, `sides` (k, 2); called with an actor it gives its penalty.

    `half_range` (m,) is half the input range, in whose units jumps are measured; `law_digest` names the law.
    """

    points: Float64[Tensor, "k t"]
    sides: Int64[Tensor, "k 2"]
    half_range: Tensor
    law_digest: str

    def __call__(self, actor: YannActor) -> Tensor:
        """Return for each member (S,) the mean over points and inputs of (jump / half input range)^2.

        A jump is the difference between the residuals of the two regions before the input bounds: 0 at birth. Raises
        NetworkError for an actor of another law.
        """
        instance_of(actor, YannActor, "actor", NetworkError, "pass what YannActor.from_law or .load returns")
        if actor.law_digest != self.law_digest:
            raise NetworkError(
                f"`actor` was born of the law {actor.law_digest[:12]}, but these facets are those of "
                f"{self.law_digest[:12]}; pass facet_jump(actor.birth.law)"
            )
        states = self.points.expand(actor.members, -1, -1)
        first, second = (actor.addition(states, side.expand(actor.members, -1)) for side in self.sides.T)
        return ((first - second) / self.half_range).square().mean(dim=(1, 2))

    def drawn(self, count: int, generator: torch.Generator) -> Self:
        """Return `count` of the points, drawn anew (with repetition): for laws with many facets, one draw a step."""
        count = whole_number(count, "count", NetworkError, least=1)
        instance_of(generator, torch.Generator, "generator", NetworkError, "pass torch.Generator()")
        chosen = torch.randint(len(self.points), (count,), generator=generator)
        return replace(self, points=self.points[chosen], sides=self.sides[chosen])


def facet_jump(law: PiecewiseAffineLaw, rays: int = 8, seed: int = 0) -> FacetJump:
    """Return the penalty on jumps between the regions of `law`, at points that stay.

    From the centre of every region rays go to each of its facets, and `rays` more in random directions; they end where
    they leave the region, and count if another region goes on there. Raises NetworkError for a law without such points.
    """
    check_law(law)
    rays = whole_number(rays, "rays", NetworkError, least=0)
    generator = np.random.default_rng(whole_number(seed, "seed", NetworkError))
    parts = [_exits(law, i, rays, generator) for i in range(len(law.regions))]
    points, across = (np.concatenate(part) for part in zip(*parts, strict=True))
    inner = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    outer, margin = law.tree.locate(points + HAIR * law.half_width * across)
    kept = (margin >= 0) & (outer != inner)
    if not kept.any():
        raise NetworkError(f"`law` has {len(law.regions)} regions that meet nowhere: without facets nothing can jump")
    sides: Indices = np.stack([inner, outer], axis=1)[kept]
    return FacetJump(torch.from_numpy(points[kept]), torch.from_numpy(sides), half_input_range(law), law.digest)


def _exits(law: PiecewiseAffineLaw, region: int, rays: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return where rays from a region's centre leave it (k, t), and the unit normals there (k, t) over half widths."""
    piece = law.regions[region]
    rows = piece.A * law.half_width
    normals = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    directions = np.concatenate([normals, generator.normal(size=(rays, law.t))])
    speed = directions @ rows.T
    steps = np.where(speed > 0, (piece.b - piece.A @ piece.centre) / np.where(speed > 0, speed, 1.0), np.inf)
    exits = steps.argmin(axis=1)
    reach = steps[np.arange(len(steps)), exits]
    return piece.centre + reach[:, None] * directions * law.half_width, normals[exits]
