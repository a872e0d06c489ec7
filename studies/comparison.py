"""Methods compared from the same starts: costs before and after training, by seed, beside what is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plants.arrays import Array, real_array
from studies.errors import StudyError


@dataclass(frozen=True, eq=False)
class PairedCosts:
    """Costs of one method from K starts, `before` (S, K) and `after` (S, K) the training of S seeds."""

    method: str
    before: Any
    after: Any

    def __post_init__(self) -> None:
        before = real_array(self.before, f"{self.method} before", (None, None), StudyError)
        after = real_array(self.after, f"{self.method} after", before.shape, StudyError)
        if not before.size:
            raise StudyError(f"`before` of {self.method} has shape {before.shape}; pass at least 1 seed and 1 start")
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "after", after)

    @property
    def seeds(self) -> int:
        """Return the number of seeds."""
        return self.before.shape[0]

    def stages(self) -> tuple[tuple[str, Array], tuple[str, Array]]:
        """Return ("before", costs (S, K)) and ("after", costs (S, K))."""
        return ("before", self.before), ("after", self.after)

    def chosen(self, starts: Sequence[int]) -> "PairedCosts":
        """Return the same from some of the starts only."""
        return PairedCosts(self.method, self.before[:, list(starts)], self.after[:, list(starts)])


@dataclass(frozen=True, eq=False)
class Reference:
    """Costs (K,) that others state for the same starts, or for like ones; NaN where they state none."""

    name: str
    costs: Any

    def __post_init__(self) -> None:
        costs = np.asarray(self.costs, dtype=np.float64)
        if costs.ndim != 1 or np.isinf(costs).any():
            raise StudyError(
                f"`costs` of {self.name} must be one finite number per start, or NaN; its shape is {costs.shape}"
            )
        object.__setattr__(self, "costs", costs)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods from the same K starts: how the starts are called, the costs, the best known (K,), and references."""

    starts: tuple[str, ...]
    methods: tuple[PairedCosts, ...]
    best: Any
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        if not self.methods or not self.starts:
            raise StudyError(f"{len(self.methods)} methods from {len(self.starts)} starts: pass at least 1 of each")
        object.__setattr__(self, "best", real_array(self.best, "best", (len(self.starts),), StudyError))
        sizes = {m.method: m.before.shape[1] for m in self.methods}
        sizes |= {r.name: r.costs.size for r in self.references}
        for name, size in sizes.items():
            if size != len(self.starts):
                raise StudyError(f"{name} has costs from {size} starts, but `starts` names {len(self.starts)}")

    def chosen(self, starts: Sequence[int]) -> "Comparison":
        """Return the same from some of the starts only, by index."""
        index = list(starts)
        return replace(
            self,
            starts=tuple(self.starts[i] for i in index),
            methods=tuple(m.chosen(index) for m in self.methods),
            best=self.best[index],
            references=tuple(Reference(r.name, r.costs[index]) for r in self.references),
        )
