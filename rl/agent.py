"""What the training loop needs of an agent. Any actor and critic, any algorithm.

S members, batch rows, n states, m inputs; every tensor is float64, every array too; physical units.

| call                          | takes                          | returns       | meaning                            |
|-------------------------------|--------------------------------|---------------|------------------------------------|
| `agent.learner(seeds, plant)` | S seeds                        | Learner       | S fresh members; the agent stays   |
| `learner.actor.rows(x)`       | (S, batch, n)                  | (S, batch, m) | inputs within their bounds         |
| `learner.critic.rows(x, u)`   | (S, batch, n), (S, batch, m)   | (S, batch)    | cost to go, never (S, batch, 1)    |
| `learner.explore(x, normals)` | (S, n), (S, m)                 | (S, m)        | inputs to try in training          |
| `learner.update(batch)`       | Batch                          | Losses, (S,)  | one step of the networks; losses   |

A batch has `state` (S, batch, n), `input` (S, batch, m), `cost` (S, batch), `next_state` (S, batch, n) and
`discount` (S, batch). Every number that a learner draws comes from a generator of the member's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from plants import Plant
from plants.arrays import Array
from rl.replay import Batch
from yann.stacked import StackedNetwork


class Losses(NamedTuple):
    """What one update minimised, (S,) each, before the step."""

    critic: Tensor
    """mean squared Bellman error, in cost units squared"""
    actor: Tensor | None
    """mean cost to go that the critic expects of the actor's inputs; None where the actor took no step"""
    others: Mapping[str, Tensor] = {}
    """what else the algorithm tells, by name"""


class Learner(Protocol):
    """S members under training: their networks, targets and optimisers."""

    @property
    def actor(self) -> StackedNetwork:
        """The actors, without exploration."""
        ...

    @property
    def critic(self) -> StackedNetwork:
        """The critics; the first ones of several."""
        ...

    @property
    def weights(self) -> Mapping[str, list[Tensor]]:
        """The trainable weights by network, each (k S, ...): member s has the entries s, S + s, ..."""
        ...

    def explore(self, x: Array, normals: Array) -> Array:
        """Return the inputs (S, m) to try at states (S, n), given standard normal numbers (S, m)."""
        ...

    def update(self, batch: Batch) -> Losses:
        """Take one step on critic and actor, each member on its own rows of the batch."""
        ...

    def take_back(self, member: int, actor: StackedNetwork) -> None:
        """Give one member's actor, and its target where there is one, the weights of `actor`, a stack of one."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all that training changes, for a checkpoint."""
        ...


class LoopSettings(Protocol):
    """The settings that the training loop itself reads."""

    @property
    def batch_size(self) -> int:
        """Transitions per member and update."""
        ...

    @property
    def buffer_size(self) -> int:
        """Transitions kept per member."""
        ...

    @property
    def warm_up(self) -> int:
        """Plant steps per member before the first update."""
        ...

    @property
    def updates_per_step(self) -> int:
        """Updates after each plant step after which there are any."""
        ...

    @property
    def steps_per_update(self) -> int:
        """Plant steps from one of those to the next."""
        ...

    @property
    def return_steps(self) -> int:
        """Plant steps whose costs a target adds up."""
        ...

    @property
    def prefill(self) -> int:
        """Episodes under the actor as it is, with its exploration, before the first one of training."""
        ...

    @property
    def critic_first(self) -> int:
        """Updates of the critic alone before the actor's first."""
        ...

    @property
    def weight_limit(self) -> float:
        """Size of a weight beyond which training counts as diverged."""
        ...


class Agent(Protocol):
    """An algorithm with its actor, critic (stacks of one) and settings; nothing in it changes in training."""

    @property
    def actor(self) -> StackedNetwork:
        """The actor at the start."""
        ...

    @property
    def critic(self) -> StackedNetwork:
        """The critic at the start."""
        ...

    @property
    def settings(self) -> LoopSettings:
        """Every setting of the algorithm."""
        ...

    @property
    def discount(self) -> float:
        """What a cost one sample period later counts."""
        ...

    def learner(self, seeds: Sequence[int], plant: Plant) -> Learner:
        """Return fresh members, one per seed, for this plant."""
        ...
