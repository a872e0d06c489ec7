"""The four tanks have the steady gains, time constants and zeros that the source prints."""

import numpy as np
import pytest
from scipy.linalg import eigvals

from mpc import four_tank
from mpc.four_tank import SENSOR


def test_steady_gains_are_the_printed_ones():
    model = four_tank()
    gains = model.C @ np.linalg.solve(np.eye(4) - model.A, model.B)
    assert gains == pytest.approx(np.array([[2.6, 1.5], [1.4, 2.8]]), abs=0.05)


def test_time_constants_are_the_printed_ones():
    model = four_tank(2.0)
    assert -2.0 / np.log(np.diag(model.A)) == pytest.approx([62, 90, 23, 30], abs=1)


def test_both_zeros_are_the_printed_ones_in_the_left_half_plane():
    model = four_tank(1e-3)
    A, B = (model.A - np.eye(4)) / 1e-3, model.B / 1e-3
    system = np.block([[A, B], [model.C, np.zeros((2, 2))]])
    zeros = eigvals(system, np.diag([1, 1, 1, 1, 0, 0]))
    assert sorted(zeros[np.abs(zeros) < 1e3].real) == pytest.approx([-0.060, -0.018], abs=2.5e-3)


def test_readings_follow_from_levels():
    assert four_tank().output == pytest.approx(SENSOR * np.array([12.4, 12.7]))
