"""The fixed ends of a residual: how the parameter enters, and how the neurons become inputs."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array
from yann.errors import NetworkError
from yann.gathered import input_box


class HalfWidths(nn.Module):
    """(theta - centre) / half_width: the parameter set becomes a part of [-1, 1]^t."""

    centre: Tensor
    half_width: Tensor

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(law.centre, dtype=torch.float64))
        self.register_buffer("half_width", torch.tensor(law.half_width, dtype=torch.float64))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the scaled parameters."""
        return (rows - self.centre) / self.half_width


class PairedReadout(nn.Module):
    """Fixed readout: half the input range times the mean of tanh(plus) - tanh(minus) over an input's neurons.

    Each difference lies within +-2, so a residual reaches from any admissible input to any other and never
    farther than one input range. The first neurons belong to the first input, and so on.
    Raises NetworkError unless `hidden` is a multiple of 2m, a pair or more for each input.
    """

    half_range: Tensor

    def __init__(self, law: PiecewiseAffineLaw, hidden: int) -> None:
        super().__init__()
        self.register_buffer("half_range", half_input_range(law))
        m = len(self.half_range)
        if hidden % (2 * m):
            near = 2 * m * max(1, round(hidden / (2 * m)))
            raise NetworkError(
                f"`hidden` is {hidden}, but {m} input{'s' * (m > 1)} need{'s' * (m == 1)} a multiple of {2 * m} "
                f"(neurons in pairs, as many for each input); pass {near}"
            )
        self.pairs = hidden // (2 * m)

    def forward(self, plus: Float[Tensor, "S B half"], minus: Float[Tensor, "S B half"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) of pre-activations (S, B, hidden / 2) of the two halves."""
        difference = torch.tanh(plus) - torch.tanh(minus)
        return self.half_range * difference.unflatten(-1, (-1, self.pairs)).mean(-1)

    def columns(self, regions: int) -> Array:
        """Return the readout as weights (2pm, p hidden): rows by region and sign, columns plus then minus halves."""
        one = np.repeat(np.diag(self.half_range.numpy() / self.pairs), self.pairs, axis=1)
        plus = np.kron(np.eye(regions), np.vstack([one, -one]))
        return np.hstack([plus, -plus]).astype(np.float64)


def half_input_range(law: PiecewiseAffineLaw) -> Tensor:
    """Return half the width of the input bounds (m,)."""
    lower, upper = input_box(law)
    return torch.tensor((upper - lower) / 2, dtype=torch.float64)
