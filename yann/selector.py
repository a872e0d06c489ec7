"""Layers 1 to 3 of the paper as one selection: which region of the law holds a parameter."""

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw


class RegionSelector(nn.Module):
    """Selects the region of least violation, the lowest index on a tie; there is no step and no big-M.

    A region's violation is the worst A theta - b over its half-spaces, in half widths of the parameter set.
    Rounding can leave a crack between two regions, where steps on both sides say no; a least violation
    always exists, so every parameter has exactly one region. This replaces the step, AND and priority layers.
    """

    A: Tensor
    b: Tensor

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        super().__init__()
        self.regions = len(law.regions)
        longest = max(len(region.b) for region in law.regions)
        # Regions with fewer half-spaces repeat theirs: a maximum does not mind.
        fill = [np.arange(longest) % len(region.b) for region in law.regions]
        A = np.concatenate([region.A[rows] for region, rows in zip(law.regions, fill, strict=True)])
        b = np.concatenate([region.b[rows] for region, rows in zip(law.regions, fill, strict=True)])
        self.register_buffer("A", torch.tensor(A, dtype=torch.float64))
        self.register_buffer("b", torch.tensor(b, dtype=torch.float64))

    def forward(self, rows: Float64[Tensor, "S B t"]) -> tuple[Int64[Tensor, "S B"], Float64[Tensor, "S B"]]:
        """Return for parameters (S, B, t) the region (S, B) and its violation (S, B), negative inside."""
        with torch.no_grad():
            violations = nn.functional.linear(rows, self.A, -self.b)
            worst = violations.unflatten(-1, (self.regions, -1)).amax(-1)
            least, region = worst.min(-1)
        return region, least

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        return f"{self.A.shape[1]} parameters, {self.regions} regions"
