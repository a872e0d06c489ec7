"""NonlinearMPC: the plant's own equations over the horizon, solved for each state. The best-known reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import NumericalError, OutsideDomain, ProblemError
from mpc.nonlinear.fallback import OnFailure, Refuse, Remembered, SolveStatus
from mpc.nonlinear.goal import Goal, goal_of
from mpc.nonlinear.multistart import MultiStart, SingleStart
from mpc.nonlinear.program import SoftBounds
from mpc.nonlinear.solver import NonlinearSolver, Solution
from mpc.problem import MPCProblem
from plants import Plant
from plants.arrays import Array, instance_of, real_points, whole_number


@dataclass(frozen=True, eq=False)
class _Answer:
    """The best of all attempts at one state, solved or not."""

    solution: Solution
    status: SolveStatus


class NonlinearMPC:
    """Model predictive control of the plant itself: by do-mpc and IPOPT, every plan checked; states to inputs.

    With a `problem` it has the cost, discount, horizon, bounds and final weight of that linear problem (at states
    outside its `parameter_bounds` as well); angles are measured on the circle. Without one it has the plant's cost, as
    it is, over `horizon` steps with `discount`, input bounds, safe limits, `state_bounds` where given (the plant's own
    are where it is meant to be run, and not imposed), and at the end `terminal_weight`, else the `terminal` of a
    StageCost, else the Riccati cost at the equilibrium, that of a StageCost made quadratic. The violation penalty and
    the event of a cost are not modelled: a plan knows limits instead, and goes on where an episode would end. State
    bounds are hard at steps 1..N; `soft` gives them a price.

    A call solves anew from all `guesses`. As a controller with memory (`start`, `step`) it starts from the previous
    plan, from the guesses where that fails, or, with `every_step`, always from both. `last` holds one SolveStatus for
    each state of the last call. `on_failure` (Refuse, RepeatPlan) acts only in `step`. Several threads may call it:
    they take turns, and `last` is that of whichever came last. `max_variables` limits the program's size.

    Raises ProblemError for whatever does not fit or has no nonlinear counterpart; when called, OutsideDomain where
    IPOPT finds no plan within all limits, NumericalError where it finds no minimum. Both are judgements on the guesses
    made: a nonlinear program may have plans that no local solver finds. See docs/nonlinear.md.
    """

    def __init__(
        self,
        plant: Plant,
        problem: MPCProblem | None = None,
        horizon: int | None = None,
        *,
        discount: float | None = None,
        terminal_weight: ArrayLike | None = None,
        state_bounds: Any = None,
        soft: SoftBounds | None = None,
        guesses: MultiStart | SingleStart | None = None,
        every_step: bool = False,
        on_failure: OnFailure | None = None,
        max_iterations: int = 150,
        max_variables: int = 20_000,
    ) -> None:
        instance_of(plant, Plant, "plant", ProblemError, "pass a Plant, such as clipped_pendulum()")
        instance_of(soft, (SoftBounds, type(None)), "soft", ProblemError, "pass SoftBounds(weight), or None")
        instance_of(every_step, bool, "every_step", ProblemError, "pass True or False")
        self.plant = plant
        self.goal: Goal = goal_of(plant, problem, horizon, discount, terminal_weight, state_bounds)
        self._guesses = _with(guesses, "guesses", MultiStart(), "MultiStart(random=10) or SingleStart()")
        self._on_failure = _with(on_failure, "instead", Refuse(), "RepeatPlan() or Refuse()", "on_failure")
        self._every_step = every_step
        iterations = whole_number(max_iterations, "max_iterations", ProblemError, least=1)
        _check_size(self.goal, soft, max_variables)
        self._solver = NonlinearSolver(plant, self.goal, soft, iterations)
        self.last: tuple[SolveStatus, ...] = ()

    def __call__(self, x: ArrayLike) -> Array:
        """Return the first inputs (..., m) at states x (..., n), each solved anew."""
        states = real_points(x, "x", self.plant.state_names, ProblemError)
        answers = [self._solved(row, Remembered()) for row in states.reshape(-1, self.plant.n)]
        self.last = tuple(answer.status for answer in answers)
        inputs = [answer.solution.inputs[0] for answer in answers]
        return np.array(inputs).reshape(*states.shape[:-1], self.plant.m)

    def plan(self, x: ArrayLike) -> Solution:
        """Return the whole plan from one state x (n,): states that do not wrap, inputs, cost, what was checked."""
        state = real_points(x, "x", self.plant.state_names, ProblemError)
        if state.ndim != 1:
            raise ProblemError(f"`x` has shape {state.shape}, but one state ({self.plant.n},) is needed; plan for each")
        answer = self._solved(state, Remembered())
        self.last = (answer.status,)
        return answer.solution

    def start(self, batch: int) -> tuple[Remembered, ...]:
        """Return the memory of `batch` rows that have no plan yet."""
        return (Remembered(),) * whole_number(batch, "batch", ProblemError)

    def step(self, x: ArrayLike, memory: Sequence[Remembered]) -> tuple[Array, tuple[Remembered, ...]]:
        """Return the inputs (batch, m) at states (batch, n), and the memory with the new plans."""
        states = real_points(x, "x", self.plant.state_names, ProblemError)
        if states.ndim != 2 or len(states) != len(memory):
            raise ProblemError(
                f"`x` has shape {states.shape}, but the memory has {len(memory)} rows; pass one state for each"
            )
        pairs = [self._moved(row, remembered) for row, remembered in zip(states, memory, strict=True)]
        after = tuple(remembered for _, remembered in pairs)
        self.last = tuple(remembered.status for remembered in after if remembered.status is not None)
        return np.array([u for u, _ in pairs]).reshape(-1, self.plant.m), after

    def __repr__(self) -> str:
        """Return one line with the plant's name and the horizon."""
        return f"NonlinearMPC({self.plant.name!r}, horizon {self.goal.horizon}, discount {self.goal.discount:g})"

    def _moved(self, x: Array, memory: Remembered) -> tuple[Array, Remembered]:
        try:
            answer = self._solved(x, memory)
        except (OutsideDomain, NumericalError) as error:
            u = self._on_failure.instead(memory, error)
            status = SolveStatus(False, str(error), 0, 0.0, float("nan"), 0, False, memory.used)
            return u, replace(memory, used=memory.used + 1, status=status)
        return answer.solution.inputs[0], Remembered(answer.solution, 1, answer.status)

    def _solved(self, x: Array, memory: Remembered) -> _Answer:
        """Return the best solved attempt from the previous plan and the guesses; raise if there is none."""
        state, attempts = self.goal.near(x), []
        if memory.solution is not None:
            attempts.append(self._continued(state, memory.solution, memory.used))
        warm = any(attempt.solved for attempt in attempts)
        if not warm or self._every_step:
            for states, inputs in self._guesses.guesses(self._solver, state):
                attempts.append(self._solver.solve(state, states, inputs))
        solved = [attempt for attempt in attempts if attempt.solved]
        if not solved:
            raise self._failure(x, attempts)
        best = min(solved, key=lambda attempt: attempt.cost)
        iterations, seconds = sum(a.iterations for a in attempts), sum(a.seconds for a in attempts)
        return _Answer(best, SolveStatus(True, best.message, iterations, seconds, best.cost, len(attempts), warm, 0))

    def _continued(self, x: Array, plan: Solution, used: int) -> Solution:
        """Return the solution that starts from a plan, `used` steps later."""
        states, inputs, multipliers = plan.states, plan.inputs, plan.multipliers
        for _ in range(used):
            last = self._solver.rollout(states[-1], inputs[-1:])[-1]
            states, inputs = np.vstack([states[1:], last]), np.vstack([inputs[1:], inputs[-1:]])
            multipliers = self._solver.shifted(multipliers)
        turns = np.zeros(self.plant.n)
        for i in {*self.goal.angles, *self.plant.angle_indices}:
            turns[i] = 2 * np.pi * np.round((x[i] - states[0, i]) / (2 * np.pi))
        return self._solver.solve(x, states + turns, inputs, multipliers)

    def _failure(self, x: Array, attempts: Sequence[Solution]) -> OutsideDomain | NumericalError:
        best = min(attempts, key=lambda attempt: (attempt.violation, attempt.residual))
        named = ", ".join(f"{name} = {value:g}" for name, value in zip(self.plant.state_names, x, strict=True))
        how = f"IPOPT: {best.message} after {best.iterations} iterations, the best of {len(attempts)} attempts"
        if best.message == "Infeasible_Problem_Detected":
            return OutsideDomain(
                x,
                best.row,
                best.violation,
                f"state ({named}): no plan within all limits was found: it misses {best.row} by {best.violation:.3g} "
                f"half widths ({how}); start inside, pass soft=SoftBounds(), or more guesses",
            )
        return NumericalError(
            f"state ({named}): no plan stands its check: violation {best.violation:.2g}, residual {best.residual:.2g} "
            f"({how}); raise `max_iterations`, pass guesses=MultiStart(random=10), or on_failure=RepeatPlan()"
        )


def _check_size(goal: Goal, soft: SoftBounds | None, limit: int) -> None:
    """Raise ProblemError if the states, inputs and slacks over the horizon are more than the limit."""
    most = whole_number(limit, "max_variables", ProblemError, least=1)
    n, m = len(goal.state_target), len(goal.input_target)
    slacks = 0 if soft is None else int(sum(np.isfinite(bound).sum() for bound in goal.state_bounds))
    count = goal.horizon * (n + m + slacks) + n
    if count > most:
        raise ProblemError(
            f"`horizon` {goal.horizon} with {n} states, {m} inputs and {slacks} slacks a step makes {count} variables, "
            f"more than the size limit {most}; shorten it, or raise `max_variables`"
        )


def _with(value: Any, method: str, default: Any, mend: str, name: str = "guesses") -> Any:
    if value is None:
        return default
    if isinstance(value, type) or not callable(getattr(value, method, None)):
        kind = value.__name__ if isinstance(value, type) else type(value).__name__
        raise ProblemError(f"`{name}` is {kind}, which has no method {method} of an object; pass {mend}")
    return value
