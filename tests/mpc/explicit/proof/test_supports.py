"""Supports and balls against HiGHS through scipy, on random, thin, empty and one-dimensional sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc.explicit.proof.program import Program
from mpc.explicit.proof.supports import Polytopes, balls, supports

BOX = 4.0


def drawn(seed, d, q, thin=False):
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(q, d))
    if thin:
        A[1] = -A[0]
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    b = generator.uniform(0.05, 1, q)
    if thin:
        b[:2] = b[0], 1e-10 - b[0]
    return A, b, generator.normal(size=(6, d))


def reference(A, b, cost):
    return linprog(-cost, A, b, bounds=[(-BOX, BOX)] * len(cost))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 14), st.booleans())
def test_supports_are_those_of_a_linear_program(seed, d, q, thin):
    A, b, costs = drawn(seed, d, max(q, 2), thin)
    found = supports(Polytopes.stack([(A, b)], BOX), np.zeros(6, dtype=int), costs)
    for cost, value, corner in zip(costs, found.value, found.corner, strict=True):
        expected = reference(A, b, cost)
        if expected.status == 2:
            assert value == -np.inf or (A @ corner - b).max() <= 1e-9
        else:
            assert value == pytest.approx(-expected.fun, abs=3e-7)
            assert value >= -expected.fun - 1e-7
            assert (A @ corner - b).max() <= 1e-9


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 12))
def test_a_bound_that_is_enough_is_never_below_the_support(seed, d, q):
    A, b, costs = drawn(seed, d, q)
    sets, which = Polytopes.stack([(A, b)], BOX), np.zeros(6, dtype=int)
    exact = supports(sets, which, costs).value
    goal = exact + np.random.default_rng(seed).uniform(-0.5, 0.5, 6)
    early = supports(sets, which, costs, goal).value
    assert (early >= exact - 1e-12).all()
    assert (early <= np.maximum(goal, exact) + 1e-12).all()


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 12))
def test_balls_are_largest(seed, d, q):
    A, b, _ = drawn(seed, d, q)
    radius, centre = (part[0] for part in balls(Polytopes.stack([(A, b)], BOX)))
    expected = linprog(np.r_[np.zeros(d), -1], np.c_[A, np.ones(q)], b, bounds=[(-BOX, BOX)] * (d + 1))
    assert radius == pytest.approx(-expected.fun, abs=1e-9)
    assert (A @ centre + radius - b).max() <= 1e-9


def test_an_empty_set_has_no_support_and_a_negative_ball():
    sets = Polytopes.stack([(np.array([[1.0, 0], [-1, 0]]), np.array([-0.5, 0.25]))], BOX)
    assert supports(sets, np.array([0]), np.array([[0.0, 1]])).value[0] == -np.inf
    assert balls(sets)[0][0] == pytest.approx(-0.125)


@pytest.mark.parametrize("seed", range(30))
def test_a_simplex_that_stops_anywhere_cannot_prove_too_little(seed, monkeypatch):
    A, b, costs = drawn(seed, 3, 9)
    generator = np.random.default_rng(seed)

    def lost(rows, levels, costs, goal):
        basis = np.stack([generator.choice(rows.shape[1], 3, replace=False) for _ in costs])
        return basis, np.full(costs.shape, 1e3), np.ones(len(costs), dtype=int)

    monkeypatch.setattr("mpc.explicit.proof.supports._walk", lost)
    found = supports(Polytopes.stack([(A, b)], BOX), np.zeros(6, dtype=int), costs, np.full(6, 1e9)).value
    assert (found >= [-reference(A, b, cost).fun - 1e-9 for cost in costs]).all()


def test_sets_of_different_sizes_stand_side_by_side():
    square = (np.vstack([np.eye(2), -np.eye(2)]), np.ones(4))
    half = (np.array([[1.0, 0]]), np.array([0.25]))
    sets = Polytopes.stack([square, half], BOX)
    found = supports(sets, np.array([0, 1, 1]), np.array([[1.0, 2], [1, 0], [-1, 0]]))
    np.testing.assert_allclose(found.value, [3, 0.25, BOX])


def test_a_thousand_problems_at_once_are_a_thousand_single_ones():
    A, b, _ = drawn(3, 4, 12)
    costs = np.random.default_rng(0).normal(size=(1000, 4))
    sets = Polytopes.stack([(A, b)], BOX)
    whole = supports(sets, np.zeros(1000, dtype=int), costs).value
    single = [supports(sets, np.zeros(1, dtype=int), costs[k : k + 1]).value[0] for k in range(0, 1000, 50)]
    np.testing.assert_allclose(whole[::50], single, atol=1e-14)


def test_a_program_answers_one_objective_after_another_and_says_empty_and_endless():
    A, b, costs = drawn(5, 3, 12)
    A, b = np.vstack([A, np.eye(3), -np.eye(3)]), np.r_[b, np.full(6, BOX)]
    program = Program(A, b)
    for cost in costs:
        found = program.support(cost)
        assert cost @ found.point == pytest.approx(-reference(A, b, cost).fun, abs=1e-8)
        np.testing.assert_allclose(found.multipliers @ A, cost, atol=1e-8)
        assert found.multipliers.min() >= -1e-9
    assert Program(np.array([[1.0], [-1.0]]), np.array([-1.0, 0.0])).support(np.array([1.0])).empty
    endless = Program(np.array([[1.0, 0.0]]), np.array([1.0])).support(np.array([0.0, 1.0]))
    assert not endless.empty
    assert not endless.multipliers.any()
