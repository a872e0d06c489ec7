"""Numbers that sum up a study: always over all seeds, with the worst one named."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array
from studies.result import MethodResult, StudyResult


@dataclass(frozen=True)
class Spread:
    """Mean, least and largest over the seeds."""

    mean: float
    least: float
    largest: float

    @classmethod
    def of(cls, values: Array) -> "Spread":
        """Return the spread of one value per seed."""
        return cls(float(values.mean()), float(values.min()), float(values.max()))

    def __str__(self) -> str:
        """Return `mean (least to largest)`, or the one number where all are equal to what is shown."""
        low, high = f"{self.least:,.2f}", f"{self.largest:,.2f}"
        return f"{self.mean:,.2f}" if low == high else f"{self.mean:,.2f} ({low} to {high})"


@dataclass(frozen=True)
class GapClosed:
    """Share of the gap between law and best known that learning closed, on the means of the hard starts."""

    median: float
    interquartile_mean: float
    worst: float
    worst_seed: int


def at(result: StudyResult, method: MethodResult, group: str, episode: int) -> Spread:
    """Return the mean cost over a group of starts after an episode (0: before training, -1: the last)."""
    return Spread.of(method.test_costs[:, episode, result.groups[group]].mean(axis=1))


def curve(result: StudyResult, method: MethodResult, group: str) -> Array:
    """Return the mean cost (S, E + 1) over a group of starts, per seed and episode."""
    return method.test_costs[:, :, result.groups[group]].mean(axis=2)


def law_costs(result: StudyResult) -> Array:
    """Return what the law costs (K,) from each test start: YANN-DDPG before training, the same with every seed."""
    return result.method("YANN-DDPG").test_costs[0, 0]


def gap_closed(result: StudyResult, method: MethodResult) -> GapClosed:
    """Return (J_law - J_learned) / (J_law - J_best) over the hard starts; the law is YANN-DDPG before training."""
    hard = result.groups["hard"]
    law = law_costs(result)[hard].mean()
    closed = (law - method.test_costs[:, -1, hard].mean(axis=1)) / (law - result.best[hard].mean())
    worst = int(closed.argmin())
    middle = interquartile_mean(closed)
    return GapClosed(float(np.median(closed)), middle, float(closed[worst]), method.seeds[worst])


def interquartile_mean(values: Array) -> float:
    """Return the mean of the middle half, with the outer values of an uneven split weighted in part."""
    ordered = np.sort(values)
    n = len(ordered)
    edges = np.clip(np.arange(n + 1), n / 4, 3 * n / 4)
    weights = np.diff(edges)
    return float(weights @ ordered / weights.sum())


@dataclass(frozen=True)
class Collapse:
    """The worst moment of a method on the easy starts, median over the seeds, against the law.

    `episode` is 0 where that was before training; `within_hundredth_at_end` counts the seeds that end with no easy
    start more than .01 above the law.
    """

    episode: int
    change: float
    within_hundredth_at_end: int


def collapse(result: StudyResult, method: MethodResult) -> Collapse:
    """Return when and by how much the median seed was worst on the easy starts, and how many seeds end unharmed.

    Every method stands against the law: one that begins untrained would be unharmed beside its own beginning.
    """
    starts = result.groups["easy"]
    easy, law = method.test_costs[:, :, starts], law_costs(result)[starts]
    change = np.median(easy.mean(axis=2) - law.mean(), axis=0)
    unharmed = (easy[:, -1] <= law + 0.01).all(axis=1)
    worst = int(change.argmax())
    return Collapse(worst, float(change[worst]), int(unharmed.sum()))
