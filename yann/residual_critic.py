"""ResidualCritic: what all critics made of a problem share, an exact cost and a residual that can be trained."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mpc.explicit.magnitudes import LARGEST
from plants.arrays import Array, real_array, real_scalar, whole_number
from yann.errors import NetworkError
from yann.stacked import StackedMLP
from yann.storage import Record, Storable


class ResidualCritic(Storable):
    """Q(x, u) = exact(w) + residual(w / scale), where w = (x, u) - centre.

    The residual is a perceptron with two hidden layers and a zero last one, in units of cost: zero at birth. A subclass
    gives `exact`, and names in `constants` the buffers that it is born of. `discount` is what the cost of the next
    state counts, for whoever trains the critic.
    """

    constants: ClassVar[tuple[str, ...]]
    centre: Tensor
    scale: Tensor

    def __init__(self, sizes: tuple[int, int], discount: float, centre: Array, scale: Array, hidden: int) -> None:
        super().__init__(list(zip(("state", "input"), sizes, strict=True)))
        self.discount, self.hidden = discount, hidden
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

    def to_record(self) -> Record:
        """Return the sizes, the discount, the width and the constants, for a file."""
        arrays = {name: getattr(self, name).numpy(force=True) for name in self.constants}
        sizes = [width for _, width in self.arguments]
        return {"sizes": sizes, "discount": self.discount, "hidden": self.hidden}, arrays

    def reference(self) -> tuple[list[Array], Array]:
        """Return points a tenth of a scale from the centre, and the largest of their exact costs."""
        step = torch.diag(self.scale / 10)
        deviation = torch.cat([step, -step])
        points = (self.centre + deviation).numpy(force=True)
        states = self.arguments[0][1]
        size = self.exact(deviation.unsqueeze(0)).abs().max()
        return [points[:, :states], points[:, states:]], size.numpy(force=True)

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


def recorded_sizes(data: Mapping[str, Any]) -> tuple[int, int, float, int]:
    """Return sizes of state and input, discount and width of a file's data; raises NetworkError where they are none."""
    states, inputs = (whole_number(size, "sizes", NetworkError, least=1) for size in data["sizes"])
    discount = real_scalar(data["discount"], "discount", NetworkError, positive=True)
    if discount > 1:
        raise NetworkError(f"`discount` is {discount:g}, but it must be at most 1")
    return states, inputs, discount, whole_number(data["hidden"], "hidden", NetworkError, least=1)


def recorded_constants(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return a file's constants, each of its shape; raises NetworkError, or KeyError for one that is missing."""
    constants = {name: real_array(arrays[name], name, shape, NetworkError) for name, shape in shapes.items()}
    if not (constants["scale"] > 0).all():
        raise NetworkError(f"`scale` is {constants['scale'].min():g}, but it must be positive")
    return constants
