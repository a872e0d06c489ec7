"""Two critics per member, trained as one stack: all first ones, then all second ones."""

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from plants import Plant
from rl.generators import second_seed
from rl.off_policy import OffPolicyLearner, descend
from rl.settings import Settings
from yann.stacked import StackedNetwork


def twins(critic: StackedNetwork, seeds: Sequence[int]) -> StackedNetwork:
    """Return a stack of 2 S critics: S drawn from the seeds, S from second seeds of theirs.

    A critic whose weights are no longer those of its birth is copied to all: its two are equal, and stay so.
    """
    return critic.replicate([*seeds, *map(second_seed, seeds)])


class TwinLearner(OffPolicyLearner):
    """S members with two critics each; the actor descends on the first."""

    def __init__(
        self, actor: StackedNetwork, critics: StackedNetwork, settings: Settings, seeds: Sequence[int], plant: Plant
    ) -> None:
        super().__init__(actor, critics, settings, seeds, plant)
        self._first = _first_half(critics)
        self._lower, self._upper = map(torch.tensor, plant.input_bounds)

    @property
    def critic(self) -> StackedNetwork:
        """Return the first critic of every member; it shares the weights that are trained."""
        return self._first

    def clipped(self, inputs: Float64[Tensor, "S batch m"]) -> Float64[Tensor, "S batch m"]:
        """Return inputs (S, batch, m) within the plant's bounds."""
        return torch.clamp(inputs, self._lower, self._upper)

    def both(
        self, critics: StackedNetwork, x: Float64[Tensor, "S batch n"], u: Float64[Tensor, "S batch m"]
    ) -> Float64[Tensor, "two S batch"]:
        """Return what both critics expect, (2, S, batch), of inputs (S, batch, m) at states (S, batch, n)."""
        return critics.rows(x.repeat(2, 1, 1), u.repeat(2, 1, 1)).view(2, *x.shape[:2])

    def teach(self, expected: Float64[Tensor, "two S batch"], target: Float64[Tensor, "S batch"]) -> Tensor:
        """Move both critics towards the target, and return their mean squared error (S,) before it."""
        loss = (expected - target).square().mean(dim=2)
        descend(self.critic_step, loss.sum(0))
        return loss.detach().mean(0)


def _first_half(critics: StackedNetwork) -> StackedNetwork:
    half = copy.deepcopy(critics)
    for view, parameter in zip(half.parameters(), critics.parameters(), strict=True):
        view.data = parameter.data[: critics.members // 2]
    return half
