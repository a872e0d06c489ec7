"""Clipping to the input bounds that does not trap training at a bound."""

from typing import Any

import torch
from torch import Tensor


class InwardClip(torch.autograd.Function):
    """Clip to [lower, upper]; a descent step that leads back inside passes as if there were no clip.

    The true derivative of a clip is zero beyond a bound, so an input once pushed past its bound would
    never learn to come back. Here the gradient g of the cost is stopped only where -g points farther out.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Return `value` clipped to [lower, upper]."""
        ctx.save_for_backward(value, lower, upper)
        return torch.minimum(torch.maximum(value, lower), upper)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient, zero where a descent step would lead farther out of bounds."""
        value, lower, upper = ctx.saved_tensors
        (gradient,) = gradients
        outward = ((value > upper) & (gradient < 0)) | ((value < lower) & (gradient > 0))
        return gradient.masked_fill(outward, 0.0), None, None


def inward_clip(value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Return `value` clipped to [lower, upper] with the gradient of `InwardClip`."""
    return InwardClip.apply(value, lower, upper)
