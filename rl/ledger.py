"""The ledger: what training did to the plant, per member and episode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plants import Plant
from plants.arrays import Array
from rl.ledger_files import write_facts, write_rows
from rl.rates import Rate, rate_of

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

_COUNTS = (
    "runs",
    "violations",
    "runaways",
    "capped",
    "inputs_clipped",
    "interventions",
    "unguarded",
    "plant_steps",
    "updates",
    "rollbacks",
    "simulated_steps",
)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """What happened in training: tables (S, E) of S seeds and E finished episodes, read-only.

    `cost`: sum of the stage costs and penalties. `runs`: starts that were used, more than one where a run
    ended early. `violations`: steps after which a state was beyond a safe limit; each ends its run.
    `first_violation`: the first of these steps, counted from 0, or -1. `violation_depth` (S, E, n): the most by
    which each state was beyond its limit, in its own unit. `runaways`: runs that ended because a state without a
    cap of its own ran away to 1e9. `capped`: steps whose next state was held at a cap. `inputs_clipped`: inputs,
    exploration included, that were wanted beyond a bound. `interventions`: steps in which a safety filter changed the
    input; `unguarded`: steps from states at which it guarantees nothing. `plant_steps` and `updates` of the episode.
    `rollbacks`: gates that rejected the actor; `simulated_steps`: what gates ran in the simulator, never among
    `plant_steps`.
    `divergences` (S,): whether the seed diverged, which ended training in the episode after these.
    """

    seeds: tuple[int, ...]
    state_names: tuple[str, ...]
    sample_time: float
    cost: Array
    runs: Counts
    violations: Counts
    first_violation: Counts
    violation_depth: Array
    runaways: Counts
    capped: Counts
    inputs_clipped: Counts
    interventions: Counts
    unguarded: Counts
    plant_steps: Counts
    updates: Counts
    rollbacks: Counts
    simulated_steps: Counts
    divergences: Counts

    @property
    def violation_time(self) -> Array:
        """Return the time (S, E) beyond a safe limit, in the plant's time unit: one sample period per violation."""
        return self.violations.astype(np.float64) * self.sample_time

    def violations_per_run(self, confidence: float = 0.95) -> Rate:
        """Return how many runs of all seeds became unsafe, with exact bounds; see Rate for what they assume."""
        return rate_of(int(self.violations.sum()), int(self.runs.sum()), confidence)

    def violations_per_step(self, confidence: float = 0.95) -> Rate:
        """Return how many plant steps of all seeds were followed by an unsafe state, with exact bounds."""
        return rate_of(int(self.violations.sum()), int(self.plant_steps.sum()), confidence)

    def totals(self) -> dict[str, float]:
        """Return the sums over all seeds and episodes, by name."""
        sums = {name: int(getattr(self, name).sum()) for name in (*_COUNTS, "divergences")}
        return {"cost": float(self.cost.sum()), "violation_time": float(self.violation_time.sum()), **sums}

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Write a line per seed and episode, whole or not at all: "never" is empty, each state's depth has a column."""
        depths = {name: f"violation_depth {name}" for name in self.state_names}
        columns = ("seed", "episode", "cost", *_COUNTS, "violation_time", "first_violation", *depths.values())
        rows = []
        for row in self.to_rows():
            found = row.pop("violation_depth")
            rows.append({**row, **{column: found.get(name, 0.0) for name, column in depths.items()}})
        write_rows(path, columns, rows)

    def write_json(self, path: str | PathLike[str], confidence: float = 0.95) -> None:
        """Write totals, rates with their bounds, divergences by seed and all rows, whole or not at all."""
        rates = {"per_run": self.violations_per_run(confidence), "per_step": self.violations_per_step(confidence)}
        diverged = dict(zip(map(str, self.seeds), self.divergences.tolist(), strict=True))
        facts = {
            "sample_time": self.sample_time,
            "totals": self.totals(),
            "violations": {name: rate.row() for name, rate in rates.items()},
            "divergences": diverged,
            "rows": self.to_rows(),
        }
        write_facts(path, facts)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per seed and episode, ready for JSON, with None for "never"."""
        return [
            {
                "seed": seed,
                "episode": episode,
                "cost": float(self.cost[s, episode]),
                **{name: int(getattr(self, name)[s, episode]) for name in _COUNTS},
                "violation_time": float(self.violation_time[s, episode]),
                "first_violation": None if (first := int(self.first_violation[s, episode])) < 0 else first,
                "violation_depth": self._depths(s, episode),
            }
            for s, seed in enumerate(self.seeds)
            for episode in range(self.cost.shape[1])
        ]

    def _depths(self, member: int, episode: int) -> dict[str, float]:
        depths = zip(self.state_names, self.violation_depth[member, episode], strict=True)
        return {name: float(depth) for name, depth in depths if depth > 0}

    def __repr__(self) -> str:
        """Return one line: how many seeds and episodes, how much was run, how often it was unsafe."""
        return (
            f"Ledger({self.cost.shape[0]} seeds, {self.cost.shape[1]} episodes, {self.plant_steps.sum()} plant steps, "
            f"{self.updates.sum()} updates, {self.violations.sum()} violations)"
        )


class Step(NamedTuple):
    """A step of S members: inputs (S, m) wanted, within bounds, and as filtered; next states (S, n); the rest (S,)."""

    wanted: Array
    within: Array
    given: Array
    after: Array
    cost: Array
    unsafe: Flags
    runaway: Flags
    unguarded: Flags


class LedgerWriter:
    """The ledger of a training under way."""

    def __init__(self, plant: Plant, seeds: Sequence[int], episodes: int) -> None:
        shape = (len(seeds), episodes)
        self._plant, self._seeds = plant, tuple(seeds)
        self._counts = {name: np.zeros(shape, dtype=np.int64) for name in _COUNTS}
        self._first = np.full(shape, -1)
        self._cost = np.zeros(shape)
        self._divergences = np.zeros(len(seeds), dtype=np.int64)
        self._depth = np.zeros((*shape, plant.n))
        self._caps = _caps_that_hold(plant)

    def new_runs(self, episode: int, members: Flags | bool = True) -> None:
        """Count a new run of the members (S,), or of all."""
        self._counts["runs"][:, episode] += members

    def write(self, episode: int, step: int, done: Step) -> None:
        """Write down what one plant step did."""
        counts = self._counts
        self._cost[:, episode] += done.cost
        counts["plant_steps"][:, episode] += 1
        counts["inputs_clipped"][:, episode] += (done.wanted != done.within).sum(-1)
        counts["interventions"][:, episode] += (done.given != done.within).any(-1)
        counts["unguarded"][:, episode] += done.unguarded
        counts["capped"][:, episode] += ((done.after <= self._caps[0]) | (done.after >= self._caps[1])).any(-1)
        counts["runaways"][:, episode] += done.runaway
        if done.unsafe.any():
            self._write_violations(episode, step, done)

    def write_updates(self, episode: int, updates: int) -> None:
        """Write down that every member was updated so many times more."""
        self._counts["updates"][:, episode] += updates

    def tables(self, episodes: int) -> Mapping[str, Array]:
        """Return the tables of the first `episodes` episodes by name, themselves and no copies."""
        tables = {"cost": self._cost, "first_violation": self._first, "violation_depth": self._depth, **self._counts}
        return {name: table[:, :episodes] for name, table in tables.items()}

    def write_gate(self, episode: int, member: int, simulated_steps: int, accepted: bool) -> None:
        """Write down what a gate after an episode took of one member, and whether it accepted its actor."""
        self._counts["simulated_steps"][member, episode] += simulated_steps
        self._counts["rollbacks"][member, episode] += not accepted

    def write_divergence(self, member: int) -> None:
        """Write down that a member diverged."""
        self._divergences[member] += 1

    def ledger(self, episodes: int) -> Ledger:
        """Return the ledger of the first `episodes` episodes."""
        return Ledger(
            seeds=self._seeds,
            state_names=tuple(self._plant.state_names),
            sample_time=self._plant.sample_time,
            cost=frozen(self._cost[:, :episodes]),
            first_violation=frozen(self._first[:, :episodes]),
            violation_depth=frozen(self._depth[:, :episodes]),
            divergences=frozen(self._divergences),
            **{name: frozen(table[:, :episodes]) for name, table in self._counts.items()},
        )

    def _write_violations(self, episode: int, step: int, done: Step) -> None:
        self._counts["violations"][:, episode] += done.unsafe
        first = self._first[:, episode]
        first[done.unsafe & (first < 0)] = step
        lower, upper = self._plant.safe_limits
        depth = np.maximum(np.maximum(lower - done.after, done.after - upper), 0)
        np.maximum(self._depth[:, episode], depth, out=self._depth[:, episode])


def frozen(table: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only copy."""
    copied = table.copy()
    copied.setflags(write=False)
    return copied


def _caps_that_hold(plant: Plant) -> tuple[Array, Array]:
    """Return the caps with those of turning angles taken out: +-pi holds nobody."""
    lower, upper = (np.array(cap) for cap in plant.state_caps)
    turning = list(plant.angle_indices)
    lower[turning], upper[turning] = -np.inf, np.inf
    return lower, upper
