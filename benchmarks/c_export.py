"""python -m benchmarks.c_export: a state in exported C against a DAQP solve, both in C, in one process.

DAQP is compiled from its own sources (`pip download --no-binary :all: --no-deps daqp`, unpacked; `--daqp FOLDER` names
it) with the options of its setup.py. Its problem is set up once; for each state the linear cost and the bounds are
updated and the problem solved, from no working set (cold) and from that of the state before (warm). Constraints that
bound one product from both sides are one row, and bounds on variables are simple bounds where all variables have them,
which DAQP is fastest with. States are drawn uniformly from the domain, in random order; times are of the processor,
the best of some rounds. `--write` puts the table into docs/c_export.md.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.linalg import expm

from benchmarks.solver.document import insert
from benchmarks.solver.machine import processor
from mpc import LinearModel, MPCProblem, MultiparametricQP, PiecewiseAffineLaw, solve_explicit
from yann.export_c import export_c
from yann.export_c_sheet import DataSheet

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "c_export.md"
RACE = Path(__file__).with_name("c_export_race.c")
GCC = shutil.which("gcc") or "gcc"
STATES, ROUNDS, WANTED = 4096, 15, 10.0
OPTIONS = ["-O3", "-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math"]


@dataclass(frozen=True)
class Result:
    """Nanoseconds per state: ours, DAQP cold and warm with its update, the update alone; how far inputs are apart."""

    name: str
    sheet: DataSheet
    ours: float
    cold: float
    warm: float
    update: float
    apart: float

    @property
    def ratio(self) -> float:
        """How many times as long DAQP takes for a new state, cold or warm, whichever is faster."""
        return min(self.cold, self.warm) / self.ours

    @property
    def bare_ratio(self) -> float:
        """The same, as if the update of its linear cost and bounds took no time."""
        return (min(self.cold, self.warm) - self.update) / self.ours


def laws() -> dict[str, PiecewiseAffineLaw]:
    """The three laws, by name."""
    pendulum = LinearModel(
        A=[[1.01880867, 0.05031309], [0.7546963, 1.01880867]], B=[[0.00376173], [0.15093926]], sample_time=0.05
    )
    small = MPCProblem(pendulum, np.eye(2), 0.001, 2, state_bounds=([-2, -8], [2, 8]), input_bounds=(-2, 2))
    springs, force = np.array([[-2.0, 1], [1, -2]]), np.array([[0.0], [0], [1], [-0.5]])
    motion = np.block([[np.zeros((2, 2)), np.eye(2)], [springs, np.zeros((2, 2))]])
    step = expm(0.5 * np.block([[motion, force], [np.zeros((1, 5))]]))
    masses = LinearModel(A=step[:4, :4], B=step[:4, 4:], sample_time=0.5)
    box = {"state_bounds": ([-4] * 4, [4] * 4), "input_bounds": (-0.5, 0.5)}
    return {
        "pendulum, N = 2": solve_explicit(small),
        "dint_N10": double_integrator(),
        "two masses, N = 6": solve_explicit(MPCProblem(masses, np.eye(4), 1.0, 6, **box)),
    }


def double_integrator() -> PiecewiseAffineLaw:
    """The law of dint_N10, whose variables are ten inputs: the first one is applied, its bounds are -1 and 1."""
    with np.load(ROOT / "tests" / "data" / "mpqp" / "dint_N10.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
        law = solve_explicit(MultiparametricQP(*arrays, equality_rows=tuple(data["eq_idx"].tolist())))
    regions = replace(law.regions, gain=law.gains[:, :1], offset=law.offsets[:, :1])
    return replace(law, regions=regions, input_bounds=([-1.0], [1.0]))


def race(name: str, law: PiecewiseAffineLaw, daqp: Path, rounds: int = ROUNDS) -> Result:
    """Export, compile and time one law."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = export_c(law, folder).sheet
        content = problem_file(law.problem, states(law, STATES))
        (Path(folder) / "problem.bin").write_bytes(content)
        build(Path(folder), daqp)
        command = [f"{folder}/race", f"{folder}/problem.bin", str(rounds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Result(name, sheet, *map(float, done.stdout.split()))


def build(folder: Path, daqp: Path) -> None:
    sources = sorted((daqp / "csrc" / "src").glob("*.c"))
    include = ["-I", str(daqp / "csrc" / "include"), "-I", str(folder)]
    objects = []
    for source in sources:
        objects.append(str(folder / f"daqp_{source.stem}.o"))
        subprocess.run([GCC, *OPTIONS, *include, "-c", str(source), "-o", objects[-1]], check=True)
    law = str(folder / "law.o")
    subprocess.run([GCC, "-std=c89", "-O3", "-c", str(folder / "law.c"), "-o", law], check=True)
    subprocess.run([GCC, "-O2", *include, str(RACE), law, *objects, "-lm", "-o", str(folder / "race")], check=True)


def states(law: PiecewiseAffineLaw, count: int) -> np.ndarray:
    generator, found = np.random.default_rng(0), np.empty((0, law.t))
    while len(found) < count:
        drawn = law.centre + generator.uniform(-1, 1, (count, law.t)) * law.half_width
        found = np.concatenate([found, drawn[np.asarray(law.locate(drawn).margin) >= 0]])
    return found[:count]


def problem_file(problem: MultiparametricQP, points: np.ndarray) -> bytes:
    """The QP as DAQP likes it best, and the states."""
    A, upper, lower = two_sided(problem)
    n = len(problem.H)
    simple = [i for i in range(len(A)) if np.count_nonzero(A[i]) == 1]
    ms = n if len(simple) == n else 0
    order = (
        [*sorted(simple, key=lambda i: A[i].argmax()), *(i for i in range(len(A)) if i not in simple)] if ms else ...
    )
    A, upper, lower = A[order], upper[order], lower[order]
    sizes = np.array([n, len(A), ms, points.shape[1], len(points)], np.int32)
    parts = [problem.H, A[ms:], problem.f, problem.F, upper[:, 0], upper[:, 1:], lower[:, 0], lower[:, 1:], points]
    return sizes.tobytes() + b"".join(np.ascontiguousarray(part, np.float64).tobytes() for part in parts)


def two_sided(problem: MultiparametricQP) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows lower <= A z <= upper with unit A: each direction once, limits as [offset, slopes]; 1e30 for none."""
    found: dict[bytes, int] = {}
    rows, upper, lower = [], [], []
    none = np.r_[1e30, np.zeros(problem.S.shape[1])]
    for g, w, s in zip(problem.G, problem.w, problem.S, strict=True):
        size = np.linalg.norm(g)
        if size == 0:
            continue
        sign = np.sign(g[np.flatnonzero(np.abs(g) > 1e-12 * size)[0]])
        unit, level = sign * g / size, np.r_[w, s] / size
        key = np.round(unit, 10).tobytes()
        if key not in found or (upper if sign > 0 else lower)[found[key]][0] not in (1e30, -1e30):
            found[key] = len(rows)
            rows.append(unit)
            upper.append(none)
            lower.append(-none)
        (upper if sign > 0 else lower)[found[key]] = sign * level
    return np.array(rows), np.array(upper), np.array(lower)


def table(results: list[Result]) -> str:
    names = (
        "law",
        "regions",
        "tables",
        "depth",
        "C",
        "DAQP cold",
        "DAQP warm",
        "its update",
        "times",
        "without update",
    )
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
    return head + "\n".join(
        f"| {r.name} | {r.sheet.regions:,} | {r.sheet.table_bytes / 1024:,.1f} KiB | {r.sheet.depth} "
        f"| {r.ours:,.0f} ns | {r.cold:,.0f} ns | {r.warm:,.0f} ns | {r.update:,.0f} ns "
        f"| {r.ratio:,.1f} | {r.bare_ratio:,.1f} |"
        for r in results
    )


def main(words: list[str] | None = None) -> int:
    """Print the table; 1 if a law is less than WANTED times faster or gives other inputs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daqp", type=Path, required=True, help="the unpacked sources of daqp")
    parser.add_argument("--write", action="store_true", help="put the table into docs/c_export.md")
    chosen = parser.parse_args(words)
    results = [race(name, law, chosen.daqp) for name, law in laws().items()]
    text = f"{processor()}, one thread, gcc -O3.\n\n{table(results)}"
    sys.stdout.write(text + "\n")
    if chosen.write:
        insert(PAGE, "speed", text)
    for result in results:
        sys.stdout.write(f"{result.name}: inputs differ by at most {result.apart:.1e}\n")
    return int(any(result.ratio < WANTED or result.apart > 1e-5 for result in results))


if __name__ == "__main__":
    sys.exit(main())
