"""Where a nonlinear solver starts when it knows no plan: guesses of the states and inputs over the horizon."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.nonlinear.solver import NonlinearSolver
from plants.arrays import Array, whole_number

Guess = tuple[Array, Array]
"""States (N + 1, n) and inputs (N, m); the states need not follow from the inputs."""

_SHORTEST = 1 / 4  # share of the horizon in which the quickest straight line reaches the target


@dataclass(frozen=True)
class SingleStart:
    """One guess: a straight line from the state to the target. Enough for regulation around it."""

    def guesses(self, solver: NonlinearSolver, x: Array) -> list[Guess]:
        """Return the guess for a state x (n,)."""
        return [_line(solver, x, solver.goal.state_target, 1.0)]


@dataclass(frozen=True)
class MultiStart:
    """Many guesses, of whose local minima the best is taken.

    Straight lines to the target in `lines` durations, from a quarter of the horizon to all of it; as many to the target
    one turn of each angle further, and back; and `random` rollouts under inputs that jump between their bounds,
    the same for every state and `seed`. Raises ProblemError for numbers that do not fit.
    """

    lines: int = 7
    random: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        whole_number(self.lines, "lines", ProblemError, least=1)
        whole_number(self.random, "random", ProblemError)
        whole_number(self.seed, "seed", ProblemError)

    def guesses(self, solver: NonlinearSolver, x: Array) -> list[Guess]:
        """Return all guesses for a state x (n,)."""
        goal, generator = solver.goal, np.random.default_rng(self.seed)
        targets = [goal.state_target]
        for i in goal.angles:
            turn = 2 * np.pi * np.eye(len(x))[i]
            targets += [goal.state_target + turn, goal.state_target - turn]
        shares = np.geomspace(1.0, _SHORTEST, self.lines)
        lines = [_line(solver, x, target, share) for target in targets for share in shares]
        return lines + [_rollout(solver, x, generator) for _ in range(self.random)]


def _line(solver: NonlinearSolver, x: Array, target: Array, share: float) -> Guess:
    goal = solver.goal
    way = np.minimum(np.arange(goal.horizon + 1) / max(1.0, share * goal.horizon), 1.0)
    held = np.clip(goal.input_target, *goal.input_bounds)
    return x + way[:, None] * (target - x), np.tile(held, (goal.horizon, 1))


def _rollout(solver: NonlinearSolver, x: Array, generator: np.random.Generator) -> Guess:
    goal = solver.goal
    lower, upper = goal.input_bounds
    held = max(1, goal.horizon // 8)
    upwards = generator.integers(0, 2, (-(-goal.horizon // held), len(lower))).repeat(held, axis=0)[: goal.horizon]
    inputs = np.where(upwards == 1, upper, lower)
    return solver.rollout(x, inputs), inputs
