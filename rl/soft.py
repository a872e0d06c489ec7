"""Soft actor-critics: an actor whose inputs scatter, paid for scattering at a price that finds itself."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from plants import Plant
from plants.arrays import instance_of, real_scalar
from rl.agent import Losses
from rl.errors import TrainingError
from rl.filtered import passed, wanted_by
from rl.fitting import trainable
from rl.networks import checked_sizes
from rl.off_policy import adam, descend, put_member
from rl.settings import Settings, at_least_zero
from rl.spread import LEAST, MOST, InputSpread
from rl.twin import TwinLearner
from yann.stacked import StackedNetwork

_LOG_GAUSS = math.log(2 * math.pi * math.e) / 2
"""the entropy of a standard normal number"""

Burden = Callable[[Tensor, Tensor], tuple[Tensor, Mapping[str, Tensor]]]
"""What else an actor's inputs (S, batch, m) at states (S, batch, n) are charged for: (S,) to descend, (S,) to tell."""


@dataclass(frozen=True)
class SoftSettings(Settings):
    """What soft actor-critics have in common. Raises TrainingError for a setting that makes no sense."""

    exploration: float = 0.1
    """standard deviation of the inputs at the start, as a fraction of half the input range, between .001 and 1"""
    spread_hidden: Sequence[int] = (32, 32)
    """widths of the hidden layers of the networks that give standard deviations"""
    temperature: float = 0.1
    """price of one unit of entropy at the start, in cost units"""
    temperature_learning_rate: float = 1e-3
    """step size of the Adam of the temperature's logarithm; 0: the temperature stays"""
    target_entropy: float | None = None
    """entropy per input vector that the temperature aims at, inputs in half ranges; None: minus the number of inputs"""
    soft_target: bool | None = None
    """whether the critics' cost to go has the entropy of later inputs taken off; None: where gamma is below 1"""

    def __post_init__(self) -> None:
        """Check every number."""
        super().__post_init__()
        checked_sizes(self.spread_hidden)
        real_scalar(self.temperature, "temperature", TrainingError, positive=True)
        at_least_zero(self.temperature_learning_rate, "temperature_learning_rate", "0 keeps the temperature")
        if self.target_entropy is not None:
            real_scalar(self.target_entropy, "target_entropy", TrainingError)
        if self.soft_target is not None:
            instance_of(self.soft_target, bool, "soft_target", TrainingError, "pass True, False or None")
        if not LEAST < self.exploration < MOST:
            raise TrainingError(
                f"`exploration` is {self.exploration:g}, but standard deviations of inputs stay between {LEAST:g} and "
                f"{MOST:g} of half the input range; pass a number between these"
            )

    def softens_target(self, discount: float) -> bool:
        """Return whether targets count entropy; raise TrainingError where its sum over time would have no end."""
        if self.soft_target and discount == 1:
            raise TrainingError(
                "`soft_target` is True but gamma is 1: the entropies of all later steps add up without end; "
                "pass discount below 1, or soft_target=False"
            )
        return discount < 1 if self.soft_target is None else self.soft_target


class Temperature(nn.Module):
    """The price (S,) of a unit of entropy, in cost units: it rises while the entropy is below its target."""

    def __init__(self, members: int, settings: SoftSettings, inputs: int) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.full((members, 1), math.log(settings.temperature), dtype=torch.float64))
        self.target = -float(inputs) if settings.target_entropy is None else settings.target_entropy
        self.optimiser = adam([self.log], settings.temperature_learning_rate)

    @property
    def price(self) -> Float64[Tensor, " S"]:
        """Return the temperatures (S,) as they are."""
        return self.log.detach().exp().squeeze(1)

    def step(self, entropy: Float64[Tensor, " S"]) -> None:
        """Take one step for mean entropies (S,), down log(temperature) (entropy - target)."""
        descend(self.optimiser, self.log.squeeze(1) * (entropy - self.target))


class SoftLearner(TwinLearner):
    """S members whose inputs are Gaussian about the actor's own, with a temperature each; twin critics.

    The actor is the mean, so it stays the law where it is one. Density and entropy are those of the Gaussian before
    it is clipped to the bounds, in half ranges: the clip belongs to the plant, and critics are asked about clipped
    inputs. So the entropy sum(log std) + m log(2 pi e) / 2 is exact, and no sample of a density is needed.
    """

    def __init__(
        self,
        networks: tuple[StackedNetwork, StackedNetwork],
        settings: SoftSettings,
        discount: float,
        seeds: Sequence[int],
        plant: Plant,
    ) -> None:
        actor, critics = networks
        super().__init__(actor, critics, settings, seeds, plant)
        self.soft = settings.softens_target(discount)
        self.spread = InputSpread(plant, settings.spread_hidden, settings.exploration).replicate(seeds)
        self._first_spread = copy.deepcopy(self.spread)
        self.actor_step = adam([*trainable(actor), *trainable(self.spread)], settings.actor_learning_rate)
        self.temperature = Temperature(len(seeds), settings, plant.m)

    @property
    def weights(self) -> Mapping[str, list[Tensor]]:
        """Return the trainable weights by network, those of the spread among the actor's, and the temperature's log."""
        actor = [*trainable(self.actor), *trainable(self.spread)]
        return {"critic": trainable(self.critics), "actor": actor, "temperature": [self.temperature.log]}

    @torch.no_grad()
    def explore(self, x: Float64[np.ndarray, "S n"], normals: Float64[np.ndarray, "S m"]) -> Float64[np.ndarray, "S m"]:
        """Return inputs (S, m) of the Gaussian at states (S, n), from standard normal numbers (S, m)."""
        rows = torch.from_numpy(x).unsqueeze(1)
        reach = self.half_range * self.spread.rows(rows)
        return (wanted_by(self.actor).rows(rows) + reach * torch.from_numpy(normals).unsqueeze(1)).squeeze(1).numpy()

    def scatter(
        self, actor: StackedNetwork, spread: InputSpread, x: Float64[Tensor, "S batch n"]
    ) -> tuple[Float64[Tensor, "S batch m"], Float64[Tensor, "S batch"]]:
        """Return one input (S, batch, m) of the Gaussian at each state, as it acts, and its entropy (S, batch)."""
        mean, fraction = wanted_by(actor).rows(x), spread.rows(x)
        wanted = mean + self.half_range * fraction * self.normals(*mean.shape[1:])
        acting = passed(actor, x, self.clipped(wanted))
        return acting, (fraction.log() + _LOG_GAUSS).sum(-1)

    def softened(self, cost: Float64[Tensor, "S batch"], entropy: Float64[Tensor, "S batch"]) -> Tensor:
        """Return costs to go (S, batch), less what the entropy of their inputs is worth where targets are soft."""
        return cost - self.temperature.price[:, None] * entropy if self.soft else cost

    def teach_actor(
        self, x: Float64[Tensor, "S batch n"], critic_loss: Float64[Tensor, " S"], burden: Burden | None = None
    ) -> Losses:
        """Take one step on actor, spread and temperature, once the critics' head start is over; return all losses.

        A `burden` on the inputs is descended, too, and told by its names.
        """
        inputs, entropies = self.scatter(self.actor, self.spread, x)
        expected = self.both(self.critics, x, inputs).amax(0).mean(dim=1)
        entropy, price = entropies.mean(dim=1), self.temperature.price
        beside, told = (0.0, {}) if burden is None else burden(x, inputs)
        if self.learns_to_act:
            descend(self.actor_step, expected + beside - price * entropy)
            self.temperature.step(entropy.detach())
        return Losses(critic_loss, expected.detach(), {"temperature": price, "entropy": entropy.detach(), **told})

    def take_back(self, member: int, actor: StackedNetwork) -> None:
        """Give one member's actor the weights of `actor`, its spread those of its birth, and neither any momentum."""
        super().take_back(member, actor)
        for spread in self.spreads:
            put_member(spread, member, self._first_spread.member(member))

    @property
    def spreads(self) -> tuple[InputSpread, ...]:
        """Return the spread of the inputs, and its slow copy where there is one."""
        return (self.spread,)

    @property
    def learns_to_act(self) -> bool:
        """Return whether the critics' head start is over."""
        return self.updates > self.settings.critic_first

    def state(self) -> dict[str, Any]:
        """Return all that training changes, for a checkpoint."""
        told = super().state()
        told["networks"] |= {"spread": self.spread, "temperature": self.temperature}
        told["optimisers"] |= {"temperature_step": self.temperature.optimiser}
        return told
