"""python -m benchmarks.throughput: steps per second of every plant, 1,024 rows at a time on one core; and PC-Gym's.

Seconds are those of the processor, after a first call that is not counted; the figure is the best of some rounds, since
other work on the machine only ever slows one down. PC-Gym steps one row at a time and is asked in the same run, in an
environment of its own (`make bench-plants` builds it). `--write` puts the table into docs/plants.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium.envs.registration import load_env_creator
from rich.console import Console

from benchmarks.solver.document import insert
from benchmarks.solver.machine import processor
from benchmarks.solver.process import ONE_THREAD
from benchmarks.solver.table import markdown
from plants import Plant
from plants.registry import PLANTS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "plants.md"
PEER = ROOT / ".venv-pcgym" / "bin" / "python"
PEERS = {"JacketedCSTR": "cstr", "FourTanks": "four_tank", "ExtractionColumn": "multistage_extraction"}
BARS = {"Pendulum": 1e6, "SafetyCSTR": 2e5}
ROWS, ROUNDS, SECONDS = 1024, 5, 0.4
HEAD = ("plant", "states", "inputs", "sample time", "integrator", "steps/s", "PC-Gym steps/s", "ratio")


@dataclass(frozen=True)
class Speed:
    """Steps per second of a plant; `peer` is PC-Gym's of the same plant (None: it has none, or is not installed)."""

    plant: Plant
    ours: float
    peer: float | None


def speed(plant: Plant, rows: int = ROWS, rounds: int = ROUNDS, seconds: float = SECONDS) -> float:
    """Steps per second of processor time in a batch of rows that go on from where they are."""
    generator = np.random.default_rng(0)
    states = generator.uniform(*plant.start_bounds, (rows, plant.n))
    inputs = generator.uniform(*plant.input_bounds, (rows, plant.m))
    states = plant.step_rows(states, inputs)
    best = 0.0
    for _ in range(rounds):
        begun, steps = time.process_time(), 0
        while (taken := time.process_time() - begun) < seconds or not steps:
            states = plant.step_rows(states, inputs)
            steps += rows
        best = max(best, steps / taken)
    return best


def peer_speeds(python: Path = PEER) -> Mapping[str, float]:
    """PC-Gym's steps per second by its names of the plants; empty where it is not installed."""
    if not python.exists():
        return {}
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    command = [str(python), "-m", "benchmarks.pcgym_peer", "speed"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measured(peers: Mapping[str, float], seconds: float = SECONDS) -> dict[str, Speed]:
    """The speeds of all plants of the package, by name."""
    found = {}
    for name, maker in PLANTS.items():
        plant = load_env_creator(maker)()  # type: ignore[call-arg]  it makes a plant
        found[name] = Speed(plant, speed(plant, seconds=seconds), peers.get(PEERS.get(name, "")))
    return found


def table(found: Mapping[str, Speed]) -> str:
    """One line per plant."""
    lines = []
    for entry in found.values():
        plant = entry.plant
        shown = str(plant.integrator).split("(positions")[0]
        peer = ("-", "-") if entry.peer is None else (f"{entry.peer:,.0f}", f"{entry.ours / entry.peer:.3g}")
        lines.append([plant.name, plant.n, plant.m, f"{plant.sample_time:.4g} {plant.time_unit}", shown])
        lines[-1] += [f"{float(f'{entry.ours:.2g}'):,.0f}", *peer]
    return markdown(HEAD, lines)


def bars(found: Mapping[str, Speed]) -> list[str]:
    """A sentence for each bar, and one on PC-Gym where it was not asked."""
    said = []
    for name, least in BARS.items():
        verdict = "reached" if found[name].ours >= least else "missed"
        said.append(f"{found[name].plant.name}: {found[name].ours:,.0f} steps/s, bar {least:,.0f} {verdict}")
    if all(entry.peer is None for entry in found.values()):
        said.append("PC-Gym is not installed, so it is not compared with: `make bench-plants` installs it")
    return said


def main(given: list[str] | None = None) -> int:
    """Print, and write if asked to; 1 where a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/plants.md")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="seconds of one round (default %(default)g)")
    asked, console = parser.parse_args(given), Console()
    found = measured(peer_speeds(), asked.seconds)
    text = f"{table(found)}\n\nOne core of {processor()}, batches of {ROWS:,}, best of {ROUNDS} rounds."
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    for sentence in bars(found):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if asked.write:
        insert(PAGE, "throughput", text)
    return int(any(found[name].ours < least for name, least in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
