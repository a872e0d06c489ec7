"""SingleActor: an actor computed in float32 throughout, the choice of its region included."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mpc.explicit.tree import SearchTree
from yann.actor import YannActor
from yann.continuous import ContinuousResidual
from yann.errors import NetworkError
from yann.export_c_tables import Tables
from yann.readout import HalfWidths
from yann.residual import AsPrintedResidual
from yann.stacked import StackedNetwork, as_given

FARTHEST = 1e6
"""Half widths from the centre beyond which a state counts as one there: larger ones leave float32."""


class SingleActor(StackedNetwork):
    """The float32 copy that `single_precision` makes: rows (S, B, t) in float32 give inputs (S, B, m) in float32.

    Everything is written around the centre of the parameter set, d = x - centre, so that few digits are lost. The
    region is that of least violation in float32; where facets are closer than float32 can tell, it may be a
    neighbour of the actor's. Its weights are constants: it is neither drawn nor trained.
    """

    dtype: ClassVar[torch.dtype] = torch.float32
    shift: Tensor
    gains: Tensor
    offsets: Tensor
    lower: Tensor
    upper: Tensor
    farthest: Tensor
    bound: Tensor | None

    def __init__(self, actor: YannActor, tables: Tables) -> None:
        super().__init__(actor.arguments)
        self.birth = actor.birth
        self.tree = _rounded(tables)
        self.tolerance = float(tables.limits[0])
        moves = tables.moves[tables.design.move]
        constants = {name: table.values for name in ("lower", "upper") for table in tables.all if table.name == name}
        constants |= {"shift": tables.shift, "gains": moves[:, :, :-1], "offsets": moves[:, :, -1]}
        for name, values in (constants | {"farthest": FARTHEST * actor.birth.law.half_width}).items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        self.register_buffer("bound", None if actor.bound is None else actor.bound.float())
        self.residual = _around(actor.residual, tables.shift).float().requires_grad_(False)

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, B, m) in float32 for states (S, B, t), unchecked; others than float32 are rounded."""
        d = self._centred(points[0])
        return self._input(d, self._located(d)[0])

    def evaluate(self, state: object) -> tuple[Tensor | np.ndarray, ...]:
        """Return (input (..., m), region (...), valid (...)) in float32 for states (..., t), of the same kind as given.

        `valid` is True everywhere in the domain, and False farther from it than float32 can tell. Raises NetworkError
        for a wrong width, member axis, NaN or infinity.
        """
        (states,), lead = self.checked_rows([state])
        d = self._centred(states)
        region, violation = self._located(d)
        return as_given(state, lead, self._input(d, region), region, violation <= self.tolerance)

    def draw(self, seeds: Sequence[int]) -> None:
        """Raise NetworkError: the weights are those of the actor."""
        del seeds
        raise NetworkError(
            "a float32 copy is neither drawn, replicated nor trained; do so with its actor, and call single_precision"
        )

    def replicate(self, seeds: Sequence[int]) -> "SingleActor":
        """Raise NetworkError, as `draw` does."""
        self.draw(seeds)
        return self

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        p, m, t = self.gains.shape
        return f"{t} -> {m}, regions={p}, members={self.members}, float32"

    def _centred(self, states: Tensor) -> Tensor:
        d = states.to(torch.float32) - self.shift
        return torch.minimum(torch.maximum(d, -self.farthest), self.farthest)

    def _located(self, d: Tensor) -> tuple[Tensor, Tensor]:
        region, margin = self.tree.locate(d.detach().flatten(0, -2).numpy(force=True))
        violation = torch.from_numpy(-margin).view(d.shape[:-1])
        return torch.from_numpy(region).view(d.shape[:-1]).to(d.device), violation.to(d.device)

    def _input(self, d: Tensor, region: Tensor) -> Tensor:
        residual = self.residual(d, region)
        if self.bound is not None:
            residual = self.bound * torch.tanh(residual / self.bound)
        value = (self.gains[region] * d.unsqueeze(-2)).sum(-1) + self.offsets[region] + residual
        return torch.minimum(torch.maximum(value, self.lower), self.upper)


def _rounded(tables: Tables) -> SearchTree:
    """Return the law's search tree around the shift in float32, both sides searched as far as rounding asks for."""
    tree, rows = tables.design.law.tree, tables.rows.astype(np.float32)
    offsets = tree.offsets - tree.normals @ tables.shift
    return replace(
        tree,
        A=np.ascontiguousarray(rows[:, :-1]),
        b=np.ascontiguousarray(rows[:, -1]),
        normals=tree.normals.astype(np.float32),
        offsets=offsets.astype(np.float32),
        band=float(np.sqrt(tables.limits[1])),
    )


def _around(residual: nn.Module, shift: np.ndarray) -> nn.Module:
    """Return a copy of the residual that takes d = x - shift."""
    moved, away = copy.deepcopy(residual), torch.tensor(shift, dtype=torch.float64)
    with torch.no_grad():
        for module in moved.modules():
            match module:
                case HalfWidths():
                    module.centre -= away
                case AsPrintedResidual():
                    module.bias += module.inner @ away
                case ContinuousResidual():
                    module.b -= module.A @ away
    return moved
