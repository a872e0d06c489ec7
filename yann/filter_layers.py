"""A safety filter as layers: for one input a layer of maxima and one of minima, for several a compiled law."""

from collections.abc import Callable

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from mpc.explicit.magnitudes import LARGEST
from mpc.safety.max_min import MaxMin
from mpc.safety.nearest_input import NearestInput
from yann.clip import Clip, hard_clip
from yann.gathered import GatheredLaw
from yann.selector import RegionSelector


class MaxMinLayers(nn.Module):
    """clip(wanted, max of affine pieces, min of affine pieces) and the input's bounds: two layers, exact in float64."""

    below_gain: Tensor
    below_offset: Tensor
    above_gain: Tensor
    above_offset: Tensor
    sines: Tensor | None
    bounds: Tensor
    backup: Tensor

    def __init__(self, filtering: MaxMin) -> None:
        super().__init__()
        for name, pieces in (("below", filtering.below), ("above", filtering.above)):
            self.register_buffer(f"{name}_gain", torch.tensor(pieces.gain))
            self.register_buffer(f"{name}_offset", torch.tensor(pieces.offset))
        self.register_buffer("sines", torch.tensor(filtering.sines) if filtering.sines.any() else None)
        self.register_buffer("bounds", torch.tensor(filtering.input_bounds, dtype=torch.float64))
        self.register_buffer("backup", torch.tensor(filtering.backup, dtype=torch.float64))

    def forward(
        self, x: Float64[Tensor, "S B n"], wanted: Float64[Tensor, "S B 1"], clip: Clip = hard_clip
    ) -> Float64[Tensor, "S B 1"]:
        """Return the inputs (S, B, 1) nearest to the wanted ones; the backup stands for one that is not finite."""
        x = x.clamp(-LARGEST, LARGEST)
        least = _extreme(x, self.below_gain, self.below_offset, torch.amax, -torch.inf)
        most = _extreme(x, self.above_gain, self.above_offset, torch.amin, torch.inf)
        if self.sines is not None:
            known = torch.sin(x) @ self.sines.unsqueeze(-1)
            least, most = least - known, most - known
        contradict = least > most
        if contradict.any():
            middle = (least + most) / 2
            least, most = torch.where(contradict, middle, least), torch.where(contradict, middle, most)
        known = torch.where(wanted.isfinite(), wanted, self.backup)
        return clip(clip(known, least, most), *self.bounds)

    def extra_repr(self) -> str:
        """Return the numbers of pieces that printing a filter shows."""
        return f"max of {len(self.below_offset)}, min of {len(self.above_offset)} affine pieces"


class NearestInputLayers(nn.Module):
    """The compiled projection: the region of (x, wanted), its law, the bounds; what is wanted where it is safe."""

    X: Tensor
    U: Tensor
    h: Tensor
    lower: Tensor
    upper: Tensor
    backup: Tensor

    def __init__(self, filtering: NearestInput) -> None:
        super().__init__()
        self.selector, self.law = RegionSelector(filtering.law), GatheredLaw(filtering.law)
        rows = filtering.rows
        for name, values in (("X", rows.X), ("U", rows.U), ("h", rows.h), ("backup", filtering.backup)):
            self.register_buffer(name, torch.tensor(values))
        for name, side in zip(("lower", "upper"), filtering.input_bounds, strict=True):
            self.register_buffer(name, torch.tensor(side))

    def forward(
        self, x: Float64[Tensor, "S B n"], wanted: Float64[Tensor, "S B m"], clip: Clip = hard_clip
    ) -> Float64[Tensor, "S B m"]:
        """Return the inputs (S, B, m) nearest to the wanted ones; the backup stands for rows that are not finite."""
        x = x.clamp(-LARGEST, LARGEST)
        known = torch.where(wanted.isfinite().all(-1, keepdim=True), wanted, self.backup)
        known = clip(known, self.lower, self.upper)
        slack = self.h - x @ self.X.mT - known @ self.U.mT
        theta = torch.cat([x, known], -1)
        region, _ = self.selector(theta)
        moves = clip(self.law(theta, region), self.lower, self.upper)
        return torch.where((slack < 0).any(-1, keepdim=True), moves, known)


def layers_of(filtering: MaxMin | NearestInput) -> MaxMinLayers | NearestInputLayers:
    """Return the layers of a filter."""
    return MaxMinLayers(filtering) if isinstance(filtering, MaxMin) else NearestInputLayers(filtering)


def _extreme(x: Tensor, gain: Tensor, offset: Tensor, reduce: Callable[..., Tensor], empty: float) -> Tensor:
    """Return the largest or least piece (S, B, 1), `empty` where there is none."""
    if not len(offset):
        return x.new_full((*x.shape[:-1], 1), empty)
    return reduce(x @ gain.mT + offset, -1, keepdim=True)
