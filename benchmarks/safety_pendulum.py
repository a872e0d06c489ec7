"""python -m benchmarks.safety_pendulum: the pendulum at the border of its safe set, under gusts that push outwards.

Limits +-0.6 rad and +-4 rad/s, and in every step a gust of +-0.02 rad/s, before the angle moves or after it, whichever
of the four leads farther out. Every policy is run with the filter and without, half of the starts on the border; then
two controls that must fail: gusts three times as large, and a filter without the rows of the safe set that are no
limits. `--write` puts the table into docs/safety.md.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.solver.document import insert
from benchmarks.solver.table import markdown
from mpc import SafeSet, regulator_problem, safe_set, solve_explicit
from mpc.safety.max_min import MaxMin
from plants import Plant, clipped_pendulum
from plants.arrays import Array

PAGE = Path(__file__).parents[1] / "docs" / "safety.md"
LIMITS = ([-0.6, -4.0], [0.6, 4.0])
GUST, ROWS = 0.02, 10_000
HEAD = ["policy", "steps", "beyond a limit", "outside the set", "interventions", "unfiltered"]

Policy = Callable[[Array, int], Array]
"""Wanted torques (rows, 1) at states (rows, 2) in a step."""


def policies(plant: Plant, generator: np.random.Generator) -> dict[str, Policy]:
    """What may be asked of a filter, by name."""
    low, high = (float(side[0]) for side in plant.input_bounds)
    law = solve_explicit(regulator_problem(plant, 2))
    tree, bounds = law.tree, plant.input_bounds

    def linear_mpc(x: Array, step: int) -> Array:
        del step
        region, _ = tree.locate(np.ascontiguousarray(x))
        return np.clip(np.einsum("rmt,rt->rm", law.gains[region], x) + law.offsets[region], *bounds)

    return {
        "linear MPC": linear_mpc,
        "random": lambda x, step: generator.uniform(low, high, (len(x), 1)),
        "bang-bang": lambda x, step: generator.choice([low, high], (len(x), 1)),
        "full torque, held for 1 s": lambda x, step: np.full((len(x), 1), high if step // 20 % 2 else low),
        "always outwards": lambda x, step: high * np.sign(x[:, :1] + 0.3 * x[:, 1:]),
    }


def starts(safe: SafeSet, rows: int, generator: np.random.Generator) -> Array:
    """Half of them on the border, mixed of neighbouring corners, the others inside."""
    corners = safe.polyhedron.vertices()
    around = corners[np.argsort(np.arctan2(corners[:, 1] / 4, corners[:, 0] / 0.6))]
    side = generator.integers(len(around), size=rows)
    share = generator.random((rows, 1))
    on = share * around[side] + (1 - share) * around[(side + 1) % len(around)]
    return on * np.where(np.arange(rows) % 2, 1 - 1e-12, np.sqrt(generator.random(rows)))[:, None]


def pushed(plant: Plant, safe: SafeSet, x: Array, u: Array, gust: float) -> Array:
    """The next states (rows, 2) under the worst of four gusts: either sign, before the angle moves or after it."""
    calm = plant.step_rows(x, u)
    moves = gust * np.array([[0.0, 1.0], [0.0, -1.0], [plant.sample_time, 1.0], [-plant.sample_time, -1.0]])
    tried = calm + moves[:, None]
    out = (tried @ safe.A.T - safe.b).max(axis=-1)
    return plant.confined(tried[out.argmax(axis=0), np.arange(len(x))])


def run(plant: Plant, safe: SafeSet, policy: Policy, steps: int, gust: float, keep: MaxMin | None) -> tuple[int, ...]:
    """Steps, samples beyond a limit, samples outside the set, and interventions; a row that has left begins anew."""
    generator = np.random.default_rng(1)
    first = starts(safe, ROWS, generator)
    x, (lower, upper) = first.copy(), LIMITS
    beyond = outside = changed = 0
    for step in range(steps):
        wanted = policy(x, step)
        u = wanted if keep is None else keep.filtered(x, wanted)
        changed += int((u != wanted).sum())
        x = pushed(plant, safe, x, u, gust)
        unsafe = ((x < lower) | (x > upper)).any(axis=1)
        beyond += int(unsafe.sum())
        outside += int((~safe.contains(x)).sum())
        x[unsafe] = first[unsafe]
    return steps * len(x), beyond, outside, changed


def line(name: str, kept: tuple[int, ...], free: tuple[int, ...]) -> list[str]:
    """The cells of one row of the table."""
    steps, beyond, outside, changed = kept
    return [name, f"{steps:,}", f"{beyond:,}", f"{outside:,}", f"{100 * changed / steps:.0f} %", f"{free[1]:,}"]


def demonstration(plant: Plant, safe: SafeSet, steps: int) -> list[list[str]]:
    """All rows of the table, controls last."""
    generator, keep = np.random.default_rng(0), MaxMin.of(safe)
    found = []
    for name, policy in policies(plant, generator).items():
        rows = [run(plant, safe, policy, steps, GUST, one) for one in (keep, None)]
        found.append(line(name, *rows))
        tell(" | ".join(found[-1]))
    worst = policies(plant, generator)["always outwards"]
    tried = partial(run, plant, safe, worst, steps)
    controls = {
        "always outwards, gusts of 0.06": (tried(3 * GUST, keep), tried(3 * GUST, None)),
        "always outwards, limits alone": (tried(GUST, MaxMin.of(limits_alone(safe))), tried(GUST, None)),
    }
    for name, rows in controls.items():
        found.append(line(name, *rows))
        tell(" | ".join(found[-1]))
    return found


def limits_alone(safe: SafeSet) -> SafeSet:
    """The same set behind a filter that knows the limits of angle and rate, one step ahead, and no other row."""
    own = (np.abs(safe.A) > 1e-9).sum(axis=1)[safe.rows.guards] == 1
    rows = safe.rows
    return replace(safe, rows=replace(rows, X=rows.X[own], U=rows.U[own], h=rows.h[own], guards=rows.guards[own]))


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.safety_pendulum", description=__doc__)
    parser.add_argument("--steps", type=float, default=1e7, help="of each policy")
    parser.add_argument("--write", action="store_true", help="put the table into docs/safety.md")
    given = parser.parse_args(arguments)
    plant = clipped_pendulum()
    safe = safe_set(plant, LIMITS)
    text = (
        f"`--steps {given.steps:g}`, {len(safe.b)} half-planes, {safe.certificate.content['share']:.1%} of the limits:"
    )
    rows = demonstration(plant, safe, max(1, round(given.steps / ROWS)))
    if given.write:
        insert(PAGE, "safety pendulum", f"{text}\n\n{markdown(HEAD, rows)}")
    tell(text)


if __name__ == "__main__":
    main()
