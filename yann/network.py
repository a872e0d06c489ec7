"""compile_law: the paper's five dense layers, whose output is exactly the law.

Training uses YannActor, which selects; this form is the specification beside it, and what a runtime for
plain dense networks can run.
"""

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.nn.functional import relu

from mpc.explicit.errors import OutsideDomain
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.region import Regions
from plants.arrays import Array, instance_of
from yann.actor import YannActor
from yann.dense import DenseLayers, dense_layers
from yann.errors import NetworkError
from yann.gathered import check_law, input_box
from yann.residual import AsPrintedResidual, PerRegionResidual
from yann.stacked import StackedNetwork, as_given
from yann.trainable_law import LawChange


def compile_law(law: PiecewiseAffineLaw) -> "FiveLayerNetwork":
    """Return the dense network that equals `law` on its domain.

    Raises NetworkError for a law without finite input bounds, and for one whose inactive pieces are too large
    for float64: the message gives the M needed and the error that it would cause.
    """
    check_law(law)
    return FiveLayerNetwork(law, dense_layers(law))


def compile_actor(actor: YannActor, law: PiecewiseAffineLaw) -> "FiveLayerNetwork":
    """Return the dense network that equals `actor`, built from `law`, inside the law's domain.

    The residual becomes two dense layers whose second feeds the suppression through fixed weights: 15,188 weights for
    the paper's pendulum, 5,320 for its CSTR. What TrainableLaw has changed goes into the frozen laws. Trained pieces
    may jump: on facets either region's may be taken. Raises NetworkError for a residual that has no such form.
    """
    check_law(law)
    instance_of(actor, YannActor, "actor", NetworkError, "pass what YannActor.from_law returns")
    residual, change = actor.residual, None
    if isinstance(residual, LawChange):
        residual, change = residual.beside, residual
    if not isinstance(residual, PerRegionResidual | AsPrintedResidual | None) or actor.bound is not None:
        form = type(residual).__name__ + (" with a bound" if actor.bound is not None else "")
        raise NetworkError(
            f"`actor` has a {form}; only an unbounded PerRegion, AsPrinted or TrainableLaw has the five-layer form "
            "(a factor such as that of Continuous, or a bound, is no sum of one layer)"
        )
    if actor.law_digest != law.digest:
        raise NetworkError(
            f"`actor` was built from another law ({actor.law_digest[:12]}) than `law` ({law.digest[:12]}); "
            "pass the law of its from_law"
        )
    pieces = law if change is None else _changed(law, change)
    if residual is None:
        return FiveLayerNetwork(law, dense_layers(pieces))
    layers = dense_layers(pieces, residual_range=1.0).with_readout(residual.readout.columns(len(law.regions)))
    return FiveLayerNetwork(law, layers, DenseResidual(residual))


def _changed(law: PiecewiseAffineLaw, change: LawChange) -> PiecewiseAffineLaw:
    """Return the law with the trained gains and offsets; raises NetworkError for those of more than one member."""
    gain, offset = (part.detach().numpy() for part in change.pieces())
    if len(gain) > 1:
        raise NetworkError(f"`actor` is a stack of {len(gain)} trained laws, but five layers hold one; take .member(i)")
    regions = cast(Regions, law.regions)
    return replace(law, regions=replace(regions, gain=regions.gain + gain[0], offset=regions.offset + offset[0]))


class FrozenLinear(nn.Module):
    """W x + b with constants: float64 buffers that are part of the law."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float64))
        self.register_buffer("bias", None if bias is None else torch.tensor(bias, dtype=torch.float64))

    def forward(self, rows: Tensor) -> Tensor:
        """Return W x + b of every row."""
        return nn.functional.linear(rows, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        outputs, inputs = self.weight.shape
        return f"{inputs} -> {outputs}, bias={self.bias is not None}"


class DenseResidual(nn.Module):
    """tanh(outer tanh(inner theta + bias)): all regions' neurons, trainable (S, ...), read out by the suppression."""

    def __init__(self, residual: PerRegionResidual | AsPrintedResidual) -> None:
        super().__init__()
        inner, bias, plus, minus = (weight.detach() for weight in residual.dense())
        self.inner, self.bias = nn.Parameter(inner.clone()), nn.Parameter(bias.clone())
        self.outer = nn.Parameter(torch.cat([plus, minus], dim=1))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the second layer's neurons (S, B, ph): all plus halves in order of the regions, then all minus."""
        hidden = torch.tanh(torch.baddbmm(self.bias.unsqueeze(1), rows, self.inner.mT))
        return torch.tanh(torch.bmm(hidden, self.outer.mT))


class FiveLayerNetwork(StackedNetwork):
    """Dense layers theta -> input, for t parameters, q half-spaces, p regions, m inputs.

    1. step (q): 1 where b + tolerance - A theta >= 0. 2. conjunction (p): 1 where all of a region's steps are 1.
    3. priority (p): 1 for the first such region alone. 4. laws (2pm): K_i theta + r_i and its negative, then
    suppression (2pm): relu(laws + M active - M). 5. output (m): the difference of the two signs.

    The tolerance closes the cracks that rounding leaves between regions; where two regions overlap by it the first
    wins, and as the law is continuous either is right. `accuracy` bounds the error, relative to the input range,
    that tolerance and M cause. The law's weights are float64 buffers, a residual's are parameters (S, ...).

    `network(theta)` raises OutsideDomain where no region is active, as the law does; `evaluate` flags it instead.
    """

    lower: Tensor
    upper: Tensor

    def __init__(self, law: PiecewiseAffineLaw, layers: DenseLayers, residual: DenseResidual | None = None) -> None:
        super().__init__([("theta", law.t)])
        self.tolerance, self.accuracy = layers.tolerance, layers.accuracy
        self.step = FrozenLinear(*layers.step)
        self.conjunction = FrozenLinear(*layers.conjunction)
        self.priority = FrozenLinear(layers.priority)
        self.laws = FrozenLinear(*layers.laws)
        self.residual = residual
        self.suppression = FrozenLinear(*layers.suppression)
        self.output = FrozenLinear(layers.output)
        for name, side in zip(("lower", "upper"), input_box(law), strict=True):
            self.register_buffer(name, torch.tensor(side, dtype=torch.float64))

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, B, m) for float64 parameters (S, B, t), unchecked; meaningless outside the domain."""
        return self._input(points[0], self.active(points[0]))

    def active(self, rows: Float64[Tensor, "S B t"]) -> Float64[Tensor, "S B p"]:
        """Return the three selecting layers' output (S, B, p): a single 1 inside the domain, zeros outside."""
        steps = (self.step(rows) >= 0).double()
        whole = (self.conjunction(steps) > 0).double()
        return (self.priority(whole) > 0).double()

    def forward(self, *points: object) -> object:
        """Return the input (..., m) for parameters (..., t), of the same kind, numpy or tensor, as given.

        Raises OutsideDomain if a point is in no region, and NetworkError for a wrong width, NaN or infinity.
        """
        (rows,), lead = self.checked_rows(points)
        result, region, _ = self._evaluated(rows)
        if (region < 0).any():
            raise self._outside(rows, region, lead)
        return as_given(points[0], lead, result)[0]

    def evaluate(self, theta: object) -> tuple[Tensor | np.ndarray, ...]:
        """Return (input (..., m), region (...), valid (...)) for parameters (..., t), of the same kind as given.

        Outside the law's domain no region is active: region is -1, valid False, and the input is what the layers
        make of nothing (0, moved into the input bounds). YannActor uses the nearest region there.
        """
        (rows,), lead = self.checked_rows([theta])
        return as_given(theta, lead, *self._evaluated(rows))

    @property
    def weights(self) -> tuple[int, int]:
        """Return (all weights of the layers, those of them that are trainable) of one member."""
        frozen = sum(b.numel() for layer in self.children() if isinstance(layer, FrozenLinear) for b in layer.buffers())
        trainable = sum(p[0].numel() for p in self.parameters())
        return frozen + trainable, trainable

    def extra_repr(self) -> str:
        """Return what printing a network shows beside its layers."""
        return f"tolerance={self.tolerance:.1e}, accuracy={self.accuracy:.1e}, weights={self.weights[0]}"

    def _evaluated(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        active = self.active(rows)
        valid = active.any(-1)
        return self._input(rows, active), torch.where(valid, active.argmax(-1), -1), valid

    def _input(self, rows: Tensor, active: Tensor) -> Tensor:
        parts = [active, self.laws(rows)]
        if self.residual is not None:
            parts.append(self.residual(rows))
        result = self.output(relu(self.suppression(torch.cat(parts, dim=-1))))
        # Outside, relu(value - M) grows without end; there the sum over no piece is 0.
        result = torch.where(active.any(-1, keepdim=True), result, 0.0)
        return torch.clamp(result, self.lower, self.upper)

    def _outside(self, rows: Tensor, region: Tensor, lead: tuple[int, ...]) -> OutsideDomain:
        index = np.argwhere((region < 0).reshape(lead).numpy())[0]
        point = rows.detach().reshape(*lead, -1).numpy()[tuple(index)]
        violation = self.tolerance - self.step(torch.tensor(point)).numpy()
        members = self.conjunction.weight.numpy() > 0
        distance = float(np.where(members, violation, -np.inf).max(axis=1).min())
        where = f" at {index.tolist()}" if len(index) else ""
        return OutsideDomain(
            point, "no region is active", distance,
            f"theta ({', '.join(f'{v:g}' for v in point)}){where} is in no region: the nearest is {distance:.3g} half "
            "widths away. Start inside the law's domain, or call evaluate(theta), which flags such points",
        )  # fmt: skip
