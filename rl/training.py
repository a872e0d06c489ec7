"""What a training run hands back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from plants.arrays import Array
from rl.agent import Losses
from rl.gate import GateDecision
from rl.guard import named
from rl.ledger import Flags, Ledger, frozen
from yann.stacked import StackedNetwork


@dataclass(frozen=True, eq=False, repr=False)
class TrainingLog:
    """How S seeds learned over E finished episodes, tested from K starts; arrays are read-only.

    `test_starts` (K, n). `test_costs` (S, E + 1, K): cost of an episode from each start without exploration,
    before training and after each episode; `test_unsafe` says which of them ended unsafe. `critic_loss` (S, E):
    mean squared Bellman error, and `actor_loss` (S, E): mean expected cost to go, each the mean over the
    updates of an episode and NaN where there were none. `others` has what else the algorithm tells, by name, (S, E).
    """

    test_starts: Array
    test_costs: Array
    test_unsafe: Flags
    critic_loss: Array
    actor_loss: Array
    others: Mapping[str, Array]

    def __repr__(self) -> str:
        """Return one line: the mean test cost before and after."""
        seeds, points, starts = self.test_costs.shape
        tested = ", no test starts"
        if starts:
            before, after = self.test_costs[:, 0].mean(), self.test_costs[:, -1].mean()
            tested = f", {starts} test starts, mean test cost {before:.4g} -> {after:.4g}"
        return f"TrainingLog({seeds} seeds, {points - 1} episodes{tested})"


@dataclass(frozen=True, eq=False, repr=False)
class Training:
    """Trained networks, one stack of one per seed, with the log and the ledger of how they came about.

    `episodes` counts the finished ones: fewer than asked for only in a Training that an Interrupted or
    Diverged carries. `discount` is the gamma that was used. With a gate, `actors` are those that it accepted last, and
    the law where it accepted none; `last_actors` are as trained, and `decisions` has every gate of every seed. Without
    one, both are as trained. Log and ledger tell of the actors in training, accepted or not.
    """

    seeds: tuple[int, ...]
    episodes: int
    discount: float
    actors: tuple[StackedNetwork, ...]
    last_actors: tuple[StackedNetwork, ...]
    critics: tuple[StackedNetwork, ...]
    log: TrainingLog
    ledger: Ledger
    decisions: tuple[GateDecision, ...]

    def __repr__(self) -> str:
        """Return one line: seeds, episodes, discount and what became of the test cost."""
        return f"Training(seeds={list(self.seeds)}, episodes={self.episodes}, discount={self.discount:g}, {self.log!r})"


@dataclass(frozen=True, eq=False)
class Progress:
    """Where training stands after an episode: `episode` of `episodes` are done.

    `costs` (S,) is what the episode cost in training, `violations` (S,) how often it was unsafe, and
    `test_costs` (S, K) what episodes from the test starts cost now, without exploration. Of these episodes `resumed`
    were done in an earlier run, whose checkpoint this one goes on from.
    """

    episode: int
    episodes: int
    seeds: tuple[int, ...]
    costs: Array
    violations: Any
    test_costs: Array
    resumed: int = 0


class ProgressReader(Protocol):
    """Anything that is called after every episode; it may raise KeyboardInterrupt to stop training."""

    def __call__(self, progress: Progress) -> None:
        """Take notice."""
        ...


class LossWriter:
    """What the updates of a training under way told, summed up by name and episode."""

    def __init__(self, members: int, episodes: int) -> None:
        self._shape = (members, episodes)
        self.sums: dict[str, Array] = {}
        self.counts: dict[str, Array] = {}
        for name in ("critic", "actor"):
            self._new(name)

    def write(self, episode: int, losses: Losses) -> None:
        """Add what one update of an episode told."""
        for name, told in named(losses).items():
            if name not in self.sums:
                self._new(name)
            self.sums[name][:, episode] += told.numpy()
            self.counts[name][episode] += 1

    def expect(self, names: Iterable[str]) -> None:
        """Begin the sums of all these names that are not there."""
        for name in set(names) - set(self.sums):
            self._new(name)

    def tables(self, episodes: int) -> Mapping[str, Any]:
        """Return sums and counts of the first `episodes` episodes, themselves and no copies."""
        return {
            "sums": {name: table[:, :episodes] for name, table in self.sums.items()},
            "counts": {name: table[:episodes] for name, table in self.counts.items()},
        }

    def means(self, episodes: int) -> dict[str, Array]:
        """Return the means (S, E) over the updates of the first `episodes` episodes, NaN where there were none."""
        with np.errstate(invalid="ignore"):
            return {name: frozen((self.sums[name] / self.counts[name])[:, :episodes]) for name in self.sums}

    def _new(self, name: str) -> None:
        self.sums[name], self.counts[name] = np.zeros(self._shape), np.zeros(self._shape[1])
