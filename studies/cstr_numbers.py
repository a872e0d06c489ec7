"""Numbers of the reactor's study, one scenario at a time: what each controller costs, and what learning closed."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array
from rl.rates import Rate, rate_of
from studies.case import NOMINAL
from studies.cstr import FOULED
from studies.errors import StudyError
from studies.method_result import MethodResult
from studies.reactor_control import LINEAR, OFFSET_FREE
from studies.result import StudyResult
from studies.statistics import GapClosed, Middle, Spread, middle_seed

WANTED_SHARE, WANTED_GAP, WANTED_LOSS = 0.8, 0.7, 0.001


@dataclass(frozen=True)
class Known:
    """Mean costs over the test starts of one scenario, of what does not learn; `bias` is the name of the best bias."""

    linear: float
    bias: str
    biased: float
    offset_free: float
    best: float

    def closed(self, costs: Array) -> Array:
        """Return (linear MPC - cost) / (linear MPC - best in hindsight); NaN where that is below .1 % of the cost."""
        gap = self.linear - self.best
        return (self.linear - costs) / gap if gap > WANTED_LOSS * self.linear else np.full_like(costs, np.nan)


@dataclass(frozen=True, eq=False)
class Learned:
    """What a method ends at in one scenario: `ends` (S,), mean costs of the trained actors, and `gap` closed by them.

    `end_change` is the most by which a seed's mean cost is above linear MPC's at the end, as a share of it, and
    `worst_change` the same after any episode; `training` and `tests` are unsafe runs in training and those of the
    trained actors from the test starts.
    """

    method: MethodResult
    ends: Array
    closed: Array
    end_change: float
    worst_change: float
    training: Rate
    tests: Rate

    @property
    def spread(self) -> Spread:
        """Return mean and range of the ends."""
        return Spread.of(self.ends)

    @property
    def middle(self) -> Middle:
        """Return the interquartile mean of the ends with its interval."""
        return Middle.of(self.ends)

    @property
    def gap(self) -> GapClosed | None:
        """Return what was closed of the gap to the best in hindsight, None where there is none to speak of."""
        return None if np.isnan(self.closed).any() else GapClosed.of(self.closed, self.method.seeds)

    @property
    def median(self) -> int:
        """Return the position of the seed in the middle."""
        return middle_seed(self.ends)

    @property
    def good_seeds(self) -> int:
        """Return how many seeds closed as much of the gap as is wanted."""
        return int((self.closed >= WANTED_GAP).sum())


def known(result: StudyResult, scenario: str) -> Known:
    """Return what the controllers that do not learn cost in a scenario."""
    within = result.within(scenario)
    bias = next(b.name for b in within.baselines if b.name.startswith(f"{LINEAR} "))
    linear, biased, free = (float(within.baseline(name).costs.mean()) for name in (LINEAR, bias, OFFSET_FREE))
    return Known(linear, bias.removeprefix(f"{LINEAR} "), biased, free, float(within.best.mean()))


def learned(result: StudyResult, scenario: str) -> tuple[Learned, ...]:
    """Return what each method learned in a scenario, in the order of the study."""
    beside = known(result, scenario)
    return tuple(_learned(method, beside) for method in result.within(scenario).methods)


def _learned(method: MethodResult, beside: Known) -> Learned:
    means = method.test_costs.mean(axis=2)
    unsafe = method.test_unsafe[:, -1]
    return Learned(
        method=method,
        ends=means[:, -1],
        closed=beside.closed(means[:, -1]),
        end_change=float(means[:, -1].max() / beside.linear - 1),
        worst_change=float((means / beside.linear).max() - 1),
        training=rate_of(int(method.violations.sum()), int(method.runs.sum())),
        tests=rate_of(int(unsafe.sum()), unsafe.size),
    )


@dataclass(frozen=True)
class Goal:
    """What a method was to show, what it showed, and whether that is enough."""

    method: str
    wanted: str
    found: str
    reached: bool


def percent(share: float) -> str:
    """Return a change in percent, with its sign, and no -0."""
    return f"{round(share, 4) + 0.0:+.2%}"


def goals(result: StudyResult) -> tuple[Goal, ...]:
    """Return for each method, in order, what it was to show in both scenarios."""
    bias = known(result, FOULED)
    pairs = zip(learned(result, NOMINAL), learned(result, FOULED), strict=True)
    return tuple(goal for nominal, fouled in pairs for goal in _goals(nominal, fouled, bias))


def _goals(nominal: Learned, fouled: Learned, beside: Known) -> tuple[Goal, ...]:
    name, seeds = fouled.method.name, len(fouled.ends)
    if name != nominal.method.name:
        raise StudyError(f"the methods of the scenarios differ: {nominal.method.name} and {name}")
    violations = nominal.training.count + fouled.training.count
    beaten = int((fouled.ends < beside.biased).sum())
    return (
        Goal(
            name,
            f"fouled: {WANTED_GAP:.0%} of the gap closed in {WANTED_SHARE:.0%} of the seeds",
            f"{fouled.good_seeds} of {seeds} seeds",
            fouled.good_seeds >= WANTED_SHARE * seeds,
        ),
        Goal(name, "no violation in training", f"{violations}", not violations),
        Goal(
            name,
            f"nominal: no seed ends dearer than linear MPC by more than {WANTED_LOSS:.1%}",
            f"at worst {percent(nominal.end_change)}",
            nominal.end_change <= WANTED_LOSS,
        ),
        Goal(
            name,
            f"nominal: no seed is dearer by more than {WANTED_LOSS:.1%} after any episode",
            f"at worst {percent(nominal.worst_change)}",
            nominal.worst_change <= WANTED_LOSS,
        ),
        Goal(
            name,
            f"fouled: cheaper than the best constant bias ({beside.biased:,.2f}) in {WANTED_SHARE:.0%} of the seeds",
            f"{beaten} of {seeds} seeds",
            beaten >= WANTED_SHARE * seeds,
        ),
    )
