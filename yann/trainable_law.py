"""TrainableLaw: the gains and offsets of a law as parameters, instead of networks or beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import instance_of
from yann.errors import NetworkError
from yann.readout import HalfWidths, half_input_range
from yann.regional import regional_bias, regional_product
from yann.residual import Residual
from yann.stacked import zero_weights


@dataclass(frozen=True)
class TrainableLaw(Residual):
    """Each region's gain and offset may be trained, m (t + 1) weights; the law of its birth stays beside them.

    With `beside`, another residual is added and trained with them. Only visited regions get a gradient. The result is
    an affine law on every region again, but in general not a continuous one: `Continuous(TrainableLaw())` is.
    """

    beside: Residual | None = None

    def __post_init__(self) -> None:
        """Check what is beside."""
        if self.beside is not None:
            instance_of(self.beside, Residual, "beside", NetworkError, "pass a form such as PerRegion(), or None")

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module."""
        return LawChange(law, None if self.beside is None else self.beside.build(law))


class LawChange(nn.Module):
    """Changes `gain` (S, p, m, t) and `offset` (S, p, m), zero at birth, in half input ranges over half widths."""

    half_range: Tensor

    def __init__(self, law: PiecewiseAffineLaw, beside: nn.Module | None) -> None:
        super().__init__()
        self.register_buffer("half_range", half_input_range(law))
        self.scale = HalfWidths(law)
        self.gain = zero_weights(1, *law.gains.shape)
        self.offset = zero_weights(1, *law.offsets.shape)
        self.beside = beside

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Set the changes to zero; what is beside draws its own weights."""
        del generators
        with torch.no_grad():
            self.gain.zero_()
            self.offset.zero_()

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return what the changed pieces add to the law's, and the residual beside (S, B, m)."""
        change = regional_product(self.scale(rows), self.gain, region) + regional_bias(self.offset, region)
        change = self.half_range * change
        return change if self.beside is None else change + self.beside(rows, region)

    def pieces(self) -> tuple[Tensor, Tensor]:
        """Return what has been added to the law's gains (S, p, m, t) and offsets (S, p, m), in physical units."""
        gain = self.half_range[:, None] * self.gain / self.scale.half_width
        return gain, self.half_range * self.offset - gain @ self.scale.centre
