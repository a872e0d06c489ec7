"""Outside its domain a law says so: the state, the worst limit, by how much, and what may be done."""

import time

import pytest

from mpc import OutsideDomain, solve_explicit


@pytest.fixture(scope="module")
def pendulum(pendulum_problem):
    return solve_explicit(pendulum_problem())


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([2.5, 0], r"theta \(angle = 2.5 rad, rate = 0 rad/s\) is outside.*angle is above 2 by 0.5.*law.nearest"),
        ([0, -9.5], "rate is below -8 by 1.5"),
        ([[0, 0], [0, 0], [-2.25, 0]], r"\(row 2 of 3\) is outside the law's domain: angle is below -2 by 0.25"),
        ([[0, 0], [3, 0], [-3, 0]], r"row 1 of 3"),
        ([1.9, 7.9], r"no feasible solution beyond region \d+ by .* half widths"),
        ([9, 80], r"rate is above 8 by 72"),
    ],
)
@pytest.mark.parametrize("question", ["__call__", "solution"])
def test_outside_is_said_with_the_state_the_limit_and_the_mend(pendulum, theta, words, question):
    started = time.perf_counter()
    with pytest.raises(OutsideDomain, match=words):
        getattr(pendulum, question)(theta)
    assert time.perf_counter() - started < 2


def test_the_border_is_as_thick_as_rounding_errors(law):
    """The clipped line ends at 2 (half width 2): 1e-12 beyond is rounding, 1e-9 is outside."""
    assert law([2 + 1e-12]) == pytest.approx([1])
    assert law.nearest([2 + 1e-12])[2]
    assert not law.nearest([2 + 1e-9])[2]
    for beyond in ([2 + 1e-9], [-2 - 1e-9]):
        with pytest.raises(OutsideDomain):
            law(beyond)


def test_outside_carries_its_data(pendulum):
    with pytest.raises(LookupError) as caught:
        pendulum([[0, 0], [2.5, 0]])
    assert caught.value.theta.tolist() == [2.5, 0]
    assert caught.value.row == "angle is above 2"
    assert caught.value.distance == pytest.approx(-pendulum.locate([2.5, 0]).margin)


def test_nearest_answers_outside_with_the_region_of_least_violation(pendulum):
    inputs, region, inside = pendulum.nearest([[2.5, 0], [0.1, 0]])
    assert inside.tolist() == [False, True]
    piece = pendulum.regions[region[0]]
    assert inputs[0] == pytest.approx(piece.gain @ [2.5, 0] + piece.offset)
    assert inputs[1] == pytest.approx(pendulum([0.1, 0]))
