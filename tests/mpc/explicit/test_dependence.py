"""Rows that nearly depend on one another: the law names them where regions meet them, and is silent elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, ProblemError, solve_explicit
from mpc.explicit.doubt import DOUBTFUL, partners, rounding

BOX = np.vstack([np.eye(2), -np.eye(2)])


def corner(e: float, **changes) -> MultiparametricQP:
    """min 1/2 |z|^2 + theta'z over z0 <= 1, z0 + e z1 <= 1, |z1| <= 1: two rows that meet under the angle e."""
    G = [[1, 0], [1, e], [0, 1], [0, -1]]
    return MultiparametricQP(np.eye(2), [0, 0], np.eye(2), G, np.ones(4), np.zeros((4, 2)), BOX, 2 * np.ones(4))


def wedge(e: float) -> MultiparametricQP:
    """z0 <= 1 and -z0 + e z1 <= -1: they leave a wedge as thin as e, in which z1 <= 0."""
    G = [[1, 0], [-1, e], [0, 1], [0, -1]]
    return MultiparametricQP(np.eye(2), [0, 0], [[0], [1]], G, [1, -1, 1, 1], np.zeros((4, 1)), [[1], [-1]], [2, 2])


@pytest.mark.parametrize("e", [1e-7, 1e-8])
def test_rows_that_meet_under_a_tiny_angle_make_the_law_partial(e):
    law = solve_explicit(corner(e))
    words = f"but for {e:.1g} of their length (row 0; row 1) are told apart from {DOUBTFUL:g} on: thin regions"
    assert words in law.partial
    assert "write the row once, or with more digits" in law.partial
    assert words in repr(law)
    assert not law.certify().ok


@pytest.mark.parametrize("e", [1e-3, 1e-6])
def test_rows_that_meet_under_a_small_angle_are_certified(e):
    law = solve_explicit(corner(e))
    assert law.partial == ""
    assert law.certify().ok


@pytest.mark.parametrize("e", [1e-9, 1e-10, 1e-12])
def test_rows_that_hold_with_equality_but_for_a_hair_are_named(e):
    words = rf"hold with equality depend on one another but for {e:.1g} of their length \(row 0; row 1\).*more digits"
    with pytest.raises(ProblemError, match=words):
        solve_explicit(wedge(e))


def test_equality_rows_that_nearly_repeat_one_another_are_named():
    problem = replace(corner(1e-9), equality_rows=(0, 1))
    with pytest.raises(ProblemError, match=r"1e-09 of their length \(row 0; row 1\)"):
        solve_explicit(problem)


def with_a_sum(hair: float) -> MultiparametricQP:
    """Three variables; the third row is the sum of the first two but for a hair, and all meet on one edge."""
    first, second = np.array([1, 0.3, 0.2]), np.array([0.1, 1, -0.4])
    G = np.vstack([first, second, first + second + [0, 0, hair], np.eye(3), -np.eye(3)])
    F = -2 * np.array([[1, 0], [0, 1], [0.5, -0.5]])
    return MultiparametricQP(np.eye(3), np.zeros(3), F, G, [1, 1, 2, *[3] * 6], np.zeros((9, 2)), BOX, 2 * np.ones(4))


def test_all_rows_of_a_sum_that_is_not_quite_one_are_named():
    assert "(row 0; row 1; row 2)" in solve_explicit(with_a_sum(3e-8)).partial
    assert solve_explicit(with_a_sum(0.0)).partial == solve_explicit(with_a_sum(1e-4)).partial == ""


@pytest.mark.parametrize("factor", [1.0, 3.0, 1e-6 / 7])
def test_rows_that_repeat_others_exactly_are_no_matter(factor):
    """Also where H is so badly conditioned that the rows carry its rounding."""
    plain = corner(0.3)
    G, w, S = (np.concatenate([part, factor * part]) for part in (plain.G, plain.w, plain.S))
    for H in (np.eye(2), [[1, 0.999999], [0.999999, 1]]):
        law = solve_explicit(replace(plain, H=H, G=G, w=w, S=S))
        assert law.partial == ""
        assert law.certify().ok


def test_stored_problems_are_not_suspected(solved, name):
    assert solved(name).partial == ""


def test_rounding_grows_where_terms_cancel():
    plain, cancelled = rounding(np.eye(2), np.eye(2)), rounding(np.array([[1.0, 1.0]]), np.array([[1.0], [-1 + 1e-6]]))
    assert cancelled / plain == pytest.approx(2e6, rel=1e-3)


def test_partners_are_the_rows_that_make_up_another():
    assert partners(np.eye(3), np.array([1.0, 1e-9, 2.0])).tolist() == [0, 2]
