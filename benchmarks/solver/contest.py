"""One problem, all solvers: rounds in which they take turns, then the judge."""

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.solver.judge import Judge, Verdict
from benchmarks.solver.oracle import Oracle
from benchmarks.solver.pieces import Pieces
from benchmarks.solver.ppopt import ALGORITHMS
from benchmarks.solver.problems import Problem
from benchmarks.solver.process import OURS, Ended, Worker

SOLVERS = (OURS, *ALGORITHMS)


@dataclass(frozen=True)
class Settings:
    """`cap` seconds for each run; `rounds` of turns, of which a solver leaves out the rest once it used `budget` s."""

    cap: float = 40.0
    rounds: int = 5
    budget: float = 10.0
    points: int = 1000
    facets: int = 300


@dataclass
class Score:
    """One solver on one problem: `status` is "ok", or why there is no law.

    `seconds` on the clock and `cpu_s` of the processor, one for each run; regions; the judge's verdict.
    """

    status: str = "ok"
    message: str = ""
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    build_s: float = 0.0
    regions: int | None = None
    verdict: Verdict | None = None

    @property
    def median(self) -> float | None:
        """The median on the clock, in seconds; None where a run failed."""
        return statistics.median(self.seconds) if self.seconds and self.status == "ok" else None

    @property
    def busy(self) -> float | None:
        """The same of the processor: other work on the machine counts less in it."""
        return statistics.median(self.cpu_s) if self.cpu_s and self.status == "ok" else None


def contest(
    problem: Problem, warm: Problem, settings: Settings, solvers: Sequence[str], told: Callable[[str], None]
) -> dict[str, Score]:
    """The score of each solver; `told` is called with a solver's name when it has run for the last time."""
    scores = {solver: Score() for solver in solvers}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        paths = [written(problem, folder / "problem.npz"), written(warm, folder / "warm.npz")]
        workers = {}
        for solver in solvers:
            worker = stack.enter_context(Worker(solver, *paths, settings.cap))
            if _attempt(scores[solver], lambda worker=worker, score=scores[solver]: _start(worker, score)):
                workers[solver] = worker
            else:
                told(solver)
        _rounds(workers, scores, settings, told)
        _judge(problem, workers, scores, settings, folder)
    return scores


def written(problem: Problem, path: Path) -> Path:
    np.savez(path, **problem.arrays)
    return path


def _rounds(workers: dict[str, Worker], scores: dict[str, Score], settings: Settings, told) -> None:
    running = list(workers)
    for turn in range(settings.rounds):
        for solver in list(running):
            score = scores[solver]
            fine = _attempt(score, lambda solver=solver, score=score: _run(workers[solver], score))
            if not fine or turn == settings.rounds - 1 or sum(score.seconds) > settings.budget:
                running.remove(solver)
                told(solver)
            if not fine:
                del workers[solver]


def _judge(problem: Problem, workers: dict[str, Worker], scores: dict[str, Score], settings: Settings, folder: Path):
    if not workers or problem.refusal:
        return
    judge = Judge(Oracle(problem), settings.points, settings.facets)
    for solver, worker in workers.items():
        path = folder / f"{solver}.npz"
        if _attempt(scores[solver], lambda worker=worker, path=path: worker.ask(f"save {path}")):
            scores[solver].verdict = judge.verdict(Pieces.load(path))


def _start(worker: Worker, score: Score) -> None:
    score.build_s = worker.ready()["build_s"]


def _run(worker: Worker, score: Score) -> None:
    answer = worker.ask("run")
    score.seconds.append(answer["seconds"])
    score.cpu_s.append(answer["cpu_s"])
    score.regions = answer["regions"]


def _attempt(score: Score, action: Callable[[], object]) -> bool:
    try:
        action()
    except Ended as end:
        score.status, score.message = end.kind, str(end)
        return False
    return True


def recorded(score: Score) -> dict:
    """The score as plain numbers, for JSON."""
    record = dict(vars(score))
    record["verdict"] = vars(score.verdict) if score.verdict else None
    return json.loads(json.dumps(record | {"median_s": score.median, "median_cpu_s": score.busy}))
