"""python -m benchmarks.ablation: what each ingredient of a recipe is worth, one taken out or put in at a time.

The recipes are those of the studies: YANN-TD3+core on the pendulum, YANN-TD3 on the fouled reactor, without a gate.
Each row is trained with all seeds as one stack, printed as it is done, and kept under results/ablation, so that a run
that was stopped goes on; rows of other settings or another source are made anew. `--write` puts the table into
docs/ablation.md.
"""

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.ablation_recipe import CHANGES, GROUNDS, Ground, changes
from benchmarks.solver.document import insert
from benchmarks.solver.table import markdown
from rl import Diverged, Training, evaluate, train
from studies.provenance import source_digest
from studies.statistics import interquartile_mean
from studies.workers import Reader, run_tasks

ROOT = Path(__file__).parents[1]
FOLDER, PAGE = ROOT / "results" / "ablation", ROOT / "docs" / "ablation.md"
EPISODES = {"pendulum": 25, "cstr": 12}
HEAD = ["", "gap closed: median", "IQM", "worst seed", "harm in training", "harm at the end", "violations", "CPU-s"]


@dataclass(frozen=True)
class Row:
    """What one recipe did: `closed` is the share of the gap of each seed, `harm` the most that a start got worse.

    `harm` is over all seeds, starts to be kept and evaluations, of the actors as trained; `harm_at_end` of those that
    are delivered. `violations` counts unsafe steps in training, `episodes` those that were finished.
    """

    name: str
    closed: list[float]
    harm: float
    harm_at_end: float
    violations: int
    seconds: float
    episodes: int

    def cells(self, planned: int) -> list[str]:
        """The row's cells in the table; a training that diverged is named so."""
        name = self.name if self.episodes == planned else f"{self.name} (diverged in episode {self.episodes + 1})"
        closed = np.median(self.closed), interquartile_mean(np.array(self.closed)), min(self.closed)
        harm = (f"{value:.2f}" for value in (self.harm, self.harm_at_end))
        return [name, *(f"{value:.2f}" for value in closed), *harm, str(self.violations), f"{self.seconds:.0f}"]


def measured(place: str, change: str, seeds: int, episodes: int, reader: Reader | None) -> Row:
    """Train one recipe with all seeds and return its row."""
    del reader
    ground = GROUNDS[place]()
    name, recipe = CHANGES[change](ground)
    begun = time.process_time()
    try:
        training = train(
            recipe.agent(ground.law),
            ground.world,
            episodes=episodes,
            seeds=range(seeds),
            test_starts=ground.starts,
            gate=recipe.gate,
        )
    except Diverged as stop:
        training = stop.training
    return row(name, ground, training, time.process_time() - begun)


def row(name: str, ground: Ground, training: Training, seconds: float) -> Row:
    """Return what a training on this ground showed."""
    law = evaluate(ground.law, ground.world, starts=ground.starts).costs
    after = np.array([evaluate(actor, ground.world, starts=ground.starts).costs for actor in training.actors])
    gap = (law - ground.best)[ground.hard].mean()
    closed = (law - after)[:, ground.hard].mean(axis=1) / gap
    return Row(
        name=name,
        closed=closed.tolist(),
        harm=float((training.log.test_costs - law)[:, 1:, ground.kept].max(initial=0.0)),
        harm_at_end=float((after - law)[:, ground.kept].max()),
        violations=int(training.ledger.violations.sum()),
        seconds=seconds,
        episodes=training.episodes,
    )


def kept(file: Path, key: str) -> Row | None:
    """Return the row that a run with the same key left, if there is one."""
    if not file.exists():
        return None
    data = json.loads(file.read_text())
    return Row(**data["row"]) if data["key"] == key else None


def key_of(seeds: int, episodes: int) -> str:
    """Return a hash of all that a row depends on, but plant and recipe."""
    own = b"".join((ROOT / "benchmarks" / name).read_bytes() for name in ("ablation.py", "ablation_recipe.py"))
    return hashlib.sha256(own + f"{source_digest()} {seeds} {episodes}".encode()).hexdigest()


def rows(place: str, seeds: int, episodes: int, workers: int) -> list[Row]:
    """Return all rows of a plant, kept or trained now."""
    folder, key = FOLDER / place, key_of(seeds, episodes)
    folder.mkdir(parents=True, exist_ok=True)
    files = {change: folder / f"{change.replace(' ', '-')}.json" for change in changes(place)}
    found = {change: kept(file, key) for change, file in files.items()}
    missing = [change for change, known in found.items() if known is None]
    for index, fresh in run_tasks(measured, [(place, c, seeds, episodes) for c in missing], workers, None):
        change = missing[index]
        files[change].write_text(json.dumps({"key": key, "row": asdict(fresh)}))
        found[change] = fresh
        tell(" | ".join(fresh.cells(episodes)))
    return [known for known in found.values() if known is not None]


def table(place: str, found: list[Row], seeds: int, episodes: int) -> str:
    """Return the table with a line on its settings."""
    settings = f"`--plant {place} --seeds {seeds} --episodes {episodes}`:"
    return f"{settings}\n\n{markdown(HEAD, [one.cells(episodes) for one in found])}"


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--plant", choices=GROUNDS, action="append", help="one plant; default: both")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--episodes", type=int, help=f"default: {EPISODES}")
    parser.add_argument("--workers", type=int, default=1, help="rows that are trained at once")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/ablation.md")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for place in given.plant or GROUNDS:
        episodes = given.episodes or EPISODES[place]
        text = table(place, rows(place, given.seeds, episodes, given.workers), given.seeds, episodes)
        tell(text)
        if given.write:
            insert(PAGE, f"ablation {place}", text)


if __name__ == "__main__":
    main()
