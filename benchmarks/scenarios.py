"""python -m benchmarks.scenarios: what the reactor's scenarios cost linear, offset-free and nonlinear MPC; a table.

Linear MPC and a constant bias on it know nothing of the disturbance; offset-free MPC estimates one at the input from
all readings; nonlinear MPC in hindsight knows the true constants and all that is to come, and plans the whole episode
at once, so it is the best known. `--write` puts the table into docs/scenarios.md.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.hindsight import Hindsight, best_costs
from benchmarks.solver.document import insert
from plants import Scenario, Trajectory, reactor_scenarios, safety_cstr, simulate
from studies.reactor_control import biased, linear_mpc, offset_free_mpc

PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"
BIASES = np.arange(-40.0, 61.0, 5.0)
CHECKED = 200  # starts asked for violations
HEAD = (
    "scenario",
    "linear MPC",
    "best constant bias",
    "offset-free MPC",
    "NMPC in hindsight",
    "loss of linear MPC",
    f"unsafe of {CHECKED}: linear MPC, full cooling",
    "hottest K",
)


@dataclass(frozen=True)
class Outcome:
    """Runs of one scenario: those whose costs are compared, and more of linear MPC and of full cooling."""

    name: str
    linear: Trajectory
    bias: float
    biased: Trajectory
    offset_free: Trajectory
    known: np.ndarray
    checked: Trajectory
    cooled: Trajectory

    @property
    def loss(self) -> float:
        """What linear MPC costs more than the best plan in hindsight, relative to that."""
        return float(self.linear.total_cost.mean() / self.known.mean() - 1)

    @property
    def row(self) -> str:
        """The row of the table."""
        cells = (
            self.name,
            _cell(self.linear),
            f"{_cell(self.biased)} at {self.bias:+g}",
            _cell(self.offset_free),
            f"{self.known.mean():.4g}",
            f"{100 * self.loss:.1f} %",
            f"{self.checked.unsafe.sum()}, {self.cooled.unsafe.sum()}",
            f"{self.checked.states[..., -1].max():.1f}",
        )
        return "| " + " | ".join(cells) + " |"


def outcome(scenario: Scenario, hindsight: Hindsight, count: int, seed: int) -> Outcome:
    """All controllers in one scenario, from the same starts and disturbances."""
    plant = scenario.plant
    starts = scenario.sample_starts(np.random.default_rng(seed), CHECKED)
    linear, cooled = linear_mpc(plant), plant.input_bounds[1]
    runs = {bias: simulate(scenario, biased(linear, plant, bias), starts[:count], seed=seed) for bias in BIASES}
    best = min(runs, key=lambda bias: runs[bias].total_cost.mean())
    return Outcome(
        name=scenario.name,
        linear=runs[0.0],
        bias=float(best),
        biased=runs[best],
        offset_free=simulate(scenario, offset_free_mpc(plant), starts[:count], seed=seed),
        known=best_costs(scenario, hindsight, runs[0.0], seed),
        checked=simulate(scenario, linear, starts, seed=seed),
        cooled=simulate(scenario, lambda x: np.tile(cooled, (len(x), 1)), starts, seed=seed),
    )


def table(outcomes: list[Outcome]) -> str:
    """All rows below their head."""
    rule = "|---" * len(HEAD) + "|"
    return "\n".join(["| " + " | ".join(HEAD) + " |", rule, *(one.row for one in outcomes)])


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=20, help="episodes of each scenario (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of starts and disturbances (default 0)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these scenarios alone")
    parser.add_argument("--write", action="store_true", help="put the table into docs/scenarios.md")
    options = parser.parse_args(arguments)
    nominal = Scenario(plant=safety_cstr())
    every = {"nominal": nominal, **reactor_scenarios()}
    chosen = [every[name] for name in options.only or every]
    outcomes = []
    with Progress() as progress:
        task = progress.add_task("scenarios", total=len(chosen))
        hindsights = {steps: Hindsight(nominal.plant, steps) for steps in {one.steps for one in chosen}}
        for scenario in chosen:
            progress.update(task, description=scenario.name)
            outcomes.append(outcome(scenario, hindsights[scenario.steps], options.starts, options.seed))
            progress.advance(task)
    text = f"{table(outcomes)}\n\n{options.starts} starts of each scenario, seed {options.seed}."
    Console(soft_wrap=True, highlight=False).print(text, markup=False)
    if options.write:
        insert(PAGE, "outcomes", text)


def _cell(run: Trajectory) -> str:
    unsafe = int(run.unsafe.sum())
    return f"{run.total_cost.mean():.4g}" + (f" ({unsafe} unsafe)" if unsafe else "")


if __name__ == "__main__":
    main()
