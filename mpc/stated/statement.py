"""Statement: an MPC problem in cvxpy, written from its definitions, sharing no condensing with the laws."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import cvxpy as cp
import numpy as np
from numpy.typing import ArrayLike

import mpc.stated.own_parameters  # noqa: F401 # type: ignore[reportUnusedImport] - states what they mean
from mpc.explicit.errors import NumericalError, OutsideDomain, ProblemError
from mpc.plan import ControlHorizon, EveryStep, MoveBlocking, Prestabilised
from mpc.stated.costs import infinite_horizon, total_cost
from mpc.stated.limits import limits
from mpc.stated.trajectory import Trajectory, follow, read
from plants.arrays import Array, real_points

if TYPE_CHECKING:
    from mpc.problem import MPCProblem

PRECISE: dict[str, dict[str, Any]] = {
    "DAQP": {"eps_prox": 1e-2, "eta_prox": 1e-12, "primal_tol": 1e-12, "dual_tol": 1e-12, "iter_limit": 100_000},
    "CLARABEL": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12},
}
"""What makes cvxpy's solvers precise: DAQP to the last digits also on the facets of a law, CLARABEL to 1e-5 there."""

KEPT = 1e-6
"""By what share of its size an answer may pass a limit or an equation."""
SMALL = 1e-3
"""Sides that are smaller, as they are where a limit is 0, count as large as this."""


class Answer(NamedTuple):
    """First input (m,), all inputs (N, m), states (N + 1, n) and the whole cost, in physical units."""

    first: Array
    inputs: Array
    states: Array
    value: float


@dataclass(frozen=True, eq=False)
class Statement:
    """A cvxpy problem over states (N + 1, n), inputs (N, m) and slacks, with the parameter theta: see to_cvxpy.

    It may be changed, solved by any solver that cvxpy knows, or used to check a law. `names` are those of theta.
    """

    problem: cp.Problem
    theta: cp.Parameter
    states: cp.Expression
    inputs: cp.Expression
    slacks: tuple[cp.Variable, ...]
    names: tuple[str, ...]
    solver: str
    lock: Any = field(default_factory=Lock, init=False, repr=False)

    def solve(self, theta: ArrayLike, solver: str | None = None, **options: Any) -> Answer:
        """Return the answer at one theta (t,); `options` go to the solver.

        By default it is the one of `solver`, with the options that PRECISE has for it. Threads wait for one another.

        Raises OutsideDomain where no input keeps all limits, NumericalError where the solver finds no answer.
        """
        point = real_points(theta, "theta", self.names, ProblemError)
        if point.ndim != 1:
            raise ProblemError(f"`theta` has shape {point.shape}, but one point ({len(self.names)},) is needed")
        with self.lock, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Solution may be inaccurate")
            return self._solved(point, solver or self.solver, options)

    def _solved(self, point: Array, solver: str, options: dict[str, Any]) -> Answer:
        self.theta.value = point
        try:
            self.problem.solve(solver=solver, **(options or PRECISE.get(solver, {})))
        except cp.SolverError as cause:
            raise NumericalError(f"cvxpy found no answer at theta = {point}: {cause}") from cause
        status = self.problem.status
        if status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE):
            words = f"theta = {point} is outside the domain: no solution keeps all limits ({status})"
            raise OutsideDomain(point, "", float("nan"), words)
        if status != cp.OPTIMAL:
            raise NumericalError(f"cvxpy found no answer at theta = {point}: {status}")
        passed = max((_passed(constraint) for constraint in self.problem.constraints), default=0.0)
        if passed > KEPT:
            raise NumericalError(
                f"{solver} called its answer at theta = {point} optimal, but it passes a limit or an equation by "
                f"{passed:.2g} of its size, and {KEPT:g} is allowed; ask another solver"
            )
        inputs, states = np.array(self.inputs.value), np.array(self.states.value)
        return Answer(inputs[0], inputs, states, float(self.problem.value))  # type: ignore[arg-type]


def _passed(constraint: Any) -> float:
    """Return by how much a constraint is passed, beside the size of its sides."""
    size = max(float(np.abs(side.value).max(initial=0.0)) for side in constraint.args) if len(constraint.args) else 0.0
    return float(np.max(constraint.violation(), initial=0.0)) / max(size, SMALL)


def state_problem(problem: "MPCProblem") -> Statement:
    """Return the problem in cvxpy. Raises ProblemError for parts of one's own that do not say what they mean there."""
    reading = read(problem)
    path, ties, states, inputs = follow(problem, reading)
    ties += planned(problem.plan, problem, path)
    found = [limit for constraint in problem.all_constraints for limit in limits(constraint, path)]
    cost = total_cost(problem, path) + sum(limit.cost for limit in found)
    every = [*ties, *(limit.constraint() for limit in found)]
    slacks = tuple(slack for limit in found for slack in limit.slacks)
    whole = cp.Problem(cp.Minimize(cost), every)
    solver = "DAQP" if problem.norm == 2 else "CLARABEL"  # an active set gives facets exactly, but needs curvature
    return Statement(whole, reading.theta, states, inputs, slacks, tuple(problem.layout.names), solver)


@singledispatch
def planned(plan: Any, problem: "MPCProblem", path: Trajectory) -> list[cp.Constraint]:  # noqa: ARG001
    """Return the equations by which a plan ties inputs; raises ProblemError for a plan of one's own."""
    raise ProblemError(
        f"`{type(plan).__name__}` is a plan of one's own; to_cvxpy knows EveryStep, MoveBlocking, ControlHorizon and "
        "Prestabilised: register what it means with mpc.stated.statement.planned.register"
    )


@planned.register(EveryStep)
def _(plan: EveryStep, problem: "MPCProblem", path: Trajectory) -> list[cp.Constraint]:  # noqa: ARG001
    return []


@planned.register(MoveBlocking)
def _(plan: MoveBlocking, problem: "MPCProblem", path: Trajectory) -> list[cp.Constraint]:  # noqa: ARG001
    return _held(plan, path.inputs)


@planned.register(ControlHorizon)
def _(plan: ControlHorizon, problem: "MPCProblem", path: Trajectory) -> list[cp.Constraint]:  # noqa: ARG001
    return _held(plan, path.inputs)


@planned.register(Prestabilised)
def _(plan: Prestabilised, problem: "MPCProblem", path: Trajectory) -> list[cp.Constraint]:
    given = np.asarray(plan.feedback(problem))
    K = infinite_horizon(problem, moves=False)[0] if plan.gain is None else given
    corrections = cp.Variable((path.horizon, path.model.m), name="corrections")
    rows = [corrections[k] for k in range(path.horizon)]
    ties = [path.input_error(k) == -K @ path.state_error(k) + row for k, row in enumerate(rows)]
    return [*ties, *_held(plan.plan, rows)]


def _held(plan: Any, quantities: Sequence[Any]) -> list[cp.Constraint]:
    """Return that a quantity stays as it is, but where a block begins or a free move is left."""
    if isinstance(plan, EveryStep):
        return []
    if not isinstance(plan, MoveBlocking | ControlHorizon):
        kind = type(plan).__name__
        raise ProblemError(f"`Prestabilised plan` is a {kind}; pass EveryStep, MoveBlocking or ControlHorizon")
    changes = set(range(plan.moves)) if isinstance(plan, ControlHorizon) else set(np.cumsum(plan.lengths)[:-1].tolist())
    return [quantities[k] == quantities[k - 1] for k in range(1, len(quantities)) if k not in changes]
