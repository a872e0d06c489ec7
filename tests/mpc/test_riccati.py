"""The regulator equals a plain value iteration, in any units, and refuses what has no stabilising solution."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mpc import ProblemError, dlqr

SEEDS = st.integers(0, 2**32 - 1)


def value_iteration(A, B, Q, R, discount=1.0, rounds=20_000):
    """P by repeating the Bellman backup min over u of s'Qs + u'Ru + g (As + Bu)'P(As + Bu)."""
    P, K = np.array(Q, dtype=float), np.zeros((B.shape[1], len(A)))
    for _ in range(rounds):
        K = np.linalg.solve(R + discount * B.T @ P @ B, discount * B.T @ P @ A)
        closed = A - B @ K
        after = Q + K.T @ R @ K + discount * closed.T @ P @ closed
        if np.abs(after - P).max() <= 1e-15 * np.abs(after).max():
            break
        P = after
    return K, P


def random_system(seed, growth):
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 5), generator.integers(1, 3)
    A = generator.normal(size=(n, n))
    A *= growth / np.abs(np.linalg.eigvals(A)).max()
    root = generator.normal(size=(n, n))
    return A, generator.normal(size=(n, m)), root @ root.T + 0.1 * np.eye(n), np.diag(generator.uniform(0.01, 1, m))


@given(SEEDS, st.sampled_from([0.5, 0.95, 1.2]), st.sampled_from([1.0, 0.99, 0.95, 0.9]))
def test_gain_and_cost_equal_value_iteration(seed, growth, discount):
    A, B, Q, R = random_system(seed, growth)
    K_expected, P_expected = value_iteration(A, B, Q, R, discount)
    closed = np.sqrt(discount) * (A - B @ K_expected)
    assume(np.abs(np.linalg.eigvals(closed)).max() < 0.99)
    assume(np.linalg.cond(P_expected) < 1e6)
    K, P = dlqr(A, B, Q, R, discount)
    assert pytest.approx(P_expected, rel=1e-9, abs=1e-9 * np.abs(P_expected).max()) == P
    assert pytest.approx(K_expected, rel=1e-8, abs=1e-9 * np.abs(K_expected).max()) == K
    assert (P == P.T).all()


@given(SEEDS)
def test_the_cost_is_the_discounted_sum_along_the_closed_loop(seed):
    A, B, Q, R = random_system(seed, 1.1)
    K, P = dlqr(A, B, Q, R, 0.95)
    s, total = np.ones(len(A)), 0.0
    assume(np.abs(np.linalg.eigvals(A - B @ K)).max() < 1.0)
    for k in range(2000):
        u = -K @ s
        total += 0.95**k * (s @ Q @ s + u @ R @ u)
        s = A @ s + B @ u
    assert np.ones(len(A)) @ P @ np.ones(len(A)) == pytest.approx(total, rel=1e-9)


@given(SEEDS, st.sampled_from([3, 6, 9]))
def test_units_of_states_inputs_and_cost_do_not_matter(seed, decades):
    A, B, Q, R = random_system(seed, 1.05)
    generator = np.random.default_rng(seed + 1)
    state, control = (10 ** generator.uniform(-decades, decades, k) / 1.0 for k in B.shape)
    cost = 10 ** generator.uniform(-decades, decades)
    K, P = dlqr(A, B, Q, R)
    assume(np.abs(np.linalg.eigvals(A - B @ K)).max() < 0.999)
    other = (A * np.outer(1 / state, state), B * np.outer(1 / state, control))
    weights = (cost * Q * np.outer(state, state), cost * R * np.outer(control, control))
    K_other, P_other = dlqr(*other, *weights)
    assert K_other * np.outer(control, 1 / state) == pytest.approx(K, rel=1e-7, abs=1e-8 * np.abs(K).max())
    assert P_other / np.outer(state, state) / cost == pytest.approx(P, rel=1e-7, abs=1e-8 * np.abs(P).max())


@pytest.mark.paper
@pytest.mark.parametrize("discount", [1.0, 0.99, 0.95, 0.9])
def test_the_discounted_equation_is_the_one_with_the_root_of_the_discount(discount):
    """P_g = DARE(sqrt(g)A, sqrt(g)B, Q, R), and the Bellman equation holds with g V, not with V alone."""
    A, B, Q, R = (
        np.array([[1.0188, 0.0503], [0.7547, 1.0188]]),
        np.array([[0.0038], [0.1509]]),
        np.diag([1, 0.1]),
        [[1e-3]],
    )
    K, P = dlqr(A, B, Q, R, discount)
    scaled = dlqr(np.sqrt(discount) * A, np.sqrt(discount) * B, Q, R)
    assert scaled[1] == pytest.approx(P, rel=1e-12)
    assert scaled[0] == pytest.approx(K, rel=1e-12)
    s = np.array([0.3, -1.0])
    u = -K @ s
    after = A @ s + B @ u
    assert s @ P @ s == pytest.approx(s @ Q @ s + u @ R @ u + discount * after @ P @ after, rel=1e-12)
    if discount < 1:
        undiscounted = dlqr(A, B, Q, R)[1]
        assert abs(s @ undiscounted @ s / (s @ P @ s) - 1) > 1e-3


def test_numbers_stand_for_one_by_one_matrices():
    K, P = dlqr([[1.0]], [[1.0]], 1, 1)
    golden = (1 + np.sqrt(5)) / 2
    assert P[0, 0] == pytest.approx(golden)
    assert K[0, 0] == pytest.approx(golden / (1 + golden))


def test_no_state_weight_on_a_stable_plant_costs_nothing():
    K, P = dlqr([[0.5, 1.0], [0.0, 0.9]], [0.0, 1.0], np.zeros((2, 2)), 1.0)
    assert np.abs(K).max() == 0
    assert np.abs(P).max() == 0


EYE = np.eye(2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[1, np.nan], [0, 1]], [0, 1], EYE, 1), r"`A` is NaN at \[0, 1\]"),
        ((np.ones((2, 3)), [0, 1], EYE, 1), r"`A` has shape \(2, 3\), but it must be square"),
        ((EYE, [0, 1, 2], EYE, 1), r"`B` has shape \(3, 1\), but `A` has 2 states"),
        (
            (np.diag([1.2, 0.5]), [0, 1], EYE, 1),
            r"stabilisable: the mode with eigenvalue 1.2 does not decay and no input moves it \(it lives in state0\)",
        ),
        ((np.diag([1.0, 0.5]), [0, 1], EYE, 1), "not stabilisable: the mode with eigenvalue 1 "),
        (([[0, 2], [-2, 0]], [0, 0], EYE, 1), "not stabilisable"),
        ((EYE, EYE, EYE, [[1, 0], [0, 0]]), "`R` must be positive definite, but its smallest eigenvalue is 0"),
        ((EYE, [0, 1], EYE, -1), "`R` must be positive definite.*-1"),
        ((EYE, EYE, np.diag([1, -1]), EYE), "`Q` must be positive semidefinite, but its smallest eigenvalue is -1"),
        ((EYE, EYE, [[1, 1], [0, 1]], EYE), "`Q` is not symmetric"),
        ((EYE, EYE, 1, EYE), r"`Q` has shape \(\), but \(2, 2\) is needed"),
        ((np.diag([2.0, 0.5]), EYE, np.diag([0.0, 1.0]), EYE), "does not see the mode with eigenvalue"),
        ((np.diag([1.0, 0.5]), EYE, np.diag([0.0, 1.0]), EYE), "does not see the mode with eigenvalue"),
    ],
)
def test_what_has_no_stabilising_solution(arguments, words):
    with pytest.raises(ProblemError, match=words):
        dlqr(*arguments)


@pytest.mark.parametrize(
    ("discount", "words"),
    [
        (0, "`discount` is 0, but it must be positive"),
        (1.01, "`discount` is 1.01, but it must be at most 1"),
        (np.nan, "`discount` is NaN"),
        ("one", "`discount` has dtype"),
    ],
)
def test_a_discount_that_is_none(discount, words):
    with pytest.raises(ProblemError, match=words):
        dlqr([[1]], [[1]], 1, 1, discount)


def test_a_discount_makes_a_slow_growing_mode_harmless():
    dlqr(np.diag([1.02, 0.5]), [0, 1], EYE, 1, discount=0.9)
    with pytest.raises(ProblemError, match=r"1\.02"):
        dlqr(np.diag([1.02, 0.5]), [0, 1], EYE, 1)
