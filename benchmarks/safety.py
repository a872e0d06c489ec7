"""python -m benchmarks.safety: the reactor's safe sets, their certificates, and what happens at their borders.

Each set is pushed by every policy under every disturbance that it withstands, with the filter and without, and then by
disturbances twice as large and behind a filter that knows the temperature alone, which must not hold. `--write` puts
the tables into docs/safety.md, `--ship` designs the sets anew and writes the certificates that come with the package.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.safety_learned import learned
from benchmarks.safety_runs import POLICIES, Disturbances, Maker, Tally, run, starts, zero_cooling
from benchmarks.solver.document import insert
from benchmarks.solver.table import markdown
from mpc import SafeSet, safe_set
from mpc.safety.heat_settings import NOMINAL, READABLE, ROBUST
from mpc.safety.shipped import FOLDER
from mpc.safety.stored_heat import design
from plants import Plant, safety_cstr

PAGE = Path(__file__).parents[1] / "docs" / "safety.md"
PRESETS = {"readable": READABLE, "nominal": NOMINAL, "robust": ROBUST}
ROWS, DRAWS = 10_000, 10_000
RUNS = [
    "policy",
    "disturbance",
    "steps",
    "beyond the limit",
    "outside the set",
    "hottest",
    "interventions",
    "unfiltered",
]
SETS = ["set", "facets", "cells", "worst slack", "verified in", "study starts inside", "T0 at C_A +0 / +.1"]


def temperature_only(safe: SafeSet) -> SafeSet:
    """The same set behind a filter that looks at the temperature alone."""
    rows = safe.rows
    return replace(
        safe,
        rows=replace(rows, X=rows.X[:1], U=rows.U[:1], h=rows.h[:1], guards=rows.guards[:1]),
    )


def highest_start(safe: SafeSet, plant: Plant, more: float) -> float:
    """By how much [K] a start may be above rest with `more` A [mol/L]."""
    rest = plant.equilibrium[0]
    facets = np.array(safe.certificate.content["facets"])
    return float((facets[:, 1] - facets[:, 0] * (rest[0] + more)).min() - rest[3])


def set_row(name: str, safe: SafeSet, plant: Plant) -> list[str]:
    """One line on a set and its certificate, which is verified for it."""
    begun = time.perf_counter()
    verdict = safe.certificate.verify()
    seconds = time.perf_counter() - begun
    inside = safe.contains(plant.sample_starts(np.random.default_rng(0), DRAWS)).mean()
    ends = " / ".join(f"{highest_start(safe, plant, more):+.2f} K" for more in (0.0, 0.1))
    facets = str(len(safe.certificate.content["facets"]))
    slack = f"{verdict.worst_slack:.1e} K per sample"
    return [name, facets, f"{verdict.cells:,}", slack, f"{seconds:.1f} s", f"{100 * inside:.2f} %", ends]


def run_row(policy: str, weather: str, kept: Tally, free: Tally) -> list[str]:
    """One line on a policy under a disturbance."""
    share = f"{100 * kept.interventions / kept.steps:.1f} %"
    counts = [f"{number:,}" for number in (kept.steps, kept.violations, kept.left)]
    return [policy, weather, *counts, f"{kept.hottest:.4f} K", share, f"{free.violations:,}"]


def demonstration(safe: SafeSet, plant: Plant, steps: int, policies: dict[str, Maker], rows: int) -> list[list[str]]:
    """The lines of all policies, their starts shared out among the disturbances, and of the controls that must fail."""
    lines, generator, disturbances = [], np.random.default_rng(0), Disturbances(plant, safe)
    x = starts(safe, rows, generator)
    number = len(disturbances.weathers(1, generator))
    parts = np.split(x[: len(x) // number * number], number)
    each = max(1, round(steps / len(x)))
    for policy, maker in policies.items():
        weathers = disturbances.weathers(len(parts[0]), generator)
        for part, (weather, constants) in zip(parts, weathers.items(), strict=True):
            kept, free = (
                run(safe, plant, part, maker(plant, len(part), generator), constants, each, on) for on in (True, False)
            )
            lines.append(run_row(policy, weather, kept, free))
            tell(" | ".join(lines[-1]))
    return lines + controls(safe, plant, parts[0], each, generator)


def controls(safe: SafeSet, plant: Plant, x: np.ndarray, steps: int, generator: np.random.Generator) -> list[list[str]]:
    """Zero cooling behind the temperature's row alone, and under disturbances twice as large: both must fail."""
    wanted = zero_cooling(plant, len(x), generator)
    calm, wild = (
        next(iter(Disturbances(plant, safe, doubled).weathers(len(x), generator).values())) for doubled in (False, True)
    )
    free = run(safe, plant, x, wanted, calm, steps, False)
    naive = run(temperature_only(safe), plant, x, wanted, calm, steps)
    lines = [run_row("zero cooling, temperature's row alone", "as above", naive, free)]
    if not np.array_equal(calm(0), wild(0)):
        free = run(safe, plant, x, wanted, wild, steps, False)
        lines.append(run_row("zero cooling", "twice as large", run(safe, plant, x, wanted, wild, steps), free))
    for line in lines:
        tell(" | ".join(line))
    return lines


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.safety", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, action="append", help="one set; default: all")
    parser.add_argument("--steps", type=float, default=1e7, help="of each policy, under all disturbances together")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/safety.md")
    parser.add_argument("--ship", action="store_true", help="only write the certificates that come with the package")
    given = parser.parse_args(arguments)
    plant, names = safety_cstr(), given.preset or list(PRESETS)
    if given.ship:
        for name in names:
            design(plant, plant.safe_limits, PRESETS[name]).certificate.save(FOLDER / f"reactor_{name}.json")
        return
    sets = {name: safe_set(plant, design=PRESETS[name]) for name in names}
    text = markdown(SETS, [set_row(name, safe, plant) for name, safe in sets.items()])
    tell(text)
    for name, safe in sets.items():
        lines = demonstration(safe, plant, int(given.steps), POLICIES | learned(plant), ROWS)
        text += f"\n\n`--preset {name} --steps {given.steps:g}`:\n\n{markdown(RUNS, lines)}"
    if given.write:
        insert(PAGE, "safety reactor", text)


if __name__ == "__main__":
    main()
