"""The default terminal weight with further costs: where no limit acts, N steps cost what infinitely many do."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from mpc import CrossWeight, ImplicitMPC, MoveWeight, OutputWeight, Setpoint

CROSS = CrossWeight([[0.3], [0.2]])
OUTPUTS = OutputWeight(np.diag([2, 0.5]))
DIRECT = {"C": [[1, 0.2], [0.3, 1]], "D": [[0.3], [0.0]]}
WIDE = {"state_bounds": None, "parameter_bounds": ([-1, -1], [1, 1]), "input_bounds": (-100, 100)}
SETS = {"outputs": (OUTPUTS,), "cross": (CROSS,), "both": (OUTPUTS, CROSS)}


def long_run(model, gain, costs, discount, state, before, steps=2000):
    """The cost of the law v = -gain (s, v_before), added up step by step."""
    W, N, M = OUTPUTS.weight, CROSS.weight, 0.7
    total, factor, s = 0.0, 1.0, np.array(state, float)
    for _ in range(steps):
        v = -gain @ np.r_[s, before] if before is not None else -gain @ s
        stage = s @ s + 0.5 * v @ v
        if OUTPUTS in costs:
            y = model.C @ s + model.D @ v
            stage += y @ W @ y
        if CROSS in costs:
            stage += 2 * s @ np.array(N) @ v
        if before is not None:
            stage += M * (v - before) @ (v - before)
            before = v
        total, factor, s = total + factor * stage, factor * discount, model.A @ s + model.B @ v
    return total


@pytest.mark.parametrize("discount", [1.0, 0.9])
@pytest.mark.parametrize("costs", SETS.values(), ids=SETS)
@pytest.mark.parametrize("horizon", [1, 4])
def test_without_moves(problem, models, costs, discount, horizon):
    integrator, _, _ = models
    given = problem(integrator(**DIRECT), horizon=horizon, costs=costs, discount=discount, **WIDE)
    online, statement = ImplicitMPC(given), given.to_cvxpy()
    gain = -np.column_stack([online(e) for e in np.eye(2)])
    assert gain == pytest.approx(given.regulator, abs=1e-9)
    for state in ([0.8, -0.4], [-0.3, 0.9]):
        expected = long_run(given.model, gain, costs, discount, state, None)
        assert statement.solve(state).value == pytest.approx(expected, rel=1e-9)
        assert np.array(state) @ given.final_weight @ state == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("discount", [1.0, 0.9])
@pytest.mark.parametrize("costs", [(), (OUTPUTS, CROSS)], ids=["moves alone", "all"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_with_moves_the_gain_is_on_state_and_previous_input(problem, models, costs, discount, horizon):
    integrator, _, _ = models
    every = (*costs, MoveWeight(0.7))
    given = problem(integrator(**DIRECT), horizon=horizon, costs=every, discount=discount, **WIDE)
    online, statement = ImplicitMPC(given), given.to_cvxpy()
    gain = -np.column_stack([online(e) for e in np.eye(3)])
    assert given.final_weight.shape == (3, 3)
    for state, before in (([0.8, -0.4], 0.5), ([-0.3, 0.9], -1.0)):
        expected = long_run(given.model, gain, costs, discount, state, np.array([before]))
        assert statement.solve([*state, before]).value == pytest.approx(expected, rel=1e-9)


def test_the_gain_with_moves_by_hand(problem, models):
    """(s, v_before) with the input as its next part: weights Q, M and the cross term -M."""
    integrator, _, _ = models
    given = problem(integrator(), costs=(MoveWeight(0.7),), **WIDE)
    A = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0.0]])
    B = np.array([[0.5], [1], [1]])
    Q, R, N = np.diag([1, 1, 0.7]), np.array([[0.5 + 0.7]]), np.array([[0], [0], [-0.7]])
    P = solve_discrete_are(A, B, Q, R, s=N)
    K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A + N.T)
    assert given.final_weight == pytest.approx(P, abs=1e-9)
    assert ImplicitMPC(given)([0.3, -0.2, 0.4]) == pytest.approx(-K @ [0.3, -0.2, 0.4], abs=1e-9)


def test_moves_around_a_setpoint(problem, models):
    """What is measured from the steady state: s and the previous input's v."""
    integrator, _, _ = models
    model = integrator(A=[[0.9, 1], [0, 0.8]], C=[[1, 0]])
    given = problem(model, costs=(MoveWeight(0.7),), parameters=(Setpoint(-1, 1),), **WIDE)
    online = ImplicitMPC(given)
    steady = np.linalg.solve(np.block([[model.A - np.eye(2), model.B], [model.C, np.zeros((1, 1))]]), [0, 0, 0.6])
    assert online([*steady, 0.6]) == pytest.approx(steady[2:], abs=1e-9)
    away = steady + np.array([0.2, -0.1, 0.3])
    plain = ImplicitMPC(problem(model, costs=(MoveWeight(0.7),), **WIDE))
    assert online([*away, 0.6]) - steady[2:] == pytest.approx(plain([0.2, -0.1, 0.3]), abs=1e-9)
