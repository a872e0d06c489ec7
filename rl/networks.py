"""Plain networks: the actor and critic of a learner that starts from nothing."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from plants import Plant
from plants.arrays import whole_number
from rl.errors import TrainingError
from yann.stacked import StackedMLP, StackedNetwork


class StateFeatures(nn.Module):
    """What a plain network sees of a state: cos and sin of every angle, then the other states scaled.

    A scaled state is 0 in the middle of its bounds and +-1 at them. `width` is the number of features.
    """

    def __init__(self, plant: Plant) -> None:
        super().__init__()
        angles = [plant.state_names.index(name) for name in plant.angles]
        others = [i for i in range(plant.n) if i not in angles]
        lower, upper = (torch.tensor(bound[others]) for bound in plant.state_bounds)
        for i, width in zip(others, upper - lower, strict=True):
            if not torch.isfinite(width):
                raise TrainingError(
                    f"`state_bounds` leave {plant.state_names[i]} unbounded, but plain networks scale each state "
                    "by its bounds; give it two finite ones"
                )
        self.width = 2 * len(angles) + len(others)
        self.angles: Tensor
        self.others: Tensor
        self.centre: Tensor
        self.reach: Tensor
        self.register_buffer("angles", torch.tensor(angles, dtype=torch.int64))
        self.register_buffer("others", torch.tensor(others, dtype=torch.int64))
        self.register_buffer("centre", (upper + lower) / 2)
        self.register_buffer("reach", (upper - lower) / 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (S, batch, width) of states (S, batch, n)."""
        scaled = (x.index_select(-1, self.others) - self.centre) / self.reach
        if not len(self.angles):
            return scaled
        angles = x.index_select(-1, self.angles)
        return torch.cat((torch.cos(angles), torch.sin(angles), scaled), dim=-1)


class PlainActor(StackedNetwork):
    """A multilayer perceptron from state to input: relu inside, tanh scaled to the input bounds at the end.

    Called with states (..., n) it returns inputs (..., m) in physical units, always within the bounds.
    """

    def __init__(self, plant: Plant, hidden: Sequence[int]) -> None:
        super().__init__([("x", plant.n)])
        self.features = StateFeatures(plant)
        self.net = StackedMLP([self.features.width, *checked_sizes(hidden), plant.m], torch.relu)
        self.lower: Tensor
        self.upper: Tensor
        self.register_buffer("lower", torch.tensor(plant.input_bounds[0]))
        self.register_buffer("upper", torch.tensor(plant.input_bounds[1]))
        self.draw([0])

    def rows(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Return the inputs (S, batch, m) at states (S, batch, n)."""
        middle, half = (self.upper + self.lower) / 2, (self.upper - self.lower) / 2
        return torch.clamp(middle + half * torch.tanh(self.net(self.features(x))), self.lower, self.upper)


class PlainCritic(StackedNetwork):
    """A multilayer perceptron from state and input to the cost to go: relu inside, nothing at the end.

    Called with states (..., n) and inputs (..., m) it returns costs (...,).
    """

    def __init__(self, plant: Plant, hidden: Sequence[int]) -> None:
        super().__init__([("x", plant.n), ("u", plant.m)])
        self.features = StateFeatures(plant)
        self.net = StackedMLP([self.features.width + plant.m, *checked_sizes(hidden), 1], torch.relu)
        lower, upper = (torch.tensor(bound) for bound in plant.input_bounds)
        self.centre: Tensor
        self.reach: Tensor
        self.register_buffer("centre", (upper + lower) / 2)
        self.register_buffer("reach", (upper - lower) / 2)
        self.draw([0])

    def rows(self, x: Tensor, u: Tensor) -> Tensor:  # type: ignore[override]
        """Return the costs (S, batch) of inputs (S, batch, m) at states (S, batch, n)."""
        scaled = (u - self.centre) / self.reach
        return self.net(torch.cat((self.features(x), scaled), dim=-1)).squeeze(-1)


def plain_actor(plant: Plant, hidden: Sequence[int] = (64, 64)) -> PlainActor:
    """Return a perceptron actor for `plant` with hidden layers of these widths, drawn from seed 0.

    With (256, 256) it has the paper's 67,073 parameters on the pendulum. Raises TrainingError for an
    empty or non-positive `hidden`, and for a state without bounds.
    """
    return PlainActor(plant, hidden)


def plain_critic(plant: Plant, hidden: Sequence[int] = (64, 64)) -> PlainCritic:
    """Return a perceptron critic for `plant` with hidden layers of these widths, drawn from seed 0.

    With (256, 256) it has 67,329 parameters on the pendulum. Raises TrainingError as `plain_actor` does.
    """
    return PlainCritic(plant, hidden)


def checked_sizes(hidden: Sequence[int]) -> list[int]:
    """Return the widths of the hidden layers; raise TrainingError unless there is one and all are positive."""
    if not isinstance(hidden, Sequence) or isinstance(hidden, str) or not hidden:
        raise TrainingError(f"`hidden` is {hidden!r}, but at least one layer is needed; pass widths, as in (64, 64)")
    return [whole_number(width, f"hidden[{i}]", TrainingError, least=1) for i, width in enumerate(hidden)]
