"""The feasible set of a problem, and its share: parameters at which some inputs keep all limits over the horizon."""

import numpy as np

from mpc.condense import condense
from mpc.explicit.errors import ProblemError
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.linear import linear_program
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.problem import MPCProblem
from mpc.sets.elimination import without_spare
from mpc.sets.shadow import Shadow
from mpc.sets.shares import EXACT, Share, as_polyhedron, common_volume, drawn_share, share_of, volume
from plants.arrays import Array, instance_of

PROGRAMS = 2_000  # linear programs for a share that is drawn


def feasible_set(problem: MPCProblem | MultiparametricQP) -> Polyhedron:
    """Return the set of all feasible theta (physical), for up to a handful of parameters.

    Every facet is one of a linear program. Raises ProblemError where the set is empty or flat.
    """
    qp = _program(problem)
    lower, upper = qp.parameter_set.box()
    centre, width = (lower + upper) / 2, (upper - lower) / 2
    rows, levels = _rows(qp, centre, width)
    F, f = without_spare(*Shadow(rows, levels, qp.t).rows_and_levels())
    A = F / width
    return Polyhedron(A, f + A @ centre)


def feasible_share(law_or_problem: PiecewiseAffineLaw | MPCProblem | MultiparametricQP, box: object = None) -> Share:
    """Return the share of a box of theta (default: the whole parameter set) that is feasible.

    It is exact in up to three dimensions, of a law as the sum of its regions; above that points are drawn.
    Raises ProblemError for a box that does not fit.
    """
    kinds = (PiecewiseAffineLaw, MPCProblem, MultiparametricQP)
    instance_of(law_or_problem, kinds, "law_or_problem", ProblemError, "pass a law from solve_explicit, or a problem")
    if isinstance(law_or_problem, PiecewiseAffineLaw):
        return _share_of_law(law_or_problem, box)
    qp = _program(law_or_problem)
    whole = qp.parameter_set if box is None else as_polyhedron(box, "box", qp.t)
    if qp.t <= EXACT:
        return share_of(feasible_set(qp), whole)
    lower, upper = qp.parameter_set.box()
    centre, width = (lower + upper) / 2, (upper - lower) / 2
    rows, levels = _rows(qp, centre, width)
    return drawn_share(lambda points: _solvable(rows, levels, (points - centre) / width), whole, 0, PROGRAMS)


def _share_of_law(law: PiecewiseAffineLaw, box: object) -> Share:
    bounds = law.parameter_bounds if box is None else box
    whole = as_polyhedron(bounds, "box", law.t)
    if law.t > EXACT:
        lower, upper = law.parameter_bounds
        inside = Polyhedron.from_bounds(lower, upper)
        return drawn_share(lambda points: inside.contains(points) & law.nearest(points)[2], whole, 0)
    regions = (Polyhedron(region.A, region.b) for region in law.regions)
    return Share.exact(sum(common_volume(whole, region) for region in regions) / volume(whole))


def _program(problem: object) -> MultiparametricQP:
    if isinstance(problem, MultiparametricQP):
        return problem
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass an MPCProblem or a MultiparametricQP")
    return condense(problem)  # type: ignore[arg-type]


def _rows(qp: MultiparametricQP, centre: Array, width: Array) -> tuple[Array, Array]:
    """Return rows on (scaled theta, z): all limits, equalities twice, and the parameter set."""
    equal = list(qp.equality_rows)
    limits, levels = np.c_[-qp.S, qp.G], qp.w
    box = np.c_[qp.A_theta, np.zeros((len(qp.b_theta), qp.n))]
    A = np.vstack([limits, -limits[equal], box])
    b = np.concatenate([levels, -levels[equal], qp.b_theta])
    b = b - A[:, : qp.t] @ centre
    A = np.c_[A[:, : qp.t] * width, A[:, qp.t :]]
    return A, b


def _solvable(rows: Array, levels: Array, points: Array) -> np.ndarray:
    """Return for scaled parameters (k, t) whether some z keeps all rows."""
    t = points.shape[1]
    free, zero = rows[:, t:], np.zeros(rows.shape[1] - t)
    return np.array([linear_program(zero, free, levels - rows[:, :t] @ point).status == 0 for point in points])
