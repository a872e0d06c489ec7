"""FilteredActor: an actor whose last layers are a safety filter; and any other controller with one behind it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mpc.safety.record import safe_set_of, safe_set_record
from plants.arrays import Array, instance_of
from plants.simulate import Controller, MemoryController
from yann.actor import YannActor
from yann.clip import inward_clip
from yann.errors import NetworkError
from yann.explain import one_member
from yann.policy_explanation import PolicyExplanation
from yann.safety_explanation import SafetyExplanation
from yann.safety_filter import SafetyFilter
from yann.stacked import StackedNetwork, as_given
from yann.storage import Record, Storable


@dataclass(frozen=True, eq=False)
class FilteredExplanation:
    """What the actor wants at a state, and what the filter makes of it. str() is a text, `to_dict()` goes into JSON."""

    policy: PolicyExplanation
    safety: SafetyExplanation

    def __str__(self) -> str:
        """Return both, one under the other."""
        return f"{self.policy}\nsafety: {self.safety}"

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        return {"policy": self.policy.to_dict(), "safety": self.safety.to_dict()}


class FilteredActor(Storable):
    """input = safe(x, actor(x)): whatever is trained, no input leaves the safe set from a state in it.

    What is trainable is the actor's; the filter has no weights. Where the filter holds an input, a gradient that leads
    back inside passes (`InwardClip`), so that the actor can learn to want what is safe. A core, if the actor keeps one,
    stays its core. Put the filter last: nothing that comes after it is guarded. Raises NetworkError for what is no
    actor or filter, an actor of another size, or one that has a filter already.
    """

    kind: ClassVar[str] = "filtered actor"

    def __init__(self, actor: StackedNetwork, safe: SafetyFilter) -> None:
        _check(actor, safe)
        super().__init__(actor.arguments)
        self.actor = copy.deepcopy(actor)
        self.filter = safe

    @property
    def unfiltered(self) -> StackedNetwork:
        """Return the actor without its filter: what it wants."""
        return self.actor

    @property
    def core(self) -> Any:
        """Return the core that the actor keeps; AttributeError where it keeps none."""
        return self.actor.core

    @property
    def lower(self) -> Tensor:
        """Return the least inputs (m,) that it can give."""
        return torch.tensor(self.filter.set.input_bounds[0])

    @property
    def upper(self) -> Tensor:
        """Return the largest inputs (m,) that it can give."""
        return torch.tensor(self.filter.set.input_bounds[1])

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, batch, m) for float64 states (S, batch, t), unchecked: what training loops call."""
        (x,) = points
        return self.passed(x, self.actor.rows(x))

    def passed(self, x: Tensor, wanted: Tensor) -> Tensor:
        """Return what passes the filter of wanted inputs (S, batch, m) at states (S, batch, t), unchecked."""
        return self.filter.rows(x[..., : self.filter.set.n], wanted, inward_clip)

    def intervenes(self, x: object) -> Any:
        """Return at which states (..., t) the filter changes the input, as booleans (...) of the kind given."""
        (states,), lead = self.checked_rows([x])
        with torch.no_grad():
            wanted = self.actor.rows(states).clamp(self.lower, self.upper)
            changed = (self.rows(states) != wanted).any(-1)
        return as_given(x, lead, changed)[0]

    def explain(self, state: ArrayLike, member: int | None = None) -> FilteredExplanation:
        """Return what the actor wants at one state (t,) and why, and what the filter makes of it and why.

        Raises NetworkError for an actor that is not born of a law, and as its `explain`.
        """
        instance_of(self.actor, YannActor, "actor", NetworkError, "an actor that was born of a law can be explained")
        policy = one_member(self, member, "actor").actor.explain(state)  # type: ignore[operator]
        return FilteredExplanation(policy, self.filter.explain(policy.theta[: self.filter.set.n], policy.learned))

    def draw(self, seeds: Sequence[int]) -> None:
        """Draw the actor's weights of member i anew from seed i."""
        self.actor.draw(seeds)

    def to_record(self) -> Record:
        """Return the actor's birth and the safe set; NetworkError for an actor that has no file."""
        mend = "keep the weights of other actors yourself, and the filter by its certificate"
        instance_of(self.actor, YannActor, "actor", NetworkError, mend)
        (actor, of_actor), (safe, of_safe) = self.actor.to_record(), safe_set_record(self.filter.set)  # type: ignore[operator]
        arrays = {f"actor.{name}": array for name, array in of_actor.items()}
        return {"actor": actor, "safe": safe}, arrays | {f"safe.{name}": array for name, array in of_safe.items()}

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return the actor as it was at birth, in its filter; raises ValueError, LookupError or TypeError if bad."""
        actor, safe = (_part(arrays, name) for name in ("actor.", "safe."))
        born = YannActor.from_record(data["actor"], actor, path)
        return cls(born, SafetyFilter(safe_set_of(data["safe"], safe)))

    def reference(self) -> tuple[list[Array], Array]:
        """Return the actor's reference points, and the input range."""
        return self.actor.reference()  # type: ignore[operator]


class FilteredController:
    """A controller with a safety filter behind it: a function of states, whose inputs are filtered."""

    def __init__(self, controller: Any, safe: SafetyFilter) -> None:
        self.controller, self.filter = controller, safe

    def __call__(self, x: Array) -> Array:
        """Return the filtered inputs (..., m) at states (..., n)."""
        return self.filter(x[..., : self.filter.set.n], self.controller(x))


class FilteredMemory:
    """A controller that remembers, with a safety filter behind it."""

    def __init__(self, controller: MemoryController, safe: SafetyFilter) -> None:
        self.controller, self.filter = controller, safe

    def start(self, batch: int) -> Any:
        """Return the controller's memory of `batch` rows."""
        return self.controller.start(batch)

    def step(self, x: Array, memory: Any) -> tuple[Array, Any]:
        """Return the filtered inputs (batch, m) at states (batch, n), and the controller's memory."""
        wanted, after = self.controller.step(x, memory)
        return self.filter(x[..., : self.filter.set.n], wanted), after


def guarded(controller: StackedNetwork | Controller, safe: SafetyFilter) -> Any:
    """Return a controller or actor with the filter behind it; NetworkError for what is neither, or no filter."""
    instance_of(safe, SafetyFilter, "safe", NetworkError, "pass SafetyFilter.for_plant(plant)")
    if isinstance(controller, FilteredController | FilteredMemory):
        raise NetworkError("`controller` has a filter already; pass its `.controller`, and one filter behind it")
    if isinstance(controller, StackedNetwork):
        return FilteredActor(controller, safe)
    if hasattr(controller, "start") and hasattr(controller, "step"):
        return FilteredMemory(controller, safe)  # type: ignore[arg-type]
    if not callable(controller):
        raise NetworkError(f"`controller` is a {type(controller).__name__}; pass a function of the state, or an actor")
    return FilteredController(controller, safe)


def _part(arrays: Mapping[str, np.ndarray], start: str) -> Mapping[str, np.ndarray]:
    """Return the arrays whose name starts so, without that start."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _check(actor: object, safe: object) -> None:
    instance_of(safe, SafetyFilter, "safe", NetworkError, "pass SafetyFilter.for_plant(plant)")
    instance_of(actor, StackedNetwork, "actor", NetworkError, "pass a network, as YannActor.from_law(law)")
    if len(actor.arguments) != 1:  # type: ignore[union-attr]
        raise NetworkError(f"`actor` takes {len(actor.arguments)} arguments, but an actor takes 1, the state")  # type: ignore[union-attr]
    if hasattr(actor, "filter"):
        raise NetworkError("`actor` has a filter already; pass its `.unfiltered`, and one filter around it")
    ((_, t),) = actor.arguments  # type: ignore[union-attr]
    n, m = safe.set.n, safe.set.m  # type: ignore[union-attr]
    with torch.no_grad():
        gives = actor.rows(torch.zeros(actor.members, 1, t, dtype=torch.float64)).shape[-1]  # type: ignore[union-attr]
    if t < n or gives != m:
        raise NetworkError(
            f"`actor` takes {t} states and gives {gives} inputs, but the safe set has {n} and {m}; build both for the "
            "same plant"
        )
