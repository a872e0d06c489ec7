"""DDPG: deep deterministic policy gradient, for costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from plants import Plant
from plants.arrays import instance_of
from rl.agent import Losses
from rl.errors import TrainingError
from rl.off_policy import OffPolicyAgent, OffPolicyLearner, descend
from rl.replay import Batch
from rl.settings import Settings


@dataclass(frozen=True)
class DDPGSettings(Settings):
    """Every setting of DDPG. Raises TrainingError for one that makes no sense."""

    @classmethod
    def algorithm_1(cls) -> "DDPGSettings":
        """Return Algorithm 1 of Braniff & Tian 2025: no noise on the inputs, one update per step, one-step targets.

        The paper leaves rates, gamma, polyak, batch and memory open. Chosen here, and tuned to no seed: rates of 1e-3,
        the critic's own gamma, polyak .005, batches of 64 of all transitions.
        """
        return cls(exploration=0.0, return_steps=1, updates_per_step=1)


@dataclass(frozen=True, eq=False)
class DDPG(OffPolicyAgent):
    """An actor and a critic that learn from each other by deep deterministic policy gradient.

    Source: Lillicrap et al. 2016, with cost for reward; Braniff & Tian 2025, Algorithm 1, with its gaps closed.
    """

    settings: DDPGSettings = field(default_factory=DDPGSettings)

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        instance_of(self.settings, DDPGSettings, "settings", TrainingError, "pass DDPGSettings(...)")
        super().__post_init__()

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "DDPGLearner":
        """Return fresh members, one per seed, for this plant."""
        networks = self.actor.replicate(seeds), self.critic.replicate(seeds)
        return DDPGLearner(*networks, self.settings, seeds, plant)


class DDPGLearner(OffPolicyLearner):
    """S members of DDPG under training."""

    def update(self, batch: Batch) -> Losses:
        """Take one step on critic and actor, move the targets after them, and return the losses (S,) before it."""
        with torch.no_grad():
            next_input = self.target_actor.rows(batch.next_state)
            next_cost = self.target_critics.rows(batch.next_state, next_input)
            target = batch.cost + batch.discount * next_cost

        critic_loss = (self.critics.rows(batch.state, batch.input) - target).square().mean(dim=1)
        descend(self.critic_step, critic_loss)

        self.updates += 1
        actor_loss = self.critics.rows(batch.state, self.actor.rows(batch.state)).mean(dim=1)
        if self.updates > self.settings.critic_first:
            descend(self.actor_step, actor_loss)

        self.follow((self.target_actor, self.actor), (self.target_critics, self.critics))
        return Losses(critic_loss.detach(), actor_loss.detach())
