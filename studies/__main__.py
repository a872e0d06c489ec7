"""The command line: `python -m studies ...`, installed as `yann ...`."""

import argparse
import difflib
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mpc import FileFormatError
from plants.arrays import whole_number
from rl import Diverged
from rl import Progress as Episode
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.pendulum import PendulumStudy
from studies.pendulum_report import pendulum_report, summary
from studies.report import write_report
from studies.result import StudyResult
from studies.runner import run_study

STUDIES = ("pendulum",)
EXAMPLES = """examples:
  yann pendulum                          the whole study: 10 seeds, 50 episodes, a few minutes
  yann pendulum --quick                  the same in seconds: 2 seeds, 4 episodes
  yann study pendulum --seeds 5 --first-seed 100 --out results/other
  yann report results/pendulum           draw the report again from what was saved

A study that is stopped (Ctrl-C) goes on from its last finished block when it is started again."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in STUDIES:
        words = ["study", *words]
    console = Console(stderr=True)
    options = _parser().parse_args(words)
    command = shlex.join(["yann", *words])
    try:
        return options.run(options, command, console)
    except (StudyError, FileFormatError, Diverged, OSError) as error:
        console.print(f"[bold red]error:[/] {error}", soft_wrap=True, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; finished blocks are kept, and the same command goes on from them", highlight=False)
        return 130


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="yann", description="Explicit MPC laws as neural networks: studies and reports.", epilog=EXAMPLES,
        formatter_class=form,
    )  # fmt: skip
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{study,report}")
    study = verbs.add_parser("study", help="run a study and write its report", epilog=EXAMPLES, formatter_class=form)
    study.add_argument("name", type=_study_name, help=f"one of: {', '.join(STUDIES)}; the name alone is short for this")
    study.add_argument("--seeds", type=int, metavar="N", help="number of seeds (default 10)")
    study.add_argument("--first-seed", type=int, metavar="K", help="the first of them (default 0)")
    study.add_argument("--episodes", type=int, metavar="N", help="training episodes of each seed (default 50)")
    study.add_argument("--workers", type=int, metavar="N", help="processes to use (default: one per core)")
    study.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default results/NAME)")
    study.add_argument("--quick", action="store_true", help="2 seeds and 4 episodes, to see that it works")
    study.add_argument("--paper-networks", action="store_true", help="plain networks 256-256, as the paper's (slow)")
    study.set_defaults(run=_study)
    report = verbs.add_parser("report", help="draw the report of a finished study again")
    report.add_argument("folder", type=Path, help="the study's folder")
    report.set_defaults(run=_report)
    return parser


def _study_name(name: str) -> str:
    if name in STUDIES:
        return name
    close = difflib.get_close_matches(name, STUDIES, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise argparse.ArgumentTypeError(f"there is no study {name!r}{hint} (there is: {', '.join(STUDIES)})")


def _study(options: argparse.Namespace, command: str, console: Console) -> int:
    study = PendulumStudy()
    study = study.quick() if options.quick else study
    study = study.paper_sized() if options.paper_networks else study
    given = {name: getattr(options, name) for name in ("seeds", "first_seed", "episodes")}
    study = replace(study, **{name: value for name, value in given.items() if value is not None})
    workers = whole_number(
        (os.cpu_count() or 1) if options.workers is None else options.workers, "workers", StudyError, least=1
    )
    torch.set_num_threads(1)
    with StudyFolder(options.out or Path("results") / options.name) as folder:
        with _bar(console) as bar:
            result = run_study(study, folder, command, _Watcher(bar, study), workers)
        _write_report(result, folder.path, console)
    return 0


def _report(options: argparse.Namespace, command: str, console: Console) -> int:
    del command
    if not (options.folder / "result.npz").exists():
        raise StudyError(
            f"{options.folder} holds no finished study (no result.npz); run `yann pendulum --out {options.folder}`"
        )
    with StudyFolder(options.folder) as folder:
        _write_report(StudyResult.load(folder.path), folder.path, console)
    return 0


def _write_report(result: StudyResult, folder: Path, console: Console) -> None:
    with console.status("drawing the report"):
        write_report(pendulum_report(result), folder / "report.html")
    print(summary(result))
    print(f"\nrows    {folder / 'result.json'}\nreport  {folder / 'report.html'}")


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(
        *columns, TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[cost]}"), console=console
    )


class _Watcher:
    """Shows the progress of every block of seeds: one bar per method, with the mean test cost so far."""

    def __init__(self, bar: Progress, study: PendulumStudy) -> None:
        self._bar, self._study = bar, study
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, method: str, seeds: range, progress: Episode) -> None:
        if method not in self._tasks:
            total = progress.episodes * len(self._study.blocks)
            self._tasks[method] = self._bar.add_task(f"{method:10s}", total=total, cost="")
        cost = f"mean test cost {progress.test_costs.mean():9.2f}, seeds {seeds[0]}-{seeds[-1]}"
        self._bar.update(self._tasks[method], advance=1, cost=cost)


if __name__ == "__main__":
    sys.exit(main())
