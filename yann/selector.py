"""Layers 1 to 3 of the paper as one selection: which region of the law holds a parameter."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw


class RegionSelector(nn.Module):
    """Selects the region of least violation, the lowest index on a tie; there is no step and no big-M.

    A region's violation is the worst A theta - b over its half-spaces, in half widths of the parameter set.
    Rounding can leave a crack between two regions, where steps on both sides say no; a least violation
    always exists, so every parameter has exactly one region. This replaces the step, AND and priority layers.

    The law's search tree finds it, with the law's own numbers to the last bit: inside the domain the cost of a state
    grows with the depth of the tree, outside with the number of half-spaces. The tree is no tensor: it has nothing to
    train, and casting a network to fewer digits moves no facet.
    """

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        super().__init__()
        self.tree = law.tree

    def forward(self, rows: Float[Tensor, "S B t"]) -> tuple[Int64[Tensor, "S B"], Float[Tensor, "S B"]]:
        """Return for parameters (S, B, t) the region (S, B) and its violation (S, B), negative inside.

        Raises ProblemError for parameters that are not finite float64 numbers.
        """
        region, margin = self.tree.locate(rows.detach().flatten(0, -2).numpy(force=True))
        return torch.from_numpy(region).view(rows.shape[:-1]), torch.from_numpy(-margin).view(rows.shape[:-1])

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        return f"{self.tree.A.shape[1]} parameters, {len(self.tree.starts) - 1} regions"
