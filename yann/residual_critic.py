"""ResidualCritic: what all critics made of a problem share, an exact cost and a residual that can be trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mpc.explicit.magnitudes import LARGEST
from plants.arrays import Array
from yann.errors import NetworkError
from yann.stacked import StackedMLP, StackedNetwork


class ResidualCritic(StackedNetwork):
    """Q(x, u) = exact(w) + residual(w / scale), where w = (x, u) - centre.

    The residual is a perceptron with two hidden layers and a zero last one, in units of cost: zero at birth. A subclass
    gives `exact`. `discount` is what the cost of the next state counts, for whoever trains the critic.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, sizes: tuple[int, int], discount: float, centre: Array, scale: Array, hidden: int) -> None:
        super().__init__(list(zip(("state", "input"), sizes, strict=True)))
        self.discount = discount
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float64))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64))
        self.residual = StackedMLP((sum(sizes), hidden, hidden, 1), torch.relu, zero_last=True)
        self.draw([0])

    def exact(self, deviation: Tensor) -> Tensor:
        """Return the exact cost (S, B) for deviations (S, B, t + m) of state and input from the centre."""
        raise NotImplementedError

    def rows(self, *points: Tensor) -> Tensor:
        """Return the cost (S, B) for float64 states (S, B, t) and inputs (S, B, m), unchecked: for training loops."""
        deviation = torch.cat(points, dim=-1) - self.centre
        return self.exact(deviation) + self.residual(deviation / self.scale).squeeze(-1)

    def checked_rows(self, points: Sequence[object]) -> tuple[list[Tensor], tuple[int, ...]]:
        """Return each argument as (S, B, width) and their leading shape; refuses numbers whose squares overflow."""
        rows, lead = super().checked_rows(points)
        for tensor, (name, _) in zip(rows, self.arguments, strict=True):
            largest = float(tensor.detach().abs().max()) if tensor.numel() else 0.0
            if largest > LARGEST:
                raise NetworkError(
                    f"`{name}` holds {largest:g}, but a quadratic cost overflows beyond {LARGEST:g}; pass a point that "
                    "the plant can reach"
                )
        return rows, lead

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        (_, t), (_, m) = self.arguments
        return f"{t} + {m} -> 1, members={self.members}, discount={self.discount:g}"
