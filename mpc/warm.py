"""python -m mpc.warm: compile the solver's kernels now and keep them, so that no first law has to wait for them."""

import sys
import time

import numpy as np

from mpc.model import LinearModel
from mpc.problem import MPCProblem
from mpc.solve import solve_explicit


def warm() -> float:
    """Use every compiled kernel once; return the seconds that took."""
    started = time.perf_counter()
    model = LinearModel([[1, 1], [0, 1]], [[0], [1]], sample_time=1.0)
    for norm in (2, np.inf):
        box = {"parameter_bounds": ([-5, -5], [5, 5]), "input_bounds": (-1, 1), "norm": norm}
        law = solve_explicit(MPCProblem(model, np.eye(2), 0.1, 2, terminal_weight=np.eye(2), **box))
        law.locate(law.merged().centre)
        law.tree.locate(law.regions[0].centre[None])
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write(f"kernels compiled in {warm():.0f} s\n")
