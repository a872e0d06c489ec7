"""CoredActor: an actor that leaves its law untouched in a core, and learns outside it."""

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from rl.core import Core
from rl.errors import TrainingError
from rl.fitting import check_type
from yann.stacked import StackedNetwork


class _Kept:
    """What no training changes, so that all copies of an actor share it: the law, and its core."""

    def __init__(self, law: StackedNetwork, core: Core) -> None:
        self.law, self.core = law, core

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class CoredActor(StackedNetwork):
    """input = law(x) + w(x) (actor(x) - law(x)), w the core's weight: 0 in the core, 1 away from it.

    The law is the actor as it is given here, frozen, or another network `law`; in the core its input comes out bit for
    bit, however far the actor is trained. What is trainable is the actor's. Gradients by the state leave out how w
    changes: its border is thin, and steep. Raises TrainingError for what is no actor or core, for a stack,
    and for a law of another size.
    """

    def __init__(self, actor: StackedNetwork, core: Core, law: StackedNetwork | None = None) -> None:
        _check(actor, core, actor if law is None else law)
        super().__init__(actor.arguments)
        self.actor = copy.deepcopy(actor)
        base = copy.deepcopy(actor if law is None else law).requires_grad_(False)
        self._kept = _Kept(base, core)

    @property
    def core(self) -> Core:
        """Return where the law stays untouched."""
        return self._kept.core

    @property
    def law(self) -> StackedNetwork:
        """Return the frozen law, a stack of one."""
        return self._kept.law

    @property
    def lower(self) -> Tensor | None:
        """Return the least inputs (m,) that the actor can give, None where it does not say."""
        return getattr(self.actor, "lower", None)

    @property
    def upper(self) -> Tensor | None:
        """Return the largest inputs (m,) that the actor can give, None where it does not say."""
        return getattr(self.actor, "upper", None)

    def weight(self, x: Tensor) -> Tensor:
        """Return how far the actor counts (S, batch, 1) at states (S, batch, n)."""
        states = x.detach().flatten(0, -2).contiguous().numpy(force=True)
        return torch.from_numpy(self.core.weight(states)).view(*x.shape[:-1], 1)

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, batch, m) for float64 states (S, batch, n), unchecked: what training loops call."""
        (x,) = points
        law = self.law.rows(x.flatten(0, -2).unsqueeze(0))[0].view(*x.shape[:-1], -1)
        mixed = torch.lerp(law, self.actor.rows(x), self.weight(x))
        if self.lower is None or self.upper is None:
            return mixed
        return mixed.clamp(self.lower, self.upper)

    def save(self, path: object) -> None:
        """Raise TrainingError: a core runs its law and plant, which no file holds."""
        raise TrainingError(
            f"a CoredActor has no file of its own, so nothing is written to {path}; save `.actor`, and give it its "
            "core again when it is loaded: CoredActor(YannActor.load(path), core, law)"
        )

    def draw(self, seeds: Sequence[int]) -> None:
        """Draw the actor's weights of member i anew from seed i; the law stays as it is."""
        self.actor.draw(seeds)


def _check(actor: object, core: object, law: object) -> None:
    """Raise TrainingError unless these are an actor, a core and a law that fit one another."""
    for name, network in (("actor", actor), ("law", law)):
        if not isinstance(network, StackedNetwork):
            raise TrainingError(f"`{name}` is a {type(network).__name__}; pass a network, as YannActor.from_law(law)")
        if network.members != 1 or len(network.arguments) != 1:
            raise TrainingError(
                f"`{name}` is a stack of {network.members} of {len(network.arguments)} arguments, but a stack of 1 of "
                "1 argument is needed; take one .member(i) of an actor"
            )
        check_type(name, network)
        if hasattr(network, "filter"):
            raise TrainingError(
                f"`{name}` ends in a safety filter, which must come last; pass its `.unfiltered`, and put the filter "
                "around the CoredActor"
            )
    _check_core(core)
    ((_, n),), ((_, of)) = actor.arguments, law.arguments[0]  # type: ignore[union-attr]
    if n != of:
        raise TrainingError(f"`actor` takes {n} states but `law` {of}; build both for the same plant")
    plant = getattr(getattr(core, "loop", None), "plant", None)
    if plant is not None and plant.n != n:
        raise TrainingError(
            f"`actor` takes {n} states, but `core` was made for {plant.name!r} of {plant.n}; make one for this actor's "
            "plant"
        )
    x = torch.zeros(1, 1, n, dtype=torch.float64)
    with torch.no_grad():
        m, of = actor.rows(x).shape[-1], law.rows(x).shape[-1]  # type: ignore[union-attr]
    if m != of:
        raise TrainingError(f"`actor` gives {m} inputs but `law` {of}; build both for the same plant")


def _check_core(core: object) -> None:
    if isinstance(core, type):
        raise TrainingError(f"`core` is the class {core.__name__} itself; pass a core: {core.__name__}.of_law(...)")
    for part in ("contains", "value", "weight"):
        if not hasattr(core, part):
            raise TrainingError(f"`core` is a {type(core).__name__} without `{part}`; pass GridCore.of_law(law, plant)")
