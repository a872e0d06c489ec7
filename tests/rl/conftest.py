"""Networks and plants so small that everything about them is known in closed form."""

import numpy as np
import pytest
import torch
from torch import nn

from plants import Plant, QuadraticCost
from rl import DDPG, DDPGSettings, plain_actor, plain_critic
from yann.stacked import StackedLinear, StackedNetwork


class LinearActor(StackedNetwork):
    """u = K x."""

    def __init__(self, gain):
        gain = torch.as_tensor(np.atleast_2d(gain), dtype=torch.float64)
        super().__init__([("x", gain.shape[1])])
        self.layer = StackedLinear(gain.shape[1], gain.shape[0], bias=False)
        self.layer.weight.data[0] = gain

    def rows(self, x):
        return self.layer(x)


class QuadraticCritic(StackedNetwork):
    """Q(x, u) = [x; u]' H [x; u]; `discount` only where it is given."""

    def __init__(self, H, n, discount=None):
        H = torch.as_tensor(np.asarray(H), dtype=torch.float64)
        super().__init__([("x", n), ("u", len(H) - n)])
        self.H = nn.Parameter(H[None].clone())
        if discount is not None:
            self.discount = discount

    def rows(self, x, u):
        point = torch.cat((x, u), dim=-1)
        return (torch.bmm(point, self.H) * point).sum(-1)


@pytest.fixture
def linear_actor():
    return LinearActor


@pytest.fixture
def quadratic_critic():
    return QuadraticCritic


@pytest.fixture
def drift():
    """Return a maker of x+ = factor x + u, one state, with or without a safe limit at +-1."""

    def make(factor=1.2, limit=None, penalty=100.0, **changes):
        values = {
            "name": "drift",
            "update": lambda x, u: factor * x + u,
            "state_names": ["level"],
            "state_units": ["m"],
            "input_names": ["flow"],
            "input_units": ["m"],
            "state_bounds": ([-2], [2]),
            "input_bounds": ([-1], [1]),
            "equilibrium": ([0], [0]),
            "sample_time": 0.5,
            "safe_limits": None if limit is None else ([-limit], [limit]),
            "cost": QuadraticCost(1, 0.1, [0], [0], violation_penalty=penalty),
            "start_bounds": ([0.2], [0.5]),
            "episode_steps": 20,
        }
        return Plant(**{**values, **changes})

    return make


@pytest.fixture
def plain_agent():
    """Return a maker of plain DDPG agents for a plant."""

    def make(plant, hidden=(16, 16), **settings):
        return DDPG(plain_actor(plant, hidden), plain_critic(plant, hidden), DDPGSettings(**settings))

    return make
