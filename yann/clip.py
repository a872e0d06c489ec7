"""Clipping to bounds that does not trap training at a bound."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class InwardClip(torch.autograd.Function):
    """Clip to [lower, upper]; a descent step that leads back inside passes as if there were no clip.

    The true derivative of a clip is zero beyond a bound, so an input once pushed past its bound would
    never learn to come back. Here the gradient g of the cost is stopped only where -g points farther out. Bounds that
    depend on something, of the shape of the value, get their true derivative: all of it where they hold the value.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Return `value` clipped to [lower, upper]."""
        ctx.save_for_backward(value, lower, upper)
        return torch.minimum(torch.maximum(value, lower), upper)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the gradient, zero where a descent step would lead farther out of bounds."""
        value, lower, upper = ctx.saved_tensors
        (gradient,) = gradients
        above, below = value > upper, value < lower
        outward = (above & (gradient < 0)) | (below & (gradient > 0))
        _, of_lower, of_upper = ctx.needs_input_grad
        return (
            gradient.masked_fill(outward, 0.0),
            gradient.masked_fill(~below, 0.0) if of_lower else None,
            gradient.masked_fill(~above, 0.0) if of_upper else None,
        )


Clip = Callable[[Tensor, Tensor, Tensor], Tensor]


def hard_clip(value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Return `value` clipped to [lower, upper] with its true derivative: 1 within the bounds and on them, 0 beyond."""
    return torch.where(value < lower, lower, torch.where(value > upper, upper, value))


def inward_clip(value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Return `value` clipped to [lower, upper] with the gradient of `InwardClip`."""
    return InwardClip.apply(value, lower, upper)
