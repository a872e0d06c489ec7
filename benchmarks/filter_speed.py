"""python -m benchmarks.filter_speed: what a safety filter takes for a state, in every form that it has.

The reactor's filter and the pendulum's: called with one state, with a batch, as layers, behind an actor, exported to C
(compiled by gcc -O3), and beside them the same question asked of a QP solver (DAQP) online. Ways take turns; figures
are medians over the rounds, in microseconds of processor time for a state, one thread. `--write` puts the table into
docs/safety.md.
"""

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import daqp
import numpy as np
import torch

from benchmarks.c_export import GCC
from benchmarks.single_state import ROUNDS, Way, repeated
from benchmarks.solver.document import insert
from benchmarks.solver.machine import processor
from mpc import regulator_problem, solve_explicit
from plants import Plant, clipped_pendulum, safety_cstr
from yann import FilteredActor, SafetyFilter, YannActor, export_c

PAGE = Path(__file__).parents[1] / "docs" / "safety.md"
STATES, BATCH = 4096, 1024
PENDULUM_LIMITS = ([-0.6, -4], [0.6, 4])
LOOP = """
#include "safe_filter.h"
void many(const double *x, const double *wanted, double *u, int count, int states)
{
    int i;
    for (i = 0; i < count; i++) {
        safe_filter(x + i * states, wanted + i, u);
    }
}
"""


def in_c(safe: SafetyFilter, x: np.ndarray, wanted: np.ndarray, folder: Path) -> Way:
    """The exported filter, called from a loop in C."""
    export_c(safe, folder, name="safe")
    (folder / "loop.c").write_text(LOOP)
    sources = [str(folder / name) for name in ("safe_filter.c", "loop.c")]
    subprocess.run([GCC, "-O3", "-shared", "-fPIC", *sources, "-o", f"{folder}/safe.so", "-lm"], check=True)
    many, passes, u = ctypes.CDLL(f"{folder}/safe.so").many, 10, np.zeros(1)
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, wanted, u)]

    def measured() -> float:
        start = time.process_time()
        for _ in range(passes):
            many(*pointers, len(x), x.shape[1])
        return 1e6 * (time.process_time() - start) / (passes * len(x))

    return measured


def by_qp(safe: SafetyFilter) -> Callable[[tuple[np.ndarray, np.ndarray]], object]:
    """The projection as a QP, solved anew for every state."""
    rows, (lower, upper) = safe.set.rows, safe.set.input_bounds
    U, H = np.array(rows.U, order="C"), np.eye(safe.set.m)
    bottom = np.r_[lower, np.full(len(U), -1e30)]

    def answer(pair: tuple[np.ndarray, np.ndarray]) -> object:
        x, wanted = pair
        levels = rows.h - rows.X @ x - U @ (rows.sines @ np.sin(x))
        return daqp.solve(H, -wanted, U, np.r_[upper, levels], bottom)

    return answer


def ways(plant: Plant, safe: SafetyFilter, stack: ExitStack) -> Iterator[tuple[str, Way]]:
    """Every form of the filter, by name."""
    generator = np.random.default_rng(0)
    corners = safe.set.polyhedron.box()
    x = generator.uniform(*corners, (STATES, plant.n))
    wanted = generator.uniform(*plant.input_bounds, (STATES, plant.m))
    pairs = list(zip(x, wanted, strict=True))
    yield "C", in_c(safe, x, wanted, Path(stack.enter_context(tempfile.TemporaryDirectory())))
    yield "Python, one state", repeated(lambda pair: safe(*pair), pairs)
    whole = [(x[i : i + BATCH], wanted[i : i + BATCH]) for i in range(0, STATES, BATCH)]
    yield f"Python, batch of {BATCH:,}", repeated(lambda pair: safe(*pair), whole, BATCH)
    tensors = [tuple(torch.tensor(part)[None] for part in pair) for pair in whole]
    yield f"layers, batch of {BATCH:,}", repeated(lambda pair: safe.rows(*pair), tensors, BATCH)
    actor = YannActor.from_law(solve_explicit(regulator_problem(plant, 2)))
    alone = torch.tensor(x)[:, None, None]
    yield "an actor, one state", repeated(actor.rows, alone)
    yield "the same in the filter", repeated(FilteredActor(actor, safe).rows, alone)
    yield "QP online (DAQP), one state", repeated(by_qp(safe), pairs)


@torch.no_grad()
def measured(plant: Plant, safe: SafetyFilter) -> dict[str, float]:
    """The median over the rounds, by way."""
    with ExitStack() as stack:
        found = dict(ways(plant, safe, stack))
        for way in found.values():
            way()
        rounds = [{name: way() for name, way in found.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(taken[name] for taken in rounds) for name in found}


def table(columns: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown, forms in rows, filters in columns."""
    lines = [f"| µs a state | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name in next(iter(columns.values())):
        figures = " | ".join(f"{column[name]:.3g}" for column in columns.values())
        lines += [f"| {name} | {figures} |"]
    return f"On {processor()}, one thread:\n\n" + "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filter_speed", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/safety.md")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    reactor, pendulum = safety_cstr(), clipped_pendulum()
    columns = {
        "reactor, 8 facets": measured(reactor, SafetyFilter.for_plant(reactor)),
        "pendulum": measured(pendulum, SafetyFilter.for_plant(pendulum, PENDULUM_LIMITS)),
    }
    text = table(columns)
    sys.stdout.write(f"{text}\n")
    if given.write:
        insert(PAGE, "filter speed", text)


if __name__ == "__main__":
    main()
