"""Numbers of a study of safety filters: what each method cost, how often it was unsafe, how often it was stopped."""

from dataclasses import dataclass

from plants.arrays import Array
from rl.rates import Rate, rate_of
from studies.errors import StudyError
from studies.guarantee import Guarantee
from studies.method_result import Baseline, MethodResult
from studies.result import StudyResult
from studies.safety import FILTER
from studies.statistics import Middle, middle_seed

FEW, CLOSE = 0.001, 0.01
FIFTH = 0.2


@dataclass(frozen=True, eq=False)
class Stops:
    """How often a filter changed the input in training: `shares` (S, E) of each episode's steps, `count` in all.

    `unguarded` counts steps from outside its set, at which it guarantees nothing.
    """

    shares: Array
    count: int
    unguarded: int

    @property
    def mean(self) -> float:
        """Return the share of all steps."""
        return float(self.shares.mean())

    @property
    def first(self) -> float:
        """Return the share of steps in the first fifth of the episodes."""
        return float(self.shares[:, : self._some].mean())

    @property
    def last(self) -> float:
        """Return the share of steps in the last fifth of the episodes."""
        return float(self.shares[:, -self._some :].mean())

    @property
    def quiet_seeds(self) -> int:
        """Return the number of seeds in which the filter changed nothing."""
        return int((self.shares.sum(axis=1) == 0).sum())

    @property
    def _some(self) -> int:
        return max(1, round(FIFTH * self.shares.shape[1]))


@dataclass(frozen=True, eq=False)
class Kept:
    """What a method did: `ends` (S,), mean costs of the trained actors over the tests, and how safe it was.

    `runs` and `steps` say how many of the runs and steps of training were unsafe, `tests` how many of those of the
    trained actors; `stops` how often the filter changed the input, None without a filter.
    """

    method: MethodResult
    ends: Array
    runs: Rate
    steps: Rate
    tests: Rate
    stops: Stops | None

    @property
    def name(self) -> str:
        """Return the method's name."""
        return self.method.name

    @property
    def middle(self) -> Middle:
        """Return the interquartile mean of the ends with its interval."""
        return Middle.of(self.ends)

    @property
    def median(self) -> int:
        """Return the position of the seed in the middle."""
        return middle_seed(self.ends)


def kept(result: StudyResult) -> tuple[Kept, ...]:
    """Return what each method did, in the order of the study."""
    return tuple(map(_kept, result.methods))


def _kept(method: MethodResult) -> Kept:
    length = method.path_inputs.shape[3]
    unsafe, count = method.test_unsafe[:, -1], int(method.violations.sum())
    return Kept(
        method=method,
        ends=method.test_costs[:, -1].mean(axis=1),
        runs=rate_of(count, int(method.runs.sum())),
        steps=rate_of(count, method.violations.size * length),
        tests=rate_of(int(unsafe.sum()), unsafe.size),
        stops=_stops(method, length),
    )


def _stops(method: MethodResult, length: int) -> Stops | None:
    changed, outside = method.interventions, method.unguarded
    if changed is None or outside is None:
        return None
    return Stops(changed / length, int(changed.sum()), int(outside.sum()))


@dataclass(frozen=True, eq=False)
class Pair:
    """The same learner without and inside the filter, and how often the filter changed what it wanted."""

    outside: Kept
    inside: Kept
    stops: Stops

    @property
    def change(self) -> float:
        """Return by how much the mean final cost inside is above that outside, as a share of it."""
        return float(self.inside.ends.mean() / self.outside.ends.mean() - 1)

    @property
    def worst_change(self) -> float:
        """Return the largest share by which a seed ends dearer inside than the same seed outside."""
        return float((self.inside.ends / self.outside.ends - 1).max())


def pairs(every: tuple[Kept, ...]) -> tuple[Pair, ...]:
    """Return every learner that was trained both without and inside the filter."""
    found = {one.name: one for one in every}
    return tuple(Pair(found[one.name.removesuffix(FILTER)], one, one.stops) for one in every if one.stops is not None)


def guarantee_of(result: StudyResult) -> Guarantee:
    """Return what was proved of the filter; raise StudyError for a result of a study without any."""
    if result.guarantee is None:
        raise StudyError(f"the result of the study {result.name!r} has no safety filter to tell of")
    return result.guarantee


def percent(share: float) -> str:
    """Return a change in percent, with its sign, and no -0."""
    return f"{round(share, 4) + 0.0:+,.2%}"


@dataclass(frozen=True)
class Goal:
    """What was to be shown, what was found, and whether that is enough."""

    wanted: str
    found: str
    reached: bool


def goals(result: StudyResult) -> tuple[Goal, ...]:
    """Return what the study was to show, in order."""
    guarantee, both = guarantee_of(result), {pair.outside.name: pair for pair in pairs(kept(result))}
    inside = [pair.inside for pair in both.values()]
    count, runs = (sum(part) for part in zip(*((one.runs.count, one.runs.trials) for one in inside), strict=True))
    tests = sum(one.tests.count for one in inside)
    unguarded = sum(pair.stops.unguarded for pair in both.values())
    first, last = both["DDPG"].stops.first, both["DDPG"].stops.last
    return (
        Goal("no violation inside the filter in training", f"{count} in {runs:,} runs", not count),
        Goal("no violation inside the filter in tests", f"{tests}", not tests),
        Goal("no step of training from outside the safe set", f"{unguarded}", not unguarded),
        *_share_goals(guarantee),
        *_law_goals(both["YANN-DDPG"]),
        Goal(
            f"{both['DDPG'].inside.name}: stopped less and less",
            f"{first:.1%} at first, {last:.1%} at last",
            last < first,
        ),
    )


def _share_goals(guarantee: Guarantee) -> tuple[Goal, ...]:
    wanted = guarantee.wanted_share
    words = f"{wanted:.1%} of {guarantee.domain} inside the safe set"
    return (Goal(words, f"{guarantee.share:.2%}", guarantee.share >= wanted),)


def _law_goals(pair: Pair) -> tuple[Goal, Goal]:
    name = pair.inside.name
    return (
        Goal(f"{name}: stopped in at most {FEW:.1%} of the steps", f"{pair.stops.mean:.3%}", pair.stops.mean <= FEW),
        Goal(
            f"{name} ends at most {CLOSE:.0%} dearer than {pair.outside.name}",
            percent(pair.change),
            pair.change <= CLOSE,
        ),
    )


def baseline_ends(result: StudyResult) -> tuple[tuple[Baseline, float], ...]:
    """Return every controller that does not learn, with its mean cost."""
    return tuple((one, float(one.costs.mean())) for one in result.baselines)
