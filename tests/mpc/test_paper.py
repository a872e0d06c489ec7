"""Figures that Braniff & Tian 2025 print, and those derived from their printed data."""

import numpy as np
import pytest

from mpc import MPCProblem, dlqr, linearise, printed_pendulum, printed_reactor, solve_explicit
from plants import clipped_pendulum

pytestmark = pytest.mark.paper
BOX = ([-2, -8], [2, 8])
GYM, PRINTED = np.diag([1, 0.1]), np.eye(2)  # Gym's weights; those that the paper prints


@pytest.fixture(params=["printed", "linearised"])
def model(request):
    return printed_pendulum() if request.param == "printed" else linearise(clipped_pendulum())


def pendulum_law(model, weight, horizon=2, **changes):
    arguments = {"state_bounds": BOX, "input_bounds": (-2, 2)} | changes
    return solve_explicit(MPCProblem(model, weight, 0.001, horizon, **arguments))


def reactor_law(horizon=2, **changes):
    box = ([-2, -2, -2, -70], [2, 2, 2, 5])
    arguments = {"input_bounds": (-55, 55), "parameter_bounds": box} | changes
    return solve_explicit(MPCProblem(printed_reactor(), 0.1 * np.eye(4), 1e-4, horizon, **arguments))


def test_equation_12_to_its_printed_digits():
    model, printed = linearise(clipped_pendulum()), printed_pendulum()
    assert model.A.round(4).tolist() == printed.A.tolist() == [[1.0188, 0.0503], [0.7547, 1.0188]]
    assert model.B.round(4).tolist() == printed.B.tolist() == [[0.0038], [0.1509]]
    assert model.sample_time == printed.sample_time == 0.05


def test_equation_12_to_more_digits():
    """The exact hold of theta'' = 15 theta + 3 u over 0.05 s, by its closed form."""
    w, h = np.sqrt(15), 0.05
    A = [[np.cosh(w * h), np.sinh(w * h) / w], [w * np.sinh(w * h), np.cosh(w * h)]]
    B = [[(np.cosh(w * h) - 1) / 5], [3 * np.sinh(w * h) / w]]
    model = linearise(clipped_pendulum())
    assert np.allclose(model.A, A, rtol=1e-12)
    assert np.allclose(model.B, B, rtol=1e-12)


@pytest.mark.parametrize(("horizon", "regions"), [(2, 7), (3, 13), (4, 17), (5, 19), (6, 21)])
def test_regions_with_the_weights_of_gym(model, horizon, regions):
    assert len(pendulum_law(model, GYM, horizon).regions) == regions


@pytest.mark.parametrize(("horizon", "regions"), [(2, 9), (3, 19), (4, 33), (5, 51), (6, 73)])
def test_regions_with_the_weights_as_printed(model, horizon, regions):
    assert len(pendulum_law(model, PRINTED, horizon).regions) == regions


@pytest.mark.parametrize(
    ("weight", "changes", "regions", "inequalities"),
    [
        (GYM, {}, 7, 32),
        (GYM, {"state_bounds": None, "parameter_bounds": BOX}, 7, 28),
        (PRINTED, {}, 9, 40),
        (PRINTED, {"state_bounds": None, "parameter_bounds": BOX}, 9, 36),
    ],
)
def test_regions_laws_and_inequalities_at_horizon_two(model, weight, changes, regions, inequalities):
    law = pendulum_law(model, weight, **changes)
    assert (len(law.regions), len(law.halfspaces[1])) == (regions, inequalities)
    laws = {tuple(np.r_[gain.ravel(), offset].round(6)) for gain, offset in zip(law.gains, law.offsets, strict=True)}
    assert len(laws) == 5


@pytest.mark.parametrize("terminal", [None, GYM])
def test_seven_regions_do_not_hang_on_the_terminal_weight(model, terminal):
    assert len(pendulum_law(model, GYM, terminal_weight=terminal).regions) == 7


@pytest.mark.parametrize("discount", [0.9, 0.95, 0.99])
def test_nine_regions_do_not_hang_on_the_discount_of_the_terminal_weight(model, discount):
    P = dlqr(model.A, model.B, PRINTED, 0.001, discount)[1]
    assert len(pendulum_law(model, PRINTED, terminal_weight=P).regions) == 9


def test_reactor_with_input_limits_only():
    """Eq. 14 with Q = 0.1 I4: seven regions and 56 inequalities as published."""
    law = reactor_law()
    assert (len(law.regions), len(law.halfspaces[1])) == (7, 56)
    assert law.input_names == ("heat transfer",)
    assert law.input_units == ("kJ/(h m2 K)",)


def test_reactor_with_a_limit_on_the_temperature():
    law = reactor_law(state_bounds=([None, None, None, -70], [None, None, None, 5]))
    assert len(law.regions) == 7
    assert 57 <= len(law.halfspaces[1]) <= 59


def test_reactor_with_all_path_limits():
    law = reactor_law(state_bounds=([-2, -2, -2, -70], [2, 2, 2, 5]))
    assert (len(law.regions), len(law.halfspaces[1])) == (7, 79)


def largest_piece(law) -> float:
    """Largest |K theta + r| over the box, of all pieces, wherever they rule."""
    size = np.abs(law.gains) @ law.half_width + np.abs(law.gains @ law.centre + law.offsets)
    return float(size.max())


def test_inactive_pieces_are_far_larger_than_the_input():
    """3,352 for the reactor with the Riccati weight over its box; 98 for the pendulum: M = 500 cuts the first."""
    assert largest_piece(reactor_law()) == pytest.approx(3352, abs=0.5)
    assert largest_piece(pendulum_law(printed_pendulum(), GYM)) == pytest.approx(98, abs=0.5)
    assert largest_piece(reactor_law(terminal_weight=0.1 * np.eye(4))) < 110


@pytest.mark.parametrize(("discount", "gain"), [(1.0, -35.8), (0.9, -6.4), (0.95, -12.6), (0.99, -28.5)])
def test_discounting_lowers_the_gain_on_the_temperature(discount, gain):
    model = printed_reactor()
    assert dlqr(model.A, model.B, 0.1 * np.eye(4), 1e-4, discount)[0][0, 3] == pytest.approx(gain, abs=0.05)


def test_the_printed_reactor_only_looks_unstable():
    assert np.abs(np.linalg.eigvals(printed_reactor().A)).max() == pytest.approx(1.003)
    assert printed_reactor().time_unit == "h"
