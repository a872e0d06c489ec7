"""The affine pieces of a law as frozen tensors, gathered by region: layer 4 of the paper, without its copies."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array
from yann.errors import NetworkError


class GatheredLaw(nn.Module):
    """u = K_i theta + r_i of region i, in float64 buffers that no training touches."""

    gains: Tensor
    offsets: Tensor

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        super().__init__()
        self.register_buffer("gains", torch.tensor(law.gains, dtype=torch.float64))
        self.register_buffer("offsets", torch.tensor(law.offsets, dtype=torch.float64))

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the input (S, B, m) of the given regions (S, B) at the parameters (S, B, t)."""
        return (self.gains[region] * rows.unsqueeze(-2)).sum(-1) + self.offsets[region]

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        p, m, t = self.gains.shape
        return f"{t} -> {m}, {p} regions"


def check_law(law: object) -> None:
    """Raise NetworkError unless `law` is a law with finite input bounds: all that a network needs."""
    if not isinstance(law, PiecewiseAffineLaw):
        raise NetworkError(f"`law` is {type(law).__name__}; pass the PiecewiseAffineLaw that solve_explicit returns")
    input_box(law)


def input_box(law: PiecewiseAffineLaw) -> tuple[Array, Array]:
    """Return the finite input bounds (lower, upper) of a law; raises NetworkError where one is missing."""
    mend = "give the problem finite `input_bounds`: a network keeps its input within them"
    if law.input_bounds is None:
        raise NetworkError(f"`law` has no input bounds; {mend}")
    for name, low, high in zip(law.input_names, *law.input_bounds, strict=True):
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise NetworkError(
                f"`law` bounds the input {name} by {low:g} and {high:g}; {mend}, the lower below the upper"
            )
    return law.input_bounds
