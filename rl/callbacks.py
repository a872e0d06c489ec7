"""Callbacks: what training tells whoever listens, as it happens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plants.arrays import Array, instance_of
from rl.errors import TrainingError
from rl.gate import GateDecision
from rl.ledger import Flags
from rl.training import Progress


@dataclass(frozen=True, eq=False)
class StepTaken:
    """One plant step of all S members: `state` and `after` (S, n), `wanted` and `applied` inputs (S, m), `cost` (S,).

    `wanted` may be beyond the bounds, `state` is what the actor saw, `after` the true next state. `episode` and `step`
    count from 0; the prefill counts to episode 0, as in the ledger.
    """

    episode: int
    step: int
    seeds: tuple[int, ...]
    state: Array
    wanted: Array
    applied: Array
    after: Array
    cost: Array


@dataclass(frozen=True, eq=False)
class Updated:
    """One update of all S members after plant step `step`: every loss by its name, (S,)."""

    episode: int
    step: int
    seeds: tuple[int, ...]
    losses: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A test of all S members after `episode` finished episodes: `costs` (S, K) from K starts, which were `unsafe`."""

    episode: int
    seeds: tuple[int, ...]
    costs: Array
    unsafe: Flags


@dataclass(frozen=True, eq=False)
class Violated:
    """One member's state `after` (n,) went beyond a safe limit in plant step `step`; its run ends there."""

    episode: int
    step: int
    seed: int
    after: Array


@dataclass(frozen=True)
class RolledBack:
    """A gate rejected one member's actor: the one accepted before stays; `restored`: training goes on from that one."""

    decision: GateDecision
    restored: bool


class Callback:
    """Base of everything that listens to training: override what you want to hear; the rest costs nothing.

    Arrays belong to the listener, who may change them: training is not touched by what a callback does. An exception
    ends training and passes as it is; KeyboardInterrupt stops it by hand, and `Interrupted` carries what is done.
    """

    def on_step(self, event: StepTaken) -> None:
        """Hear of each plant step."""

    def on_episode(self, event: Progress) -> None:
        """Hear of each finished episode, after its test and gate."""

    def on_update(self, event: Updated) -> None:
        """Hear of each update."""

    def on_evaluation(self, event: Evaluated) -> None:
        """Hear of each test, the one before training included; there are none without test starts."""

    def on_violation(self, event: Violated) -> None:
        """Hear of each violation, member by member."""

    def on_rollback(self, event: RolledBack) -> None:
        """Hear of each actor that a gate rejected."""


class Announcer:
    """Tells events to the callbacks that listen to them; an event that nobody listens to is not even made."""

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        self.step = _listeners(callbacks, "on_step")
        self.episode = _listeners(callbacks, "on_episode")
        self.update = _listeners(callbacks, "on_update")
        self.evaluation = _listeners(callbacks, "on_evaluation")
        self.violation = _listeners(callbacks, "on_violation")
        self.rollback = _listeners(callbacks, "on_rollback")


def checked_callbacks(callbacks: object) -> tuple[Callback, ...]:
    """Return the callbacks; raise TrainingError for what is none."""
    instance_of(callbacks, Sequence, "callbacks", TrainingError, "pass a list of them, as in [MyCallback()]")
    for i, callback in enumerate(callbacks):  # type: ignore[arg-type]
        mend = "pass an object of a class derived from rl.Callback"
        instance_of(callback, Callback, f"callbacks[{i}]", TrainingError, mend)
    return tuple(callbacks)  # type: ignore[arg-type]


def tell(listeners: Sequence[Callable[[Any], None]], event: object) -> None:
    """Hand an event to each of its listeners, in their order."""
    for listener in listeners:
        listener(event)


def _listeners(callbacks: Sequence[Callback], name: str) -> tuple[Callable[[Any], None], ...]:
    return tuple(getattr(c, name) for c in callbacks if getattr(type(c), name) is not getattr(Callback, name))
