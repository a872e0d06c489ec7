"""Numbers that sum up a study: always over all seeds, with the worst one named."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plants.arrays import Array
from studies.method_result import MethodResult
from studies.result import StudyResult


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

    def words(self, seeds: int) -> str:
        """Return the same in words, with the number of seeds."""
        mean, _, rest = str(self).partition(" ")
        return f"{mean} ({rest.strip('()')} over {seeds} seeds)" if rest else f"{mean} with every seed"

    def __str__(self) -> str:
        """Return `mean (least to largest)`, or the one number where all are equal to what is shown."""
        low, high = f"{self.least:,.2f}", f"{self.largest:,.2f}"
        return f"{self.mean:,.2f}" if low == high else f"{self.mean:,.2f} ({low} to {high})"


RESAMPLES = 10_000


@dataclass(frozen=True)
class Middle:
    """The interquartile mean over the seeds, and the ends of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """Return the interval as a text."""
        return f"{self.low:,.2f} to {self.high:,.2f}"

    @classmethod
    def of(cls, values: Array) -> "Middle":
        """Return the middle of one value per seed (S,), the same every time it is asked."""
        resampled = stratified_bootstrap(values[:, None], interquartile_mean)
        low, high = np.quantile(resampled, [0.025, 0.975])
        return cls(float(interquartile_mean(values)), float(low), float(high))


def stratified_bootstrap(
    values: Array, statistic: Callable[[Array], Array], resamples: int = RESAMPLES, seed: int = 0
) -> Array:
    """Return the statistic (resamples,) of values (S, T) drawn anew, S with replacement within each of T strata.

    `statistic` takes rows (resamples, S T). A seed's tests from many starts are not independent: average them first,
    and let the strata be tasks. As in Agarwal et al. 2021, Deep RL at the edge of the statistical precipice.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(values), size=(resamples, *values.shape))
    return statistic(np.take_along_axis(values[None], drawn, axis=1).reshape(resamples, -1))


@dataclass(frozen=True)
class GapClosed:
    """Share of the gap between law and best known that learning closed, on the means of the hard starts."""

    median: float
    middle: Middle
    worst: float
    worst_seed: int

    @classmethod
    def of(cls, closed: Array, seeds: tuple[int, ...]) -> "GapClosed":
        """Return the same of one share per seed (S,)."""
        worst = int(closed.argmin())
        return cls(float(np.median(closed)), Middle.of(closed), float(closed[worst]), seeds[worst])


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
    return GapClosed.of(closed, method.seeds)


def seed_count(result: StudyResult) -> int:
    """Return the number of seeds of each method."""
    return len(result.methods[0].seeds)


def middle_seed(values: Array) -> int:
    """Return the position of the seed whose value (S,) is in the middle, the lower one of two."""
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])


def interquartile_mean(values: Array) -> Array:
    """Return the mean of the middle half along the last axis (..., n), an uneven split's outer values in part."""
    ordered = np.sort(values, axis=-1)
    n = ordered.shape[-1]
    edges = np.clip(np.arange(n + 1), n / 4, 3 * n / 4)
    weights = np.diff(edges)
    return ordered @ weights / weights.sum()


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
