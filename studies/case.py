"""What a study is made of: worlds, a law, agents by method, and starts from which all of them are tested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from mpc import MPCProblem, PiecewiseAffineLaw
from mpc.safety.safe_set import SafeSet
from plants import Plant, Scenario
from plants.arrays import Array, whole_number
from plants.simulate import Controller
from rl import Gate
from rl.agent import Agent
from studies.errors import StudyError
from yann import YannActor

NOMINAL = "nominal"
"""The name of the world in which nothing is other than the plant says."""

MOST = 100_000
"""The most seeds, episodes or steps of one study: more would fill any memory before they end."""


@dataclass(frozen=True, eq=False)
class Guarded:
    """The safe set of the filters in a study; of the `points()` (N, n) of a `domain` a share is to be in it."""

    safe: SafeSet
    points: Callable[[], Array]
    domain: str
    wanted_share: float


@dataclass(frozen=True, eq=False)
class Case:
    """Everything that a study runs, built from its settings alone.

    `worlds` are the scenarios by name, `agents[scenario][method]` who learns in each, and
    `baselines[scenario][name]` who controls it without learning. `starts` (K, n) are tested
    before training and after every episode; `groups` names slices of them, `path_starts` those whose runs are kept.
    `best[scenario]` (K,) is the least cost known of each, NaN where nothing is stored; `grid` (G, n) are states at
    which inputs before and after training are kept. `gates[method]` says by what gate a method delivers, if any;
    `guarded` what the filters of those agents are that have one.
    """

    plant: Plant
    problem: MPCProblem
    law: PiecewiseAffineLaw
    actor: YannActor
    worlds: Mapping[str, Scenario]
    agents: Mapping[str, Mapping[str, Agent]]
    baselines: Mapping[str, Mapping[str, Controller]]
    starts: Array
    groups: Mapping[str, list[int]]
    path_starts: tuple[int, ...]
    best: Mapping[str, Array]
    grid: Array
    gates: Mapping[str, Gate] = field(default_factory=dict)
    guarded: Guarded | None = None

    def controllers(self) -> list[tuple[str, str]]:
        """Return (scenario, name) of every baseline."""
        return [(scenario, name) for scenario, named in self.baselines.items() for name in named]


@dataclass(frozen=True)
class Study:
    """The settings that all studies share: each seed trains `episodes` of `steps` plant steps, in stacks of `block`."""

    name: ClassVar[str]

    seeds: int = 10
    first_seed: int = 0
    episodes: int = 50
    steps: int = 200
    block: int = 10

    def __post_init__(self) -> None:
        """Check the numbers that a command line gives."""
        for name in ("seeds", "episodes", "steps", "block"):
            self._number(name)
        whole_number(self.first_seed, "first_seed", StudyError)

    def _number(self, name: str) -> None:
        number = whole_number(getattr(self, name), name, StudyError, least=1)
        if number > MOST:
            raise StudyError(f"`{name}` is {number:,}, but at most {MOST:,} are possible; pass fewer")

    def quick(self) -> Self:
        """Return a study of the same form in seconds: 2 seeds, 4 episodes."""
        return replace(self, seeds=2, episodes=4)

    def paper_sized(self) -> Self:
        """Return the study with the paper's plain networks, 256-256; raise StudyError where there are none."""
        raise StudyError(f"the study {self.name!r} has no plain networks; leave out --paper-networks")

    def build(self) -> Case:
        """Return what the study runs; the same in every process."""
        raise NotImplementedError

    @property
    def blocks(self) -> tuple[range, ...]:
        """Return the seeds in blocks, each trained as one stack."""
        last = self.first_seed + self.seeds
        return tuple(range(k, min(k + self.block, last)) for k in range(self.first_seed, last, self.block))
