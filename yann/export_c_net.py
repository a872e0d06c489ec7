"""The trained residual of an actor as plain arrays, in one shape for all its forms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from plants.arrays import Array, Indices
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.per_move import PerMoveResidual
from yann.residual import AsPrintedResidual, PerRegionResidual, SharedResidual

Form = PerRegionResidual | SharedResidual | AsPrintedResidual


@dataclass(frozen=True, eq=False)
class Net:
    """tanh layers on scaled states z = (x - centre) / half_width, whose last one becomes the residual.

    `inner` (k, width, t + 1) and `outer` (l, width, hidden) are the two layers, one for each region (k, l = p) or one
    for all (1); the last column of `inner` is its bias. With `head` (p, m, hidden + 1), bias last, and `trunk_bias`
    (hidden,) the residual is half_range (head tanh(...)); without, half_range times the mean of the first half of an
    input's neurons minus the second. `network` (p,) numbers the layers of each region where regions share them. `bound`
    (m,) keeps the residual below bound tanh(r / bound).
    """

    centre: Array
    half_width: Array
    half_range: Array
    inner: Array
    outer: Array
    head: Array | None = None
    trunk_bias: Array | None = None
    bound: Array | None = None
    network: Indices | None = None

    def layers(self, region: np.ndarray) -> tuple[Array, Array]:
        """Return inner (n, width, t + 1) and outer (n, width, hidden) of the regions (n,)."""
        own = region if self.network is None else self.network[region]
        shared = np.zeros_like(region)
        return self.inner[own if len(self.inner) > 1 else shared], self.outer[own if len(self.outer) > 1 else shared]

    @property
    def width(self) -> int:
        """Return the number of neurons of the first layer that one state meets."""
        return self.inner.shape[1]

    @property
    def hidden(self) -> int:
        """Return the number of neurons of the second layer that one state meets."""
        return self.outer.shape[2]

    @property
    def pairs(self) -> int:
        """Return the number of pairs of neurons per input."""
        return self.hidden // (2 * len(self.half_range))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all constants by name, in the order in which they are written."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: values for name, values in given.items() if values is not None}

    def evaluate(self, points: Array, region: np.ndarray) -> Array:
        """Return the residual (n, m) at points (n, t), each with the layers of its region (n,)."""
        z = (points - self.centre) / self.half_width
        inner, outer = self.layers(region)
        first = np.tanh(np.einsum("nht,nt->nh", inner[:, :, :-1], z) + inner[:, :, -1])
        second = np.einsum("nhk,nh->nk", outer, first)
        if self.head is None:
            halves = np.tanh(second).reshape(len(points), 2, len(self.half_range), self.pairs)
            residual = self.half_range * (halves[:, 0] - halves[:, 1]).mean(-1)
        else:
            neurons = np.tanh(second + self.trunk_bias)
            head = self.head[region]
            residual = self.half_range * (np.einsum("nmk,nk->nm", head[:, :, :-1], neurons) + head[:, :, -1])
        return residual if self.bound is None else self.bound * np.tanh(residual / self.bound)


def net_of(actor: YannActor) -> Net:
    """Return the residual of an actor (a stack of one) as arrays; raises NetworkError for a form without C."""
    residual, network = actor.residual, None
    if isinstance(residual, PerMoveResidual):
        residual, network = residual.networks, residual.move.numpy(force=True)
    if not isinstance(residual, Form):
        raise NetworkError(
            f"`actor` has a {type(residual).__name__}, but C is written for PerRegion, PerMove, Shared and AsPrinted; "
            "build the actor with one of them"
        )
    half_range = residual.half_range if isinstance(residual, SharedResidual) else residual.readout.half_range
    bound = None if actor.bound is None else np.broadcast_to(_array(actor.bound), (len(half_range),)).copy()
    ends: dict[str, Any] = {
        "centre": _array(residual.scale.centre),
        "half_width": _array(residual.scale.half_width),
        "half_range": _array(half_range),
        "bound": bound,
    }
    match residual:
        case PerRegionResidual():
            return Net(**ends, **_per_region(residual), network=network)
        case AsPrintedResidual():
            return Net(**ends, **_as_printed(residual))
        case _:
            return Net(**ends, **_shared(residual))


def _per_region(residual: PerRegionResidual) -> dict[str, Any]:
    inner = np.concatenate([_array(residual.inner[0]), _array(residual.bias[0])[..., None]], axis=-1)
    return {"inner": inner, "outer": _columns(residual.plus[0], residual.minus[0])}


def _as_printed(residual: AsPrintedResidual) -> dict[str, Any]:
    """Return its layers, the first one turned to scaled states, the second one by region."""
    raw, bias = _array(residual.inner[0]), _array(residual.bias[0])
    bias = bias + raw @ _array(residual.scale.centre)
    inner = np.c_[raw * _array(residual.scale.half_width), bias][None]
    halves = [half[0].unflatten(0, (residual.regions, -1)) for half in (residual.plus, residual.minus)]
    return {"inner": inner, "outer": _columns(*halves)}


def _shared(residual: SharedResidual) -> dict[str, Any]:
    first, second = residual.trunk.layers
    inner = np.c_[_array(first.weight[0]), _array(first.bias[0])][None]  # type: ignore[index]
    head = np.concatenate([_array(residual.heads[0]), _array(residual.bias[0])[..., None]], axis=-1)
    outer = np.ascontiguousarray(_array(second.weight[0]).T)[None]  # type: ignore[index]
    return {"inner": inner, "outer": outer, "head": head, "trunk_bias": _array(second.bias[0])}  # type: ignore[index]


def _columns(plus: Tensor, minus: Tensor) -> Array:
    """Return (p, width, hidden): for each neuron of the first layer what it adds to those of the second."""
    both = np.concatenate([_array(plus), _array(minus)], axis=1)
    return np.ascontiguousarray(both.transpose(0, 2, 1))


def _array(tensor: Tensor) -> Array:
    return tensor.detach().numpy(force=True).astype(np.float64)
