"""How often something happens, with bounds that are exact at any number of trials."""

from dataclasses import dataclass

from scipy.stats import beta

from plants.arrays import real_scalar, whole_number
from rl.errors import TrainingError


@dataclass(frozen=True)
class Rate:
    """`count` of `trials`, and what chance may lie behind it, if each trial has the same and none knows of another.

    `lower` and `upper` are the ends of the interval of Clopper & Pearson 1934, which holds the true chance with a
    probability of at least `confidence`. `at_most` is the one-sided bound, which the true chance
    exceeds with a probability of at most 1 - `confidence`.
    """

    count: int
    trials: int
    confidence: float
    lower: float
    upper: float
    at_most: float

    @property
    def share(self) -> float:
        """Return `count` over `trials`, 0 where there were none."""
        return self.count / self.trials if self.trials else 0.0

    def row(self) -> dict[str, float]:
        """Return every number by name, ready for JSON."""
        return {**vars(self), "share": self.share}


def rate_of(count: int, trials: int, confidence: float = 0.95) -> Rate:
    """Return the rate of `count` events in `trials`, no trials at all included: then nothing is known.

    Raises TrainingError for more events than trials, and a confidence outside (0, 1).
    """
    events, tried = whole_number(count, "count", TrainingError), whole_number(trials, "trials", TrainingError)
    if events > tried:
        raise TrainingError(f"`count` is {events}, above `trials`, {tried}; count each trial once")
    level = real_scalar(confidence, "confidence", TrainingError)
    if not 0 < level < 1:
        raise TrainingError(f"`confidence` is {level:g}, but it must lie between 0 and 1; pass .95")
    half = (1 - level) / 2
    lower = float(beta.ppf(half, events, tried - events + 1)) if events else 0.0
    return Rate(events, tried, level, lower, _upper(events, tried, half), _upper(events, tried, 1 - level))


def _upper(events: int, tried: int, error: float) -> float:
    return float(beta.ppf(1 - error, events + 1, tried - events)) if events < tried else 1.0
