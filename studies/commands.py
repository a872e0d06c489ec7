"""What the verbs of the command line do, apart from it: these imports take seconds."""

import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

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
from studies.report import Report, write_report
from studies.result import StudyResult
from studies.runner import run_study
from studies.suite import SUITES, Suite, suite_in, write_index

FAILURES = (StudyError, FileFormatError, Diverged, OSError)
"""What a command may raise that is told in one line."""

LOGGED = 10  # episodes from line to line where no one watches a bar


def study(options: Namespace, command: str, console: Console) -> str:
    """Run a study, or all of a suite, write the reports and return what was found; progress goes to the console."""
    workers = whole_number(
        (os.cpu_count() or 1) if options.workers is None else options.workers, "workers", StudyError, least=1
    )
    torch.set_num_threads(1)
    whole = options.out or Path("results") / options.name
    if options.name not in SUITES:
        return _run(_chosen(options, options.name), whole, command, console, workers).words
    suite = SUITES[options.name]
    chosen = {part: _chosen(options, name) for part, name in suite.parts.items()}
    done = {part: _run(one, whole / part, command, console, workers) for part, one in chosen.items()}
    return _suite_told(suite, done, whole)


def report(options: Namespace, command: str, console: Console) -> str:
    """Draw the report of a finished study again, or those of a suite, and return what was found."""
    del command
    whole = options.folder
    suite = suite_in(whole)
    if suite is not None:
        return _suite_told(suite, {part: _drawn_again(whole / part, console) for part in suite.parts}, whole)
    if not (whole / "result.npz").exists():
        raise StudyError(
            f"{whole} holds no finished study (no result.npz); run a study into it first, such as "
            f"`yann pendulum --out {whole}`"
        )
    return _drawn_again(whole, console).words


VERBS = {"study": study, "report": report}


def _chosen(options: Namespace, name: str) -> Study:
    chosen = REGISTRY[name].study
    chosen = chosen.quick() if options.quick else chosen
    chosen = chosen.paper_sized() if options.paper_networks else chosen
    given = {name: getattr(options, name) for name in ("seeds", "first_seed", "episodes")}
    return replace(chosen, **{name: value for name, value in given.items() if value is not None})


def _run(chosen: Study, path: Path, command: str, console: Console, workers: int) -> "_Done":
    """Run a study into a folder, and write its report there."""
    with StudyFolder(path) as folder:
        if console.is_terminal:
            with _bar(console) as bar:
                result = run_study(chosen, folder, command, _Watcher(bar, chosen), workers)
        else:
            result = run_study(chosen, folder, command, _Log(console), workers)
        return _draw(result, path, console)


def _drawn_again(path: Path, console: Console) -> "_Done":
    with StudyFolder(path) as folder:
        return _draw(StudyResult.load(folder.path), path, console)


def _draw(result: StudyResult, folder: Path, console: Console) -> "_Done":
    """Write the report of a result, and return it with the findings and where the files are."""
    entry = entry_of(result)
    with console.status("drawing the report"):
        report = entry.report(result)
        write_report(report, folder / "report.html")
    files = f"rows    {folder / 'result.json'}\nreport  {folder / 'report.html'}"
    return _Done(report, f"{entry.summary(result)}\n\n{files}")


def _suite_told(suite: Suite, done: Mapping[str, "_Done"], folder: Path) -> str:
    """Write the page that leads to the reports, and return the findings of all."""
    write_index(suite.title, {part: one.report for part, one in done.items()}, folder / "index.html")
    return "\n\n".join([*(one.words for one in done.values()), f"page    {folder / 'index.html'}"])


class _Done(NamedTuple):
    """A study whose report is written, and what is said of it."""

    report: Report
    words: str


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
