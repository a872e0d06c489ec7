"""How far inputs scatter about an actor, and costs to go about a critic: networks beside those that give the means."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.nn.functional import softplus

from plants import Plant
from rl.networks import Interval, StateFeatures, checked_sizes
from yann.stacked import StackedMLP, StackedNetwork

LEAST, MOST = 1e-3, 1.0
"""what a standard deviation of an input may be, as a fraction of half the input range"""


class InputSpread(StackedNetwork):
    """Standard deviations of the inputs, as fractions of half the input range: `first` for every state at birth.

    Between LEAST and MOST, by exp(a + b tanh(net)), a perceptron of relu with a zero last layer inside. Called with
    states (..., n) it returns fractions (..., m).
    """

    def __init__(self, plant: Plant, hidden: Sequence[int], first: float) -> None:
        super().__init__([("x", plant.n)])
        self.features = StateFeatures(plant)
        self.net = StackedMLP([self.features.width, *checked_sizes(hidden), plant.m], torch.relu_, zero_last=True)
        self._middle = math.log(LEAST * MOST) / 2
        self._reach = math.log(MOST / LEAST) / 2
        self._offset = math.atanh((math.log(first) - self._middle) / self._reach)
        self.draw([0])

    def rows(self, x: Float64[Tensor, "S batch n"]) -> Float64[Tensor, "S batch m"]:  # type: ignore[override]
        """Return the fractions (S, batch, m) at states (S, batch, n)."""
        return torch.exp(self._middle + self._reach * torch.tanh(self._offset + self.net(self.features(x))))


class CostSpread(StackedNetwork):
    """The standard deviation of the cost to go, in cost units: `first` for every state and input at birth.

    softplus of a perceptron of relu with a zero last layer. Called with states (..., n) and inputs (..., m) it returns
    standard deviations (...,), all positive.
    """

    def __init__(self, plant: Plant, hidden: Sequence[int], first: float) -> None:
        super().__init__([("x", plant.n), ("u", plant.m)])
        self.features = StateFeatures(plant)
        self.net = StackedMLP([self.features.width + plant.m, *checked_sizes(hidden), 1], torch.relu_, zero_last=True)
        self.range = Interval(*plant.input_bounds)
        self._offset = first + math.log(-math.expm1(-first))
        self.draw([0])

    def rows(  # type: ignore[override]
        self, x: Float64[Tensor, "S batch n"], u: Float64[Tensor, "S batch m"]
    ) -> Float64[Tensor, "S batch"]:
        """Return the standard deviations (S, batch) of inputs (S, batch, m) at states (S, batch, n)."""
        point = torch.cat((self.features(x), self.range.scaled(u)), dim=-1)
        return softplus(self._offset + self.net(point)).squeeze(-1)
