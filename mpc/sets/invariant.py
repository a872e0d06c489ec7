"""Invariant sets: states from which all limits can be kept for ever, under a gain or under the best inputs.

One iteration serves all of them: S_0 are the states at which the limits can be kept for one step, and
S_(k+1) those of S_k from which S_k can be reached, whatever the disturbance is, with the limits kept on the way. Where
a step changes nothing any more the set is invariant, and the largest one (Bertsekas 1972; Gilbert & Tan 1991 for a
gain; Kolmanovsky & Gilbert 1998 for disturbances; Blanchini 1994 for a contraction).
"""

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.explicit.linear import linear_program
from mpc.explicit.polyhedron import Polyhedron
from mpc.sets.corners import beyond, corners_of
from mpc.sets.elimination import without_spare
from mpc.sets.invariant_set import InvariantSet
from mpc.sets.limited_system import LimitedSystem
from mpc.sets.limits import Limits, closed_system, free_system, limit_rows
from mpc.sets.vertex_models import Models
from plants.arrays import Array, whole_number

SETTLED = 1e-10  # half widths of the limits: a step that cuts off no more than this changes nothing
MAX_STEPS = 500


class EmptySet(ProblemError):
    """Limits that cannot be kept for ever from any state, or not against such a disturbance."""


def maximal_admissible(
    model: Models,
    gain: ArrayLike,
    states: Limits = None,
    inputs: Limits = None,
    outputs: Limits = None,
    disturbance: Limits = None,
    contraction: float = 1.0,
    max_steps: int = MAX_STEPS,
) -> InvariantSet:
    """Return the largest set of states from which u = input - gain (x - state) keeps all limits for ever.

    `states`, `inputs` and `outputs` are limits in physical units: a pair (lower, upper), or a Polyhedron. `disturbance`
    bounds w in x+ = ... + w the same way: then the limits are kept whatever w does. With a `contraction` c below 1 the
    successor lies even in c times the set, about the operating point. After `max_steps` steps without
    an end the answer has `converged` False. Of several models any one, and any mixture, may rule at each step.
    Raises ProblemError for a gain that does not stabilise, an operating point outside the limits and an unbounded set,
    EmptySet (one of it) where no state is left.
    Source: Gilbert & Tan, IEEE Transactions on Automatic Control 36, 1991.
    """
    rows = limit_rows(model, states, inputs, outputs)
    return largest_set(closed_system(model, gain, rows, disturbance, contraction), max_steps)


def maximal_control_invariant(
    model: Models,
    states: Limits,
    inputs: Limits = None,
    outputs: Limits = None,
    disturbance: Limits = None,
    contraction: float = 1.0,
    max_steps: int = MAX_STEPS,
) -> InvariantSet:
    """Return the largest set of states from which some inputs keep all limits for ever.

    The arguments are those of `maximal_admissible`; `states` must be bounded. No law that keeps the limits can start
    outside this set. Of several models any one, and any mixture, may rule at each step, and an input must serve all of
    them. Raises ProblemError for an unbounded set, EmptySet (one of it) where no state is left.
    Source: Bertsekas, IEEE Transactions on Automatic Control 17, 1972; for several models Blanchini, ibid. 39, 1994.
    """
    rows = limit_rows(model, states, inputs, outputs)
    return largest_set(free_system(model, rows, disturbance, contraction), max_steps)


def largest_set(system: LimitedSystem, max_steps: int = MAX_STEPS) -> InvariantSet:
    """Return the largest invariant set of a system with limits; raises EmptySet where there is none."""
    limit = whole_number(max_steps, "max_steps", ProblemError, least=1)
    F, f = _bounded(system)
    corners, gap = corners_of(F, f), np.inf
    if len(corners) == 0:
        raise _no_start(system)
    for steps in range(limit):
        rows, levels = system.before(F, f)
        cut = beyond(corners, rows, levels)
        gap = float(cut.max(initial=0.0))
        if gap <= SETTLED:
            return InvariantSet(system, system.physical(F, f), steps, True, gap)
        F, f = without_spare(np.vstack([rows[cut > SETTLED], F]), np.concatenate([levels[cut > SETTLED], f]))
        before, corners = corners, corners_of(F, f)
        if len(corners) == 0:
            raise _empty(system, before, steps + 1)
    return InvariantSet(system, system.physical(F, f), limit, False, gap)


def _bounded(system: LimitedSystem) -> tuple[Array, Array]:
    """Return rows of a bounded set that holds the answer: the limits of one step, or of n steps where a gain rules."""
    F, f = system.allowed()
    outer = F, f
    for _ in range(len(system.A) - 1 if system.input_free else 0):
        rows, levels = system.before(*outer)
        outer = np.vstack([F, rows]), np.concatenate([f, levels])
    return without_spare(*outer)


def _no_start(system: LimitedSystem) -> EmptySet:
    if system.disturbed:
        return _empty(system, np.vstack([np.ones(len(system.A)), -np.ones(len(system.A))]), 1)
    words = "the gain's own inputs keep" if system.input_free else "some input keeps"
    return EmptySet(
        f"the limits contradict one another: there is no ball of states in which {words} all {len(system.h)} of them "
        "(its radius must be above 0); widen one of them"
    )


def _empty(system: LimitedSystem, before: Array, steps: int) -> EmptySet:
    """Return the error of a set that a step has emptied, with the disturbance beside the set that was left."""
    if not system.disturbed:
        slower = f", or raise `contraction`, which is {system.contraction:g}" if system.contraction < 1 else ""
        return EmptySet(
            f"no state can be kept within the limits for ever: from step {steps} on no input does it; widen the "
            f"limits{slower}"
        )
    moved, left = (np.ptp(corners, axis=0) * system.width for corners in (system.corners, before))
    moves = np.array([_move(system, before, i) for i in range(system.model.n)])
    worst = int((moved / np.minimum(left, moves)).argmax())
    name, unit = system.model.state_names[worst], system.model.state_units[worst]
    inputs = "" if system.input_free else f", inputs move it within {_with_unit(moves[worst], unit)}"
    return EmptySet(
        f"`disturbance` is too large: step {steps} leaves no state. It moves {name} within "
        f"{_with_unit(moved[worst], unit)} a step{inputs}, and the set was {_with_unit(left[worst], unit)} wide; "
        "lower the disturbance, or widen the limits"
    )


def _move(system: LimitedSystem, corners: Array, index: int) -> float:
    """Return how far apart inputs can put a component in one step, in its unit; infinite where none is to choose."""
    if system.input_free:
        return np.inf
    n, cost = len(system.A), np.r_[np.zeros(len(system.A)), system.B[index]]
    box = Polyhedron.from_bounds(corners.min(axis=0), corners.max(axis=0))
    rows = np.vstack([np.c_[system.X, system.V], np.c_[box.A, np.zeros((2 * n, len(cost) - n))]])
    ends = [linear_program(sign * cost, rows, np.r_[system.h, box.b]) for sign in (-1.0, 1.0)]
    if any(not end.success for end in ends):
        return np.inf
    return float(-(ends[0].fun + ends[1].fun) * system.width[index])


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()
