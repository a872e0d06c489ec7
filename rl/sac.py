"""SAC: a soft actor-critic with twin critics and a temperature that finds itself, for costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from plants import Plant
from plants.arrays import instance_of
from rl.agent import Losses
from rl.errors import TrainingError
from rl.off_policy import OffPolicyAgent
from rl.replay import Batch
from rl.soft import SoftLearner, SoftSettings
from rl.twin import twins


@dataclass(frozen=True)
class SACSettings(SoftSettings):
    """Every setting of SAC. Raises TrainingError for one that makes no sense."""


@dataclass(frozen=True, eq=False)
class SAC(OffPolicyAgent):
    """An actor, as the mean of Gaussian inputs, and two critics that learn by soft actor-critic.

    Source: Haarnoja et al. 2018 (arXiv 1812.05905), with cost for reward: the larger of two costs is believed.
    """

    settings: SACSettings = field(default_factory=SACSettings)

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        instance_of(self.settings, SACSettings, "settings", TrainingError, "pass SACSettings(...)")
        super().__post_init__()
        self.settings.softens_target(self.discount)

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "SACLearner":
        """Return fresh members, one per seed, for this plant."""
        networks = self.actor.replicate(seeds), twins(self.critic, seeds)
        return SACLearner(networks, self.settings, self.discount, seeds, plant)


class SACLearner(SoftLearner):
    """S members of SAC under training."""

    def update(self, batch: Batch) -> Losses:
        """Take one step on critics, actor, spread and temperature, and return the losses (S,) before it."""
        with torch.no_grad():
            next_input, entropy = self.scatter(self.actor, self.spread, batch.next_state)
            next_cost = self.both(self.target_critics, batch.next_state, next_input).amax(0)
            target = batch.cost + batch.discount * self.softened(next_cost, entropy)
        critic_loss = self.teach(self.both(self.critics, batch.state, batch.input), target)

        self.updates += 1
        losses = self.teach_actor(batch.state, critic_loss)
        self.follow((self.target_critics, self.critics))
        return losses
