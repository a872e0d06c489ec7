"""What the first solve of a fresh process costs beyond later ones, with numba's cache warm."""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.solver.contest import written
from benchmarks.solver.problems import Problem
from benchmarks.solver.process import OURS, Worker

BAR = 1.5


@dataclass(frozen=True)
class FirstCall:
    """Medians in seconds over fresh processes: loading the toolbox, the first solve, a later solve."""

    name: str
    load_s: float
    first_s: float
    later_s: float

    def __str__(self) -> str:
        extra = self.first_s - self.later_s
        return (
            f"- {self.name}: first solve {self.first_s:.3f} s, later ones {self.later_s:.4f} s, {extra:.2f} s more; "
            f"bar {BAR} s {'reached' if extra <= BAR else 'missed'} (the import before it: {self.load_s:.2f} s)"
        )


def compiled(problems: list[Problem], limit: float = 900.0) -> float:
    """Seconds of a first process, which fills numba's cache by solving each problem once; little where it is full."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for problem in problems:
            with Worker(OURS, written(problem, Path(folder) / "problem.npz"), None, limit) as worker:
                worker.ready()
                worker.ask("run")
    return time.perf_counter() - started


def first_call(problem: Problem, cap: float, processes: int = 5, later: int = 3) -> FirstCall:
    """Medians over `processes` fresh processes; numba's cache must be full."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(problem, Path(folder) / "problem.npz")
        for _ in range(processes):
            with Worker(OURS, path, None, cap + 300) as worker:
                load = worker.ready()["load_s"]
                first, *others = (worker.ask("run")["seconds"] for _ in range(later + 1))
            rows.append((load, first, statistics.median(others)))
    load, first, after = (statistics.median(column) for column in zip(*rows, strict=True))
    return FirstCall(problem.name, load, first, after)
