"""python -m benchmarks.solver.scale: time and memory per region as the number of regions grows to 1e5 and beyond.

Two families of a chain of 3 masses between walls with 2 limited inputs (6 parameters): one problem on larger and larger
boxes of states, where everything but the number of regions stays the same, and longer and longer horizons, where
each region also has more variables and rows. Every size is solved once, in a fresh process with one thread,
after a warm-up on the smallest problem of all.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.solver.contest import written
from benchmarks.solver.document import insert
from benchmarks.solver.families import control, spring_chain
from benchmarks.solver.machine import described
from benchmarks.solver.problems import Problem
from benchmarks.solver.process import OURS, Worker
from benchmarks.solver.table import markdown, rounded

BOXES = ((7, 0.42), (7, 0.55), (7, 1.0))  # (horizon, half width of the box of states)
HORIZONS = ((3, 4.0), (4, 4.0), (5, 4.0), (6, 4.0))
BAR = 2.0


@dataclass(frozen=True)
class Size:
    """One solve: seconds on the clock and of the processor, and the most memory that its process held."""

    horizon: int
    box: float
    variables: int
    rows: int
    regions: int
    seconds: float
    cpu_s: float
    memory_mb: float
    loaded_mb: float

    @property
    def cost(self) -> float:
        """Microseconds of the processor for one region."""
        return 1e6 * self.cpu_s / self.regions


def chain(horizon: int, box: float) -> Problem:
    arrays = control(spring_chain(3, 2), horizon, input_limit=0.5, box_size=box)
    return Problem(f"chain3m2u_N{horizon}_{box:g}", arrays, "3 masses, 2 inputs")


def measured(horizon: int, box: float, cap: float) -> Size:
    """One size in a process of its own; raises Ended beyond `cap` seconds."""
    problem = chain(horizon, box)
    with tempfile.TemporaryDirectory() as folder:
        paths = [written(problem, Path(folder) / "problem.npz"), written(chain(2, 1.0), Path(folder) / "warm.npz")]
        with Worker(OURS, *paths, cap) as worker:
            loaded = worker.ready(300.0)["memory_mb"]
            run = worker.ask("run")
    sizes = (horizon, box, problem.variables, problem.rows, run["regions"])
    return Size(*sizes, run["seconds"], run["cpu_s"], run["memory_mb"], loaded)


def family(sizes: tuple[tuple[int, float], ...], cap: float, console: Console) -> Iterator[Size]:
    for horizon, box in sizes:
        console.print(f"horizon {horizon}, box {box:g} ...", highlight=False)
        yield measured(horizon, box, cap)


def table(sizes: list[Size]) -> str:
    head = ["horizon", "box", "variables", "rows", "regions", "s", "CPU s", "CPU us per region", "peak MiB"]
    head += ["KiB per region beyond the start"]
    lines = []
    for s in sizes:
        cells = [s.horizon, f"{s.box:g}", s.variables, s.rows, s.regions, rounded(s.seconds), rounded(s.cpu_s)]
        grown = 1024 * (s.memory_mb - s.loaded_mb) / s.regions
        lines.append([*cells, rounded(s.cost), f"{s.memory_mb:.0f}", rounded(grown)])
    return markdown(head, lines)


def verdict(sizes: list[Size], name: str) -> str:
    costs = [size.cost for size in sizes]
    spread = max(costs) / min(costs)
    said = "reached" if spread <= BAR else "missed"
    return f"- {name}: the cost of a region varies by a factor {spread:.2f}; bar {BAR:g} {said}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solver.scale", description=__doc__)
    parser.add_argument("--cap", type=float, default=1800.0, help="seconds for one size (default %(default)g)")
    parser.add_argument("--out", type=Path, default=Path("results/solver"), help="folder (default %(default)s)")
    parser.add_argument("--document", type=Path, help="a page with <!-- scale --> marks for the tables")
    given, console, parts, record = parser.parse_args(), Console(), [], {"machine": described()}
    given.out.mkdir(parents=True, exist_ok=True)
    for name, sizes in (("growing box, same problem", BOXES), ("growing horizon", HORIZONS)):
        done: list[Size] = []
        for size in family(sizes, given.cap, console):
            done.append(size)
            console.print(f"{size.regions} regions, {size.cost:.0f} us each, {size.memory_mb:.0f} MiB", highlight=False)
            text = "\n\n".join([*parts, f"### {name}", table(done), verdict(done, name)])
            (given.out / "scale.md").write_text(text + "\n")
            (given.out / "scale.json").write_text(
                json.dumps(record | {name: [vars(one) for one in done]}, indent=1) + "\n"
            )
        record[name] = [vars(one) for one in done]
        parts = [text]
        console.print(verdict(done, name), highlight=False, soft_wrap=True)
    if given.document:
        insert(given.document, "scale", (given.out / "scale.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
