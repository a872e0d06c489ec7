"""Continuous: a residual that fades towards the border of its region, so that no input jumps where regions meet."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Indices, instance_of, real_scalar
from yann.errors import NetworkError
from yann.residual import Residual

FREE = 1e6
"""The level, in half widths, of a row that stands for a facet with nothing of the domain behind it."""


@dataclass(frozen=True)
class Continuous(Residual):
    """`form` times a factor that is 0 on the facets of each region and 1 deep inside it, so the actor is continuous.

    The factor is w^2 (3 - 2 w) with w = depth / (share radius), at most 1: the depth is the distance to the nearest
    facet, in half widths as the radius of the region's largest ball is, and `share` in (0, 1] the part of that ball in
    which the factor grows. Facets on the border of the parameter box, behind which there is no other residual, do not
    count. Beyond the other borders of the domain the residual is zero. Every region keeps its law on its facets.
    """

    form: Residual
    share: float = 0.5

    def __post_init__(self) -> None:
        """Check form and share."""
        instance_of(self.form, Residual, "form", NetworkError, "pass a form such as PerRegion()")
        share = real_scalar(self.share, "share", NetworkError, positive=True)
        if share > 1:
            raise NetworkError(f"`share` is {share:g}, but it must be at most 1; pass a number in (0, 1]")

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module; raises NetworkError as the form does."""
        return ContinuousResidual(law, self.form.build(law), self.share)


class ContinuousResidual(nn.Module):
    """The rows A (p, k, t), b (p, k) of each region, the `fade` (p,) within which the factor grows, and `form`.

    `free` (q,) says of each of the law's half-spaces whether nothing lies behind it; it does not count.
    """

    A: Tensor
    b: Tensor
    fade: Tensor

    def __init__(self, law: PiecewiseAffineLaw, form: nn.Module, share: float) -> None:
        super().__init__()
        A, b, _ = law.halfspaces
        self.free = _nothing_behind(law, A, b)
        A, b = np.where(self.free[:, None], 0.0, A), np.where(self.free, FREE, b)
        rows = _padded(law)
        radius = np.array([region.radius for region in law.regions])
        for name, array in (("A", A[rows]), ("b", b[rows]), ("fade", share * radius)):
            self.register_buffer(name, torch.tensor(array, dtype=torch.float64))
        self.form = form

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) of each row's own region, faded."""
        return self.factor(rows, region).unsqueeze(-1) * self.form(rows, region)

    def factor(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B"]:
        """Return the factor in [0, 1] of the given regions (S, B) at the parameters (S, B, t)."""
        depth = (self.b[region] - (self.A[region] * rows.unsqueeze(-2)).sum(-1)).amin(-1)
        w = torch.clamp(depth / self.fade[region], 0.0, 1.0)
        return w * w * (3 - 2 * w)


def _nothing_behind(law: PiecewiseAffineLaw, A: Array, b: Array) -> np.ndarray:
    """Return for each row whether nothing of the parameter box lies behind it."""
    farthest = A @ law.centre + np.abs(A) @ law.half_width
    return farthest <= b + TOLERANCE


def _padded(law: PiecewiseAffineLaw) -> Indices:
    """Return the numbers of each region's rows (p, k); a region with fewer than the most repeats its own."""
    owner = law.halfspaces[2]
    starts = np.searchsorted(owner, np.arange(len(law.regions) + 1))
    counts = np.diff(starts)
    return starts[:-1, None] + np.arange(counts.max()) % counts[:, None]
