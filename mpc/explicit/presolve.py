"""Presolve: from a multiparametric QP to a scaled least-distance problem, and the way back.

With H = R'R the QP is min 1/2 |v|^2 s.t. M v <= d(theta), rows of M of unit norm, theta scaled to [-1, 1]
(Arnström & Axehill, arXiv 2404.05511). Equality rows are eliminated, also those that pairs of inequalities imply;
rows that no feasible point reaches, and all but one of equal rows, are dropped; rows without v bound theta alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import qr, solve_triangular

from mpc.explicit.ball import largest_ball
from mpc.explicit.conflict import check_equality, conflict
from mpc.explicit.doubt import check_independent
from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.frame import Frame, frame_of, in_frame
from mpc.explicit.linear import linear_program, row_lengths
from mpc.explicit.minimal import minimal_rows
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.singular.unit_free import unit_free
from plants.arrays import Array, Indices

ZERO = 1e-10  # a row of norm below this, in scaled variables, has no direction
NAMED = 6  # rows that an error lists
ROOMY = 1e-6  # a ball this large in the feasible set leaves no doubt that it has an interior
REDUNDANT = 1e-9  # a row that the feasible set passes by less than this is dropped


@dataclass(frozen=True, eq=False)
class LeastDistanceProblem:
    """min 1/2 |v|^2 s.t. M v <= d + D theta, for scaled theta in {E theta <= e}; z = T v + Z theta + z0.

    `rows` gives each row of M its number in the problem, `theta_rows` the same for E (-1: a row of the parameter
    set), `equalities` lists the rows that were solved for, and
    `back` (n, their number) takes a residual of theirs off z. `frame` tells how theta is scaled; `inside` is a scaled
    theta well inside the feasible set. T'HT = curvature I.
    """

    M: Array
    d: Array
    D: Array
    E: Array
    e: Array
    T: Array
    Z: Array
    z0: Array
    rows: Indices
    theta_rows: Indices
    equalities: Indices
    back: Array
    curvature: float
    frame: Frame
    inside: Array


def presolve(problem: MultiparametricQP) -> LeastDistanceProblem:
    """Return the scaled least-distance problem with every redundant row dropped.

    Raises Infeasible if no parameter admits a solution, ProblemError for an empty, unbounded or flat parameter set.
    """
    frame = frame_of(problem)
    scaled = _scale_theta(problem, frame)
    equalities = set(problem.equality_rows)
    check_independent(scaled, sorted(equalities))
    while True:
        try:
            ldp = _of_usual_size(_least_distance(scaled, sorted(equalities), frame))
        except ProblemError as error:
            raise _named(problem, error) from None
        radius, inside = largest_ball(*_lifted(ldp), 1.0)
        if radius > ROOMY:
            return _of_usual_size(_without_redundant(ldp, inside))
        radius, inside, tight = _largest_ball(ldp)
        if radius < -REDUNDANT:
            raise conflict(scaled, sorted(equalities))
        implied = {int(ldp.rows[i]) for i in tight} - equalities
        if radius > REDUNDANT:
            return _of_usual_size(_without_redundant(ldp, inside))
        if not implied:
            raise _named(problem, _without_interior(_flat_rows(ldp, problem)))
        check_independent(scaled, sorted(equalities | implied))
        for row in sorted(implied):
            check_equality(scaled, row)
        equalities |= implied


def _scale_theta(problem: MultiparametricQP, frame: Frame) -> MultiparametricQP:
    A_theta, b_theta = in_frame(problem, frame)
    moves = frame.directions
    return MultiparametricQP(
        H=problem.H,
        f=problem.f + problem.F @ frame.centre,
        F=problem.F @ moves,
        G=problem.G,
        w=problem.w + problem.S @ frame.centre,
        S=problem.S @ moves,
        A_theta=A_theta,
        b_theta=b_theta,
        equality_rows=problem.equality_rows,
        labels=replace(problem.names, parameters=tuple(f"phi{i}" for i in range(moves.shape[1])), parameter_units=()),
    )


def _least_distance(problem: MultiparametricQP, equalities: list[int], frame: Frame) -> LeastDistanceProblem:
    """Return the problem in v, with the equality rows solved for and rows without v moved to E."""
    root = np.linalg.cholesky(problem.H).T
    to_v = np.linalg.inv(root)
    shift, slope = -to_v @ to_v.T @ problem.f, -to_v @ to_v.T @ problem.F
    M, d, D = problem.G @ to_v, problem.w - problem.G @ shift, problem.S - problem.G @ slope
    size = row_lengths(np.c_[M, D])
    M, d, D = M / size[:, None], d / size, D / size[:, None]
    basis, v0, v1 = _eliminate(M[equalities], d[equalities], D[equalities], problem, equalities)
    free = np.setdiff1d(np.arange(len(d)), equalities)
    d, D = d[free] - M[free] @ v0, D[free] - M[free] @ v1
    scale = row_lengths(M[free])
    M = M[free] @ basis
    norm = np.linalg.norm(M, axis=1)
    real = norm > ZERO * scale
    length = row_lengths(problem.G[equalities] @ to_v)
    E, e, theta_rows = _theta_rows(problem, equalities, D[~real], d[~real], free[~real])
    return LeastDistanceProblem(
        M=M[real] / norm[real, None],
        d=d[real] / norm[real],
        D=D[real] / norm[real, None],
        E=E,
        e=e,
        T=to_v @ basis,
        Z=slope + to_v @ v1,
        z0=shift + to_v @ v0,
        rows=free[real],
        theta_rows=theta_rows,
        equalities=np.array(equalities, dtype=np.intp),
        back=to_v @ np.linalg.pinv(problem.G[equalities] @ to_v / length[:, None]) / length,
        curvature=1.0,
        frame=frame,
        inside=np.zeros(problem.t),
    )


def _eliminate(M: Array, d: Array, D: Array, problem: MultiparametricQP, rows: list[int]) -> tuple[Array, Array, Array]:
    """Return (basis, v0, v1): all solutions of M v = d + D theta are v0 + v1 theta + basis y, least norm at y = 0."""
    n = M.shape[1]
    if not len(M):
        return np.eye(n), np.zeros(n), np.zeros((n, D.shape[1]))
    norm = row_lengths(M)
    M, d, D = M / norm[:, None], d / norm, D / norm[:, None]
    factors: Any = qr(M.T, pivoting=True)
    Q, R, order = factors
    rank = int((np.abs(np.diag(R)) > 1e-10).sum())
    half = solve_triangular(R[:rank, :rank].T, np.c_[d, D][order[:rank]], lower=True)
    solution = Q[:, :rank] @ half
    left = np.c_[d, D] - M @ solution
    if np.abs(left).max(initial=0.0) > 1e-8 * (1 + np.abs(np.c_[d, D]).max()):
        worst = int(np.abs(left).max(axis=1).argmax())
        if set(rows) - set(problem.equality_rows):
            raise _without_interior([problem.names.rows[row] for row in rows])
        raise ProblemError(
            f"equality row {rows[worst]} ({problem.names.rows[rows[worst]]}) contradicts the other equality rows, or "
            f"fixes a parameter (residual {np.abs(left).max():.3g}): no theta set with an interior satisfies it; "
            "remove it"
        )
    return Q[:, rank:], solution[:, 0], solution[:, 1:]


def _theta_rows(
    problem: MultiparametricQP, equalities: list[int], D: Array, d: Array, rows: Indices
) -> tuple[Array, Array, Indices]:
    """Return the parameter set's rows with unit norm, and the rows 0 <= d + D theta behind them."""
    E = np.vstack([problem.A_theta, -D])
    e = np.concatenate([problem.b_theta, d])
    numbers = np.concatenate([np.full(len(problem.b_theta), -1), rows]).astype(np.int64)
    norm = np.linalg.norm(E, axis=1)
    real = norm > ZERO
    impossible = ~real & (e < -REDUNDANT)
    if impossible.any():
        raise conflict(problem, equalities)
    return E[real] / norm[real, None], e[real] / norm[real], numbers[real]


def _lifted(ldp: LeastDistanceProblem) -> tuple[Array, Array]:
    """Return all rows over (v, theta), each of unit norm."""
    A = np.vstack([np.c_[ldp.M, -ldp.D], np.c_[np.zeros((len(ldp.E), ldp.M.shape[1])), ldp.E]])
    norm = np.linalg.norm(A, axis=1)
    return A / norm[:, None], np.concatenate([ldp.d, ldp.e]) / norm


def _largest_ball(ldp: LeastDistanceProblem) -> tuple[float, Array, Indices]:
    """Return radius and centre of a largest ball in the feasible set of (v, theta), and the rows of M tight there."""
    A, b = _lifted(ldp)
    cost = np.zeros(A.shape[1] + 1)
    cost[-1] = -1.0
    result = linear_program(cost, np.c_[A, np.ones(len(A))], b, last=(None, 1.0))
    if not result.success:
        raise NumericalError(f"no interior point of the feasible set was found: {result.message}")
    tight = np.flatnonzero(result.ineqlin.marginals < -1e-9)
    return float(result.x[-1]), result.x[:-1], tight[tight < len(ldp.d)]


def _flat_rows(ldp: LeastDistanceProblem, problem: MultiparametricQP) -> list[str]:
    """Return the rows without v, or else those of the parameter set: among them are the equalities."""
    rows = [problem.names.rows[row] for row in ldp.theta_rows if row >= 0]
    return rows or [f"theta row {i}" for i, row in enumerate(ldp.theta_rows) if row < 0]


def _without_interior(rows: list[str]) -> ProblemError:
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return ProblemError(
        "the feasible set has no interior in parameter space: some rows always hold with equality "
        f"({'; '.join(rows[:NAMED])}{more}); widen them, or drop the parameter that they fix"
    )


def _named(problem: MultiparametricQP, error: ProblemError) -> ProblemError:
    """Return the error that names the rows that conflict, or the parameter that rows fix; else the one given."""
    try:
        unit_free(problem)
    except ProblemError as named:
        return named
    except NumericalError:
        return error
    return error


def _of_usual_size(ldp: LeastDistanceProblem) -> LeastDistanceProblem:
    """Return the problem in other units of v, such that the middle one of the right-hand sides has size 1."""
    sizes = np.abs(ldp.d) + np.abs(ldp.D).sum(axis=1)
    unit = float(np.median(sizes[sizes > 0])) if sizes.any() else 1.0
    return replace(ldp, d=ldp.d / unit, D=ldp.D / unit, T=ldp.T * unit, curvature=ldp.curvature * unit**2)


def _without_redundant(ldp: LeastDistanceProblem, inside: Array) -> LeastDistanceProblem:
    """Return the problem without the rows of M that no feasible (v, theta) passes when they are left out."""
    A, b = _lifted(ldp)
    real = minimal_rows(A, b, inside, len(ldp.d), REDUNDANT)[: len(ldp.d)]
    M, d, D, rows = ldp.M[real], ldp.d[real], ldp.D[real], ldp.rows[real]
    return replace(ldp, M=M, d=d, D=D, rows=rows, inside=inside[ldp.M.shape[1] :])
