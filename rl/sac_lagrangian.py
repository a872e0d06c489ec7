"""SAC-Lagrangian: a soft actor-critic that pays for expected violations, at a price that rises until they are rare."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from plants import Plant
from plants.arrays import instance_of, real_scalar
from rl.agent import Losses
from rl.errors import TrainingError
from rl.fitting import trainable
from rl.generators import safety_seed
from rl.networks import PlainCritic, checked_sizes
from rl.off_policy import OffPolicyAgent, adam, descend
from rl.replay import Batch
from rl.settings import at_least_zero
from rl.soft import SoftLearner, SoftSettings
from rl.twin import twins
from yann.stacked import StackedNetwork


@dataclass(frozen=True)
class SACLagrangianSettings(SoftSettings):
    """Every setting of SAC-Lagrangian. Raises TrainingError for one that makes no sense."""

    limit: float = 0.01
    """discounted violations expected of a run from where it stands that are allowed, the mean over the memory"""
    multiplier: float = 1.0
    """price of one expected violation at the start, in cost units"""
    multiplier_step: float = 0.1
    """by how much the price rises at an update for each expected violation above the limit, in cost units; 0: fixed"""
    safety_hidden: Sequence[int] = (64, 64)
    """widths of the hidden layers of the safety critics"""

    def __post_init__(self) -> None:
        """Check every number."""
        super().__post_init__()
        checked_sizes(self.safety_hidden)
        if not 0 <= real_scalar(self.limit, "limit", TrainingError) < 1:
            raise TrainingError(
                f"`limit` is {self.limit:g}, but a run has one violation at most; pass a number from 0 to below 1"
            )
        at_least_zero(self.multiplier, "multiplier", "0 begins without a price")
        at_least_zero(self.multiplier_step, "multiplier_step", "0 keeps the price")
        if self.return_steps != 1:
            raise TrainingError(
                f"`return_steps` is {self.return_steps}, but violations are counted step by step here; pass 1"
            )


@dataclass(frozen=True, eq=False)
class SACLagrangian(OffPolicyAgent):
    """An actor, two critics of cost and two of violations that learn by a soft actor-critic with a Lagrangian.

    Source: Ha et al. 2020 (arXiv 2002.08550) and Ray, Achiam & Amodei 2019; its page says what differs here.
    """

    settings: SACLagrangianSettings = field(default_factory=SACLagrangianSettings)

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        mend = "pass SACLagrangianSettings(...)"
        instance_of(self.settings, SACLagrangianSettings, "settings", TrainingError, mend)
        super().__post_init__()
        self.settings.softens_target(self.discount)

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "SACLagrangianLearner":
        """Return fresh members, one per seed; raise TrainingError for a plant without safe limits."""
        if plant.safe_limits is None:
            raise TrainingError(
                f"{plant.name!r} has no `safe_limits`, so there is nothing to keep; give it some, or use SAC"
            )
        networks = self.actor.replicate(seeds), twins(self.critic, seeds)
        return SACLagrangianLearner(networks, self.settings, self.discount, seeds, plant)


class SACLagrangianLearner(SoftLearner):
    """S members of SAC-Lagrangian under training, each with a multiplier of its own.

    A violation ends a run, so the discounted violations to come are between 0 and 1. The plant's violation penalty is
    taken off what the cost critics learn from: it would charge for the same thing a second time.
    """

    settings: SACLagrangianSettings

    def __init__(
        self,
        networks: tuple[StackedNetwork, StackedNetwork],
        settings: SACLagrangianSettings,
        discount: float,
        seeds: Sequence[int],
        plant: Plant,
    ) -> None:
        super().__init__(networks, settings, discount, seeds, plant)
        self.gamma, self.penalty = discount, plant.cost.violation_penalty
        fresh = PlainCritic(plant, settings.safety_hidden, zero_last=True)
        self.safety = twins(fresh, [safety_seed(seed) for seed in seeds])
        self.target_safety = copy.deepcopy(self.safety)
        self.safety_step = adam(trainable(self.safety), settings.critic_learning_rate)
        self.multiplier = torch.full((len(seeds),), float(settings.multiplier), dtype=torch.float64)
        self._limits = tuple(map(torch.tensor, plant.safe_limits))

    @property
    def weights(self) -> Mapping[str, list[Tensor]]:
        """Return the trainable weights by network, the safety critics' beside the others'."""
        return {**super().weights, "safety": trainable(self.safety)}

    def update(self, batch: Batch) -> Losses:
        """Take one step on all critics, actor, spread, temperature and multiplier; return the losses (S,) before it."""
        violated = self._violated(batch)
        with torch.no_grad():
            next_input, entropy = self.scatter(self.actor, self.spread, batch.next_state)
            cost_target = self._cost_target(batch, violated, next_input, entropy)
            later = self.both(self.target_safety, batch.next_state, next_input).amax(0).clamp(0, 1)
            safety_target = violated + batch.discount * later
        critic_loss = self.teach(self.both(self.critics, batch.state, batch.input), cost_target)
        safety_loss = self._teach_safety(batch, safety_target)

        self.updates += 1
        losses = self.teach_actor(batch.state, critic_loss, self._burden)
        if self.learns_to_act:
            self._ascend(losses.others["violation_estimate"])
        self.follow((self.target_critics, self.critics), (self.target_safety, self.safety))
        return losses._replace(others={**losses.others, "safety_loss": safety_loss})

    def _violated(self, batch: Batch) -> Bool[Tensor, "S batch"]:
        """Return which transitions ended their run beyond a safe limit; a reading beyond one that did not is noise."""
        lower, upper = self._limits
        beyond = (batch.next_state < lower) | (batch.next_state > upper)
        return beyond.any(-1) & (batch.discount == 0)

    def _cost_target(
        self, batch: Batch, violated: Bool[Tensor, "S batch"], next_input: Tensor, entropy: Tensor
    ) -> Float64[Tensor, "S batch"]:
        """Return costs without the penalty and what follows (S, batch), after a violation as if the run went on.

        If nothing followed it, to violate would be the cheapest that can be done.
        """
        following = self.softened(self.both(self.target_critics, batch.next_state, next_input).amax(0), entropy)
        discount = torch.where(violated, self.gamma, batch.discount)
        return batch.cost - self.penalty * violated + discount * following

    def _teach_safety(self, batch: Batch, target: Float64[Tensor, "S batch"]) -> Float64[Tensor, " S"]:
        """Move both safety critics towards the target, and return their mean squared error (S,) before it."""
        loss = (self.both(self.safety, batch.state, batch.input) - target).square().mean(dim=2)
        descend(self.safety_step, loss.sum(0))
        return loss.detach().mean(0)

    def _burden(self, x: Tensor, inputs: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the price (S,) of the violations expected of inputs (S, batch, m), and what is told of it."""
        expected = self.both(self.safety, x, inputs).amax(0)
        estimate = expected.detach().clamp(0, 1).mean(dim=1)
        told = {"multiplier": self.multiplier.clone(), "violation_estimate": estimate}
        return self.multiplier * expected.mean(dim=1), told

    def _ascend(self, expected: Float64[Tensor, " S"]) -> None:
        """Raise each multiplier by what is expected (S,) above the limit, lower it by what is below, to 0 at least."""
        step = self.settings.multiplier_step
        self.multiplier.add_(step * (expected - self.settings.limit)).clamp_(min=0)

    def state(self) -> dict[str, Any]:
        """Return all that training changes, for a checkpoint."""
        told = super().state()
        told["networks"] |= {"safety": self.safety, "target_safety": self.target_safety}
        told["optimisers"] |= {"safety_step": self.safety_step}
        return {**told, "multiplier": self.multiplier}
