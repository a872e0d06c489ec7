"""The memory of a learner: one ring of transitions per member, all written in step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from plants.arrays import check_size, instance_of, whole_number
from rl.errors import TrainingError


class Batch(NamedTuple):
    """Transitions of S members, float64, in physical units.

    `terminated` is 1 where the next state was unsafe and nothing follows, else 0. A time limit is no
    termination: what follows is worth what the critic says.
    """

    state: Tensor
    """(S, batch, n)"""
    input: Tensor
    """(S, batch, m), as applied"""
    cost: Tensor
    """(S, batch), with the violation penalty where there was one"""
    next_state: Tensor
    """(S, batch, n)"""
    terminated: Tensor
    """(S, batch)"""


class ReplayBuffer:
    """The last `capacity` transitions of S members, and one random generator for each.

    Member s draws the same rows whatever the other members are, and however many: `generators` has its own.
    `size` counts the transitions kept per member. Raises TrainingError for a capacity below 1 or above
    what fits into 8 GiB.
    """

    def __init__(self, capacity: int, n: int, m: int, generators: Sequence[np.random.Generator]) -> None:
        self.capacity = whole_number(capacity, "capacity", TrainingError, least=1)
        n, m = (whole_number(size, name, TrainingError, least=1) for name, size in (("n", n), ("m", m)))
        instance_of(generators, Sequence, "generators", TrainingError, "pass a list with one for each member")
        entries = len(generators) * self.capacity * (2 * n + m + 2)
        check_size(entries, f"`capacity` = {self.capacity}", TrainingError, "keep fewer transitions")
        self.size = 0
        self._next = 0
        self._generators = tuple(generators)
        for generator in self._generators:
            mend = "pass one np.random.default_rng(seed) per member"
            instance_of(generator, np.random.Generator, "generators", TrainingError, mend)
        self._ends = np.cumsum([n, m, 1, n, 1]).tolist()
        members = len(self._generators)
        self._table = torch.zeros(members, self.capacity, self._ends[-1], dtype=torch.float64)
        self._rows = self._table.numpy()
        self._first = np.arange(members)[:, None] * self.capacity

    def add(
        self,
        state: Float64[np.ndarray, "S n"],
        applied: Float64[np.ndarray, "S m"],
        cost: Float64[np.ndarray, " S"],
        next_state: Float64[np.ndarray, "S n"],
        terminated: Bool[np.ndarray, " S"],
    ) -> None:
        """Keep one transition per member: states (S, n), inputs (S, m), costs (S,), terminated (S,)."""
        to_state, to_input, to_cost, to_next, _ = self._ends
        row = self._rows[:, self._next]
        row[:, :to_state] = state
        row[:, to_state:to_input] = applied
        row[:, to_input] = cost
        row[:, to_cost:to_next] = next_state
        row[:, to_next] = terminated
        self._next = (self._next + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def sample(self, batch_size: int) -> Batch:
        """Return `batch_size` transitions of each member, drawn with replacement; TrainingError if there are none."""
        if self.size == 0:
            raise TrainingError("the replay buffer is empty (0 transitions); add one before sampling")
        whole_number(batch_size, "batch_size", TrainingError, least=1)
        members = len(self._generators)
        uniform = np.empty((members, batch_size))
        for generator, row in zip(self._generators, uniform, strict=True):
            generator.random(out=row)
        places = torch.from_numpy((uniform * self.size).astype(np.int64) + self._first)
        drawn = self._table.view(-1, self._ends[-1]).index_select(0, places.view(-1)).view(members, batch_size, -1)
        to_state, to_input, to_cost, to_next, _ = self._ends
        return Batch(
            state=drawn[..., :to_state],
            input=drawn[..., to_state:to_input],
            cost=drawn[..., to_input],
            next_state=drawn[..., to_cost:to_next],
            terminated=drawn[..., to_next],
        )
