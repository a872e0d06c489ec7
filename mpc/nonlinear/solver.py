"""Solving a nonlinear program by IPOPT and measuring what came back: no flag of the solver is trusted."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np

from mpc.nonlinear.goal import Goal
from mpc.nonlinear.program import Program, SoftBounds, transcribed
from mpc.nonlinear.smooth_step import smooth_step
from plants import Plant
from plants.arrays import Array
from plants.muted import muted, stop_if_asked

FEASIBLE = 1e-7  # largest violation of a limit or equation, in half widths, that passes as kept
STATIONARY = 1e-5  # largest residual of the optimality conditions, against the objective's gradient, that passes

_OPTIONS = {
    "print_time": False,
    "show_eval_warnings": False,
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.tol": 1e-10,
    "ipopt.bound_relax_factor": 0.0,
}
_WARM = {
    "ipopt.warm_start_init_point": "yes",
    "ipopt.mu_init": 1e-5,
    "ipopt.warm_start_bound_push": 1e-6,
    "ipopt.warm_start_bound_frac": 1e-6,
    "ipopt.warm_start_slack_bound_push": 1e-6,
    "ipopt.warm_start_slack_bound_frac": 1e-6,
    "ipopt.warm_start_mult_bound_push": 1e-6,
}

_NOT_FINITE = "numbers that are not finite"

ALONE = threading.Lock()  # MUMPS, which IPOPT calls, and CasADi's symbols are not made for several threads

Multipliers = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Solution:
    """What IPOPT returned, measured.

    `states` (N + 1, n), their angles not wrapped, under `inputs` (N, m), moved exactly into their bounds. `cost`
    includes the price of soft bounds. `violation` is the worst of all limits and equations, in half widths, `row` its
    sentence, `residual` that of the optimality conditions; `message` is IPOPT's return status.
    """

    states: Array
    inputs: Array
    multipliers: Multipliers
    cost: float
    violation: float
    row: str
    residual: float
    message: str
    iterations: int
    seconds: float

    @property
    def feasible(self) -> bool:
        """Return whether all numbers are finite, all limits kept and all equations met."""
        return bool(self.violation <= FEASIBLE and np.isfinite(self.cost))

    @property
    def solved(self) -> bool:
        """Return whether it is feasible and meets the conditions of a local minimum."""
        return self.feasible and self.residual <= STATIONARY


class NonlinearSolver:
    """The program of a plant and a goal, built once; every solve is a pure function of its arguments.

    Threads may share it: one of them at a time solves, in all of the process.
    """

    def __init__(self, plant: Plant, goal: Goal, soft: SoftBounds | None, iterations: int) -> None:
        self.plant, self.goal = plant, goal
        options: dict[str, Any] = _OPTIONS | {"ipopt.max_iter": iterations}
        with ALONE:
            self._next_state = smooth_step(plant)
            self._program = program = transcribed(plant, goal, soft)
            self._cold = ca.nlpsol("cold", "ipopt", program.nlp, options)
            self._warm = ca.nlpsol("warm", "ipopt", program.nlp, options | _WARM)
            self._measure = _measures(program)
        discounts = goal.discount ** np.arange(goal.horizon + 1.0)
        self._constants = np.concatenate([discounts, np.zeros(plant.m)])

    def rollout(self, x: Array, inputs: Array) -> Array:
        """Return the states (N + 1, n) from x (n,) under inputs (N, m), angles not wrapped.

        They are NaN from where the integrator gave up.
        """
        states = np.full((len(inputs) + 1, len(x)), np.nan)
        states[0] = x
        with ALONE, muted() as dropped:
            with suppress(RuntimeError):
                for k, u in enumerate(inputs):
                    states[k + 1] = self._next_state(states[k], u).full().ravel()
            stop_if_asked(dropped)
        return states

    def solve(self, x: Array, states: Array, inputs: Array, multipliers: Multipliers | None = None) -> Solution:
        """Return what IPOPT makes of a guess from the state x (n,); warm where multipliers come with it."""
        started = time.perf_counter()
        program = self._program
        first = np.zeros(len(program.scale))
        first[program.states], first[program.inputs] = states, inputs
        A, b = program.soft_rows
        first[program.slacks] = np.maximum(states[1:] @ A.T - b, 0.0)
        parameters = np.concatenate([x, self._constants])
        solver = self._cold if multipliers is None else self._warm
        duals = {} if multipliers is None else {"lam_x0": multipliers[0], "lam_g0": multipliers[1]}
        limits = {"lbx": program.lower, "ubx": program.upper, "lbg": program.rows_lower, "ubg": program.rows_upper}
        guess = np.nan_to_num(first / program.scale)
        with ALONE, muted() as dropped:
            z, lam_x, lam_g, message, iterations = _searched(solver, x0=guess, p=parameters, **limits, **duals)
            stop_if_asked(dropped)
            cost, violation, row, residual = self._measured(z, parameters, lam_x, lam_g)
            stop_if_asked(dropped)
        return Solution(
            states=(z * program.scale)[program.states],
            inputs=np.clip((z * program.scale)[program.inputs], *self.goal.input_bounds),
            multipliers=(lam_x, lam_g),
            cost=cost,
            violation=violation,
            row=row,
            residual=residual,
            message=message,
            iterations=iterations,
            seconds=time.perf_counter() - started,
        )

    def shifted(self, multipliers: Multipliers) -> Multipliers:
        """Return the multipliers one step later: each step takes those of the next, the last keeps its own."""
        bounds, rows = (m.copy() for m in multipliers)
        for places in (self._program.states, self._program.inputs, self._program.slacks):
            bounds[places[:-1]] = multipliers[0][places[1:]]
        n = self.plant.n
        stages = rows[n:].reshape(self.goal.horizon, -1)
        rows[:n] = -stages[0, :n]
        stages[:-1] = stages[1:].copy()
        return bounds, rows

    def _measured(self, z: Array, parameters: Array, lam_x: Array, lam_g: Array) -> tuple[float, float, str, float]:
        """Return cost, worst violation with its sentence, and the residual of the optimality conditions."""
        program = self._program
        try:
            cost, g, gradient, slope = (np.asarray(v).ravel() for v in self._measure(z, parameters, lam_x, lam_g))
        except RuntimeError:  # an integrator gave up on these states
            return np.inf, np.inf, _NOT_FINITE, np.inf
        values = np.concatenate([z, g])
        lower = np.concatenate([program.lower, program.rows_lower])
        upper = np.concatenate([program.upper, program.rows_upper])
        beyond = np.maximum(lower - values, values - upper)
        if not np.isfinite(np.concatenate([values, lam_x, lam_g, cost, slope])).all():
            return np.inf, np.inf, _NOT_FINITE, np.inf
        multipliers = np.concatenate([lam_x, lam_g])
        room = np.where(multipliers > 0, upper - values, values - lower)
        loose = np.abs(multipliers[multipliers != 0]) * np.maximum(room[multipliers != 0], 0)
        size = max(1.0, float(np.abs(gradient).max()))
        residual = max(float(np.abs(slope).max()), float(loose.max(initial=0.0))) / size
        worst = int(beyond.argmax())
        return float(cost[0]), float(beyond[worst]), self._sentence(worst), residual

    def _sentence(self, place: int) -> str:
        program, plant = self._program, self.plant
        kinds = (
            (program.states, plant.state_names, plant.state_units, self.goal.state_bounds),
            (program.inputs, plant.input_names, plant.input_units, self.goal.input_bounds),
        )
        for places, names, units, (lower, upper) in kinds:
            for k, i in np.argwhere(places == place):
                unit = "" if units[i] == "-" else f" {units[i]}"
                return f"{names[i]} within {lower[i]:g} to {upper[i]:g}{unit} at step {k}"
        return "the plant's equations"


def _searched(solver: Any, **given: Any) -> tuple[Array, Array, Array, str, int]:
    """Return the point, both multipliers, IPOPT's status and iterations; the guess if no integrator can start there."""
    try:
        found = solver(**given)
    except RuntimeError:
        rows = np.zeros_like(given["lbg"])
        return given["x0"], np.zeros_like(given["x0"]), rows, "the integrator gave up on the guess", 0
    z, lam_x, lam_g = (np.asarray(found[name]).ravel() for name in ("x", "lam_x", "lam_g"))
    stats = solver.stats()
    return z, lam_x, lam_g, str(stats["return_status"]), int(stats["iter_count"])


def _measures(program: Program) -> Any:
    """Return (z, p, multipliers of bounds, of rows) -> objective, rows, its gradient, the Lagrangian's gradient."""
    z, p, f, g = (program.nlp[name] for name in "xpfg")
    kind = type(g)
    of_bounds, of_rows = kind.sym("bounds", z.shape[0]), kind.sym("rows", g.shape[0])
    slope = ca.gradient(f + ca.dot(of_rows, g), z) + of_bounds
    return ca.Function("measures", [z, p, of_bounds, of_rows], [f, g, ca.gradient(f, z), slope], {"cse": kind is ca.SX})
