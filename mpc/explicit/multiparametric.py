"""From a multiparametric QP to its law: presolve, explore, refine, join, and back into physical variables."""

from functools import cache
from threading import Thread

import numpy as np

from mpc.explicit.dependence import dependence
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import ProblemError
from mpc.explicit.explore import Exploration, Progress, explore
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.limits import Limits
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.presolve import LeastDistanceProblem, presolve
from mpc.explicit.refine import refined
from mpc.explicit.region import CriticalRegion, Regions
from mpc.explicit.singular.selection import Explored, Selection, select
from mpc.explicit.unions import Pieces, united
from plants.arrays import Array

NOISE = 1e-13  # an entry of a gain over scaled theta that is this small beside its row is rounding


def solve_multiparametric(
    problem: MultiparametricQP,
    inputs: int | None = None,
    input_bounds: tuple[Array, Array] | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    threads: int = 1,
) -> PiecewiseAffineLaw:
    """Return the law of the first `inputs` variables (default: all of z) on every theta that has a solution.

    The law is the same to the last bit for any number of threads. Where a limit stops the search, it is partial and
    says so. Raises Infeasible or ProblemError for a problem without a law; see MultiparametricQP for its form.
    """
    _load_kernels()
    return _solved(problem, problem.n if inputs is None else inputs, input_bounds, progress, limits, threads)


def _solved(
    problem: MultiparametricQP,
    m: int,
    input_bounds: tuple[Array, Array] | None,
    progress: Progress | None,
    limits: Limits | None,
    threads: int,
) -> PiecewiseAffineLaw:
    def search(convex: MultiparametricQP) -> tuple[LeastDistanceProblem, Exploration]:
        ldp = presolve(convex)
        return ldp, explore(ldp, progress, limits, threads)

    if problem.strictly_convex:
        ldp, found = search(problem)
        if not len(found.active):
            raise ProblemError(
                f"no region is wider than {2 * TOLERANCE:g} half widths of the parameter set: the feasible set is a "
                "sliver; widen the constraints or shrink the parameter set around it"
            )
        solutions = refined(problem, ldp, found)
        regions = _physical(problem, ldp, united(found, solutions), m)
        partial = "; ".join(filter(None, [found.partial, dependence(problem, ldp, found, solutions.solution)]))
    else:
        selection = select(problem, lambda twin: _active_sets(*search(twin)))
        regions, partial = _selected(problem, selection, m), selection.partial
    box = problem.parameter_set.box(problem.names.parameters)
    return PiecewiseAffineLaw(regions, problem.parameter_set, box, problem.names, input_bounds, problem, partial)


@cache
def _load_kernels() -> None:
    """Load the compiled kernels, once a process, in a thread: an interrupt that meets their loading would be lost."""
    thread = Thread(target=_use_kernels, daemon=True)
    thread.start()
    thread.join()


def _use_kernels() -> None:
    rows, box = [[1], [-1]], [[1], [-1]]
    tiny = MultiparametricQP([[1]], [0], [[1]], rows, [1, 1], [[0], [0]], box, [2, 2])
    _solved(tiny, 1, None, None, None, 1).locate([0.0])


def _active_sets(ldp: LeastDistanceProblem, found: Exploration) -> Explored:
    return Explored([tuple(ldp.rows[active].tolist()) for active in found.active], found.partial)


def _selected(problem: MultiparametricQP, selection: Selection, inputs: int) -> Regions:
    """Return the pieces of a selection as regions."""
    names = problem.names.rows
    regions = [
        CriticalRegion(
            A=piece.A,
            b=piece.b,
            gain=piece.solution_gain[:inputs],
            offset=piece.solution_offset[:inputs],
            active=tuple(names[row] for row in piece.active_rows),
            active_rows=piece.active_rows,
            centre=piece.centre,
            radius=piece.radius,
            solution_gain=piece.solution_gain,
            solution_offset=piece.solution_offset,
        )
        for piece in selection.pieces
    ]
    return Regions.of(regions, names)


def _physical(problem: MultiparametricQP, ldp: LeastDistanceProblem, pieces: Pieces, inputs: int) -> Regions:
    """Return the pieces over physical theta, with the rows' numbers in the problem."""
    frame, level, gain = ldp.frame, pieces.solution[:, :, 0], _without_noise(pieces.solution)
    gain = gain @ frame.inverse
    offset = level - gain @ frame.centre
    A, b, half_spaces = pieces.A @ frame.inverse, pieces.b, pieces.facet_count
    if len(frame.fixed):
        A, b, half_spaces = _held(frame.fixed, A, b, half_spaces)
    return Regions(
        A=A,
        b=b + A @ frame.centre,
        half_spaces=half_spaces,
        active_rows=ldp.rows[np.nonzero(pieces.tight)[1]].astype(np.int64),
        active_count=pieces.tight.sum(axis=1),
        centre=frame.point(pieces.centre),
        radius=pieces.radius,
        gain=gain[:, :inputs],
        offset=offset[:, :inputs],
        solution_gain=gain,
        solution_offset=offset,
        rows=problem.names.rows,
    )


def _held(fixed: Array, A: Array, b: Array, half_spaces: np.ndarray) -> tuple[Array, Array, np.ndarray]:
    """Return the half-spaces with a pair more in every region for each direction in which theta cannot move."""
    ends = np.cumsum(half_spaces)
    pairs = np.vstack([fixed, -fixed])
    A = np.vstack([np.vstack([part, pairs]) for part in np.split(A, ends[:-1])])
    b = np.concatenate([np.append(part, np.zeros(len(pairs))) for part in np.split(b, ends[:-1])])
    return A, b, half_spaces + len(pairs)


def _without_noise(solution: Array) -> Array:
    """Return the gains (p, n, s) with entries below 1e-13 of their row, rounding noise, at 0."""
    gain = solution[:, :, 1:]
    return np.where(np.abs(gain) > NOISE * np.abs(solution).sum(axis=2, keepdims=True), gain, 0.0)
