"""The process behind every measurement: one solver, one problem, one run for each line on its standard input.

Answers are lines of JSON on the standard output as it was at the start; whatever a solver prints goes to nowhere.
Commands: `run` (one timed solve), `save PATH` (the pieces of the last run). The process ends with its input.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from benchmarks.solver.pieces import Pieces

Arrays = dict[str, np.ndarray]


class Subject(Protocol):
    """A solver at work: `prepare` is not timed, `solve` is, `pieces` tells what was found."""

    def prepare(self, arrays: Arrays) -> Any: ...

    def solve(self, prepared: Any) -> Any: ...

    def pieces(self, solution: Any) -> Pieces: ...


def serve(load: Callable[[], Subject], problem: str, warm: str) -> None:
    """Answer commands about the problem file until the input ends; `warm` is a small problem solved first."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def answer(record: dict) -> None:
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    try:
        started = time.perf_counter()
        subject = load()
        loaded = time.perf_counter() - started
        if warm:
            subject.solve(subject.prepare(arrays_of(warm)))
        prepared, build = timed(lambda: subject.prepare(arrays_of(problem)))
        answer({"load_s": loaded, "build_s": build["seconds"], "memory_mb": peak()})
        obey(subject, prepared, answer)
    except Exception as error:  # noqa: BLE001  whatever a solver dies of is a result
        answer({"error": f"{type(error).__name__}: {error}"[:300], "kind": type(error).__name__})


def obey(subject: Subject, prepared: Any, answer: Callable[[dict], None]) -> None:
    solution = None
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            solution, spent = timed(lambda: subject.solve(prepared))
            answer(spent | {"memory_mb": peak(), "regions": len(subject.pieces(solution))})
        elif command == "save":
            subject.pieces(solution).save(argument)
            answer({"saved": argument})


def arrays_of(path: str) -> Arrays:
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """The result, and the seconds on the clock and of the processor."""
    started, busy = time.perf_counter(), time.process_time()
    result = work()
    return result, {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - busy}


def peak() -> float:
    """The most memory that this process ever held, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
