"""A cost near a point, against finite differences, and the corners that it has."""

import casadi as ca
import numpy as np
import pytest

from plants import PlantError, QuadraticCost, StageCost
from plants.taylor import taylor

POINT = np.array([0.3, -0.4]), np.array([0.2])
ONES = np.ones(3)


def differences(cost, point, step=1e-4):
    """Return slope and curvature by central differences of the batched cost."""
    e = step * np.eye(3)

    def at(z):
        return float(cost(z[:2], z[2:]))

    slope = np.array([(at(point + a) - at(point - a)) / (2 * step) for a in e])
    curvature = [
        [(at(point + a + b) - at(point + a - b) - at(point - a + b) + at(point - a - b)) / (4 * step**2) for b in e]
        for a in e
    ]
    return slope, np.array(curvature)


@pytest.mark.parametrize(
    "cost",
    [
        StageCost(lambda x, u: 1 - ca.cos(x[0]) + 0.05 * x[1] ** 2 + 0.0005 * u[0] ** 2, 2, 1),
        StageCost(lambda x, u: -ca.log(1 - x[0]) + ca.exp(u[0]) * x[1] ** 2 + x[0] * u[0], 2, 1),
        StageCost(lambda x, u: ca.sqrt(x[0] ** 2 + 0.01) + u[0] ** 4, 2, 1),
        QuadraticCost([[2, 0.5], [0.5, 1]], 0.1, [3.2, 0], [1], angles=(0,)),
    ],
)
def test_it_is_what_differences_say(cost):
    found = taylor(cost, *POINT, ONES)
    slope, curvature = differences(cost, np.concatenate(POINT))
    assert found.value == pytest.approx(float(cost(*POINT)))
    assert found.gradient == pytest.approx(slope, abs=1e-6)
    assert found.hessian == pytest.approx(curvature, abs=1e-5)


def test_an_angle_is_measured_on_the_circle():
    """From 3 to a target at -3 is a short way over pi."""
    cost = QuadraticCost(np.eye(2), 1, [-3, 0], [0], angles=(0,))
    found = taylor(cost, np.array([3.0, 0]), np.zeros(1), ONES)
    assert found.gradient == pytest.approx([2 * (6 - 2 * np.pi), 0, 0])
    assert found.hessian == pytest.approx(2 * np.eye(3))


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda x, u: ca.fabs(x[1]) + u[0] ** 2, r"has a corner at state \[0. 0.\], input \[0.\].*jumps along x\[1\]"),
        (lambda x, u: x[0] ** 2 + ca.fmax(u[0], 0), r"jumps along u\[0\].*round it off, as in sqrt"),
        (lambda x, u: ca.fmax(x[0], 0) ** 2 + u[0] ** 2, r"slope or curvature jumps along x\[0\]"),
        (lambda x, u: ca.sqrt(x[0] ** 2 + x[1] ** 2), "no finite slope at state"),
        (lambda x, u: ca.log(x[0]), "no finite value at state"),
    ],
)
def test_corners_are_refused(formula, words):
    with pytest.raises(PlantError, match=words):
        taylor(StageCost(formula, 2, 1), np.zeros(2), np.zeros(1), ONES)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_smooth_costs_have_no_corners_whatever_the_units(scale):
    cost = StageCost(lambda x, u: ca.cosh(x[0] / scale) + (x[1] / scale) ** 4 + (u[0] / scale) ** 3, 2, 1)
    found = taylor(cost, np.zeros(2), np.zeros(1), scale * ONES)
    assert found.hessian * scale**2 == pytest.approx(np.diag([1.0, 0, 0]))
