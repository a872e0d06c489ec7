"""The shifted plan: whether a plan, shifted by a step and answered by a gain, is one again whatever the errors are.

Where limits are Tightened the plan of the next step need not be guessed: each old input but the first is answered by
-K A_cl^j d, with d the error of the next state and A_cl = A - B K, and the gain itself gives the last one (Chisci,
Rossiter & Zappa, Automatica 37, 2001). That plan is affine in theta, in the old plan z and in d; so for each row of the
problem one linear program over all theta that have a plan, and the support of the set of d, say how far it can ever
pass that row. Nothing is presumed of the rows: terminal sets, limits at chosen steps and limits without room are asked
alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.linear import balanced, linear_program
from mpc.explicit.polyhedron import Polyhedron
from mpc.prediction import Affine
from mpc.problem import MPCProblem
from mpc.tightening import Tightened
from plants.arrays import Array

ROOM = 1e-9  # of the terms of a row: what rounding may lack
INFEASIBLE, UNBOUNDED = 2, 3  # scipy's statuses


@dataclass(frozen=True, eq=False)
class Errors:
    """What may come between two steps, d = w + B e with w in `disturbance` and |e| <= `residual`; -`gain` d answers."""

    disturbance: Polyhedron | None
    residual: Array
    gain: Array

    def support(self, directions: Array, B: Array) -> Array:
        """Return the largest value of each direction (k, n) over all d."""
        largest = np.abs(directions @ B) @ self.residual
        if self.disturbance is not None:
            largest += [_largest(row, self.disturbance.A, self.disturbance.b)[0] for row in directions]
        return largest

    def __str__(self) -> str:
        """Return what may come in words."""
        names = ["w of `disturbance`"] * (self.disturbance is not None) + ["e of `residual`"] * bool(
            self.residual.any()
        )
        return " and ".join(names)


@dataclass(frozen=True, eq=False)
class Asked:
    """constant + of_plan (theta, z) + of_error d <= 0: what the next step asks of the shifted plan."""

    constant: Array
    of_plan: Array
    of_error: Array
    labels: tuple[str, ...]


def shifted_claim(problem: MPCProblem, tightened: Sequence[Tightened]) -> tuple[bool, str]:
    """Return whether the shifted plan surely keeps all rows again, and what was checked, or what it may pass.

    The problem's theta must be the state alone, and each step must have an input of its own. Raises ProblemError where
    no state has a plan.
    """
    trouble = _differing(problem, tightened)
    if trouble:
        return False, trouble
    one, asked = tightened[0], _rows(problem)
    errors = Errors(one.disturbance, _residual(one, problem), _gain(one, problem))
    next_rows = _next(problem, errors, asked)
    reach, terms = _reach(next_rows, asked, errors, problem.model.B)
    beyond = reach - ROOM * terms
    ways = "the old plan, shifted by a step, answered by the gain of `Tightened` and ended by it,"
    if (beyond <= 0).all():
        return True, (
            f"whatever {errors} is, {ways} keeps all {len(reach)} rows of the limits and of the parameter set again "
            "(shown by a linear program for each, over all states that have a plan)"
        )
    worst = int(np.argmax(beyond))
    how = f"by up to {reach[worst]:.3g}" if np.isfinite(reach[worst]) else "without bound"
    return False, (
        f"for some {errors} {ways} passes a limit ({next_rows.labels[worst]}) {how}; tighten all limits alike and "
        "add Tightened(TerminalSet(maximal_admissible(model, gain, ..., disturbance=..., contraction=0.999)"
        ".polyhedron), ...)"
    )


def _differing(problem: MPCProblem, tightened: Sequence[Tightened]) -> str:
    """Return why the constraints do not leave room for the same errors in a known way; empty if they do."""
    first = tightened[0]
    if any(t.initial is not None for t in tightened):
        return "`Tightened initial` is about the first state alone, and later states are measured with errors too"
    if any(not np.array_equal(_gain(t, problem), _gain(first, problem)) for t in tightened):
        return "its `Tightened` have different `gain`s, but a plan is answered by one; give all of them the same"
    if any(not _same(t.disturbance, first.disturbance) for t in tightened):
        return "its `Tightened` leave room for different `disturbance`s; give all of them the same"
    if any(not np.array_equal(_residual(t, problem), _residual(first, problem)) for t in tightened):
        return "its `Tightened` leave room for different `residual`s; give all of them the same"
    slack = problem.rows.slack
    if slack is not None and (slack.columns < 0).any():
        return "it has slacks that tighten limits, so that passing those may be no way out"
    return ""


def _gain(tightened: Tightened, problem: MPCProblem) -> Array:
    return np.zeros((problem.model.m, problem.model.n)) if tightened.gain is None else tightened.gain


def _residual(tightened: Tightened, problem: MPCProblem) -> Array:
    return np.zeros(problem.model.m) if tightened.residual is None else tightened.residual


def _same(one: Polyhedron | None, other: Polyhedron | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one.A, other.A) and np.array_equal(one.b, other.b)


def _rows(problem: MPCProblem) -> Asked:
    """Return the hard rows and those of the parameter set, of theta and z; soft ones give way by themselves."""
    rows, box = problem.rows, Polyhedron.from_bounds(*problem.domain)
    loose = np.zeros((len(rows.w), 1)) if rows.slack is None else rows.slack.columns
    hard = (loose == 0).all(axis=1)
    equal = np.isin(np.arange(len(rows.w)), rows.equal) & hard
    one = np.c_[-rows.S, rows.G]
    of_plan = np.vstack([one[hard], -one[equal], np.c_[box.A, np.zeros((len(box.b), problem.free_inputs))]])
    constant = -np.concatenate([rows.w[hard], -rows.w[equal], box.b])
    labels = [rows.labels[i] for i in (*np.flatnonzero(hard), *np.flatnonzero(equal))]
    labels += [f"row {i} of the parameter set" for i in range(len(box.b))]
    return Asked(constant, of_plan, np.zeros((len(constant), problem.model.n)), tuple(labels))


def _next(problem: MPCProblem, errors: Errors, asked: Asked) -> Asked:
    """Return the same rows, asked of the next state and of the shifted plan."""
    model, prediction, K = problem.model, problem.prediction, errors.gain
    n, steps = model.n, len(problem.layout.names) + problem.free_inputs
    states, inputs = ([_columns(q, n) for q in every] for every in (prediction.states, prediction.inputs))
    error = np.c_[np.zeros((n, 1 + steps)), np.eye(n)]
    theta, answered = states[1] + error, []
    for u in inputs[1:]:
        answered.append(u - K @ error)
        error = (model.A - model.B @ K) @ error
    last = -K @ (states[-1] + error)
    last[:, 0] += prediction.input_targets[-1].offset + K @ prediction.state_targets[-1].offset
    planned = np.vstack([*answered, last, theta])
    of_inputs = [np.vstack([getattr(q, part) for q in prediction.inputs]) for part in ("z_map", "theta_map")]
    planned[:-n, 0] -= np.concatenate([q.offset for q in prediction.inputs])
    z = np.linalg.solve(of_inputs[0], planned[:-n] - of_inputs[1] @ theta)
    found = asked.of_plan @ np.vstack([theta, z])
    return Asked(found[:, 0] + asked.constant, found[:, 1:-n], found[:, -n:], asked.labels)


def _columns(quantity: Affine, errors: int) -> Array:
    """Return the quantity's columns of 1, theta and z, and zeros for d."""
    return np.c_[quantity.offset, quantity.theta_map, quantity.z_map, np.zeros((len(quantity.offset), errors))]


def _reach(of_next: Asked, asked: Asked, errors: Errors, B: Array) -> tuple[Array, Array]:
    """Return the largest left-hand side of each row (inf: unbounded), and how large its terms are."""
    A, b, unit = balanced(asked.of_plan, -asked.constant)
    largest = [_largest(row, A, b) for row in of_next.of_plan * unit]
    room = errors.support(of_next.of_error, B)
    reach = of_next.constant + room + [value for value, _ in largest]
    sizes = [np.abs(row) @ size for row, (_, size) in zip(of_next.of_plan * unit, largest, strict=True)]
    return reach, np.abs(of_next.constant) + room + sizes


def _largest(row: Array, A: Array, b: Array) -> tuple[float, Array]:
    """Return the largest value of row'x over {A x <= b}, and |x| there."""
    size = np.abs(row).max()
    if size == 0:
        return 0.0, np.zeros(len(row))
    found = linear_program(-row / size, A, b)
    if found.status == UNBOUNDED:
        return np.inf, np.zeros(len(row))
    if found.status == INFEASIBLE:
        raise ProblemError("no state of the parameter set has a plan that keeps all limits; widen or soften one")
    if not found.success:
        raise NumericalError(f"how far the shifted plan reaches was not found: {found.message}")
    return -size * found.fun, np.abs(found.x)
