"""python -m benchmarks.single_state: one state by every way there is to its input, on laws of 9, 113 and 1,801 regions.

Exported C (compiled by gcc -O3), this package's Python, its networks in torch and ONNX runtime, PPOPT's `evaluate` on
the same regions (`make peers` builds its environment), DAQP and OSQP online, and a perceptron of 256 x 256 that knows
no law. `--daqp FOLDER`, DAQP's unpacked sources, adds DAQP in C. Ways take turns; figures are medians over the rounds,
in microseconds of processor time for a state, one thread. `--write` puts the table into docs/c_export.md.
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
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import osqp
import scipy.sparse as sparse
import torch

from benchmarks.c_export import GCC, PAGE, build, laws, problem_file, states
from benchmarks.solver.document import insert
from benchmarks.solver.machine import processor
from benchmarks.solver.process import PEERS, ROOT
from mpc import ImplicitMPC, PiecewiseAffineLaw
from yann import YannActor
from yann.export_c import export_c
from yann.export_c_form import DOUBLE, FLOAT, Precision
from yann.export_onnx import export_onnx

STATES, ROUNDS, SLICE = 4096, 7, 0.02
WIDE = 256
LOOP = """
#include "law.h"
void many(const {real} *x, {real} *u, int count)
{{
    int i;
    for (i = 0; i < count; i++) {{
        law_eval(x + i * LAW_STATES, u);
    }}
}}
"""

Way = Callable[[], float]
"""Measures once: microseconds for a state."""


def in_c(law: PiecewiseAffineLaw, points: np.ndarray, precision: Precision, folder: Path) -> Way:
    """The exported law, called from a loop in C."""
    export_c(law, folder, precision=precision)
    (folder / "loop.c").write_text(LOOP.format(real=precision.name))
    command = [GCC, "-O3", "-shared", "-fPIC", str(folder / "law.c"), str(folder / "loop.c"), "-o", f"{folder}/law.so"]
    subprocess.run(command, check=True)
    x, u = np.ascontiguousarray(points, precision.dtype), np.zeros(law.m, precision.dtype)
    many, passes = ctypes.CDLL(f"{folder}/law.so").many, 10
    arguments = x.ctypes.data_as(ctypes.c_void_p), u.ctypes.data_as(ctypes.c_void_p), len(x)

    def measured() -> float:
        start = time.process_time()
        for _ in range(passes):
            many(*arguments)
        return 1e6 * (time.process_time() - start) / (passes * len(x))

    return measured


def daqp_in_c(law: PiecewiseAffineLaw, points: np.ndarray, sources: Path, folder: Path) -> Way:
    """DAQP in C, cold or warm, whichever is faster, its update for the state included; see c_export."""
    export_c(law, folder)
    (folder / "problem.bin").write_bytes(problem_file(law.problem, points))
    build(folder, sources)

    def measured() -> float:
        done = subprocess.run([f"{folder}/race", f"{folder}/problem.bin", "1"], capture_output=True, check=True)
        return min(map(float, done.stdout.split()[1:3])) / 1e3

    return measured


def repeated(answer: Callable[[Any], object], points: Any, shared: int = 1) -> Way:
    """A function of one argument, called on one after another for some time; each counts as `shared` states."""
    place = 0

    def measured() -> float:
        nonlocal place
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < SLICE or count < 3:
            answer(points[place % len(points)])
            place, count = place + 1, count + 1
        return 1e6 * spent / (count * shared)

    return measured


def osqp_online(law: PiecewiseAffineLaw) -> Callable[[np.ndarray], object]:
    """OSQP with its defaults, set up once, from the solution before; its answers are good to 1e-3."""
    problem, solver = law.problem, osqp.OSQP()
    lower = np.full(len(problem.G), -np.inf)
    data = sparse.csc_matrix(np.triu(problem.H)), problem.f, sparse.csc_matrix(problem.G), lower, problem.w
    solver.setup(*data, verbose=False)

    def answer(x: np.ndarray) -> object:
        solver.update(q=problem.f + problem.F @ x, u=problem.w + problem.S @ x)
        return solver.solve()

    return answer


def ppopt_evaluate(law: PiecewiseAffineLaw, points: np.ndarray, folder: Path, stack: ExitStack) -> Way:
    """PPOPT's point location on the same regions, in a process of its own environment."""
    A, b, owner = law.halfspaces
    np.savez(folder / "law.npz", A=A, b=b, owner=owner, gains=law.gains, offsets=law.offsets, points=points)
    command = [str(PEERS), "-m", "benchmarks.single_state_peer", str(folder / "law.npz"), str(SLICE)]
    pipe = subprocess.PIPE
    peer = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT))
    stack.callback(peer.terminate)

    def measured() -> float:
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write("\n")
        peer.stdin.flush()
        return float(peer.stdout.readline())

    return measured


def perceptrons(law: PiecewiseAffineLaw) -> tuple[torch.nn.Module, Callable[[np.ndarray], np.ndarray]]:
    """A perceptron of two hidden layers in torch, and the same in numpy."""
    widths = (law.t, WIDE, WIDE, law.m)
    layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(widths)]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    arrays = [(np.ascontiguousarray(layer.weight.numpy(force=True)), layer.bias.numpy(force=True)) for layer in layers]

    def by_numpy(x: np.ndarray) -> np.ndarray:
        for weight, bias in arrays[:-1]:
            x = np.maximum(weight @ x + bias, 0)
        return arrays[-1][0] @ x + arrays[-1][1]

    return network, by_numpy


def ways(law: PiecewiseAffineLaw, daqp: Path | None, stack: ExitStack) -> Iterator[tuple[str, Way]]:
    """Every way to the input of a state, by name."""
    points = states(law, STATES)
    folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4)]
    yield "exported C, double", in_c(law, points, DOUBLE, folders[0])
    yield "exported C, float", in_c(law, points, FLOAT, folders[1])
    if daqp is not None:
        yield "DAQP in C", daqp_in_c(law, points, daqp, folders[2])
    yield "law(x), numpy", repeated(law, points)
    actor, alone = YannActor.from_law(law), torch.tensor(points)[:, None, None]
    yield "actor, torch", repeated(actor.rows, alone)
    yield "actor, torch, batch of 1,024", repeated(actor.rows, torch.tensor(points.reshape(-1, 1, 1024, law.t)), 1024)
    export_onnx(law, folders[3] / "law.onnx")
    session = onnxruntime.InferenceSession(str(folders[3] / "law.onnx"), _one_thread(), ["CPUExecutionProvider"])
    yield "ONNX runtime", repeated(lambda x: session.run(None, {"x": x}), points[:, None])
    if PEERS.exists():
        yield "PPOPT, evaluate", ppopt_evaluate(law, points, folders[3], stack)
    yield "DAQP from Python, ImplicitMPC", repeated(ImplicitMPC(law.problem), points)
    yield "OSQP from Python", repeated(osqp_online(law), points)
    network, by_numpy = perceptrons(law)
    yield "perceptron 256 x 256, torch", repeated(network, torch.tensor(points)[:, None])
    yield "perceptron 256 x 256, numpy", repeated(by_numpy, points)


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


@torch.no_grad()
def measured(law: PiecewiseAffineLaw, daqp: Path | None) -> dict[str, float]:
    """The median over the rounds, by way."""
    with ExitStack() as stack:
        found = dict(ways(law, daqp, stack))
        for way in found.values():
            way()
        rounds = [{name: way() for name, way in found.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(taken[name] for taken in rounds) for name in found}


def table(columns: dict[int, dict[str, float]]) -> str:
    """Return the figures as Markdown, the ways in rows, the laws in columns."""
    head = ["µs a state", *(f"{regions:,} regions" for regions in columns)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in next(iter(columns.values())):
        figures = [
            f"{figure[name]:,.3g}" if figure[name] < 100 else f"{figure[name]:,.0f}" for figure in columns.values()
        ]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daqp", type=Path, help="the unpacked sources of daqp")
    parser.add_argument("--write", action="store_true", help="put the table into docs/c_export.md")
    chosen = parser.parse_args(words)
    torch.set_num_threads(1)
    columns = {len(law.regions): measured(law, chosen.daqp) for law in laws().values()}
    text = f"{processor()}, one thread, processor time, medians of {ROUNDS} rounds in turns.\n\n{table(columns)}"
    sys.stdout.write(text + "\n")
    if chosen.write:
        insert(PAGE, "single state", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
