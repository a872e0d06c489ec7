"""python -m benchmarks.solver: our solver and PPOPT's four algorithms side by side, on every problem."""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.solver.contest import SOLVERS, Settings, contest
from benchmarks.solver.document import insert
from benchmarks.solver.first_call import FirstCall, compiled, first_call
from benchmarks.solver.harder import built_problems
from benchmarks.solver.machine import described
from benchmarks.solver.problems import Problem, stored_problems
from benchmarks.solver.process import OURS, PEERS
from benchmarks.solver.report import write
from benchmarks.solver.table import Entry, bars, failures, finding, rounded

WARM = "bemporad71"
FIRST = ("pend_N3", "chain3m2u_N3")
COMPILING = (WARM, "deg_octahedron", "hard_flat_dint_N5")  # between them they call every compiled function


@dataclass
class Run:
    """Everything that one run knows; what is there is on disk after every problem."""

    problems: list[Problem]
    warm: Problem
    settings: Settings
    solvers: tuple[str, ...]
    folder: Path
    machine: dict[str, str]
    entries: list[Entry] = field(default_factory=list)
    first: list[FirstCall] = field(default_factory=list)

    def go(self, console: Console) -> None:
        """Run all problems; on Ctrl-C the tables of those that are done stay."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("", total=len(self.problems) * len(self.solvers))
            for problem in self.problems:
                progress.update(task, description=problem.name)
                scores = contest(problem, self.warm, self.settings, self.solvers, lambda _: progress.advance(task))
                self.entries.append(Entry(problem, scores, self.settings.cap))
                self.write()
                console.print(line(self.entries[-1]), markup=False, highlight=False, soft_wrap=True)

    def write(self) -> None:
        write(self.folder, self.entries, self.machine, self.first, len(self.problems) - len(self.entries))


def line(entry: Entry) -> str:
    ours = entry.scores[OURS].median
    taken = "" if ours is None else f" in {rounded(1e3 * ours)} ms"
    ratio = "" if entry.ratio is None else f", {'' if entry.ratio[1] else 'over '}{rounded(entry.ratio[0])} times"
    return f"{entry.problem.name}: {finding(entry.scores[OURS])}{taken}{ratio}"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solver", description=__doc__)
    usual = Settings()
    parser.add_argument("names", nargs="*", help="problems to run: parts of their names (default: all)")
    parser.add_argument("--cap", type=float, default=usual.cap, help="seconds for one run (default %(default)g)")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="turns of each solver (default %(default)d)")
    parser.add_argument("--points", type=int, default=usual.points, help="random points (default %(default)d)")
    parser.add_argument("--facets", type=int, default=usual.facets, help="facets crossed (default %(default)d)")
    parser.add_argument("--only-ours", action="store_true", help="leave PPOPT out")
    parser.add_argument("--out", type=Path, default=Path("results/solver"), help="folder (default %(default)s)")
    parser.add_argument("--document", type=Path, help="a page with <!-- solver --> marks for the tables")
    return parser.parse_args(given)


def main() -> int:
    given, console = arguments(), Console()
    stored = stored_problems()
    everything = [*stored, *built_problems(stored)]
    chosen = [p for p in everything if not given.names or any(part in p.name for part in given.names)]
    if not chosen:
        console.print(
            f"no problem is called {', '.join(given.names)}; there are {', '.join(p.name for p in everything)}"
        )
        return 2
    if not (given.only_ours or PEERS.exists()):
        console.print(f"{PEERS} is missing: `make bench-solver` builds it, or leave PPOPT out with --only-ours")
        return 2
    by_name = {p.name: p for p in stored}
    settings = Settings(given.cap, given.rounds, points=given.points, facets=given.facets)
    run = Run(chosen, by_name[WARM], settings, SOLVERS[: 1 if given.only_ours else None], given.out, described())
    try:
        seconds = compiled([p for p in everything if p.name in COMPILING])
        run.machine["before all else, to fill numba's cache"] = f"{seconds:.0f} s"
        run.go(console)
        run.first += [first_call(by_name[name], given.cap) for name in FIRST]
    except KeyboardInterrupt:
        console.print(f"stopped after {len(run.entries)} of {len(chosen)} problems; the tables hold those")
        return 130
    finally:
        run.write()
        console.print(f"written: {given.out}/solver.md and solver.json")
    if given.document:
        insert(given.document, "solver", (given.out / "solver.md").read_text())
    for text in [*bars(run.entries), *map(str, run.first), *failures(run.entries)]:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
