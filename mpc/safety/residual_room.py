"""Room for a residual: an MPC problem whose plans leave room for what a network adds to the inputs, with the claim.

A policy u = u_mpc(x) + e tanh(.) needs no filter then: whatever the network says within e, every next state has a plan
again that keeps all limits. The room is paid for in states: the share of the feasible set that it costs is told.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from mpc.constraints import StateBounds
from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.problem import MPCProblem
from mpc.rows import Constraint
from mpc.safety.errors import NoSafeSet
from mpc.sets.feasibility import TERMINAL, Feasibility, feasibility, one_step
from mpc.sets.feasible import feasible_share
from mpc.sets.invariant import EmptySet, largest_set
from mpc.sets.invariant_set import InvariantSet
from mpc.sets.limits import LimitRows, Limits, closed_system, disturbance_corners
from mpc.sets.shares import Share
from mpc.soft import Soft
from mpc.terminal import TerminalSet
from mpc.tightening import Tightened
from plants.arrays import Array, instance_of, real_array


@dataclass(frozen=True, eq=False)
class ResidualRoom:
    """`problem` leaves room for |e| <= `residual` (m,) added to its inputs, and for a disturbance of the states.

    `claim` says that each of its feasible states leads to feasible ones, whatever both do: claim.recursive is True.
    `end` is the robust set in which its plans end. `before` is the feasible share of the parameter set without room.
    """

    problem: MPCProblem
    residual: Array
    end: InvariantSet
    claim: Feasibility
    before: Share

    @property
    def cost(self) -> float:
        """Return the share of the feasible set that the room takes, from 0 to 1."""
        return 1 - self.claim.feasible.value / self.before.value

    def __str__(self) -> str:
        """Return what is left room for, what it costs, and the claim, as sentences."""
        model = self.problem.model
        sizes = ", ".join(
            f"{name} +-{size:g} {unit}".rstrip()
            for name, size, unit in zip(model.input_names, self.residual, model.input_units, strict=True)
        )
        return (
            f"Room for a residual of {sizes} costs {100 * self.cost:.3g} % of the feasible set, which was "
            f"{self.before} of the parameter set. {self.claim}"
        )


def room_for_residual(
    problem: MPCProblem,
    residual: ArrayLike,
    disturbance: Limits = None,
    gain: ArrayLike | None = None,
    contraction: float = 0.999,
) -> ResidualRoom:
    """Return the problem with every hard limit tightened for |e| <= `residual` on the inputs and w in `disturbance`.

    `residual` is one number, or one for each input; `disturbance` a pair (lower, upper) or a Polyhedron of what may be
    added to the next state, None for nothing. Errors are answered by -`gain` (m, n), by default the regulator of the
    stage cost. Plans end in the largest set that this gain keeps against both, and that contracts by `contraction`.

    Raises NoSafeSet where the room leaves no such set, ProblemError for a problem that is tightened already or of which
    nothing can be claimed.
    """
    _check(problem)
    model = problem.model
    size = _residual(residual, model.m)
    K = problem.regulator if gain is None else real_array(gain, "gain", (model.m, model.n), ProblemError)
    winds = disturbance_corners(disturbance, model)
    end, calm = _end(problem, K, size, winds, contraction), _end(problem, K, 0 * size, 0 * winds[:1], contraction)
    roomy = _tightened(problem, Tightened(TerminalSet(end.polyhedron), _as_set(disturbance, winds), size, K))
    claim = feasibility(roomy)
    if not claim.recursive:
        raise ProblemError(f"nothing can be claimed of the tightened problem: {claim.reason}")
    ended = (*(c for c in problem.constraints if not isinstance(c, TERMINAL)), TerminalSet(calm.polyhedron))
    return ResidualRoom(roomy, size, end, claim, feasible_share(replace(problem, constraints=ended)))


def _check(problem: MPCProblem) -> None:
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    more = problem.layout.names[problem.model.n :]
    if more:
        raise ProblemError(
            f"the law also reads {', '.join(more)}, but room is left in problems whose law reads the state alone; "
            "leave out what ties it to them"
        )
    if any(isinstance(c, Tightened) for c in problem.constraints):
        raise ProblemError(
            "`problem` has a Tightened constraint already; pass the problem without room, it is left here"
        )


def _tightened(problem: MPCProblem, end: Tightened) -> MPCProblem:
    """Return the problem with `end` for its terminal set, and the same room as there in all hard limits."""
    limits: list[Constraint] = [c for c in problem.all_constraints if not isinstance(c, (*TERMINAL, Soft))]
    if problem.state_bounds is None:
        limits.append(StateBounds(*problem.domain))
    tight = [replace(end, constraint=limit) for limit in limits]
    soft = [c for c in problem.constraints if isinstance(c, Soft)]
    bounds = {"state_bounds": None, "input_bounds": None, "parameter_bounds": problem.domain}
    return replace(problem, **bounds, constraints=(*tight, end, *soft))


def _residual(residual: ArrayLike, inputs: int) -> Array:
    given = real_array(residual, "residual", None, ProblemError)
    if given.shape not in ((), (inputs,)) or not (given >= 0).all():
        raise ProblemError(
            f"`residual` is {given.tolist()}, but one number of 0 or more is needed for each of the {inputs} inputs"
        )
    return np.array(np.broadcast_to(given, (inputs,)))


def _as_set(disturbance: Limits, winds: Array) -> Polyhedron | None:
    if disturbance is None or isinstance(disturbance, Polyhedron):
        return disturbance
    return Polyhedron.from_bounds(winds.min(axis=0), winds.max(axis=0))


def _end(problem: MPCProblem, K: Array, residual: Array, winds: Array, contraction: float) -> InvariantSet:
    """Return the largest set that the gain keeps against both, the residual having its part of each limit."""
    model = problem.model
    rows = one_step(problem)
    taken = np.abs(rows.V) @ residual
    left = LimitRows(rows.X, rows.V, rows.h - taken, rows.labels)
    worst = int(np.argmin(left.h))
    if left.h[worst] <= 0:
        raise NoSafeSet(
            f"at the operating point the residual takes {taken[worst]:.3g} of {rows.labels[worst]}, which has "
            f"{rows.h[worst]:.3g} of room there; make `residual` smaller, or widen the limit",
            float(rows.h[worst]), float(taken[worst]), "",
        )  # fmt: skip
    system = closed_system(model, K, left, None, contraction)
    signs = np.array(list(product((-1.0, 1.0), repeat=model.m)))
    pushed = (winds[:, None] + (signs * residual) @ model.B.T).reshape(-1, model.n)
    try:
        found = largest_set(replace(system, corners=pushed / system.width))
    except EmptySet as cause:
        furthest = np.abs(pushed).max(axis=0)
        most = int((furthest / system.width).argmax())
        raise NoSafeSet(
            f"residual and disturbance together may push {model.state_names[most]} by {furthest[most]:.3g} "
            f"{model.state_units[most]} in a step, and the gain keeps no set against that within limits that are "
            f"{2 * system.width[most]:.3g} apart; make them smaller, or give another `gain`",
            float(furthest[most]), float(2 * system.width[most]), model.state_units[most],
        ) from cause  # fmt: skip
    if not found.converged:
        raise NoSafeSet(
            f"after {found.steps} steps the robust terminal set still shrinks by {found.gap:.2g} of the limits, above "
            f"1e-10; lower `contraction` below {contraction:g}, or give another `gain`",
            found.gap, 1e-10, "",
        )  # fmt: skip
    return found
