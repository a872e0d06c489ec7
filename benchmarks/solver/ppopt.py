"""PPOPT as a subject: python -m benchmarks.solver.ppopt ALGORITHM PROBLEM [WARM], in an environment with ppopt.

Linear programs go to GLPK (through cvxopt) and quadratic ones to quadprog, the fastest free setting. Some of
PPOPT's own calls name Gurobi whatever the setting; they are led to the same two solvers, and Gurobi cannot be loaded.
Not timed: building MPQP_Program, which removes redundant rows.
"""

import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks.solver.pieces import Pieces
from benchmarks.solver.worker import Arrays, serve

ALGORITHMS = ("geometric", "graph", "combinatorial", "combinatorial_graph")


class PPOPT:
    """One of PPOPT's algorithms; its regions come with minimal half-spaces."""

    def __init__(self, algorithm: str) -> None:
        sys.modules["gurobipy"] = None  # type: ignore[assignment]  an import of it fails from here on
        from ppopt.mp_solvers.solve_mpqp import mpqp_algorithm, solve_mpqp  # noqa: PLC0415
        from ppopt.mpqp_program import MPQP_Program  # noqa: PLC0415
        from ppopt.solver import Solver  # noqa: PLC0415
        from ppopt.solver_interface import solver_interface as interface  # noqa: PLC0415

        interface.solve_lp_gurobi = interface.solve_lp_cvxopt
        interface.solve_qp_gurobi = interface.solve_qp_quadprog
        self.program = partial(MPQP_Program, solver=Solver({"lp": "glpk", "qp": "quadprog"}))
        self.run = partial(solve_mpqp, algorithm=mpqp_algorithm[algorithm])

    def prepare(self, arrays: Arrays) -> Any:
        w, f, b_theta = (arrays[key].reshape(-1, 1) for key in ("w", "f", "b_th"))
        equal = [int(i) for i in arrays["eq_idx"]]
        G, F, H, A_theta, S = (arrays[key] for key in ("G", "F", "H", "A_th", "S"))
        return self.program(G, w, f, F, H, A_theta, b_theta, S, equality_indices=equal)

    def solve(self, prepared: Any) -> Any:
        return self.run(prepared)

    def pieces(self, solution: Any) -> Pieces:
        regions = solution.critical_regions
        t, n = solution.program.num_t(), solution.program.num_x()
        if not regions:
            return Pieces(np.zeros((0, t)), np.zeros(0), np.zeros(0, int), np.zeros((0, n, t)), np.zeros((0, n)))
        owner = np.repeat(np.arange(len(regions)), [len(region.E) for region in regions])
        A, b = np.vstack([region.E for region in regions]), np.concatenate([region.f.ravel() for region in regions])
        gains, offsets = np.stack([region.A for region in regions]), np.stack([region.b.ravel() for region in regions])
        return Pieces(A, b, owner, gains, offsets)


if __name__ == "__main__":
    serve(partial(PPOPT, sys.argv[1]), *[*sys.argv[2:], ""][:2])
