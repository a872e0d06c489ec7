"""An oracle that shares nothing with the solver, the geometry of a law's regions, and the pendulum's problem."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linprog, nnls
from scipy.spatial import HalfspaceIntersection

from mpc import MPCProblem, MultiparametricQP, PiecewiseAffineLaw, condense, printed_pendulum

CERTAIN = 1e-9  # scaled violation of an optimality condition that a reference answer may have at most
ON_FACET = 1e-9  # a vertex this close to a facet's plane, in half widths, belongs to the facet
BORDER = (
    1e-15,
    1e-14,
    1e-13,
    1e-12,
)  # relative room for all rows, tried where theta lies on the border of the feasible set


class Oracle:
    """Minimisers of a multiparametric QP after Lawson and Hanson, each with its optimality conditions checked.

    In z = size * y with unit rows it is min 1/2 |v|^2 s.t. M v <= d: the dual is non-negative least squares.
    """

    def __init__(self, problem: MPCProblem | MultiparametricQP) -> None:
        qp = condense(problem) if isinstance(problem, MPCProblem) else problem
        both = np.r_[np.arange(len(qp.w)), np.array(qp.equality_rows, dtype=int)]
        sign = np.where(np.arange(len(both)) < len(qp.w), 1.0, -1.0)
        self.problem, self.size = qp, 1 / np.sqrt(np.diag(qp.H))
        self.lower = np.linalg.cholesky(qp.H * np.outer(self.size, self.size))
        G = qp.G[both] * self.size * sign[:, None]
        M = np.linalg.solve(self.lower, G.T).T
        norm = np.linalg.norm(M, axis=1)
        zero = norm <= 1e-12 * np.maximum(np.abs(qp.S[both]).max(axis=1, initial=0.0), 1e-300)
        norm[zero] = 1.0
        self.M = np.where(zero[:, None], 0.0, M / norm[:, None])
        self.w, self.S = sign * qp.w[both] / norm, sign[:, None] * qp.S[both] / norm[:, None]

    def __call__(self, theta: np.ndarray) -> np.ndarray | None:
        """The certified minimiser at one theta; None where none exists, or hardly (border of the feasible set)."""
        q = np.linalg.solve(self.lower, self.size * (self.problem.f + self.problem.F @ theta))
        d = self.w + self.S @ theta + self.M @ q
        for room in (0.0, *BORDER):
            v = self._nearest(d + room * np.abs(d).max(initial=0.0))
            if v is not None:
                return self.size * np.linalg.solve(self.lower.T, v - q)
        assert self.violation(theta) > -1e-9, f"no certified answer at {theta!r}, well inside the feasible set"
        return None

    def violation(self, theta: np.ndarray) -> float:
        """The least amount that all rows, of unit norm, must give way for a solution at theta; negative: room."""
        q = np.linalg.solve(self.lower, self.size * (self.problem.f + self.problem.F @ theta))
        d = self.w + self.S @ theta + self.M @ q
        cost = np.r_[np.zeros(self.M.shape[1]), 1.0]
        free = [(None, None)] * self.M.shape[1]
        scale = max(np.abs(d).max(initial=0.0), 1e-300)
        options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        rows = np.c_[self.M, -np.ones(len(d))]
        return scale * linprog(cost, rows, d / scale, bounds=[*free, (-1, None)], options=options).fun

    def _nearest(self, d: np.ndarray) -> np.ndarray | None:
        if (d >= -1e-15 * np.abs(d).max(initial=0.0)).all():
            return np.zeros(self.M.shape[1])
        scale = np.abs(d[d < 0]).max()
        columns = np.vstack([-self.M.T, -d / scale])
        columns = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
        dual, _ = nnls(columns, np.r_[np.zeros(self.M.shape[1]), 1.0], maxiter=1000)
        for least in (0.0, 1e-7):  # first all that have a multiplier, then those that surely have one
            rows, right = self.M[dual > least], d[dual > least]
            v = np.linalg.lstsq(rows, right, rcond=None)[0]
            multipliers = -np.linalg.lstsq(rows.T, v, rcond=None)[0]
            failure = (
                max((self.M @ v - d).max(), np.abs(rows.T @ multipliers + v).max(), -multipliers.min(initial=0.0))
                / scale
            )
            if failure <= CERTAIN:
                return v
        return None


@pytest.fixture(scope="session")
def oracle() -> type[Oracle]:
    return Oracle


class Partition:
    """A law's regions in half widths around the centre: rows (A, b), vertices, and a point inside every facet."""

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        self.law = law
        self.rows = [(r.A * law.half_width, r.b - r.A @ law.centre) for r in law.regions]
        self.centres = [(r.centre - law.centre) / law.half_width for r in law.regions]
        self.vertices = [_vertices(A, b, c) for (A, b), c in zip(self.rows, self.centres, strict=True)]
        self.facets = [facet for region in range(len(self.rows)) for facet in self._facets(region)]

    def physical(self, scaled: np.ndarray) -> np.ndarray:
        return self.law.centre + self.law.half_width * scaled

    def violations(self, scaled: np.ndarray) -> np.ndarray:
        """How far each point (b, t) lies outside each region, (b, p); negative inside."""
        return np.stack([(scaled @ A.T - b).max(axis=1) for A, b in self.rows], axis=1)

    def across(self, step: float) -> np.ndarray:
        """One point for every facet, `step` beyond it."""
        return np.array([point + step * normal for _, normal, point in self.facets])

    def _facets(self, region: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        A, b = self.rows[region]
        corners = self.vertices[region]
        found = []
        for normal, level in zip(A, b, strict=True):
            own = corners[np.abs(corners @ normal - level) <= ON_FACET]
            middle = own.mean(axis=0) if len(own) else corners.mean(axis=0)
            flat = np.linalg.matrix_rank(own - middle, tol=ON_FACET)
            assert flat == len(normal) - 1, f"region {region}: one of its rows is no facet"
            found.append((region, normal, middle - (middle @ normal - level) * normal))
        return found


def _vertices(A: np.ndarray, b: np.ndarray, centre: np.ndarray) -> np.ndarray:
    if A.shape[1] == 1:
        ends = b / A[:, 0]
        return np.array([[ends[A[:, 0] < 0].max()], [ends[A[:, 0] > 0].min()]])
    room = b - A @ centre
    assert (room > 0).all(), "the centre of a region lies outside it"
    corners = HalfspaceIntersection(np.c_[A, -room / room.min()], np.zeros(A.shape[1])).intersections
    return centre + room.min() * np.unique(corners.round(11), axis=0)


@pytest.fixture(scope="session")
def partition() -> Callable[[PiecewiseAffineLaw], Partition]:
    return Partition


def pendulum(**changes) -> MPCProblem:
    """The paper's pendulum with its printed matrices and Gym's weights, as a user would write it."""
    arguments = {
        "model": printed_pendulum(),
        "state_weight": np.diag([1, 0.1]),
        "input_weight": 0.001,
        "horizon": 2,
        "state_bounds": ([-2, -8], [2, 8]),
        "input_bounds": (-2, 2),
    }
    return MPCProblem(**arguments | changes)


@pytest.fixture(scope="session")
def pendulum_problem() -> Callable[..., MPCProblem]:
    return pendulum
