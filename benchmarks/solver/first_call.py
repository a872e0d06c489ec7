"""What the first solve of a fresh process costs beyond later ones, with numba's cache warm."""

import statistics
import tempfile
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


def first_call(problem: Problem, cap: float, processes: int = 5, later: int = 3) -> FirstCall:
    """Medians over `processes` fresh processes, after one more that fills numba's cache."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(problem, Path(folder) / "problem.npz")
        for _ in range(processes + 1):
            with Worker(OURS, path, None, cap + 300) as worker:
                load = worker.ready()["load_s"]
                first, *others = (worker.ask("run")["seconds"] for _ in range(later + 1))
            rows.append((load, first, statistics.median(others)))
    load, first, after = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    return FirstCall(problem.name, load, first, after)
