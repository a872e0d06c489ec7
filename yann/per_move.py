"""PerMove: one residual network for all regions that share a first move, far fewer than one for each."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.merge import first_moves
from yann.residual import Hidden, PerRegionResidual


class PerMove(Hidden):
    """Each distinct first move of the law has its own network, as a region has in PerRegion.

    Regions of one move are those that `law.merged()` may join (`mpc.explicit.merge.first_moves`), whether or not their
    union is convex: 267 networks for 1,801 regions, 9 for 113. Only the moves of visited regions get a gradient.
    """

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module; raises NetworkError unless `hidden` is a multiple of 2m."""
        return PerMoveResidual(law, self.hidden)


class PerMoveResidual(nn.Module):
    """`networks`, one for each move, and the move (p,) of each region."""

    move: Tensor

    def __init__(self, law: PiecewiseAffineLaw, hidden: int) -> None:
        super().__init__()
        move, count = first_moves(law)
        self.register_buffer("move", torch.from_numpy(move))
        self.networks = PerRegionResidual(law, hidden, count)

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) of the move of each row's region."""
        return self.networks(rows, self.move[region])
