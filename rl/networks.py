"""Plain networks: the actor and critic of a learner that starts from nothing."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from plants import Plant
from plants.arrays import Array, check_size, whole_number
from rl.errors import TrainingError
from rl.fitting import check_plant
from yann.stacked import StackedMLP, StackedNetwork

MOST_WEIGHTS = 10**8


class Interval(nn.Module):
    """The affine map between [lower, upper], per component, and [-1, 1]."""

    def __init__(self, lower: Array, upper: Array) -> None:
        super().__init__()
        self.lower: Tensor
        self.upper: Tensor
        self.centre: Tensor
        self.reach: Tensor
        self.register_buffer("lower", torch.tensor(lower))
        self.register_buffer("upper", torch.tensor(upper))
        self.register_buffer("centre", (self.upper + self.lower) / 2)
        self.register_buffer("reach", (self.upper - self.lower) / 2)

    def scaled(self, values: Tensor) -> Tensor:
        """Return -1 for the lower bound, 1 for the upper one."""
        return (values - self.centre) / self.reach

    def within(self, scaled: Tensor) -> Tensor:
        """Return the values of numbers in [-1, 1]; rounding never carries them beyond a bound."""
        return torch.clamp(self.centre + self.reach * scaled, self.lower, self.upper)


class StateFeatures(nn.Module):
    """What a plain network sees of a state: cos and sin of every angle, then the other states scaled.

    A scaled state is 0 in the middle of its bounds and +-1 at them. `width` is the number of features.
    """

    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self.angles = list(plant.angle_indices)
        self.others = [i for i in range(plant.n) if i not in self.angles]
        self.width = 2 * len(self.angles) + len(self.others)
        lower, upper = plant.state_bounds
        for i in self.others:
            if not np.isfinite(upper[i] - lower[i]):
                raise TrainingError(
                    f"`state_bounds` of {plant.state_names[i]} are [{lower[i]:g}, {upper[i]:g}], but plain networks "
                    "scale each state by its bounds; give it two finite ones"
                )
        self.interval = Interval(lower[self.others], upper[self.others])

    def forward(self, x: Float64[Tensor, "S batch n"]) -> Float64[Tensor, "S batch features"]:
        """Return the features (S, batch, width) of states (S, batch, n)."""
        angles = [x[..., i : i + 1] for i in self.angles]
        features = [*map(torch.cos, angles), *map(torch.sin, angles)]
        if self.others:
            others = torch.cat([x[..., i : i + 1] for i in self.others], dim=-1)
            features.append(self.interval.scaled(others))
        return torch.cat(features, dim=-1)


class PlainActor(StackedNetwork):
    """A multilayer perceptron from state to input: relu inside, tanh scaled to the input bounds at the end.

    Called with states (..., n) it returns inputs (..., m) in physical units, always within the bounds.
    """

    def __init__(self, plant: Plant, hidden: Sequence[int]) -> None:
        super().__init__([("x", plant.n)])
        self.features = StateFeatures(plant)
        self.net = StackedMLP([self.features.width, *checked_sizes(hidden), plant.m], torch.relu_)
        self.range = Interval(*plant.input_bounds)
        self.draw([0])

    @property
    def lower(self) -> Tensor:
        """Return the least inputs (m,) that the actor can give."""
        return self.range.lower

    @property
    def upper(self) -> Tensor:
        """Return the largest inputs (m,) that the actor can give."""
        return self.range.upper

    def rows(self, x: Float64[Tensor, "S batch n"]) -> Float64[Tensor, "S batch m"]:  # type: ignore[override]
        """Return the inputs (S, batch, m) at states (S, batch, n)."""
        return self.range.within(torch.tanh(self.net(self.features(x))))


class PlainCritic(StackedNetwork):
    """A multilayer perceptron from state and input to the cost to go: relu inside, nothing at the end.

    Called with states (..., n) and inputs (..., m) it returns costs (...,). With `zero_last` they are 0 at birth.
    """

    def __init__(self, plant: Plant, hidden: Sequence[int], zero_last: bool = False) -> None:
        super().__init__([("x", plant.n), ("u", plant.m)])
        self.features = StateFeatures(plant)
        widths = [self.features.width + plant.m, *checked_sizes(hidden), 1]
        self.net = StackedMLP(widths, torch.relu_, zero_last=zero_last)
        self.range = Interval(*plant.input_bounds)
        self.draw([0])

    def rows(  # type: ignore[override]
        self, x: Float64[Tensor, "S batch n"], u: Float64[Tensor, "S batch m"]
    ) -> Float64[Tensor, "S batch"]:
        """Return the costs (S, batch) of inputs (S, batch, m) at states (S, batch, n)."""
        return self.net(torch.cat((self.features(x), self.range.scaled(u)), dim=-1)).squeeze(-1)


def plain_actor(plant: Plant, hidden: Sequence[int] = (64, 64)) -> PlainActor:
    """Return a perceptron actor for `plant` with hidden layers of these widths, drawn from seed 0.

    With (256, 256) it has the paper's 67,073 parameters on the pendulum. Raises TrainingError for an
    empty or non-positive `hidden`, and for a state without bounds.
    """
    check_plant(plant)
    return PlainActor(plant, hidden)


def plain_critic(plant: Plant, hidden: Sequence[int] = (64, 64)) -> PlainCritic:
    """Return a perceptron critic for `plant` with hidden layers of these widths, drawn from seed 0.

    With (256, 256) it has 67,329 parameters on the pendulum. Raises TrainingError as `plain_actor` does.
    """
    check_plant(plant)
    return PlainCritic(plant, hidden)


def checked_sizes(hidden: Sequence[int]) -> list[int]:
    """Return the widths of the hidden layers.

    Raises TrainingError unless there is one at least, all are positive, and they have at most 1e8 weights.
    """
    if not isinstance(hidden, Sequence) or isinstance(hidden, str) or not hidden:
        raise TrainingError(f"`hidden` is {hidden!r}, but at least one layer is needed; pass widths, as in (64, 64)")
    widths = [whole_number(width, f"hidden[{i}]", TrainingError, least=1) for i, width in enumerate(hidden)]
    weights = sum(before * after for before, after in pairwise([1, *widths, 1]))
    mend = "make the layers narrower, as in (64, 64)"
    check_size(weights, f"`hidden` = {tuple(widths)}", TrainingError, mend, MOST_WEIGHTS)
    return widths
