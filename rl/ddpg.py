"""DDPG: deep deterministic policy gradient, for costs."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from plants import Plant
from plants.arrays import instance_of, real_scalar, whole_number
from rl.agent import Losses
from rl.errors import TrainingError
from rl.fitting import check_pair, trainable
from rl.replay import Batch
from yann.stacked import StackedNetwork

_DISCOUNT_OF_PLAIN_CRITICS = 0.99


@dataclass(frozen=True)
class DDPGSettings:
    """Every setting of DDPG. Raises TrainingError for one that makes no sense."""

    actor_learning_rate: float = 1e-3
    """step size of the actor's Adam"""
    critic_learning_rate: float = 1e-3
    """step size of the critic's Adam"""
    discount: float | None = None
    """what a cost one sample period later counts, in (0, 1]; None: the critic's own, or .99 if it has none"""
    polyak: float = 0.005
    """share of the way that the targets go towards the networks at each update, in (0, 1]"""
    batch_size: int = 64
    """transitions per member and update"""
    buffer_size: int = 100_000
    """transitions kept per member; older ones are overwritten"""
    exploration: float = 0.0
    """standard deviation of the noise on the inputs, as a fraction of half the input range; 0: none"""
    warm_up: int = 0
    """plant steps per member before the first update, which also waits for a full batch"""
    updates_per_step: int = 1
    """updates after each plant step"""
    weight_limit: float = 1e3
    """size of a trainable weight beyond which training counts as diverged"""

    def __post_init__(self) -> None:
        for name in ("actor_learning_rate", "critic_learning_rate", "weight_limit", "polyak"):
            real_scalar(getattr(self, name), name, TrainingError, positive=True)
        for name in ("batch_size", "buffer_size", "updates_per_step"):
            whole_number(getattr(self, name), name, TrainingError, least=1)
        whole_number(self.warm_up, "warm_up", TrainingError)
        if self.discount is not None:
            real_scalar(self.discount, "discount", TrainingError, positive=True)
        for name, value in (("discount", self.discount), ("polyak", self.polyak)):
            if value is not None and value > 1:
                raise TrainingError(f"`{name}` is {value:g}, but it must be at most 1; pass a number in (0, 1]")
        if real_scalar(self.exploration, "exploration", TrainingError) < 0:
            raise TrainingError(f"`exploration` is {self.exploration:g}, but it must be at least 0; 0 is no noise")
        if self.batch_size > self.buffer_size:
            raise TrainingError(
                f"`batch_size` is {self.batch_size}, but `buffer_size` only {self.buffer_size}; enlarge the buffer"
            )


@dataclass(frozen=True, eq=False)
class DDPG:
    """An actor and a critic that learn from each other by deep deterministic policy gradient.

    `actor` maps states (..., n) to inputs (..., m), `critic` states and inputs to the cost to go (...,); each is
    a stack of one. Training works on copies: the agent stays as it is.

    Raises TrainingError for networks that do not fit each other, or that have nothing to train.
    Source: Lillicrap et al. 2016, with cost for reward; Braniff & Tian 2025, Algorithm 1, with its gaps closed.
    """

    actor: StackedNetwork
    critic: StackedNetwork
    settings: DDPGSettings = DDPGSettings()

    def __post_init__(self) -> None:
        mend = "pass DDPGSettings(...)"
        instance_of(self.settings, DDPGSettings, "settings", TrainingError, mend)
        check_pair(self.actor, self.critic)

    @property
    def discount(self) -> float:
        """Return gamma: the settings' own, else the critic's, else .99."""
        if self.settings.discount is not None:
            return self.settings.discount
        return float(getattr(self.critic, "discount", _DISCOUNT_OF_PLAIN_CRITICS))

    def learner(self, seeds: Sequence[int], plant: Plant) -> "DDPGLearner":
        """Return fresh members, one per seed, for this plant."""
        return DDPGLearner(self, seeds, plant)


class DDPGLearner:
    """S members of DDPG under training.

    Losses are means over the batch and sums over the members, so no member's gradient knows of another, and
    Adam over the stack is S separate Adams.
    """

    def __init__(self, agent: DDPG, seeds: Sequence[int], plant: Plant) -> None:
        self.settings, self.discount = agent.settings, agent.discount
        self.actor, self.critic = agent.actor.replicate(seeds), agent.critic.replicate(seeds)
        self.target_actor, self.target_critic = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self._actor_weights, self._critic_weights = trainable(self.actor), trainable(self.critic)
        self._weights = self._actor_weights + self._critic_weights
        self._targets = trainable(self.target_actor) + trainable(self.target_critic)
        self._actor_step = torch.optim.Adam(self._actor_weights, self.settings.actor_learning_rate, fused=True)
        self._critic_step = torch.optim.Adam(self._critic_weights, self.settings.critic_learning_rate, fused=True)
        self._follow = get_ema_multi_avg_fn(1 - self.settings.polyak)
        lower, upper = plant.input_bounds
        self._noise = self.settings.exploration * (upper - lower) / 2

    @torch.no_grad()
    def explore(self, x: Float64[np.ndarray, "S n"], normals: Float64[np.ndarray, "S m"]) -> Float64[np.ndarray, "S m"]:
        """Return the actor's inputs (S, m) at states (S, n) with noise from standard normal numbers (S, m)."""
        inputs = self.actor.rows(torch.from_numpy(x).unsqueeze(1)).squeeze(1).numpy()
        return inputs + self._noise * normals

    def update(self, batch: Batch) -> Losses:
        """Take one step on critic and actor, move the targets after them, and return the losses (S,) before it."""
        with torch.no_grad():
            next_input = self.target_actor.rows(batch.next_state)
            next_cost = self.target_critic.rows(batch.next_state, next_input)
            target = batch.cost + self.discount * (1 - batch.terminated) * next_cost

        critic_loss = (self.critic.rows(batch.state, batch.input) - target).square().mean(dim=1)
        self._descend(self._critic_step, critic_loss, self._critic_weights)

        actor_loss = self.critic.rows(batch.state, self.actor.rows(batch.state)).mean(dim=1)
        self._descend(self._actor_step, actor_loss, self._actor_weights)

        self._follow(self._targets, self._weights, 0)
        return Losses(critic_loss.detach(), actor_loss.detach())

    def _descend(self, optimiser: torch.optim.Optimizer, loss: Float64[Tensor, " S"], weights: list[Tensor]) -> None:
        optimiser.zero_grad()
        loss.sum().backward(inputs=weights)
        optimiser.step()
