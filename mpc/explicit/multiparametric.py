"""From a multiparametric QP to its law: presolve, explore, and back into physical variables."""

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import ProblemError
from mpc.explicit.explore import Candidate, Progress, explore, minimal_rows
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.presolve import LeastDistanceProblem, presolve
from mpc.explicit.region import CriticalRegion
from plants.arrays import Array


def solve_multiparametric(
    problem: MultiparametricQP,
    inputs: int | None = None,
    input_bounds: tuple[Array, Array] | None = None,
    progress: Progress | None = None,
) -> PiecewiseAffineLaw:
    """Return the law of the first `inputs` variables (default: all of z) on every theta that has a solution.

    Raises Infeasible or ProblemError for a problem without a law; see MultiparametricQP for its form.
    """
    ldp = presolve(problem)
    m = problem.n if inputs is None else inputs
    regions = tuple(_region(problem, ldp, candidate, m) for candidate in explore(ldp, progress))
    if not regions:
        raise ProblemError(
            f"no region is wider than {2 * TOLERANCE:g} half widths of the parameter set: the feasible set is a "
            "sliver; widen the constraints or shrink the parameter set around it"
        )
    bounds = (ldp.centre - ldp.half_width, ldp.centre + ldp.half_width)
    return PiecewiseAffineLaw(regions, problem.parameter_set, bounds, problem.names, input_bounds)


def _region(problem: MultiparametricQP, ldp: LeastDistanceProblem, candidate: Candidate, m: int) -> CriticalRegion:
    keep = minimal_rows(candidate.A, candidate.b)
    A, b = candidate.A[keep], candidate.b[keep]
    radius, centre = Polyhedron(A, b).chebyshev()
    rows = sorted(int(ldp.rows[i]) for i in candidate.active)
    level, gain = _exact_on(rows, problem, ldp, np.c_[ldp.T @ candidate.v0 + ldp.z0, ldp.T @ candidate.V + ldp.Z])
    gain = gain / ldp.half_width
    offset = level - gain @ ldp.centre
    arrays = [A / ldp.half_width, b + A @ (ldp.centre / ldp.half_width), gain, offset]
    arrays.append(ldp.centre + ldp.half_width * centre)
    A, b, gain, offset, centre = (_frozen(a) for a in arrays)
    return CriticalRegion(
        A=A,
        b=b,
        gain=gain[:m],
        offset=offset[:m],
        active=tuple(problem.names.rows[i] for i in rows),
        active_rows=tuple(rows),
        centre=centre,
        radius=radius,
        solution_gain=gain,
        solution_offset=offset,
    )


def _exact_on(
    rows: list[int], problem: MultiparametricQP, ldp: LeastDistanceProblem, solution: Array
) -> tuple[Array, Array]:
    """Return level (n,) and gain (n, t) over scaled theta, after a step that takes rounding errors off the active rows.

    A limit may be far smaller than the solution without limits, from which v is measured.
    """
    right = np.c_[problem.w + problem.S @ ldp.centre, problem.S * ldp.half_width][rows]
    left = problem.G[rows] @ ldp.T
    size = np.linalg.norm(left, axis=1, keepdims=True)
    step = np.linalg.lstsq(left / size, (right - problem.G[rows] @ solution) / size, rcond=None)[0]
    solution = solution + ldp.T @ step
    return solution[:, 0], _without_noise(solution[:, 1:], solution[:, 0])


def _without_noise(gain: Array, level: Array) -> Array:
    """Return the gain (n, t) over scaled theta with entries below 1e-13 of their row, rounding noise, at 0."""
    size = np.abs(gain).sum(axis=1) + np.abs(level)
    return np.where(np.abs(gain) > 1e-13 * size[:, None], gain, 0.0)


def _frozen(array: Array) -> Array:
    copy = np.array(array)
    copy.setflags(write=False)
    return copy
