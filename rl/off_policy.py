"""What all off-policy algorithms are made of: an actor, a critic, their targets, and an Adam for each."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from plants import Plant
from rl.agent import Losses
from rl.filtered import wanted_by
from rl.fitting import check_pair, trainable
from rl.generators import MemberNormals
from rl.replay import Batch
from rl.settings import Settings
from yann.stacked import StackedNetwork

_DISCOUNT_OF_PLAIN_CRITICS = 0.99


@dataclass(frozen=True, eq=False)
class OffPolicyAgent:
    """An actor and a critic, stacks of one that fit each other, with the settings of an algorithm.

    `actor` maps states (..., n) to inputs (..., m), `critic` states and inputs to the cost to go (...,). Training works
    on copies: the agent stays as it is. Raises TrainingError for networks that do not fit, or have nothing to train.
    """

    actor: StackedNetwork
    critic: StackedNetwork

    def __post_init__(self) -> None:
        """Check that the networks fit."""
        check_pair(self.actor, self.critic)

    def discount_of(self, settings: Settings) -> float:
        """Return gamma: the settings' own, else the critic's, else .99."""
        if settings.discount is not None:
            return settings.discount
        return float(getattr(self.critic, "discount", _DISCOUNT_OF_PLAIN_CRITICS))


class OffPolicyLearner:
    """S members under training: what the algorithms share. A page of its own says what each adds in `update`.

    Losses are means over the batch and sums over the members, so no member's gradient knows of another, and
    Adam over the stack is S separate Adams. `critics` holds one critic per member, or all first critics and then
    all second ones.
    """

    def __init__(
        self, actor: StackedNetwork, critics: StackedNetwork, settings: Settings, seeds: Sequence[int], plant: Plant
    ) -> None:
        self.settings, self.seeds, self.updates = settings, tuple(seeds), 0
        self.actor, self.critics = actor, critics
        self.target_actor, self.target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
        self.actor_step = adam(trainable(actor), settings.actor_learning_rate)
        self.critic_step = adam(trainable(critics), settings.critic_learning_rate)
        self.normals = MemberNormals(seeds)
        self._follow = get_ema_multi_avg_fn(1 - settings.polyak)
        lower, upper = plant.input_bounds
        self.half_range = torch.from_numpy((upper - lower) / 2)
        self.noise = settings.exploration * self.half_range.numpy()

    @property
    def critic(self) -> StackedNetwork:
        """Return the (first) critic of every member."""
        return self.critics

    @property
    def weights(self) -> Mapping[str, list[Tensor]]:
        """Return the trainable weights of each network by its name, (S, ...) each, or (2 S, ...) of two critics."""
        return {"critic": trainable(self.critics), "actor": trainable(self.actor)}

    @torch.no_grad()
    def explore(self, x: Float64[np.ndarray, "S n"], normals: Float64[np.ndarray, "S m"]) -> Float64[np.ndarray, "S m"]:
        """Return the inputs (S, m) that the actor wants at states (S, n), with noise from normal numbers (S, m)."""
        inputs = wanted_by(self.actor).rows(torch.from_numpy(x).unsqueeze(1)).squeeze(1).numpy()
        return inputs + self.noise * normals

    def update(self, batch: Batch) -> Losses:
        """Take one step on critics and actor, each member on its own rows, and return the losses (S,) before it."""
        raise NotImplementedError

    def follow(self, *pairs: tuple[StackedNetwork, StackedNetwork]) -> None:
        """Move each target, the first of a pair, a little towards its network."""
        for target, network in pairs:
            self._follow(trainable(target), trainable(network), 0)

    @torch.no_grad()
    def take_back(self, member: int, actor: StackedNetwork) -> None:
        """Give one member's actor and its target the weights of `actor`, a stack of one, and no momentum."""
        for network in (self.actor, self.target_actor):
            put_member(network, member, actor)
        self.actor_forgets(member)

    def actor_forgets(self, member: int) -> None:
        """Let the actor's Adam lose one member's momentum."""
        for moments in map(self.actor_step.state.get, self.actor_step.param_groups[0]["params"]):
            if moments:
                moments["exp_avg"][member] = 0

    def state(self) -> dict[str, Any]:
        """Return all that training changes, for a checkpoint: tensors by name, and the generators' states."""
        networks = {"actor": self.actor, "critics": self.critics}
        networks |= {"target_actor": self.target_actor, "target_critics": self.target_critics}
        optimisers = {"actor_step": self.actor_step, "critic_step": self.critic_step}
        return {"updates": self.updates, "networks": networks, "optimisers": optimisers, "normals": self.normals}


def put_member(network: StackedNetwork, member: int, single: StackedNetwork) -> None:
    """Give one member of a stack the weights of a stack of one."""
    for weight, given in zip(network.parameters(), single.parameters(), strict=True):
        weight.data[member] = given.data[0]


def adam(weights: list[Tensor], rate: float) -> torch.optim.Adam:
    """Return the Adam of one network."""
    return torch.optim.Adam(weights, rate, fused=True)


def descend(optimiser: torch.optim.Optimizer, loss: Float64[Tensor, " S"], limit: float | None = None) -> None:
    """Take one step down the sum of losses (S,), on the optimiser's own weights alone.

    A `limit` is the largest norm of a member's gradient; a longer one is shortened, whatever the other members' are.
    """
    optimiser.zero_grad()
    weights = optimiser.param_groups[0]["params"]
    loss.sum().backward(inputs=weights)
    if limit is not None:
        _shorten([weight.grad for weight in weights], limit)
    optimiser.step()


def _shorten(gradients: list[Tensor], limit: float) -> None:
    squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients])
    factor = torch.clamp(limit / squares.sum(0).sqrt().clamp_min(1e-300), max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.ndim - 1)))
