"""PC-Gym 0.1.8 as a peer, in an environment that has it: python -m benchmarks.pcgym_peer trajectories | speed.

`trajectories` prints the states of three of its plants under inputs that we chose, noise off, as JSON; the tests read
them from tests/data/pcgym/trajectories.json. `speed` prints its steps per second of processor time.
"""

import json
import sys
import time

import numpy as np

STEPS = 59  # PC-Gym ends an episode of N = 60 after 59 steps
PLANTS = {
    "cstr": {
        "sample_time": 26 / 60,
        "start": [0.8, 330.0],
        "input_bounds": [[295.0], [302.0]],
        "setpoints": {"Ca": 0.85},
        "disturbances": {"Ti": (350.0, 4.0), "Caf": (1.0, 0.02)},
    },
    "four_tank": {
        "sample_time": 1000 / 60,
        "start": [0.141, 0.112, 0.072, 0.42],
        "input_bounds": [[0.1, 0.1], [10.0, 10.0]],
        "setpoints": {"h3": 0.5, "h4": 0.2},
        "disturbances": None,
    },
    "multistage_extraction": {
        "sample_time": 1.0,
        "start": [0.55, 0.3, 0.45, 0.25, 0.4, 0.2, 0.35, 0.15, 0.25, 0.1],
        "input_bounds": [[5.0, 10.0], [500.0, 1000.0]],
        "setpoints": {"X5": 0.3},
        "disturbances": {"X0": (0.6, 0.1), "Y6": (0.05, 0.03)},
    },
}


def inputs(name: str) -> dict[str, np.ndarray]:
    """Input sequences (59, m) by name: constant ones, and two that change; seeded."""
    low, high = np.array(PLANTS[name]["input_bounds"])
    generator = np.random.default_rng(5)
    held = np.repeat(generator.uniform(low, high, (10, len(low))), 6, axis=0)[:STEPS]
    constant = {"low": low, "mid": (low + high) / 2, "high": high}
    rows = {key: np.tile(value, (STEPS, 1)) for key, value in constant.items()}
    return rows | {"held": held, "random": generator.uniform(low, high, (STEPS, len(low)))}


def waves(name: str) -> dict[str, list[float]] | None:
    """A sine of each disturbance (60,): PC-Gym applies entry t + 1 in step t."""
    parts = PLANTS[name]["disturbances"]
    phase = np.sin(2 * np.pi * np.arange(STEPS + 1) / 20)
    return parts and {key: (rest + size * phase).tolist() for key, (rest, size) in parts.items()}


def environment(name: str, disturbances: dict | None = None):
    from pcgym import make_env  # noqa: PLC0415

    plant = PLANTS[name]
    targets = list(plant["setpoints"].values())
    size = len(plant["start"]) + len(targets)
    low, high = (np.array(bound) for bound in plant["input_bounds"])
    parameters = {
        "N": STEPS + 1,
        "tsim": plant["sample_time"] * (STEPS + 1),
        "SP": {key: [value] * (STEPS + 1) for key, value in plant["setpoints"].items()},
        "o_space": {"low": np.zeros(size), "high": np.full(size, 1000.0)},
        "a_space": {"low": low, "high": high},
        "x0": np.array([*plant["start"], *targets]),
        "model": name,
        "normalise_a": False,
        "normalise_o": False,
        "noise": False,
        "integration_method": "casadi",
    }
    if disturbances:
        bounds = {"low": np.zeros(len(disturbances)), "high": np.full(len(disturbances), 1000.0)}
        parameters |= {"disturbances": disturbances, "disturbance_bounds": bounds}
    return make_env(parameters)


def trajectory(name: str, rows: np.ndarray, disturbances: dict | None = None) -> list[list[float]]:
    world, n = environment(name, disturbances), len(PLANTS[name]["start"])
    world.reset()
    after = [np.array(world.step(row)[0][:n], dtype=float).tolist() for row in rows]
    return [PLANTS[name]["start"], *after]


def trajectories() -> dict:
    found = {}
    for name, plant in PLANTS.items():
        runs = [
            {"name": key, "inputs": rows.tolist(), "disturbances": None, "states": trajectory(name, rows)}
            for key, rows in inputs(name).items()
        ]
        if plant["disturbances"]:
            rows, shifted = inputs(name)["held"], waves(name)
            states = trajectory(name, rows, {key: np.array(value) for key, value in shifted.items()})
            runs.append({"name": "disturbed", "inputs": rows.tolist(), "disturbances": shifted, "states": states})
        found[name] = {"sample_time": plant["sample_time"], "runs": runs}
    return {
        "source": "states of pcgym 0.1.8 (MIT), arXiv 2410.22093, noise off, casadi integrator at its tolerances",
        "plants": found,
    }


def speed(seconds: float = 2.0) -> dict[str, float]:
    """Steps per second of processor time, resets not counted."""
    found = {}
    for name in PLANTS:
        world, row = environment(name), inputs(name)["mid"][0]
        world.reset()
        world.step(row)
        taken, steps = 0.0, 0
        while taken < seconds:
            world.reset()
            begun = time.process_time()
            for _ in range(STEPS):
                world.step(row)
            taken += time.process_time() - begun
            steps += STEPS
        found[name] = steps / taken
    return found


if __name__ == "__main__":
    json.dump({"trajectories": trajectories, "speed": speed}[sys.argv[1]](), sys.stdout)
