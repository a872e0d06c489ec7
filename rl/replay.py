"""The memory of a learner: one ring of transitions per member, all written in step."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from plants.arrays import check_size, instance_of, whole_number
from rl.errors import TrainingError


class Batch(NamedTuple):
    """Transitions of S members, float64, in physical units.

    `discount` is what the cost to go from the next state counts: gamma after one step, gamma^k where the costs of
    k steps are added up, and 0 where nothing follows or where what follows is known and in the cost already. A time
    limit is no such end: what follows is worth what the critic says.
    """

    state: Tensor
    """(S, batch, n)"""
    input: Tensor
    """(S, batch, m), as applied"""
    cost: Tensor
    """(S, batch): of one step, or the discounted sum of several, with the violation penalty where there was one"""
    next_state: Tensor
    """(S, batch, n)"""
    discount: Tensor
    """(S, batch)"""


class ReplayBuffer:
    """The last `capacity` transitions of each of S members, and one random generator for each.

    Member s keeps and draws the same rows whatever the other members are, and however many: `generators` has its own.
    `sizes` (S,) counts the transitions kept. Raises TrainingError for a capacity below 1 or above
    what fits into 8 GiB.
    """

    def __init__(self, capacity: int, n: int, m: int, generators: Sequence[np.random.Generator]) -> None:
        self.capacity = whole_number(capacity, "capacity", TrainingError, least=1)
        n, m = (whole_number(size, name, TrainingError, least=1) for name, size in (("n", n), ("m", m)))
        instance_of(generators, Sequence, "generators", TrainingError, "pass a list with one for each member")
        entries = len(generators) * self.capacity * (2 * n + m + 2)
        check_size(entries, f"`capacity` = {self.capacity}", TrainingError, "keep fewer transitions")
        self.generators = tuple(generators)
        for generator in self.generators:
            mend = "pass one np.random.default_rng(seed) per member"
            instance_of(generator, np.random.Generator, "generators", TrainingError, mend)
        self._ends = np.cumsum([n, m, 1, n, 1]).tolist()
        members = len(self.generators)
        self.added = np.zeros(members, dtype=np.int64)
        self._table = torch.zeros(members, self.capacity, self._ends[-1], dtype=torch.float64)
        self.rows = self._table.numpy()
        self._first = np.arange(members)[:, None] * self.capacity

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return how many transitions (S,) are kept."""
        return np.minimum(self.added, self.capacity)

    def add(
        self,
        state: Float64[np.ndarray, "k n"],
        applied: Float64[np.ndarray, "k m"],
        cost: Float64[np.ndarray, " k"],
        next_state: Float64[np.ndarray, "k n"],
        discount: Float64[np.ndarray, " k"],
        members: Int64[np.ndarray, " k"] | None = None,
    ) -> None:
        """Keep one transition of each of k members, all by default: states (k, n), inputs (k, m), costs (k,), ..."""
        who = np.arange(len(self.added)) if members is None else members
        parts = state, applied, cost[:, None], next_state, discount[:, None]
        self.rows[who, self.added[who] % self.capacity] = np.concatenate(parts, axis=1)
        self.added[who] += 1

    def state(self) -> Mapping[str, Any]:
        """Return the rows in use, how many were ever added and the generators, for a checkpoint."""
        used = int(self.sizes.max())
        return {"rows": self.rows[:, :used], "added": self.added, "generators": self.generators}

    def sample(self, batch_size: int) -> Batch:
        """Return `batch_size` transitions of each member, with replacement; TrainingError if one has none."""
        sizes = self.sizes
        if not sizes.all():
            raise TrainingError(
                f"the replay buffer of member {int(sizes.argmin())} is empty (0 transitions); add one before sampling"
            )
        whole_number(batch_size, "batch_size", TrainingError, least=1)
        members = len(self.generators)
        uniform = np.empty((members, batch_size))
        for generator, row in zip(self.generators, uniform, strict=True):
            generator.random(out=row)
        places = torch.from_numpy((uniform * sizes[:, None]).astype(np.int64) + self._first)
        drawn = self._table.view(-1, self._ends[-1]).index_select(0, places.view(-1)).view(members, batch_size, -1)
        to_state, to_input, to_cost, to_next, _ = self._ends
        return Batch(
            state=drawn[..., :to_state],
            input=drawn[..., to_state:to_input],
            cost=drawn[..., to_input],
            next_state=drawn[..., to_cost:to_next],
            discount=drawn[..., to_next],
        )
