"""Shares of sets: exact against known volumes, drawn with an interval that holds as often as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import Polyhedron, ProblemError, Share, share_of
from mpc.sets.corners import corners_of, hull_volume
from mpc.sets.shares import draw, volume

TRIANGLE = Polyhedron([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])

SLAB = Polyhedron(
    np.vstack([np.eye(4), -np.eye(4), [1, -1, 0, 0], [-1, 1, 0, 0]]), np.r_[np.ones(4), np.zeros(4), [1e-11] * 2]
)


def simplex(n, size):
    return Polyhedron(np.vstack([-np.eye(n), np.ones(n)]), np.r_[np.zeros(n), size])


@pytest.mark.parametrize(("n", "expected"), [(1, 1 / 2), (2, 1 / 8), (3, 1 / 48)])
def test_the_share_of_a_corner_of_a_box_is_exact(n, expected):
    found = share_of(simplex(n, 0.5), (np.zeros(n), np.ones(n)))
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert (found.lower, found.upper, found.samples) == (found.value, found.value, 0)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 3, 6]))
def test_volumes_follow_the_determinant_whatever_the_units(seed, decades):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 4))
    units = 10 ** generator.uniform(-decades, decades, n)
    map_ = generator.normal(size=(n, n)) + 2 * np.eye(n)
    shift = generator.uniform(-3, 3, n)
    A = simplex(n, 1.0).A @ np.linalg.inv(map_)
    moved = Polyhedron(A / units, simplex(n, 1.0).b + A @ shift)
    expected = abs(np.linalg.det(map_)) / np.prod(np.arange(1, n + 1)) * units.prod()
    assert volume(moved) == pytest.approx(expected, rel=1e-7)


def test_sets_apart_and_sets_that_touch_share_nothing():
    assert share_of(TRIANGLE, ([2, 2], [3, 3])).value == 0
    assert share_of(TRIANGLE, ([-1, 0], [0, 1])).value == 0
    assert share_of(TRIANGLE, TRIANGLE).value == pytest.approx(1)
    assert hull_volume(np.zeros((5, 2))) == 0
    assert corners_of(np.array([[1.0], [-1.0]]), np.array([2.0, 1.0])).ravel().tolist() == [-1, 2]


def test_above_three_dimensions_the_share_is_drawn_with_its_interval():
    half = Polyhedron([[1, 0, 0, 0]], [0.5])
    found = share_of(half, (np.zeros(4), np.ones(4)))
    assert found.samples == 20_000
    assert found.lower < 0.5 < found.upper
    assert found.upper - found.lower == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(20_000), rel=0.02)
    assert "with a confidence of 95 %, 20,000 draws" in str(found)


def test_points_of_a_start_set_are_a_sample():
    points = np.array([[0.1, 0.1], [0.2, 0.2], [0.9, 0.9], [0.8, 0.9]])
    found = share_of(TRIANGLE, points)
    assert (found.value, found.samples) == (0.5, 4)
    assert found.lower == pytest.approx(0.0676, abs=1e-4)  # Clopper & Pearson's table for 2 of 4
    assert found.upper == pytest.approx(0.9324, abs=1e-4)


def test_the_interval_holds_in_at_least_95_of_100_cases():
    hits = np.random.default_rng(0).binomial(30, 0.1, 2000)
    held = [found.lower <= 0.1 <= found.upper for found in (Share.drawn(int(k), 30) for k in hits)]
    assert np.mean(held) >= 0.95
    assert Share.drawn(0, 10).lower == 0
    assert Share.drawn(10, 10).upper == 1


def test_shares_read_well():
    assert str(Share.exact(0.18688)) == "18.7 %"
    assert str(Share(0.5, 0.0, 0.5)) == "at most 50 %"
    assert str(Share.drawn(5, 10)) == "50 % (18.7 to 81.3 % with a confidence of 95 %, 10 draws)"


def test_draws_are_even_and_inside():
    points = draw(TRIANGLE, 5000, seed=1)
    assert TRIANGLE.contains(points).all()
    assert points.mean(axis=0) == pytest.approx([1 / 3, 1 / 3], abs=0.02)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: share_of(TRIANGLE, ([0], [1])), "`whole lower` has shape"),
        (lambda: share_of(TRIANGLE, simplex(3, 1.0)), "`whole` has 3 dimensions, but 2 are needed"),
        (lambda: share_of(TRIANGLE, ([0, 0], [1, None])), "component 1 .* is unbounded; give it two finite bounds"),
        (lambda: share_of(TRIANGLE, ([0, 0], [1, 0])), "has the volume 0, but it must be above 0; widen it"),
        (lambda: share_of([0, 0], ([0, 0], [1, 1])), "`part` is a list, but a Polyhedron is needed"),
        (lambda: share_of(simplex(4, 1.0), SLAB), "only 0 of 4000000 points drawn in the box .* 20000 are needed"),
    ],
)
def test_questions_that_do_not_fit_are_refused(ask, words):
    with pytest.raises(ProblemError, match=words):
        ask()
