"""Selection: the law of a problem whose H is singular (a linear program has H = 0), one minimiser for every theta.

Of all minimisers it takes the one nearest to the middle of the variables' ranges, in half widths (see `metric`).
Where theta does not change the slope along directions without curvature, this minimiser moves continuously. It is
the limit of strictly convex problems: one of them is explored, and every active set that it has is taken to the limit
exactly. For a linear program with parameters on the right-hand side a small weight already gives that minimiser
(Mangasarian & Meyer, SIAM J. Control Optim. 17, 1979).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mpc.explicit.errors import Infeasible, NumericalError, ProblemError, Unbounded
from mpc.explicit.labels import Labels
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.expansion import Cell, limit_cell
from mpc.explicit.singular.gaps import Cells, Partition, entered, partition
from mpc.explicit.singular.unbounded import check_bounded
from mpc.explicit.singular.unit_free import UnitFree, unit_free
from plants.arrays import Array

WEIGHTS = (1e-3, 1e-5)  # of the regularisation, beside the largest slope without curvature; tried in turn


class Explored(NamedTuple):
    """The active sets, as row numbers, of all regions of a problem, or of some and why not of all."""

    active: Sequence[Sequence[int]]
    partial: str = ""


Solve = Callable[[MultiparametricQP], Explored]


@dataclass(frozen=True, eq=False)
class Piece:
    """z = solution_gain theta + solution_offset on {A theta <= b}; fields as those of CriticalRegion.

    Multipliers of `active_rows` (those without a variable left out) and of equalities prove it optimal.
    """

    A: Array
    b: Array
    solution_gain: Array
    solution_offset: Array
    active_rows: tuple[int, ...]
    centre: Array
    radius: float


@dataclass(frozen=True, eq=False)
class Selection:
    """The pieces of a law, whether it is continuous, and the weight whose active sets covered everything.

    The law may jump only where theta changes the cost along a direction without curvature. `partial` says why pieces
    are missing, if the exploration stopped early.
    """

    pieces: tuple[Piece, ...]
    continuous: bool
    weight: float
    partial: str = ""


def select(problem: MultiparametricQP, solve: Solve) -> Selection:
    """Return the pieces of the law of a problem with positive semidefinite H.

    `solve` explores a strictly convex problem without equality rows, over what they leave of the variables, in other
    units, and returns row numbers of that problem. If it stops early, so does this.
    Raises Unbounded before any exploration, Infeasible, and NumericalError where no weight gives a partition.
    """
    program = unit_free(problem)
    check_bounded(problem, program)
    return _tried(problem, program, solve)


def _tried(problem: MultiparametricQP, program: UnitFree, solve: Solve) -> Selection:
    """Return the law that the first of WEIGHTS gives without gaps; cells found with earlier ones stay.

    Gaps that the last one leaves are entered.
    """
    cells: Cells = {}
    failures: list[str] = []
    for weight in WEIGHTS:
        try:
            sets, partial = _active_sets(problem, program, weight * program.push, solve)
        except (Infeasible, Unbounded):
            raise
        except (NumericalError, ProblemError) as error:
            failures.append(f"weight {weight:g}: {error}")
            continue
        limits = (limit_cell(program, active) for active in sets)
        cells = {one.active: one for one in limits if one is not None} | cells
        whole = partition(program, cells)
        if whole.sound(program) or (partial and whole.cells):
            return _selection(program, whole, weight, partial)
        failures.append(f"weight {weight:g}: {_counted(whole)}")
        if partial:
            raise ProblemError(f"the search {partial}, before it knew a region of the law; raise that limit")
    whole = entered(program, cells, partition(program, cells))
    if whole.sound(program):
        return _selection(program, whole, WEIGHTS[-1], "")
    raise NumericalError(
        f"no regularisation gave a law without gaps ({'; '.join(failures)}; gaps entered: {_counted(whole)}); check "
        "the scaling of H, or add a small weight to it"
    )


def _selection(program: UnitFree, whole: Partition, weight: float, partial: str) -> Selection:
    return Selection(tuple(_physical(program, c) for c in whole.cells), whole.continuous, weight, partial)


def _counted(whole: Partition) -> str:
    found = whole.found
    return f"{found.holes} open facets, {found.overlaps} overlaps, a jump of {found.jump:.2g}"


def regularised(program: UnitFree, weight: float, problem: MultiparametricQP) -> MultiparametricQP:
    """Return the problem over the slice with `weight` times half the squared length of y added: strictly convex."""
    inside, names = program.slice, problem.names
    along, t = inside.along, program.E.shape[1]
    slope = along.T @ (np.c_[program.f, program.F] + program.H @ inside.start)
    labels = Labels(
        names.parameters if t == problem.t else tuple(f"phi{i}" for i in range(t)),
        tuple(f"x{i}" for i in range(along.shape[1])),
        tuple(names.rows[row] for row in inside.rows),
    )
    return MultiparametricQP(
        H=along.T @ program.H @ along + weight * np.eye(along.shape[1]),
        f=slope[:, 0],
        F=slope[:, 1:],
        G=inside.G,
        w=inside.w,
        S=inside.S,
        A_theta=program.E,
        b_theta=program.e,
        labels=labels,
    )


def _active_sets(problem: MultiparametricQP, program: UnitFree, weight: float, solve: Solve) -> Explored:
    """Return the active sets of the regularised problem as rows of the problem; the empty one if nothing is free."""
    if not program.slice.along.shape[1]:
        return Explored([()])
    sets, partial = solve(regularised(program, weight, problem))
    return Explored([program.slice.rows[list(active)].tolist() for active in sets], partial)


def _physical(program: UnitFree, one: Cell) -> Piece:
    A, b = program.frame.rows(one.A, one.b)
    gain = program.scale[:, None] * one.solution[:, 1:] @ program.frame.inverse
    offset = program.middle + program.scale * one.solution[:, 0] - gain @ program.frame.centre
    arrays = [np.array(a) for a in (A, b, gain, offset, program.frame.point(one.centre))]
    for array in arrays:
        array.setflags(write=False)
    A, b, gain, offset, centre = arrays
    return Piece(A, b, gain, offset, one.tight, centre, one.radius)
