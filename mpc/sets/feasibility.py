"""Feasibility: what may be claimed of a problem: how much of the box is feasible, and whether it stays so.

A problem is recursively feasible if every next state is feasible again. A box as the last limit does not make it so: an
unstable plant can be anywhere in a box and be lost. A terminal set does if from each of its states some input keeps all
limits and leads back into it: then the old plan, shifted by a step and with that input at its end, is a plan again
(Mayne, Rawlings, Rao & Scokaert, Automatica 36, 2000). For Tightened limits see shifted_plan.
"""

from dataclasses import dataclass, replace

import numpy as np

from mpc.constraints import (
    InputBounds,
    InputPolytope,
    MixedPolytope,
    OutputBounds,
    OutputPolytope,
    StateBounds,
    StatePolytope,
)
from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.plan import EveryStep
from mpc.predict import predict
from mpc.problem import MPCProblem
from mpc.rows import stack_rows
from mpc.sets.feasible import feasible_share
from mpc.sets.invariance import invariance
from mpc.sets.invariant import EmptySet, largest_set
from mpc.sets.invariant_set import InvariantSet
from mpc.sets.limits import LimitRows, free_system
from mpc.sets.shares import Share
from mpc.sets.shifted_plan import shifted_claim
from mpc.soft import Soft
from mpc.terminal import TerminalOrigin, TerminalSet
from mpc.tightening import Tightened
from plants.arrays import Array, instance_of

EVERY_STEP = (InputBounds, InputPolytope, MixedPolytope, OutputBounds, OutputPolytope, StateBounds, StatePolytope)
TERMINAL = (TerminalOrigin, TerminalSet)
ROOM = 1e-9  # what rounding may lack


@dataclass(frozen=True, eq=False)
class Feasibility:
    """What may be claimed of a problem, with the reason in words.

    `feasible` is the share of the parameter set in which some inputs keep all limits over the horizon; `for_ever` the
    share in which they can be kept for ever by any law at all (None where it is not computed: theta holds more than
    the state, or limits tie steps together). `recursive` says whether every next state is surely feasible again on the
    linear model, under every error that hard Tightened constraints leave room for.
    """

    feasible: Share
    for_ever: Share | None
    recursive: bool
    reason: str

    def __str__(self) -> str:
        """Return the claims as sentences."""
        words = [f"All limits can be kept over the horizon from {self.feasible} of the parameter set."]
        if self.for_ever is not None:
            words.append(f"For ever they can be kept from {self.for_ever} of it.")
        claim = "Recursively feasible" if self.recursive else "Recursive feasibility cannot be claimed"
        return " ".join([*words, f"{claim}: {self.reason}."])


def feasibility(problem: MPCProblem) -> Feasibility:
    """Return what may be claimed of the problem on its linear model; raises ProblemError for an empty one."""
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    tightened = [c for c in problem.constraints if isinstance(c, Tightened)]
    trouble = _held(problem) or ("" if tightened else _not_shifted(problem))
    if trouble:
        return Feasibility(feasible_share(problem), _for_ever(problem), False, trouble)
    recursive, reason = shifted_claim(problem, tightened) if tightened else _terminal_claim(problem)
    return Feasibility(feasible_share(problem), _for_ever(problem), recursive, reason)


def kept_for_ever(problem: MPCProblem) -> InvariantSet:
    """Return the largest set of states in the parameter set from which some inputs keep the hard limits for ever.

    Terminal constraints and soft ones are left out. Raises ProblemError where theta holds more than the state, or
    a constraint ties steps together, and EmptySet where there is none.
    """
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    if not _state_alone(problem):
        raise ProblemError(
            f"theta holds {len(problem.layout.names)} components, but the model has {problem.model.n} states; sets are "
            "computed for problems whose law reads the state alone"
        )
    strange = _strange(problem)
    if strange:
        raise ProblemError(
            f"the constraint {strange} does not bind each step by itself; leave it out of the problem for this question"
        )
    return largest_set(free_system(problem.model, one_step(problem), None, 1.0))


def _for_ever(problem: MPCProblem) -> Share | None:
    if not _state_alone(problem) or _strange(problem):
        return None
    try:
        return kept_for_ever(problem).share(problem.domain)
    except EmptySet:
        return Share.exact(0.0)


def _held(problem: MPCProblem) -> str:
    """Return why a plan cannot be shifted by a step, from one known theta to the next; empty if it can."""
    if not _state_alone(problem):
        more = ", ".join(problem.layout.names[problem.model.n :])
        return f"the law also reads {more}, whose next values are not known"
    if problem.plan.blocks(problem.horizon) != list(range(problem.horizon)):
        return f"{type(problem.plan).__name__} holds inputs over steps, so that a plan cannot be shifted by one"
    return ""


def _not_shifted(problem: MPCProblem) -> str:
    """Return why a plan that is shifted by a step need not be one again; empty if it is, but for its end."""
    strange = _strange(problem)
    if strange:
        return f"the constraint {strange} need not hold for a plan that is shifted by a step"
    if not any(isinstance(c, TERMINAL) for c in problem.constraints):
        return (
            "there is no terminal set, so the last state may be one that no input saves; add "
            "TerminalSet(maximal_control_invariant(..., contraction=0.999).polyhedron)"
        )
    lower, upper = problem.domain
    within = problem.state_bounds is not None and bool(
        (problem.state_bounds[0] >= lower).all() and (problem.state_bounds[1] <= upper).all()
    )
    return "" if within else "the next state may leave `parameter_bounds`; give `state_bounds` within them"


def _terminal_claim(problem: MPCProblem) -> tuple[bool, str]:
    """Return whether the terminal constraints let every plan be continued, and why."""
    rows = one_step(problem)
    if any(isinstance(c, TerminalOrigin) for c in problem.constraints):
        where = "operating point" if problem.setpoint is None else "steady state of the setpoint"
        room = rows.h - rows.X @ _rest(problem)[0] - rows.V @ _rest(problem)[1]
        worst = int(np.argmin(room))
        if room[worst] >= -ROOM:
            return True, f"the plan ends at the {where}, where the plant can rest within all limits"
        return False, f"the {where}, where the plan ends, passes a limit ({rows.labels[worst]}) by {-room[worst]:.3g}"
    system = free_system(problem.model, rows, None, 1.0)
    parts = [c.polyhedron for c in problem.constraints if isinstance(c, TerminalSet)]
    parts.append(Polyhedron.from_bounds(*problem.domain))
    together = Polyhedron(np.vstack([p.A for p in parts]), np.concatenate([p.b for p in parts]))
    answer = invariance(system, *system.scaled(together))
    return answer.holds, f"the terminal set is {answer}"


def _rest(problem: MPCProblem) -> tuple[Array, Array]:
    """Return where the plan rests in the end, as deviations of state and input from the operating point."""
    prediction, model = problem.prediction, problem.model
    return prediction.state_targets[-1].offset - model.state, prediction.input_targets[-1].offset - model.input


def one_step(problem: MPCProblem) -> LimitRows:
    """Return the hard limits that bind one step: its input, its state, and the state that follows."""
    single = replace(
        problem, horizon=1, plan=EveryStep(), constraints=(), costs=(), terminal_weight=problem.state_weight
    )
    prediction = predict(single)
    hard = [c.rows(prediction) for c in problem.all_constraints if isinstance(c, EVERY_STEP)]
    rows = stack_rows(hard) if hard else None
    model, box = problem.model, Polyhedron.from_bounds(*problem.domain)
    X, V = [box.A], [np.zeros((len(box.b), model.m))]
    h: list[Array] = [box.b - box.A @ model.state]
    labels = [f"row {i} of the parameter set" for i in range(len(box.b))]
    if rows is not None:
        X, V = [*X, -rows.S], [*V, rows.G]
        h.append(rows.w + rows.S @ model.state - rows.G @ model.input)
        labels += rows.labels
    return LimitRows(np.vstack(X), np.vstack(V), np.concatenate(h), tuple(labels))


def _state_alone(problem: MPCProblem) -> bool:
    return len(problem.layout.names) == problem.model.n


def _strange(problem: MPCProblem) -> str:
    """Return the kind of a hard constraint that is not known to bind every step by itself, or nothing."""
    for constraint in problem.constraints:
        kind = type(constraint).__name__
        if not isinstance(constraint, (*EVERY_STEP, *TERMINAL, Soft)):
            return kind
        if isinstance(constraint, EVERY_STEP) and constraint.steps is not None:
            return f"{kind} at chosen `steps`"
    return ""
