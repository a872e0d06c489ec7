"""python -m benchmarks.accuracy: how far each plant's integrator is from CVODES at 1e-10, and what a step costs."""

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from gymnasium.envs.registration import load_env_creator
from rich.console import Console

from plants import CVODES, Plant, extraction_column, integration_error
from plants.accuracy import sampled_points
from plants.registry import PLANTS

ROWS, REPEATS = 256, 5
HEAD = ("plant", "integrator", "one step", "50 steps", "µs a step", "µs with CVODES()")


def main() -> None:
    """Print the table as Markdown, and then CVODES of three tolerances on the stiff plant."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(
        "Gaps to CVODES at 1e-10 as shares of half the width of the state's bounds; processor time per row of 256"
    )
    console.print()
    console.print(_line(HEAD))
    console.print(_line(["---"] * len(HEAD)))
    for maker in PLANTS.values():
        console.print(_line(_entries(load_env_creator(maker)())))  # type: ignore[call-arg]  it makes a plant
    console.print()
    for integrator in (CVODES(1e-6, 1e-6), CVODES(), CVODES(1e-11, 1e-11)):
        console.print(_line(_entries(replace(extraction_column(), integrator=integrator))))


def _entries(plant: Plant) -> list[str]:
    gaps = integration_error(plant)
    return [
        plant.name,
        str(plant.integrator).split("(positions")[0],
        f"{gaps.step:.1e}",
        f"{gaps.episode:.1e}",
        f"{_microseconds(plant):.3g}",
        f"{_microseconds(replace(plant, integrator=CVODES())):.3g}",
    ]


def _microseconds(plant: Plant) -> float:
    """Return the processor time of one step of one row, the best of a few."""
    states, inputs = sampled_points(plant, ROWS, np.random.default_rng(0))
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        plant.step_rows(states, inputs)
        times.append(time.process_time() - started)
    return min(times) / ROWS * 1e6


def _line(entries: Iterable[str]) -> str:
    return "| " + " | ".join(entries) + " |"


if __name__ == "__main__":
    main()
