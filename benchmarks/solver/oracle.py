"""The reference at one parameter: solved by DAQP, polished on its active rows, believed only with a KKT check."""

from dataclasses import dataclass
from functools import cached_property

import daqp
import numpy as np
from scipy.optimize import linprog, nnls

from benchmarks.solver.problems import Problem

SURE = 1e-9  # scaled residual of the KKT conditions up to which a solution is believed
EDGE = 1e-7  # rows of unit norm that must move by more than this for a solution to exist: infeasible
EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
FREE = (None, None)


@dataclass(frozen=True, eq=False)
class Oracle:
    """A strictly convex problem in the least-distance form, z = T u: every row of unit norm in u."""

    problem: Problem

    @cached_property
    def data(self) -> tuple[np.ndarray, ...]:
        """T, then M, w, S with rows of unit norm in u (of half widths for rows without u), and which have u."""
        arrays = self.problem.arrays
        scale = 1 / np.sqrt(np.diag(arrays["H"]))
        factor = np.linalg.cholesky(arrays["H"] * np.outer(scale, scale))
        T = scale[:, None] * np.linalg.inv(factor).T
        M = arrays["G"] @ T
        length = np.linalg.norm(M, axis=1)
        length = np.where(length > 1e-14 * np.abs(arrays["G"] * scale).sum(axis=1), length, 0.0)
        moved = np.linalg.norm(arrays["S"] * self.set_of_parameters[1], axis=1)
        unit = np.where(length > 0, length, np.where(moved > 0, moved, 1.0))
        return T, M / unit[:, None], arrays["w"] / unit, (arrays["S"].T / unit).T, length > 0

    @cached_property
    def set_of_parameters(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and half widths of the box around the parameter set."""
        A, b = self.problem.arrays["A_th"], self.problem.arrays["b_th"]
        ends = [linprog(s * e, A, b, bounds=FREE).fun * s for e in np.eye(A.shape[1]) for s in (1, -1)]
        lower, upper = np.array(ends[::2]), np.array(ends[1::2])
        half = (upper - lower) / 2
        return (lower + upper) / 2, np.where(half > 1e-12 * (1 + np.abs(upper)), half, 0.0)

    def solve(self, theta: np.ndarray) -> tuple[str, np.ndarray | None]:
        """("optimal", z), ("infeasible", None) or ("unsure", None) at one theta (t,)."""
        T, M, w, S, turns = self.data
        arrays = self.problem.arrays
        linear, level = T.T @ (arrays["f"] + arrays["F"] @ theta), w + S @ theta
        room = level[~turns].min(initial=0.0)
        if room < -1e-12:
            return ("infeasible" if room < -EDGE else "unsure"), None
        solved = self._dual_active_set(linear, M, level)
        for candidate in solved:
            if kkt_error(candidate, linear, M[turns], level[turns], self.equalities) <= SURE:
                return "optimal", T @ candidate
        return ("infeasible" if self._room_missing(M, level) > EDGE else "unsure"), None

    @cached_property
    def equalities(self) -> np.ndarray:
        """A mark for every row that turns (has a direction in u): does it hold with equality?"""
        marks = np.zeros(self.problem.rows, dtype=bool)
        marks[self.problem.arrays["eq_idx"]] = True
        return marks[self.data[4]]

    def _dual_active_set(self, linear, M, level) -> list[np.ndarray]:
        turns = self.data[4]
        G, upper = np.ascontiguousarray(M[turns]), level[turns].copy()
        sense = np.where(self.equalities, 5, 0).astype(np.int32)
        lower = np.where(self.equalities, upper, -1e30)
        H = np.eye(len(linear))
        found = []
        for tolerance in (1e-11, 1e-9, 1e-7):
            u, _, flag, info = daqp.solve(H, linear.copy(), G, upper, lower, sense.copy(), primal_tol=tolerance)
            if flag in (1, 2):
                u, price = np.array(u), np.abs(np.array(info["lam"]))
                tight = (price > 1e-12 * (1 + price.max(initial=0.0))) | self.equalities
                found += [polished(linear, G[tight], upper[tight]), u]
                break
        return found

    def _room_missing(self, M: np.ndarray, level: np.ndarray) -> float:
        """By how much all rows must be loosened at once for a solution to exist."""
        equal = np.zeros(len(level), dtype=bool)
        equal[self.problem.arrays["eq_idx"]] = True
        rows, right = np.vstack([M, -M[equal]]), np.concatenate([level, -level[equal]])
        loosened = np.hstack([rows, -np.ones((len(rows), 1))])
        cost = np.eye(M.shape[1] + 1)[-1]
        result = linprog(cost, loosened, right, bounds=[FREE] * M.shape[1] + [(-1.0, None)], options=EXACT)
        return float(result.fun) if result.success else np.inf


def polished(linear: np.ndarray, G: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The minimiser of 1/2 u'u + linear'u where the rows G hold with equality, by least squares."""
    free = -linear
    return free + np.linalg.lstsq(G, level - G @ free, rcond=1e-12)[0] if len(G) else free


def kkt_error(u, linear, G, level, equalities) -> float:
    """The worst of primal violation and stationarity with multipliers at least 0 (free on equalities), scaled."""
    slack = level - G @ u
    violated = max(np.max(-slack, initial=0.0), np.max(np.abs(slack[equalities]), initial=0.0))
    size = 1 + np.abs(level).max(initial=0.0)
    tight = (slack <= 1e-8 * size) | equalities
    gradient = u + linear
    columns = np.hstack([G[tight].T, -G[tight & equalities].T])
    residual = nnls(columns, -gradient)[1] if columns.shape[1] else float(np.linalg.norm(gradient))
    return max(violated / (1 + np.abs(u).max()), residual / (1 + np.abs(linear).max()))
