"""Objectives that fall without limit are refused at once, with the direction, also where only a corner has them."""

import time

import numpy as np
import pytest
from scipy.optimize import nnls

from mpc import MultiparametricQP
from mpc.explicit.errors import ProblemError, Unbounded
from mpc.explicit.labels import Labels
from mpc.explicit.singular.selection import select
from mpc.explicit.singular.unbounded import check_bounded
from mpc.explicit.singular.unit_free import unit_free

UP = [[1, 0], [-1, 0]]


def check(problem: MultiparametricQP) -> None:
    check_bounded(problem, unit_free(problem))


def is_bounded(problem: MultiparametricQP) -> bool:
    try:
        check(problem)
    except Unbounded:
        return False
    return True


def test_the_direction_the_place_and_the_mend_are_named(boxed):
    labels = Labels(("load",), ("valve", "pump"), ("a", "b"))
    problem = boxed(np.diag([1.0, 0]), [0, 1], [[-1], [0]], UP, [1, 1], [[0], [0]], 2.0, labels=labels)
    words = (
        r"unbounded: at load = \S+ the objective falls without limit when one moves pump by -1, .* or give it a weight"
    )
    with pytest.raises(Unbounded, match=words) as caught:
        select(problem, lambda _: pytest.fail("searched"))
    assert isinstance(caught.value, ProblemError)
    assert caught.value.direction == pytest.approx([0, -1])
    assert abs(caught.value.theta[0]) <= 2


def test_a_slope_of_zero_along_a_free_direction_is_bounded(boxed):
    assert is_bounded(boxed(np.diag([1.0, 0]), [0, 0], [[-1], [0]], UP, [1, 1], [[0], [0]]))
    assert not is_bounded(boxed(np.diag([1.0, 0]), [0, 1e-6], [[-1], [0]], UP, [1, 1], [[0], [0]]))


def test_an_equality_row_stops_both_ways(boxed):
    rows = {"G": [[1, 1]], "w": [0], "S": [[1]]}
    assert is_bounded(boxed(np.diag([1.0, 0]), [0, 1], [[0], [0]], equality_rows=(0,), **rows))
    assert not is_bounded(boxed(np.diag([1.0, 0]), [0, 1], [[0], [0]], **rows))
    with pytest.raises(Unbounded, match="z0 by"):
        check(boxed(np.zeros((2, 2)), [0, 1], [[0], [0]], equality_rows=(0,), **rows))


@pytest.mark.parametrize("size", [0.9, 1.1])
@pytest.mark.parametrize("t", [1, 2, 3, 4])
def test_one_corner_of_the_parameter_set_is_enough(t, size, boxed):
    """The slope along z is 1 + the mean of theta: negative in one corner, and only if the box reaches beyond 1."""
    problem = boxed([[0]], [1], np.ones((1, t)) / t, [[-1]], [0], np.zeros((1, t)), size)
    if size < 1:
        assert is_bounded(problem)
        return
    with pytest.raises(Unbounded) as caught:
        check(problem)
    assert 1 + caught.value.theta.mean() < 0


@pytest.mark.parametrize("seed", range(12))
def test_every_corner_counts_and_feasible_ones_alone(seed, boxed):
    """Of four slopes one is negative, at one drawn corner of three parameters; then a row without z cuts that off."""
    draw = np.random.default_rng(seed)
    corner = draw.choice([-1.0, 1.0], 3)
    F = np.vstack([-corner, draw.uniform(-9, 9, (3, 3))])
    G, S = np.vstack([-np.eye(4), np.zeros(4)]), np.vstack([np.zeros((4, 3)), -corner])
    cost = {"H": np.zeros((4, 4)), "f": [2.9, 30, 30, 30], "F": F, "G": G, "S": S}
    with pytest.raises(Unbounded) as caught:
        check(boxed(w=[0, 0, 0, 0, 5], **cost))
    assert caught.value.theta == pytest.approx(corner)
    assert caught.value.direction == pytest.approx([1, 0, 0, 0])
    assert is_bounded(boxed(w=[0, 0, 0, 0, 2.85], **cost))


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_dual_at_random_parameters(seed, boxed):
    """Where no multipliers >= 0 balance the slope at some theta, sampled or a vertex, the problem is refused."""
    draw = np.random.default_rng(seed)
    n, t = 3, 2
    G = draw.standard_normal((4, n))
    problem = boxed(
        np.zeros((n, n)), -G.T @ draw.uniform(0.3, 1, 4), draw.uniform(0.05, 0.5) * draw.standard_normal((n, t)),
        G, np.ones(4), np.zeros((4, t)),
    )  # fmt: skip
    points = np.vstack([draw.uniform(-1, 1, (300, t)), [[1, 1], [1, -1], [-1, 1], [-1, -1]]])
    gaps = [nnls(G.T, -(problem.f + problem.F @ theta))[1] for theta in points]
    if max(gaps) > 1e-7:
        with pytest.raises(Unbounded) as caught:
            check(problem)
        d, theta = caught.value.direction, caught.value.theta
        assert (G @ d <= 1e-9).all()
        assert (problem.f + problem.F @ theta) @ d < 0
    else:
        assert is_bounded(problem)


def test_units_do_not_matter(boxed):
    unit = np.array([1e-6, 1e6])
    for slope in (1.0, -1.0):
        problem = boxed(np.zeros((2, 2)), [1e-6, slope * 1e6], np.zeros((2, 1)), -np.diag(unit), [0, 0], [[0], [0]])
        if slope > 0:
            assert is_bounded(problem)
        else:
            with pytest.raises(Unbounded, match="z1 by"):
                check(problem)


def test_the_refusal_takes_less_than_two_seconds(boxed):
    draw, n, t = np.random.default_rng(0), 30, 5
    G = np.vstack([draw.standard_normal((60, n)) * np.r_[np.ones(n - 1), 0], -np.eye(n)])
    F = np.zeros((n, t))
    F[-1] = 0.3
    problem = boxed(np.zeros((n, n)), np.r_[np.zeros(n - 1), 1.4], F, G, np.ones(60 + n), np.zeros((60 + n, t)))
    start = time.perf_counter()
    with pytest.raises(Unbounded, match="z29 by"):
        check(problem)
    assert time.perf_counter() - start < 2
