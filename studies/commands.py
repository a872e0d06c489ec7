"""What the verbs of the command line do, apart from it: these imports take seconds."""

import os
from argparse import Namespace
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
from studies.case import Study
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.registry import REGISTRY, entry_of
from studies.report import write_report
from studies.result import StudyResult
from studies.runner import run_study

FAILURES = (StudyError, FileFormatError, Diverged, OSError)
"""What a command may raise that is told in one line."""

LOGGED = 10  # episodes from line to line where no one watches a bar


def study(options: Namespace, command: str, console: Console) -> str:
    """Run a study, write its report and return what it found; progress goes to the console."""
    chosen = _chosen(options)
    workers = whole_number(
        (os.cpu_count() or 1) if options.workers is None else options.workers, "workers", StudyError, least=1
    )
    torch.set_num_threads(1)
    with StudyFolder(options.out or Path("results") / options.name) as folder:
        if console.is_terminal:
            with _bar(console) as bar:
                result = run_study(chosen, folder, command, _Watcher(bar, chosen), workers)
        else:
            result = run_study(chosen, folder, command, _Log(console), workers)
        return _written(result, folder.path, console)


def report(options: Namespace, command: str, console: Console) -> str:
    """Draw the report of a finished study again and return what the study found."""
    del command
    if not (options.folder / "result.npz").exists():
        raise StudyError(
            f"{options.folder} holds no finished study (no result.npz); run a study into it first, such as "
            f"`yann pendulum --out {options.folder}`"
        )
    with StudyFolder(options.folder) as folder:
        return _written(StudyResult.load(folder.path), folder.path, console)


VERBS = {"study": study, "report": report}


def _chosen(options: Namespace) -> Study:
    chosen = REGISTRY[options.name].study
    chosen = chosen.quick() if options.quick else chosen
    chosen = chosen.paper_sized() if options.paper_networks else chosen
    given = {name: getattr(options, name) for name in ("seeds", "first_seed", "episodes")}
    return replace(chosen, **{name: value for name, value in given.items() if value is not None})


def _written(result: StudyResult, folder: Path, console: Console) -> str:
    """Write the report and return the findings, with where the files are."""
    entry = entry_of(result)
    with console.status("drawing the report"):
        write_report(entry.report(result), folder / "report.html")
    return f"{entry.summary(result)}\n\nrows    {folder / 'result.json'}\nreport  {folder / 'report.html'}"


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(
        *columns, TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[cost]}"), console=console
    )


class _Watcher:
    """Shows the progress of every block of seeds: one bar per method and scenario, with the mean test cost so far."""

    def __init__(self, bar: Progress, chosen: Study) -> None:
        self._bar, self._study = bar, chosen
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, method: str, seeds: range, progress: Episode) -> None:
        if method not in self._tasks:
            total = progress.episodes * len(self._study.blocks)
            self._tasks[method] = self._bar.add_task(method, total=total, cost="")
        cost = f"mean test cost {progress.test_costs.mean():9.2f}, seeds {seeds[0]}-{seeds[-1]}"
        self._bar.update(self._tasks[method], advance=1, cost=cost)


class _Log:
    """Writes a plain line per block of seeds every few episodes and at the end, for a log without a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, method: str, seeds: range, progress: Episode) -> None:
        if progress.episode % LOGGED and progress.episode != progress.episodes:
            return
        self._console.print(
            f"{method}, seeds {seeds[0]}-{seeds[-1]}: episode {progress.episode} of {progress.episodes}, "
            f"mean test cost {progress.test_costs.mean():.2f}",
            soft_wrap=True, highlight=False, markup=False,
        )  # fmt: skip
