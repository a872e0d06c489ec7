"""Draws docs/scenarios.png, three controllers in a reactor whose jacket has fouled: python docs/scenarios.py."""

import sys
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks is not installed

from benchmarks.hindsight import Hindsight, best_plans
from benchmarks.scenarios import linear_mpc, offset_free_mpc
from plants import Scenario, reactor_scenarios, simulate
from studies.style import BLACK, BLUE, GREY, STYLE, VERMILLION, WIDTH

PICTURE = Path(__file__).with_suffix(".png")
NAMES = {"fouled-60": "jacket fouled to 60 %", "cooling-lost": "no cooling in the second hour"}
OFFSET = np.array([[0.0, 0.0, 0.0, 2.0]])  # mol/L and K: all begin 2 K too hot


def draw(path: Path = PICTURE) -> None:
    """Write temperature and heat transfer of the three controllers in two scenarios to `path`."""
    scenarios = reactor_scenarios()
    hindsight = Hindsight(next(iter(scenarios.values())).plant, 600)
    with rc_context(STYLE):
        figure = Figure(figsize=(1.5 * WIDTH, 5.0), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 2])
        for column, (name, title) in zip(panels.T, NAMES.items(), strict=True):
            _column(column, scenarios[name], hindsight)
            column[0].set_title(title)
        panels[0, 0].set_ylabel("temperature [K]")
        panels[1, 0].set_ylabel("heat transfer\n[kJ/(h m2 K)]")
        panels[0, 1].legend(loc="upper right")
        figure.savefig(path, dpi=130)


def _column(panels: np.ndarray, scenario: Scenario, hindsight: Hindsight) -> None:
    plant = scenario.plant
    starts = plant.equilibrium[0] + OFFSET
    linear = simulate(scenario, linear_mpc(plant), starts)
    free = simulate(scenario, offset_free_mpc(plant), starts)
    (best,) = best_plans(scenario, hindsight, linear)
    runs = {
        "linear MPC": (linear.states[0], linear.inputs[0], VERMILLION),
        "offset-free MPC": (free.states[0], free.inputs[0], BLUE),
        "NMPC in hindsight": (best.states, best.inputs, BLACK),
    }
    for label, (states, inputs, colour) in runs.items():
        panels[0].plot(linear.times, states[:, 3], color=colour, label=label)
        panels[1].plot(linear.times[:-1], inputs[:, 0], color=colour, drawstyle="steps-post")
    panels[0].axhline(plant.safe_limits[1][3], color=GREY, linewidth=0.8, linestyle=":")
    panels[0].annotate("limit", (0, plant.safe_limits[1][3]), (0, -12), textcoords="offset points", color=GREY)
    panels[0].axhline(475, color=GREY, linewidth=0.8, linestyle="--")
    panels[1].set_xlabel("time [h]")


if __name__ == "__main__":
    draw()
