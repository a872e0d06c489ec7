"""DSAC-T: a soft actor-critic whose critics know how far costs scatter, with three refinements, for costs."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from plants import Plant
from plants.arrays import instance_of, real_scalar, whole_number
from rl.agent import Losses
from rl.errors import TrainingError
from rl.fitting import trainable
from rl.generators import second_seed
from rl.off_policy import OffPolicyAgent, adam, descend
from rl.replay import Batch
from rl.soft import SoftLearner, SoftSettings
from rl.spread import CostSpread, InputSpread
from rl.twin import twins
from yann.stacked import StackedNetwork

_FARTHEST = 3.0
"""largest size of the standard normal number in a drawn cost to go"""


@dataclass(frozen=True)
class DSACTSettings(SoftSettings):
    """Every setting of DSAC-T. Raises TrainingError for one that makes no sense."""

    actor_every: int = 2
    """updates of the critics for each of the actor, the temperature and the targets"""
    cost_spread: float = 1.0
    """standard deviation of the cost to go at the start, in cost units"""
    clip_spreads: float = 3.0
    """how far a drawn target may be from the mean when it teaches a spread, in mean standard deviations"""
    variance_bias: float = 0.1
    """what is added to variances before anything is divided by them, in cost units squared"""

    def __post_init__(self) -> None:
        """Check every number."""
        super().__post_init__()
        whole_number(self.actor_every, "actor_every", TrainingError, least=1)
        for name in ("cost_spread", "clip_spreads", "variance_bias"):
            real_scalar(getattr(self, name), name, TrainingError, positive=True)


@dataclass(frozen=True, eq=False)
class DSACT(OffPolicyAgent):
    """An actor, as the mean of Gaussian inputs, and two critics, as means of Gaussian costs, that learn by DSAC-T.

    Source: Duan et al. 2025 (arXiv 2310.05858), with cost for reward: the larger of two mean costs is believed. The
    standard deviations of the costs come from networks of their own beside the critics, so any critic can be the mean.
    """

    settings: DSACTSettings = field(default_factory=DSACTSettings)

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        instance_of(self.settings, DSACTSettings, "settings", TrainingError, "pass DSACTSettings(...)")
        super().__post_init__()
        self.settings.softens_target(self.discount)

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "DSACTLearner":
        """Return fresh members, one per seed, for this plant."""
        networks = self.actor.replicate(seeds), twins(self.critic, seeds)
        return DSACTLearner(networks, self.settings, self.discount, seeds, plant)


class SpreadAverages(nn.Module):
    """Moving averages (2, S) of both critics' standard deviations and variances; the first batch sets them."""

    def __init__(self, members: int, share: float) -> None:
        super().__init__()
        self.deviation: Tensor
        self.variance: Tensor
        for name in ("deviation", "variance"):
            self.register_buffer(name, torch.full((2, members), torch.nan, dtype=torch.float64))
        self._share = share

    def take(self, spread: Float64[Tensor, "two S batch"]) -> None:
        """Move towards the means over a batch of standard deviations (2, S, batch)."""
        for average, now in ((self.deviation, spread.mean(2)), (self.variance, spread.square().mean(2))):
            average.copy_(torch.where(average.isnan(), now, average.lerp(now, self._share)))


class DSACTLearner(SoftLearner):
    """S members of DSAC-T under training."""

    settings: DSACTSettings

    def __init__(
        self,
        networks: tuple[StackedNetwork, StackedNetwork],
        settings: DSACTSettings,
        discount: float,
        seeds: Sequence[int],
        plant: Plant,
    ) -> None:
        super().__init__(networks, settings, discount, seeds, plant)
        fresh = CostSpread(plant, settings.spread_hidden, settings.cost_spread)
        self.cost_spreads = fresh.replicate([*seeds, *map(second_seed, seeds)])
        self.critic_step = adam(
            [*trainable(self.critics), *trainable(self.cost_spreads)], settings.critic_learning_rate
        )
        self.target_spread, self.target_cost_spreads = copy.deepcopy(self.spread), copy.deepcopy(self.cost_spreads)
        self.averages = SpreadAverages(len(seeds), settings.polyak)

    @property
    def weights(self) -> Mapping[str, list[Tensor]]:
        """Return the trainable weights by network, those of the spreads among the actor's and the critic's."""
        told = super().weights
        return {**told, "critic": [*told["critic"], *trainable(self.cost_spreads)]}

    @property
    def spreads(self) -> tuple[InputSpread, ...]:
        """Return the spread of the inputs, and its slow copy."""
        return self.spread, self.target_spread

    def update(self, batch: Batch) -> Losses:
        """Take one step on the critics and, each `actor_every`-th time, on the rest; return the losses (S,)."""
        with torch.no_grad():
            mean_target, drawn_target = self._targets(batch)
        critic_loss, deviation = self._teach_critics(batch, mean_target, drawn_target)

        self.updates += 1
        told = {"cost_spread": deviation}
        if self.updates % self.settings.actor_every:
            return Losses(critic_loss, None, told)
        losses = self.teach_actor(batch.state, critic_loss)
        self.follow(
            (self.target_actor, self.actor),
            (self.target_spread, self.spread),
            (self.target_critics, self.critics),
            (self.target_cost_spreads, self.cost_spreads),
        )
        return losses._replace(others={**losses.others, **told})

    def _targets(self, batch: Batch) -> tuple[Float64[Tensor, "S batch"], Float64[Tensor, "S batch"]]:
        """Return what the means shall be (S, batch), and what is drawn of the believed critic for the spreads."""
        x = batch.next_state
        u, entropy = self.scatter(self.target_actor, self.target_spread, x)
        means, deviations = self.both(self.target_critics, x, u), self.both(self.target_cost_spreads, x, u)
        mean, believed = means.max(0)
        deviation = deviations.gather(0, believed[None]).squeeze(0)
        drawn = mean + deviation * self.normals(x.shape[1]).clamp(-_FARTHEST, _FARTHEST)
        return self._discounted(batch, mean, entropy), self._discounted(batch, drawn, entropy)

    def _discounted(
        self, batch: Batch, cost: Float64[Tensor, "S batch"], entropy: Float64[Tensor, "S batch"]
    ) -> Float64[Tensor, "S batch"]:
        """Return the batch's costs with what follows (S, batch)."""
        return batch.cost + batch.discount * self.softened(cost, entropy)

    def _teach_critics(
        self, batch: Batch, mean_target: Float64[Tensor, "S batch"], drawn_target: Float64[Tensor, "S batch"]
    ) -> tuple[Float64[Tensor, " S"], Float64[Tensor, " S"]]:
        """Take one step on critics and cost spreads; return mean squared error and mean spread (S,) before it."""
        mean = self.both(self.critics, batch.state, batch.input)
        spread = self.both(self.cost_spreads, batch.state, batch.input)
        now, deviation = mean.detach(), spread.detach()
        self.averages.take(deviation)
        bias, bound = self.settings.variance_bias, self.settings.clip_spreads * self.averages.deviation[..., None]
        clipped = torch.clamp(drawn_target - now, -bound, bound)
        slope = (deviation.square() - clipped.square()) / (deviation**3 + bias)
        error = mean - mean_target
        loss = error.square() / (2 * (deviation.square() + bias)) + slope * spread
        weight = self.averages.variance + bias
        descend(self.critic_step, (weight * loss.mean(2)).sum(0))
        return error.detach().square().mean((0, 2)), deviation.mean((0, 2))

    def state(self) -> dict[str, Any]:
        """Return all that training changes, for a checkpoint."""
        told = super().state()
        told["networks"] |= {"cost_spreads": self.cost_spreads, "averages": self.averages}
        told["networks"] |= {"target_spread": self.target_spread, "target_cost_spreads": self.target_cost_spreads}
        return told
