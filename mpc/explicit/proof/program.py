"""Program: linear programs over one polyhedron with changing objectives, one HiGHS model kept warm."""

from typing import Any, NamedTuple

import highspy
import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from plants.arrays import Array

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
NO_OPTIMUM = {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnbounded}
ANSWERS = NO_OPTIMUM | {highspy.HighsModelStatus.kOptimal}

INFEASIBLE, UNBOUNDED = 2, 3  # scipy's words for these


class Reach(NamedTuple):
    """A point (d,) of largest cost'x and the multipliers (q,) of the rows that prove it; `empty`: there is no point.

    Where there is no largest value the multipliers are 0, which prove nothing.
    """

    point: Array
    multipliers: Array
    empty: bool


class Program:
    """max cost'x over {A x <= b}; the model is built once and starts each objective from the last one's basis."""

    def __init__(self, A: Array, b: Array) -> None:
        q, d = A.shape
        self._A, self._b, self._model = A, b, highspy.Highs()
        self._model.setOptionValue("output_flag", False)
        self._model.setOptionValue("threads", 1)
        for name, value in TIGHT.items():
            self._model.setOptionValue(name, value)
        lp: Any = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = d, q
        lp.col_cost_ = np.zeros(d)
        lp.col_lower_, lp.col_upper_ = np.full(d, -highspy.kHighsInf), np.full(d, highspy.kHighsInf)
        lp.row_lower_, lp.row_upper_ = np.full(q, -highspy.kHighsInf), b
        rows, columns = np.nonzero(A)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.searchsorted(rows, np.arange(q + 1)).astype(np.int32)
        lp.a_matrix_.index_, lp.a_matrix_.value_ = columns.astype(np.int32), A[rows, columns]
        self._model.passModel(lp)
        self._columns = np.arange(d, dtype=np.int32)

    def support(self, cost: Array, cold: bool = False) -> Reach:
        """Return where cost'x is largest, `cold`: from scratch; raises NumericalError if HiGHS does not know."""
        if cold:
            self._model.clearSolver()
        self._model.changeColsCost(len(cost), self._columns, -cost)
        self._model.run()
        status = self._model.getModelStatus()
        if status not in ANSWERS:
            self._model.clearSolver()
            self._model.run()
            status = self._model.getModelStatus()
        if status in NO_OPTIMUM:
            return Reach(np.zeros(len(cost)), np.zeros(len(self._A)), status == highspy.HighsModelStatus.kInfeasible)
        if status != highspy.HighsModelStatus.kOptimal:
            return self._by_other_means(cost)
        solution = self._model.getSolution()
        return Reach(np.array(solution.col_value), -np.array(solution.row_dual), False)

    def _by_other_means(self, cost: Array) -> Reach:
        """Return the same from a fresh model, solved by an interior-point method where the simplex method gives up."""
        result = linear_program(-cost, self._A, self._b)
        if result.status in (INFEASIBLE, UNBOUNDED):
            return Reach(np.zeros(len(cost)), np.zeros(len(self._A)), result.status == INFEASIBLE)
        if not result.success:
            raise NumericalError(f"HiGHS ended a linear program of {self._A.shape} with: {result.message}")
        return Reach(result.x, -result.ineqlin.marginals, False)
