"""python -m benchmarks.reactor_best: starts of the reactor's study, and what the best plan in hindsight costs of each.

Writes studies/data/reactor.json: 20 starts (seed 0), episodes of 600 steps, the reactor as it is and with a fouled
jacket. Takes some minutes.
"""

import json
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.hindsight import Hindsight, best_costs
from mpc.explicit.storage import write_whole
from plants import safety_cstr, simulate
from studies.cstr import reactor_worlds
from studies.reactor_control import linear_mpc

FILE = Path(__file__).parents[1] / "studies" / "data" / "reactor.json"
STARTS, STEPS = 20, 600


def main() -> None:
    """Compute and write."""
    plant = safety_cstr()
    worlds = reactor_worlds(plant, STEPS)
    starts = next(iter(worlds.values())).sample_starts(np.random.default_rng(0), STARTS)
    hindsight, controller = Hindsight(plant, STEPS), linear_mpc(plant)
    best = {
        name: best_costs(world, hindsight, simulate(world, controller, starts)).tolist()
        for name, world in worlds.items()
    }
    source = "python -m benchmarks.reactor_best: IPOPT on the true equations over the whole episode, knowing all"
    data = {"source": source, "steps": STEPS, "starts": starts.tolist(), "best": best}
    write_whole(FILE, (json.dumps(data, indent=1) + "\n").encode())
    Console().print({name: float(np.mean(costs)) for name, costs in best.items()})


if __name__ == "__main__":
    main()
