"""The trained residual of an actor as plain arrays, in one shape for all its forms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Indices
from yann.actor import YannActor
from yann.continuous import ContinuousResidual
from yann.errors import NetworkError
from yann.export_c_steps import Change, Fade, Step, named_arrays
from yann.per_move import PerMoveResidual
from yann.readout import half_input_range
from yann.residual import AsPrintedResidual, PerRegionResidual, SharedResidual
from yann.trainable_law import LawChange


@dataclass(frozen=True, eq=False)
class Net:
    """tanh layers on scaled states z = (x - centre) / half_width, whose last one becomes the residual.

    `inner` (k, width, t + 1) and `outer` (l, width, hidden) are the two layers, one for each region (k, l = p) or one
    for all (1); the last column of `inner` is its bias. With `head` (p, m, hidden + 1), bias last, and `trunk_bias`
    (hidden,) the residual is half_range (head tanh(...)); without, half_range times the mean of the first half of an
    input's neurons minus the second. `network` (p,) numbers the layers of each region where regions share them. `bound`
    (m,) keeps the residual below bound tanh(r / bound). Before that the `steps` are done to it, the first one first;
    where a residual has steps alone, the layers have no neurons.
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
    steps: tuple[Step, ...] = ()

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
    def faces(self) -> int:
        """Return the most half-spaces whose distance one state's fades ask for, beside the search of its region."""
        return sum(step.A.shape[1] for step in self.steps if isinstance(step, Fade))

    @property
    def continuous(self) -> bool:
        """Return whether the residual is zero on facets."""
        return bool(self.steps) and isinstance(self.steps[-1], Fade)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all constants by name, in the order in which they are written."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "steps"}
        layers = {name: values for name, values in given.items() if values is not None and values.size}
        return layers | named_arrays(self.steps)

    def evaluate(self, points: Array, region: np.ndarray) -> Array:
        """Return the residual (n, m) at points (n, t), each with the layers of its region (n,)."""
        z = (points - self.centre) / self.half_width
        residual = self._layered(z, region) if self.width else np.zeros((len(points), len(self.half_range)))
        for step in self.steps:
            if isinstance(step, Fade):
                residual = residual * step.factor(points, region)[:, None]
            else:
                residual = residual + self.half_range * step.added(z, region)
        return residual if self.bound is None else self.bound * np.tanh(residual / self.bound)

    def _layered(self, z: Array, region: np.ndarray) -> Array:
        """Return what the layers give (n, m) at scaled states z (n, t)."""
        inner, outer = self.layers(region)
        first = np.tanh(np.einsum("nht,nt->nh", inner[:, :, :-1], z) + inner[:, :, -1])
        second = np.einsum("nhk,nh->nk", outer, first)
        if self.head is None:
            halves = np.tanh(second).reshape(len(z), 2, len(self.half_range), self.pairs)
            return self.half_range * (halves[:, 0] - halves[:, 1]).mean(-1)
        neurons = np.tanh(second + self.trunk_bias)
        head = self.head[region]
        return self.half_range * (np.einsum("nmk,nk->nm", head[:, :, :-1], neurons) + head[:, :, -1])


def net_of(actor: YannActor) -> Net:
    """Return the residual of an actor (a stack of one) as arrays; raises NetworkError for a form without C."""
    law = actor.birth.law
    form, steps = _unwrapped(actor.residual, law)
    half_range = half_input_range(law).numpy()
    bound = None if actor.bound is None else np.broadcast_to(_array(actor.bound), (law.m,)).copy()
    scale: dict[str, Any] = {"centre": law.centre, "half_width": law.half_width, "half_range": half_range}
    return Net(**scale, **_layers(form, law), bound=bound, steps=steps)


def _unwrapped(form: nn.Module | None, law: PiecewiseAffineLaw) -> tuple[nn.Module | None, tuple[Step, ...]]:
    """Return the form with layers inside, if there is one, and the steps around it, the innermost first."""
    match form:
        case LawChange():
            inside, steps = _unwrapped(form.beside, law)
            pieces = np.concatenate([_array(form.gain[0]), _array(form.offset[0])[..., None]], axis=-1)
            return inside, (*steps, Change(pieces))
        case ContinuousResidual():
            inside, steps = _unwrapped(form.form, law)
            faced = (~form.free).astype(np.int64)
            return inside, (*steps, Fade(_array(form.A), _array(form.b), _array(form.fade), faced))
        case _:
            return form, ()


def _layers(form: nn.Module | None, law: PiecewiseAffineLaw) -> dict[str, Any]:
    """Return the layers of a form by name; without a form they have no neurons."""
    match form:
        case None:
            return {"inner": np.zeros((1, 0, law.t + 1)), "outer": np.zeros((1, 0, 0))}
        case PerMoveResidual():
            return _per_region(form.networks) | {"network": form.move.numpy(force=True)}
        case PerRegionResidual():
            return _per_region(form)
        case AsPrintedResidual():
            return _as_printed(form)
        case SharedResidual():
            return _shared(form)
        case _:
            raise NetworkError(
                f"`actor` has a {type(form).__name__}, but C is written for PerRegion, PerMove, Shared, AsPrinted, "
                "TrainableLaw and Continuous; build the actor with one of them"
            )


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
