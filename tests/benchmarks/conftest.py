import numpy as np
import pytest

from benchmarks.solver.harder import nearest
from benchmarks.solver.pieces import Pieces
from benchmarks.solver.problems import Problem


@pytest.fixture
def square() -> Problem:
    """The nearest point of the square |z| <= 1, for theta within 3: nine pieces, all known."""
    rows = np.vstack([np.eye(2), -np.eye(2)])
    return nearest("square", rows, np.ones(4), 9, "square: 1 + 4 + 4")


@pytest.fixture
def nine() -> Pieces:
    """The law of `square`, written down: each component is below -1, between, or above 1."""
    sides = [(-3.0, -1.0, 0.0, -1.0), (-1.0, 1.0, 1.0, 0.0), (1.0, 3.0, 0.0, 1.0)]
    rows = np.vstack([np.eye(2), -np.eye(2)])
    A, b, gains, offsets = [], [], [], []
    for low0, high0, gain0, offset0 in sides:
        for low1, high1, gain1, offset1 in sides:
            A.append(rows)
            b.append([high0, high1, -low0, -low1])
            gains.append(np.diag([gain0, gain1]))
            offsets.append([offset0, offset1])
    return Pieces(np.vstack(A), np.concatenate(b), np.repeat(np.arange(9), 4), np.array(gains), np.array(offsets))
