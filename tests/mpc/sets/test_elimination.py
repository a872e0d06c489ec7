"""Two ways to the shadow of a polyhedron, elimination and hull, agree with each other and with linear programs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import ProblemError
from mpc.sets.elimination import eliminate, unit_rows, without_spare
from mpc.sets.shadow import Shadow

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, keep, others):
    """Random half-spaces around the origin, and a box that bounds them."""
    generator = np.random.default_rng(seed)
    n = keep + others
    A = np.vstack([generator.normal(size=(generator.integers(2, 9), n)), np.eye(n), -np.eye(n)])
    return A, np.r_[generator.uniform(0.2, 1.0, len(A) - 2 * n), np.ones(2 * n)]


def room(A, b, point):
    """The largest r with A (point, z) + r <= b for some z; at least 0 where the point is in the shadow."""
    keep = len(point)
    rows = np.c_[A[:, keep:], np.ones(len(b))]
    cost = np.r_[np.zeros(A.shape[1] - keep), -1.0]
    return -linprog(cost, rows, b - A[:, :keep] @ point, bounds=(None, None)).fun


@given(SEEDS, st.integers(1, 3), st.integers(1, 2))
def test_elimination_keeps_just_the_points_that_some_z_completes(seed, keep, others):
    A, b = drawn(seed, keep, others)
    F, f = eliminate(A, b, keep)
    assert np.linalg.norm(F, axis=1) == pytest.approx(1)
    for point in np.random.default_rng(seed).uniform(-1.1, 1.1, (12, keep)):
        left = room(A, b, point)
        if abs(left) > 1e-7:
            assert (F @ point <= f).all() == (left > 0)


@given(SEEDS, st.integers(1, 3), st.integers(1, 4))
def test_the_hull_finds_the_same_rows(seed, keep, others):
    A, b = drawn(seed, keep, others)
    F, f = without_spare(*Shadow(A, b, keep).rows_and_levels())
    E, e = without_spare(*eliminate(A, b, keep))
    assert len(f) == len(e)
    for row, level in zip(F, f, strict=True):
        assert np.abs(np.c_[E, e] - np.r_[row, level]).max(axis=1).min() <= 1e-7


def test_many_rows_are_thinned_between_eliminations():
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    circle = np.c_[np.cos(angles), np.sin(angles)]
    A = np.vstack([np.c_[circle, np.zeros((32, 2))], np.c_[np.zeros((32, 2)), circle], np.c_[circle, circle]])
    F, f = eliminate(A, np.r_[np.ones(32), np.ones(32), 0.5 * np.ones(32)], 2)
    assert len(without_spare(F, f)[1]) == 32
    assert (f >= F @ [0.999, 0.0]).all()
    assert not (f >= F @ [1.001, 0.0]).all()


def test_a_component_without_limits_leaves_nothing_of_its_rows():
    F, f = eliminate(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 0.0]), 1)
    assert F.tolist() == [[1.0]]
    assert f.tolist() == [1.0]


def test_what_nothing_satisfies_stays_a_row_that_says_so():
    F, f = eliminate(np.array([[0.0, 1.0], [0.0, -1.0]]), np.array([0.0, -1.0]), 1)
    assert F.tolist() == [[0.0]]
    assert f[0] < 0
    assert unit_rows(np.zeros((1, 2)), np.ones(1))[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("A", "b", "words"),
    [
        ([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], [-1, 0, 1, 1], "the set is empty: no parameter admits"),
        ([[1, 1, 0], [-1, -1, 0], [0, 1, 0], [0, -1, 0]], [1, -1, 1, 1], "the set is flat: it is at most 1e-07 wide"),
    ],
)
def test_shadows_without_an_inside_are_refused(A, b, words):
    with pytest.raises(ProblemError, match=words):
        Shadow(np.array(A, dtype=float), np.array(b, dtype=float), 2).rows_and_levels()
