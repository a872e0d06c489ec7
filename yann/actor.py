"""YannActor: a law as a network, exact at birth, whose residual can be trained."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mpc.explicit.law import TOLERANCE, PiecewiseAffineLaw
from mpc.explicit.magnitudes import LARGEST
from plants.arrays import Array, instance_of, real_array
from yann.birth import Birth
from yann.clip import inward_clip
from yann.errors import NetworkError
from yann.explain import explain
from yann.gathered import GatheredLaw, check_law, input_box
from yann.policy_explanation import PolicyExplanation
from yann.residual import PerRegion, Residual
from yann.selector import RegionSelector
from yann.stacked import as_given
from yann.storage import Record, Storable


class YannActor(Storable):
    """input = clip(K_i x + r_i + residual_i(x)) for the region i of least violation.

    The law is frozen float64; only the residual is trainable, and it is zero at birth, so that the actor
    is the law. Outside the law's domain it uses the nearest region's law and residual, still within the
    input bounds, and `evaluate` says so. The bounds pass gradients that lead back inside (`InwardClip`).

    `actor(x)` gives inputs (..., m) for states (..., t); `rows` does for tensors (S, B, t). `law_digest` tells of
    which law it was born, `birth` holds the law itself.
    """

    kind: ClassVar[str] = "actor"
    tolerance = TOLERANCE
    lower: Tensor
    upper: Tensor
    bound: Tensor | None

    def __init__(self, law: PiecewiseAffineLaw, residual: Residual, bound: Array | None) -> None:
        super().__init__([("state", law.gains.shape[2])])
        self.birth = Birth(law, residual, bound)
        self.law_digest = law.digest
        self.selector = RegionSelector(law)
        self.law = GatheredLaw(law)
        self.residual = residual.build(law)
        for name, side in zip(("lower", "upper"), input_box(law), strict=True):
            self.register_buffer(name, torch.tensor(side, dtype=torch.float64))
        self.register_buffer("bound", None if bound is None else torch.tensor(bound, dtype=torch.float64))
        self.draw([0])

    @classmethod
    def from_law(
        cls,
        law: PiecewiseAffineLaw,
        hidden: int | None = None,
        residual: Residual | None = None,
        bound: ArrayLike | None = None,
    ) -> Self:
        """Return the actor that equals `law`; `hidden` (default 16) is short for residual=PerRegion(hidden).

        `bound` (a number, or one per input, in the input's units) keeps |residual| below it: bound tanh(r / bound).
        Raises NetworkError for a law without regions or finite input bounds, and for widths that do not fit.
        """
        check_law(law)
        if hidden is not None and residual is not None:
            raise NetworkError(f"both `hidden` ({hidden}) and `residual` ({residual}) are given; pass one of them")
        form = PerRegion() if hidden is None else PerRegion(hidden)
        if residual is not None:
            instance_of(residual, Residual, "residual", NetworkError, "pass PerRegion(), Shared() or AsPrinted()")
            form = residual
        return cls(law, form, _checked_bound(bound, law.gains.shape[1]))

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, B, m) for float64 states (S, B, t), unchecked: what training loops call."""
        (states,) = points
        region, _ = self.selector(states)
        return self._input(states, region)

    def evaluate(self, state: object) -> tuple[Tensor | np.ndarray, ...]:
        """Return (input (..., m), region (...), valid (...)) for states (..., t), of the same kind as given.

        `valid` is False outside the law's domain, where the nearest region's law and residual are used.
        Raises NetworkError for a wrong width, member axis, NaN or infinity.
        """
        (states,), lead = self.checked_rows([state])
        region, violation = self.selector(states)
        results = (self._input(states, region), region, violation <= self.tolerance)
        return as_given(state, lead, *results)

    def explain(self, state: ArrayLike, member: int | None = None) -> PolicyExplanation:
        """Return what it does at one state (t,) beside what its law does; `member` picks one of a stack.

        str() of it is a text, `to_dict()` goes into JSON, `studies.policy_table` has a table. Raises NetworkError for a
        state of another size, NaN or infinity, and for a stack without a member. See docs/networks.md.
        """
        return explain(self, state, member)

    def to_record(self) -> Record:
        """Return the law, the residual's form and the bound, for a file."""
        return self.birth.to_record()

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return the actor as it was at birth; raises ValueError, LookupError or TypeError for a file that is bad."""
        birth = Birth.from_record(data, arrays, path)
        return cls.from_law(birth.law, residual=birth.residual, bound=birth.bound)

    def reference(self) -> tuple[list[Array], Array]:
        """Return the centres of the widest regions, and the input range."""
        return self.birth.reference()

    @property
    def t(self) -> int:
        """Return the number of parameters that it takes, as of a law: the states, and more where the law reads more."""
        return self.arguments[0][1]

    @property
    def trainable(self) -> int:
        """Return the number of trainable weights of one member."""
        return sum(p[0].numel() for p in self.parameters())

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        p, m, t = self.law.gains.shape
        return f"{t} -> {m}, regions={p}, members={self.members}, trainable={self.trainable}"

    def unclipped(self, states: Tensor, region: Tensor) -> Tensor:
        """Return the input (S, B, m) before the input bounds, for states (S, B, t) with their regions (S, B).

        Components beyond LARGEST count as LARGEST: sums of larger ones with opposite signs have no value.
        """
        states = states.clamp(-LARGEST, LARGEST)
        return self.law(states, region) + self.addition(states, region)

    def addition(self, states: Tensor, region: Tensor) -> Tensor:
        """Return what training adds to the law (S, B, m): the residual, within its bound; 0 at birth."""
        residual = self.residual(states, region)
        return residual if self.bound is None else self.bound * torch.tanh(residual / self.bound)

    def _input(self, states: Tensor, region: Tensor) -> Tensor:
        return inward_clip(self.unclipped(states, region), self.lower, self.upper)


def _checked_bound(bound: ArrayLike | None, m: int) -> Array | None:
    if bound is None:
        return None
    given = real_array(bound, "bound", None, NetworkError)
    if given.shape not in ((), (m,)):
        raise NetworkError(f"`bound` has shape {given.shape}, but the law has {m} inputs; pass a number or ({m},)")
    if not (given > 0).all():
        raise NetworkError(f"`bound` is {given.min():g}, but it must be positive; pass None for no bound")
    return given
