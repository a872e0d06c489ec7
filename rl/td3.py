"""TD3: twin critics, smoothed targets and a delayed actor, for costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor

from plants import Plant
from plants.arrays import instance_of, whole_number
from rl.agent import Losses
from rl.errors import TrainingError
from rl.filtered import passed, wanted_by
from rl.off_policy import OffPolicyAgent, descend
from rl.replay import Batch
from rl.settings import Settings, at_least_zero
from rl.twin import TwinLearner, twins


@dataclass(frozen=True)
class TD3Settings(Settings):
    """Every setting of TD3. Raises TrainingError for one that makes no sense."""

    exploration: float = 0.1
    """standard deviation of the noise on the inputs, as a fraction of half the input range; 0: none"""
    actor_every: int = 2
    """updates of the critics for each of the actor and the targets"""
    target_noise: float = 0.2
    """standard deviation of the noise on the inputs that the target takes, as a fraction of half the input range"""
    target_noise_limit: float = 0.5
    """largest size of that noise, as the same fraction"""

    def __post_init__(self) -> None:
        """Check every number."""
        super().__post_init__()
        whole_number(self.actor_every, "actor_every", TrainingError, least=1)
        for name in ("target_noise", "target_noise_limit"):
            at_least_zero(getattr(self, name), name, "0 is no noise")


@dataclass(frozen=True, eq=False)
class TD3(OffPolicyAgent):
    """An actor and two critics that learn by twin delayed deep deterministic policy gradient.

    Source: Fujimoto, van Hoof & Meger 2018, with cost for reward: the larger of two costs is believed.
    """

    settings: TD3Settings = field(default_factory=TD3Settings)

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        instance_of(self.settings, TD3Settings, "settings", TrainingError, "pass TD3Settings(...)")
        super().__post_init__()

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "TD3Learner":
        """Return fresh members, one per seed, for this plant."""
        return TD3Learner(self.actor.replicate(seeds), twins(self.critic, seeds), self.settings, seeds, plant)


class TD3Learner(TwinLearner):
    """S members of TD3 under training."""

    settings: TD3Settings

    def update(self, batch: Batch) -> Losses:
        """Take one step on both critics and, each `actor_every`-th time, on the actor; return the losses (S,)."""
        with torch.no_grad():
            next_input = self._smoothed(batch.next_state)
            next_cost = self.both(self.target_critics, batch.next_state, next_input).amax(0)
            target = batch.cost + batch.discount * next_cost
        critic_loss = self.teach(self.both(self.critics, batch.state, batch.input), target)

        self.updates += 1
        if self.updates % self.settings.actor_every:
            return Losses(critic_loss, None)
        actor_loss = self.critic.rows(batch.state, self.actor.rows(batch.state)).mean(dim=1)
        if self.updates > self.settings.critic_first:
            descend(self.actor_step, actor_loss)
        self.follow((self.target_actor, self.actor), (self.target_critics, self.critics))
        return Losses(critic_loss, actor_loss.detach())

    def _smoothed(self, x: Float64[Tensor, "S batch n"]) -> Float64[Tensor, "S batch m"]:
        """Return the target's inputs with limited noise, as they would act: like inputs should cost alike."""
        inputs = wanted_by(self.target_actor).rows(x)
        noise = self.settings.target_noise * self.normals(*inputs.shape[1:])
        limit = self.settings.target_noise_limit
        wanted = self.clipped(inputs + self.half_range * noise.clamp(-limit, limit))
        return passed(self.target_actor, x, wanted)
