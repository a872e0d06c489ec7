"""The best plan in hindsight: nonlinear MPC that knows the true equations, the state and all disturbances to come.

IPOPT finds it for all steps at once, so no controller beats it, and where something is random none can reach it.
"""

from dataclasses import replace
from typing import NamedTuple

import casadi as ca
import numpy as np

from plants import Plant, Scenario, Trajectory, simulate
from plants.arrays import Array
from plants.dynamics import plant_motion, symbolic
from plants.equilibrium import state_scales


class Plan(NamedTuple):
    """The cost of one episode, its states (steps + 1, n) and its inputs (steps, m)."""

    cost: float
    states: Array
    inputs: Array


class Hindsight:
    """The cheapest plan for one episode of which everything is known; built once for all episodes of that length."""

    def __init__(self, plant: Plant, steps: int) -> None:
        self.plant, self.steps = plant, steps
        x, u, p = (ca.SX.sym(name, size) for name, size in zip("xup", self._sizes, strict=True))
        open_ended = np.full(plant.n, -np.inf), np.full(plant.n, np.inf)
        after = plant.integrator.advance(plant_motion(plant, symbolic(plant), open_ended, p), x, u)
        step = ca.Function("step", [x, u, p], [after], {"cse": True}).map(steps)
        stage = ca.Function("stage", [x, u], [plant.cost.expression(x, u)]).map(steps)
        counts = (steps + 1, steps, steps)
        X, U, P = (
            ca.MX.sym(name, *size) for name, size in zip("XUP", zip(self._sizes, counts, strict=True), strict=True)
        )
        scales = state_scales(plant, plant.equilibrium[0])
        gaps = (step(X[:, :-1], U, P) - X[:, 1:]) / np.tile(scales[:, None], steps)
        program = {"x": ca.veccat(X, U), "p": ca.vec(P), "f": ca.sum2(stage(X[:, :-1], U)), "g": ca.vec(gaps)}
        options = {"ipopt.print_level": 0, "print_time": 0, "ipopt.sb": "yes", "ipopt.tol": 1e-8}
        self._solver = ca.nlpsol("hindsight", "ipopt", program, options)

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self.plant.n, self.plant.m, len(self.plant.constants)

    def plan(self, start: Array, guess: tuple[Array, Array], world: tuple[Array, Array, Array]) -> Plan:
        """Return the cheapest plan from a start (n,) in a world (lowest inputs, highest inputs, constants).

        The search begins at a guess (states, inputs). Raises ArithmeticError where IPOPT finds no minimum.
        """
        lowest, highest, constants = world
        limits = self.plant.safe_limits or (np.full(self.plant.n, -np.inf), np.full(self.plant.n, np.inf))
        states = [np.tile(limit, (self.steps + 1, 1)) for limit in limits]
        states[0][0] = states[1][0] = start
        bounds = [np.r_[s.ravel(), u.ravel()] for s, u in zip(states, (lowest, highest), strict=True)]
        first = np.r_[guess[0].ravel(), np.clip(guess[1], lowest, highest).ravel()]
        found = self._solver(x0=first, p=constants.ravel(), lbg=0, ubg=0, lbx=bounds[0], ubx=bounds[1])
        if not self._solver.stats()["success"]:
            raise ArithmeticError(f"IPOPT ends with {self._solver.stats()['return_status']} from {start}")
        values, split = found["x"].full().ravel(), (self.steps + 1) * self.plant.n
        return Plan(
            float(found["f"]), values[:split].reshape(-1, self.plant.n), values[split:].reshape(-1, self.plant.m)
        )


def worlds(scenario: Scenario, starts: Array, seed: int = 0) -> tuple[Array, Array, Array]:
    """Return what each episode of `simulate` brings: inputs that can act at least and at most, and the constants.

    The actuators are asked for their least and most at every step, which holds for all but those with a limited rate.
    """
    plant = scenario.plant
    free = replace(scenario, plant=replace(plant, safe_limits=None, start_filter=None))
    reach = [
        simulate(free, lambda x, b=bound: np.tile(b, (len(x), 1)), starts, seed=seed).inputs
        for bound in plant.input_bounds
    ]
    generators = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,))) for row in range(len(starts))]
    constants = np.tile(plant.constant_values, (len(starts), scenario.steps, 1))
    for i, values in scenario.draft(generators, scenario.steps).constants.items():
        constants[:, :, i] = values
    return reach[0], reach[1], constants


def best_plans(scenario: Scenario, hindsight: Hindsight, run: Trajectory, seed: int = 0) -> list[Plan]:
    """Return the best plan for each episode of a run from that seed, whose own paths are the first guesses."""
    lowest, highest, constants = worlds(scenario, run.states[:, 0], seed)
    return [
        hindsight.plan(run.states[i, 0], (run.states[i], run.inputs[i]), (lowest[i], highest[i], constants[i]))
        for i in range(len(run.states))
    ]


def best_costs(scenario: Scenario, hindsight: Hindsight, run: Trajectory, seed: int = 0) -> Array:
    """Return what the best plans (rows,) cost."""
    return np.array([plan.cost for plan in best_plans(scenario, hindsight, run, seed)])
