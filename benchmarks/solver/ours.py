"""Our solver as a subject: python -m benchmarks.solver.ours PROBLEM [WARM]."""

import sys
from typing import Any

import numpy as np

from benchmarks.solver.pieces import Pieces
from benchmarks.solver.worker import Arrays, serve


class Ours:
    """Timed: from raw arrays until minimal half-spaces, gains and offsets of the law are in hand, checks included."""

    def __init__(self) -> None:
        from mpc import MultiparametricQP, solve_explicit  # noqa: PLC0415  loading is measured apart

        self.problem, self.solve_explicit = MultiparametricQP, solve_explicit

    def prepare(self, arrays: Arrays) -> Arrays:
        return arrays

    def solve(self, prepared: Arrays) -> Any:
        data = [prepared[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
        law = self.solve_explicit(self.problem(*data, equality_rows=tuple(int(i) for i in prepared["eq_idx"])))
        return law.halfspaces, law.gains, law.offsets

    def pieces(self, solution: Any) -> Pieces:
        (A, b, owner), gains, offsets = solution
        return Pieces(A, b, np.asarray(owner), gains, offsets)


if __name__ == "__main__":
    serve(Ours, *[*sys.argv[1:], ""][:2])
