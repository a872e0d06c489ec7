"""A polyhedron knows its box, ball and vertices whatever its units, and says what is wrong with its rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import Polyhedron, ProblemError

TRIANGLE = Polyhedron([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])


def test_contains_points_and_batches():
    assert TRIANGLE.contains([0.2, 0.2])
    assert TRIANGLE.contains([[0, 0], [1, 0], [0.6, 0.6]]).tolist() == [True, True, False]
    assert TRIANGLE.contains(np.zeros((3, 4, 2))).shape == (3, 4)
    assert TRIANGLE.contains([0.5, 0.5 + 1e-9], tolerance=1e-8)
    assert not TRIANGLE.contains([0.5, 0.5 + 1e-9])


def test_largest_ball_box_and_vertices_of_a_triangle():
    radius, centre = TRIANGLE.chebyshev()
    assert radius == pytest.approx(1 - np.sqrt(0.5))
    assert centre == pytest.approx([radius, radius])
    assert np.array(TRIANGLE.box()) == pytest.approx(np.array([[0, 0], [1, 1]]))
    assert sorted(map(tuple, TRIANGLE.vertices().round(9))) == [(0, 0), (0, 1), (1, 0)]
    assert repr(TRIANGLE) == "Polyhedron(3 half-spaces in 2 dimensions)"


def test_an_empty_set_has_a_negative_radius_and_a_sharp_one_none():
    assert Polyhedron([[1], [-1]], [0, -1]).chebyshev()[0] == pytest.approx(-0.5)
    assert Polyhedron([[1], [-1]], [0, 0]).chebyshev()[0] == pytest.approx(0, abs=1e-9)
    assert Polyhedron([[1]], [0]).chebyshev()[0] == pytest.approx(1e9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 3, 6]))
def test_box_and_vertices_in_any_units(seed, decades):
    """A random simplex with rows and coordinates scaled by up to 10^-6 to 10^6."""
    generator = np.random.default_rng(seed)
    n = generator.integers(2, 5)
    corners = generator.normal(size=(n + 1, n))
    rows = [np.linalg.solve(np.c_[corners, np.ones(n + 1)], np.eye(n + 1)[i]) for i in range(n + 1)]
    A, b = -np.array(rows)[:, :n], np.array(rows)[:, n]  # barycentric coordinates are not negative
    sizes, units = 10 ** generator.uniform(-decades, decades, n + 1), 10 ** generator.uniform(-decades, decades, n)
    simplex = Polyhedron(A * np.outer(sizes, units), b * sizes)
    lower, upper = simplex.box()
    assert lower * units == pytest.approx(corners.min(axis=0), abs=1e-8)
    assert upper * units == pytest.approx(corners.max(axis=0), abs=1e-8)


def test_vertices_of_boxes_long_and_far_away():
    lower, upper = np.array([470.0, 1e5, -1e-4]), np.array([480.0, 3e5, 1e-4])
    vertices = Polyhedron.from_bounds(lower, upper).vertices()
    assert len(vertices) == 8
    assert vertices.min(axis=0) == pytest.approx(lower)
    assert vertices.max(axis=0) == pytest.approx(upper)
    assert Polyhedron.from_bounds([-1], [2]).vertices().tolist() == [[-1], [2]]


def test_infinite_bounds_have_no_row():
    box = Polyhedron.from_bounds([-1, -np.inf], [np.inf, 2])
    assert box.A.tolist() == [[0, 1], [-1, 0]]
    with pytest.raises(ProblemError, match="component 0 has no limit above; add a finite bound"):
        box.box()
    with pytest.raises(ProblemError, match="angle has no limit above"):
        box.box(names=("angle", "rate"))


@pytest.mark.parametrize(
    ("A", "b", "words"),
    [
        ([[1, 0]], [1, 2], "`A` has 1 rows but `b` has 2 entries"),
        ([[1, np.nan]], [1], r"`A` is NaN at \[0, 1\]"),
        ([[1, 0]], [np.inf], r"`b` is infinite at \[0\]"),
        ([1, 0], [1], r"`A` has shape \(2,\), but \(any, any\) is needed"),
        ([["a"]], [1], "`A` has dtype"),
        ([[1], [0]], [1, -1], "row 1 says 0 <= -1, which is infeasible; remove it or mend `A`"),
    ],
)
def test_bad_rows_are_named(A, b, words):
    with pytest.raises(ProblemError, match=words):
        Polyhedron(A, b)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda: TRIANGLE.contains([1, 2, 3]), "last axis must be 2 long"),
        (lambda: TRIANGLE.contains(1.0), "last axis must be 2 long"),
        (lambda: TRIANGLE.contains([np.nan, 0]), "`points` is NaN"),
        (lambda: Polyhedron([[1], [-1]], [0, -1]).box(), "empty: component 0 would be at least 1 and at most 0"),
        (lambda: Polyhedron([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 1, 1]).vertices(), "no interior"),
    ],
)
def test_questions_without_an_answer(question, words):
    with pytest.raises(ProblemError, match=words):
        question()


def test_rows_are_copied_and_read_only():
    A = np.eye(2)
    box = Polyhedron(A, [1, 1])
    A[0, 0] = 5
    assert box.A[0, 0] == 1
    assert not box.A.flags.writeable
    assert not box.b.flags.writeable


@pytest.mark.parametrize("extra", [False, True])
def test_a_narrow_box_far_from_zero_keeps_its_widths(extra):
    lower, upper = np.array([101315.0, -1e-9]), np.array([101335.0, 1e-9])
    box = Polyhedron.from_bounds(lower, upper)
    if extra:  # a row of two entries that cuts nothing off, so that linear programs are needed
        box = Polyhedron(np.vstack([box.A, [1.0, 1e9]]), np.append(box.b, 2e5))
    found = box.box(["pressure", "flow"])
    assert np.abs(found[0] - lower).max() <= 1e-12 * 101315
    assert np.abs((found[1] - found[0]) / (upper - lower) - 1).max() <= 1e-8


def test_contradicting_bounds_name_the_component_and_both_numbers():
    with pytest.raises(ProblemError, match="the set is empty: flow would be at least 2 and at most 1"):
        Polyhedron([[1.0], [-1.0]], [1.0, -2.0]).box(["flow"])
