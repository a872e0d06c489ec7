"""A law of 1,801 regions and 4 states, which benchmarks and tests of size share."""

import numpy as np
from scipy.linalg import expm

from mpc import LinearModel, MPCProblem, PiecewiseAffineLaw, solve_explicit


def masses_law() -> PiecewiseAffineLaw:
    """Two masses on springs between walls, sampled every 0.5 s, one force that pushes them apart; horizon 6."""
    springs, force = np.array([[-2.0, 1], [1, -2]]), np.array([[0.0], [0], [1], [-0.5]])
    motion = np.block([[np.zeros((2, 2)), np.eye(2)], [springs, np.zeros((2, 2))]])
    step = expm(0.5 * np.block([[motion, force], [np.zeros((1, 5))]]))
    model = LinearModel(A=step[:4, :4], B=step[:4, 4:], sample_time=0.5)
    bounds = {"state_bounds": ([-4] * 4, [4] * 4), "input_bounds": (-0.5, 0.5)}
    return solve_explicit(MPCProblem(model, np.eye(4), 1.0, 6, **bounds))
