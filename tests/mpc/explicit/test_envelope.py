"""Unions of polytopes: every question of the kernel beside a linear program."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc.explicit.envelope import HOLDS, has_point, lifted, meeting, met_by, reached

SEEDS = st.integers(0, 2**32 - 1)
SQUARE = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])


def box(x0, x1, y0=-1.0, y1=1.0):
    return SQUARE, np.array([x1, -x0, y1, -y0], float), np.array([(x0 + x1) / 2, (y0 + y1) / 2])


def stacked(*polytopes):
    """The rows of polytopes one after another, as kernels take them."""
    A, b, inside = zip(*polytopes, strict=True)
    return np.concatenate(A), np.concatenate(b), np.cumsum([0, *map(len, b)]), np.stack(inside)


def drawn(seed):
    """A polytope around a point of the box of half widths."""
    draw = np.random.default_rng(seed)
    t = int(draw.integers(1, 4))
    normals = draw.normal(size=(int(draw.integers(1, 6)), t))
    A = np.vstack([normals / np.linalg.norm(normals, axis=1, keepdims=True), np.eye(t), -np.eye(t)])
    inside = draw.uniform(-0.5, 0.5, t)
    b = np.r_[A[: len(normals)] @ inside + draw.uniform(0.01, 1, len(normals)), np.ones(2 * t)]
    return draw, A, b, inside


def furthest(A, b, normal):
    return -linprog(-normal, A, b, bounds=(None, None)).fun


@given(SEEDS)
def test_a_row_is_lifted_to_where_it_holds_if_that_is_a_hair(seed):
    draw, A, b, inside = drawn(seed)
    normals = draw.normal(size=(8, A.shape[1]))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    support = np.array([furthest(A, b, normal) for normal in normals])
    missing = np.array([-0.3, -1e-8, 0.3 * HOLDS, 0.5 * HOLDS, 0.7 * HOLDS, 1e-8, 1e-3, 0.3])
    levels = support - missing
    result = lifted(normals, levels, A, b, inside)
    assert result[:2].tolist() == levels[:2].tolist()
    assert result[2:5] == pytest.approx(support[2:5], abs=1e-12)
    assert (result[2:5] >= levels[2:5]).all()
    assert np.isinf(result[5:]).all()


@pytest.mark.parametrize(("gap", "meets"), [(0.0, True), (1e-12, True), (1e-6, False), (0.5, False), (-0.5, True)])
def test_neighbours_meet_on_the_way_between_their_points(gap, meets):
    one, other = box(-1, 0), box(gap, 1)
    assert meeting(*one, *other) is meets
    assert meeting(*other, *one) is meets


def test_what_touches_at_a_corner_only_does_not_meet_across_another_polytope():
    """Two boxes with the corner (0, 0) in common meet along the diagonal; moved aside, they do not."""
    assert meeting(*box(-1, 0, -1, 0), *box(0, 1, 0, 1))
    assert not meeting(*box(-1, 0, -1, 0), *box(0, 1, 0.25, 1))


def test_each_pair_is_named_once_by_the_first_of_it():
    strips = stacked(*(box(x, x + 0.25) for x in np.arange(-1, 1, 0.25)))
    assert [met_by(i, *strips).tolist() for i in range(8)] == [[i + 1] for i in range(7)] + [[]]
    crossed = stacked(box(-1, 0), box(0.5, 1), box(-0.2, 0.6))
    assert [met_by(i, *crossed).tolist() for i in range(3)] == [[2], [2], []]


def test_polytopes_are_reached_where_more_than_a_gap_of_them_is_inside():
    A, b, _ = box(-0.5, 0.5)
    others = stacked(box(-1, -0.5), box(-1, -0.5 + 1e-9), box(0.2, 0.3), box(0.5 - 3e-10, 1), box(0.7, 1))
    assert reached(A, b, *others[:3], 0.0, 8).tolist() == [0, 1, 2, 3]
    assert reached(A, b, *others[:3], 1e-10, 8).tolist() == [1, 2, 3]
    assert reached(A, b, *others[:3], 1e-8, 8).tolist() == [2]
    assert reached(A, b, *others[:3], 1e-10, 1).tolist() == [1, 2]
    assert reached(A, b, *others[:3], 1e-10, 0).tolist() == [1]


@given(SEEDS, st.sampled_from([-0.2, -1e-6, 1e-6, 0.2]))
def test_only_empty_sets_have_no_point(seed, room):
    """A row turned against a polytope, which leaves so much room."""
    draw, A, b, _ = drawn(seed)
    normal = draw.normal(size=A.shape[1])
    normal /= np.linalg.norm(normal)
    A, b = np.vstack([A, -normal]), np.r_[b, room - furthest(A, b, normal)]
    assert has_point(A, b) is (room > 0)
