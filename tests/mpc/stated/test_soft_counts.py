"""Region counts of soft problems that are known from elsewhere, stated through MPCProblem."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from mpc import LinearModel, MPCProblem, Soft, StateBounds, condense, solve_explicit

DATA = Path(__file__).parents[2] / "data" / "mpqp"
PRICE = 1000


def test_double_integrator_with_a_soft_speed_limit():
    soft = Soft(StateBounds([None, -1], [None, 1]), quadratic=PRICE)
    model = LinearModel([[1, 1], [0, 1]], [[0], [1]], sample_time=1.0)
    box = ([-10, -4], [10, 4])
    problem = MPCProblem(model, np.eye(2), 0.1, 4, None, (-1, 1), parameter_bounds=box, constraints=(soft,))
    program, data = condense(problem), np.load(DATA / "dint_soft_N4.npz")
    for name in ("H", "f", "F"):
        assert getattr(program, name) == pytest.approx(data[name], abs=1e-12)
    ours = np.c_[program.G, program.w, program.S]
    theirs = np.c_[data["G"], data["w"], data["S"]][:-1]  # its last row, e >= 0, is needed by nobody
    assert sorted(map(tuple, (ours + 0.0).round(9))) == sorted(map(tuple, (theirs + 0.0).round(9)))
    assert len(solve_explicit(problem).regions) == 67


def four_tanks(sample_time: float) -> LinearModel:
    """The linear model at the minimum-phase point. Source: Johansson 2000, The quadruple-tank process, IEEE TCST 8(3).

    Levels in cm, pumps in V, times in s; a sensor's gain is left out.
    """
    times, areas = np.array([62, 90, 23, 30]), np.array([28, 32, 28, 32])
    share, pump = (0.7, 0.6), (3.33, 3.35)
    A = np.diag(-1 / times)
    A[0, 2], A[1, 3] = areas[2] / areas[0] / times[2], areas[3] / areas[1] / times[3]
    B = np.zeros((4, 2))
    B[0, 0], B[1, 1] = share[0] * pump[0] / areas[0], share[1] * pump[1] / areas[1]
    B[2, 1], B[3, 0] = (1 - share[1]) * pump[1] / areas[2], (1 - share[0]) * pump[0] / areas[3]
    both = expm(sample_time * np.block([[A, B], [np.zeros((2, 6))]]))
    return LinearModel(both[:4, :4], both[:4, 4:], sample_time)


def test_four_tanks_with_soft_levels():
    soft = Soft(StateBounds([-8, -8, None, None], [8, 8, None, None]), quadratic=PRICE)
    limits, box = ([-3, -3], [3, 3]), ([-10] * 4, [10] * 4)
    weights = np.eye(4), 0.1 * np.eye(2)
    problem = MPCProblem(four_tanks(10.0), *weights, 2, None, limits, parameter_bounds=box, constraints=(soft,))
    program, data = condense(problem), np.load(DATA / "quadtank_N2.npz")
    assert program.H[:4, :4] == pytest.approx(data["H"], abs=1e-12)
    assert program.F[:4] == pytest.approx(data["F"], abs=1e-12)
    assert len(solve_explicit(problem).regions) == 77
