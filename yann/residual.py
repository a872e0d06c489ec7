"""The trainable part of an actor: exactly zero at the start, and able to learn from there.

The paper's Theorem 1 makes the residual zero by equal weights inside one activation; all neurons then have
one pre-activation and one gradient and stay one neuron for ever. The paired form here keeps them apart:
two halves of the second hidden layer, equal at birth, read out with opposite signs.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import whole_number
from yann.errors import NetworkError
from yann.readout import HalfWidths, PairedReadout, half_input_range
from yann.regional import pick, regional_bias, regional_product
from yann.stacked import StackedMLP, draw_uniform, zero_weights


class Residual(ABC):
    """A form of residual; `build` makes the module for a law."""

    @abstractmethod
    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module (parameters (S, B, t), regions (S, B)) -> residual inputs (S, B, m), zero at birth."""


@dataclass(frozen=True)
class Hidden(Residual):
    """A form of residual with `hidden` neurons in each of its two hidden layers."""

    hidden: int = 16

    def __post_init__(self) -> None:
        """Check the width."""
        whole_number(self.hidden, "hidden", NetworkError, least=1)


class PerRegion(Hidden):
    """Each region has its own network t -> hidden -> hidden; only visited regions get a gradient.

    (Adam goes on moving a region for a while after its last visit: that is its momentum.)
    (t + 1) hidden + hidden^2 weights per region: 2,128 for the pendulum (7 regions, 16 wide), 728 for the CSTR.
    """

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module; raises NetworkError unless `hidden` is a multiple of 2m."""
        return PerRegionResidual(law, self.hidden)


class Shared(Hidden):
    """One trunk t -> hidden -> hidden for all regions, and one linear head per region, zero at the start."""

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module."""
        return SharedResidual(law, self.hidden)


class AsPrinted(Hidden):
    """The paper's layers: p hidden neurons twice, dense across the regions (12,880 and 3,416 weights).

    A step at one state therefore moves the first layer of every region, and with it their residuals.
    It reads the parameter as it is, without scaling, as the paper does.
    """

    def build(self, law: PiecewiseAffineLaw) -> nn.Module:
        """Return the module; raises NetworkError unless `hidden` is a multiple of 2m."""
        return AsPrintedResidual(law, self.hidden)


class PerRegionResidual(nn.Module):
    """Weights (S, p, ...): `inner`, `bias` of the first layer, `plus`, `minus` halves of the second.

    `count` is p where there are not as many networks as regions.
    """

    def __init__(self, law: PiecewiseAffineLaw, hidden: int, count: int | None = None) -> None:
        super().__init__()
        p, t = len(law.regions) if count is None else count, law.t
        self.readout = PairedReadout(law, hidden)
        self.scale = HalfWidths(law)
        self.inner = zero_weights(1, p, hidden, t)
        self.bias = zero_weights(1, p, hidden)
        self.plus = zero_weights(1, p, hidden // 2, hidden)
        self.minus = zero_weights(1, p, hidden // 2, hidden)

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Draw every member's layers; the two halves are equal, so the residual is zero."""
        for member, generator in enumerate(generators):
            for parameter in (self.inner, self.bias):
                draw_uniform(parameter[member], self.inner.shape[-1] ** -0.5, generator)
            draw_uniform(self.plus[member], self.plus.shape[-1] ** -0.5, generator)
        _equal_halves(self.plus, self.minus)

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) of each row's own region."""
        first = regional_product(self.scale(rows), self.inner, region) + regional_bias(self.bias, region)
        hidden = torch.tanh(first)
        # Two products of equal shape, so that equal halves give equal bits.
        plus = regional_product(hidden, self.plus, region)
        return self.readout(plus, regional_product(hidden, self.minus, region))

    def dense(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the same residual as dense layers for raw parameters: (inner, bias, plus, minus), as in AsPrinted."""
        inner = (self.inner / self.scale.half_width).flatten(1, 2)
        bias = self.bias.flatten(1) - inner @ self.scale.centre
        return inner, bias, _block_diagonal(self.plus), _block_diagonal(self.minus)


class SharedResidual(nn.Module):
    """A stacked trunk, and one zero head (S, p, m, hidden) per region in units of half the input range."""

    half_range: Tensor

    def __init__(self, law: PiecewiseAffineLaw, hidden: int) -> None:
        super().__init__()
        p, m, t = law.gains.shape
        self.register_buffer("half_range", half_input_range(law))
        self.scale = HalfWidths(law)
        self.trunk = StackedMLP((t, hidden, hidden), torch.tanh)
        self.heads = zero_weights(1, p, m, hidden)
        self.bias = zero_weights(1, p, m)

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Set the heads to zero; the trunk's layers draw their own weights."""
        del generators
        with torch.no_grad():
            self.heads.zero_()
            self.bias.zero_()

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) of each row's own head."""
        hidden = torch.tanh(self.trunk(self.scale(rows)))
        return self.half_range * (regional_product(hidden, self.heads, region) + regional_bias(self.bias, region))


class AsPrintedResidual(nn.Module):
    """Dense layers t -> p hidden -> p hidden; the second has no bias, and region i reads its own neurons.

    The first layer is drawn as one on scaled parameters and then written for raw ones: columns over the half
    width, the centre in the bias. The weights are as many as printed and no neuron starts saturated.
    """

    def __init__(self, law: PiecewiseAffineLaw, hidden: int) -> None:
        super().__init__()
        p, _, t = law.gains.shape
        self.regions = p
        self.readout = PairedReadout(law, hidden)
        self.scale = HalfWidths(law)
        self.inner = zero_weights(1, p * hidden, t)
        self.bias = zero_weights(1, p * hidden)
        self.plus = zero_weights(1, p * hidden // 2, p * hidden)
        self.minus = zero_weights(1, p * hidden // 2, p * hidden)

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Draw every member's layers; the two halves are equal, so the residual is zero."""
        for member, generator in enumerate(generators):
            for parameter in (self.inner, self.bias):
                draw_uniform(parameter[member], self.inner.shape[-1] ** -0.5, generator)
            draw_uniform(self.plus[member], self.plus.shape[-1] ** -0.5, generator)
        with torch.no_grad():
            self.inner /= self.scale.half_width
            self.bias -= self.inner @ self.scale.centre
        _equal_halves(self.plus, self.minus)

    def forward(self, rows: Float[Tensor, "S B t"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B m"]:
        """Return the residual (S, B, m) that each row's region reads."""
        hidden = torch.tanh(torch.baddbmm(self.bias.unsqueeze(1), rows, self.inner.mT))
        plus, minus = (torch.bmm(hidden, half.mT).unflatten(-1, (self.regions, -1)) for half in (self.plus, self.minus))
        return self.readout(pick(plus, region), pick(minus, region))

    def dense(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the layers: inner (S, ph, t), bias (S, ph), plus and minus (S, ph/2, ph)."""
        return self.inner, self.bias, self.plus, self.minus


def _block_diagonal(weight: Float[Tensor, "S p k j"]) -> Float[Tensor, "S pk pj"]:
    """Return (S, p k, p j) with the blocks (S, p, k, j) on its diagonal."""
    members, regions, outputs, inputs = weight.shape
    dense = weight.new_zeros(members, regions, outputs, regions, inputs)
    diagonal = torch.arange(regions)
    dense[:, diagonal, :, diagonal] = weight.transpose(0, 1)
    return dense.flatten(3, 4).flatten(1, 2)


def _equal_halves(plus: Tensor, minus: Tensor) -> None:
    with torch.no_grad():
        minus.copy_(plus)
