"""The filter's gain is that of the dual Riccati equation, its covariances are those of many noisy runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag, solve_discrete_are

from mpc import KalmanFilter, LinearModel, ProblemError, four_tank, with_input_disturbance, with_output_disturbance

SEEDS = st.integers(0, 2**32 - 1)
SLOW = LinearModel(np.diag([1.05, 0.7]), np.ones(2), 1.0, C=np.eye(2))


def drawn(seed):
    """A filter of a drawn model that may grow by 1.2 a step, with 1 to 4 states and 1 to 2 outputs."""
    random = np.random.default_rng(seed)
    n, p = random.integers(1, 5), random.integers(1, 3)
    A = random.normal(size=(n, n))
    A *= random.uniform(0.3, 1.2) / np.abs(np.linalg.eigvals(A)).max()
    model = LinearModel(A, random.normal(size=(n, 1)), 1.0, C=random.normal(size=(p, n)))
    model = with_output_disturbance(model)
    covariances = [random.normal(size=(size, size + 2)) for size in (n, p, p)]
    return KalmanFilter(model, *[root @ root.T for root in covariances])


def augmented(filter_):
    model = filter_.model
    A = np.block([[model.A, model.E], [np.zeros((model.k, model.n)), np.eye(model.k)]])
    noise = block_diag(filter_.process_noise, filter_.disturbance_noise)
    return A, np.hstack([model.C, model.F]), noise, filter_.measurement_noise


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_covariance_is_that_of_scipys_dual_equation(seed):
    filter_ = drawn(seed)
    A, C, Q, R = augmented(filter_)
    P = solve_discrete_are(A.T, C.T, Q, R)
    assert filter_.prediction_covariance == pytest.approx(P, rel=1e-6, abs=1e-7 * np.abs(P).max())
    assert filter_.gain == pytest.approx(P @ C.T @ np.linalg.inv(C @ P @ C.T + R), rel=1e-5, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_gain_is_the_limit_of_the_filter_that_starts_anywhere(seed):
    filter_ = drawn(seed)
    A, C, Q, R = augmented(filter_)
    P = 10 * np.eye(len(A))
    for _ in range(int(40 / (1.0001 - filter_.spectral_radius))):
        gain = P @ C.T @ np.linalg.inv(C @ P @ C.T + R)
        after = P - gain @ C @ P
        P = A @ after @ A.T + Q
        P = (P + P.T) / 2
    assert filter_.gain == pytest.approx(gain, rel=1e-6, abs=1e-8 * max(1, np.abs(gain).max()))
    assert filter_.error_covariance == pytest.approx(after, rel=1e-5, abs=1e-7 * np.abs(after).max())
    assert filter_.spectral_radius < 1


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_spectral_radius_is_that_of_what_an_update_makes_of_errors(seed):
    filter_ = drawn(seed)
    n, k, zero = filter_.model.n, filter_.model.k, np.zeros(filter_.model.p)
    errors = np.eye(n + k)
    after = filter_.update(filter_.start(state=errors[:, :n], disturbance=errors[:, n:]), zero, [0.0])
    radius = np.abs(np.linalg.eigvals(np.hstack([after.state, after.disturbance]))).max()
    assert filter_.spectral_radius == pytest.approx(radius, rel=1e-6)


def test_errors_of_many_noisy_runs_have_the_covariance_that_is_promised(make_tank_filter, tanks):
    random, rows = np.random.default_rng(5), 4000
    filter_ = make_tank_filter(measurement_noise=1e-3 * np.eye(2))
    x, d = np.tile(tanks.state, (rows, 1)), np.zeros((rows, 2))
    estimate = filter_.start(rows)
    for k in range(120):
        if k:
            x = tanks.step(x, tanks.input, d) + 1e-2 * random.normal(size=(rows, 4))
            d = d + np.sqrt(1e-3) * random.normal(size=(rows, 2))
            estimate = filter_.predict(estimate, tanks.input)
        estimate = filter_.correct(estimate, tanks.outputs(x, d=d) + np.sqrt(1e-3) * random.normal(size=(rows, 2)))
    errors = np.hstack([x - estimate.state, d - estimate.disturbance])
    promised = np.diag(filter_.error_covariance)
    assert (errors**2).mean(axis=0) == pytest.approx(promised, rel=0.1)


def test_without_noise_state_and_disturbance_are_found_at_the_promised_rate(make_tank_filter, tanks):
    filter_, d = make_tank_filter(), np.array([0.3, -0.2])
    x, estimate, errors = tanks.state + np.array([1, -1, 0.5, 0.2]), filter_.start(), []
    estimate = filter_.correct(estimate, tanks.outputs(x, d=d))
    for _ in range(250):
        u = tanks.input + 0.1
        x = tanks.step(x, u, d)
        estimate = filter_.update(estimate, tanks.outputs(x, d=d), u)
        errors.append(np.abs(np.r_[estimate.state - x, estimate.disturbance - d]).max())
    assert errors[-1] < 1e-7
    assert (errors[200] / errors[150]) ** (1 / 50) == pytest.approx(filter_.spectral_radius, abs=5e-3)


def test_a_batch_is_its_rows(make_tank_filter, tanks):
    random, filter_ = np.random.default_rng(0), make_tank_filter()
    y, u = tanks.output + random.normal(size=(5, 2)), tanks.input + random.normal(size=(5, 2))
    states = tanks.state + random.normal(size=(5, 4))
    whole = filter_.update(filter_.start(state=states), y, u)
    for i in range(5):
        one = filter_.update(filter_.start(state=states[i]), y[i], u[i])
        assert whole.state[i] == pytest.approx(one.state, rel=1e-13)
        assert whole.disturbance[i] == pytest.approx(one.disturbance, rel=1e-12)


def test_units_do_not_matter(make_tank_filter, tanks):
    unit = np.array([1e4, 1e-3, 10.0, 1.0])
    scaled = LinearModel(
        tanks.A * np.outer(unit, 1 / unit), tanks.B * unit[:, None], 5.0, C=tanks.C / unit, E=tanks.E * unit[:, None]
    )
    plain = make_tank_filter()
    other = make_tank_filter(scaled, process_noise=1e-4 * np.diag(unit**2))
    assert other.gain[:4] / unit[:, None] == pytest.approx(plain.gain[:4], rel=1e-7, abs=1e-9)
    assert other.spectral_radius == pytest.approx(plain.spectral_radius, rel=1e-8)


def test_a_measured_disturbance_is_taken_as_told(make_tank_filter, tanks):
    filter_ = make_tank_filter(measured="disturbance of pump 1", disturbance_noise=1e-3)
    estimate = filter_.informed(filter_.start(3), [[0.1], [0.2], [0.3]])
    corrected = filter_.correct(estimate, np.tile(tanks.output + 0.1, (3, 1)))
    assert corrected.disturbance[:, 0].tolist() == [0.1, 0.2, 0.3]
    assert (corrected.disturbance[:, 1] > 0).all()
    assert (filter_.estimated, filter_.gain.shape) == ([1], (5, 2))
    assert repr(filter_).startswith("KalmanFilter(4 states, 1 disturbances from 2 outputs, spectral radius 0.8")


def test_measured_values_are_taken_in_the_order_of_the_names_given(make_tank_filter):
    names = ("disturbance of pump 2", "disturbance of pump 1")
    filter_ = make_tank_filter(measured=names, disturbance_noise=None)
    assert filter_.informed(filter_.start(), [2.0, 1.0]).disturbance.tolist() == [1.0, 2.0]


def test_results_are_read_only(make_tank_filter):
    filter_ = make_tank_filter()
    for array in (filter_.gain, filter_.error_covariance, filter_.prediction_covariance):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tanks", 1, 1), "`model` is a str, but a LinearModel is needed"),
        ((SLOW, [1, 1], np.eye(2)), r"`process_noise` has shape \(2,\), but \(2, 2\) is needed"),
        ((SLOW, np.diag([1, -1]), np.eye(2)), "`process_noise` must be positive semidefinite.* -1"),
        (
            (SLOW, np.eye(2), np.diag([1, 0])),
            "`measurement_noise` must be positive definite.* 0; give every output",
        ),
        ((SLOW, np.eye(2), np.eye(2) * np.nan), "`measurement_noise` is NaN"),
        ((SLOW, np.eye(2), np.eye(2), 1), "`disturbance_noise` was given, but 0 disturbances are to be estimated"),
        (
            (SLOW, np.diag([0, 1]), np.eye(2)),
            r"`process_noise` does not move the mode with eigenvalue 1.05 \(state0\).* variance above 0",
        ),
        (
            (LinearModel(SLOW.A, SLOW.B, 1.0, C=[0, 1]), np.eye(2), 1),
            r"the mode with eigenvalue 1.05 \(state0\) does not decay and the 1 outputs do not show it",
        ),
        (
            (LinearModel([[0.5]], [1], 1.0, C=[1], E=[[1, 2]]), 1, 1, np.eye(2)),
            r"eigenvalue 1 \(disturbance0, disturbance1\) .* estimate fewer disturbances \(now 2\)",
        ),
        ((LinearModel([[0.5]], [1], 1.0, D=[[2]]), 1, 1), r"`D` is not 0 \(largest entry 2\)"),
        (
            (with_input_disturbance(four_tank()), np.eye(4), np.eye(2)),
            r"`disturbance_noise` is missing, but 2 disturbances are to be estimated; pass a \(2, 2\) covariance",
        ),
        (
            (with_input_disturbance(four_tank()), np.eye(4), np.eye(2), np.zeros((2, 2))),
            "`disturbance_noise` must be positive definite.*without noise an estimate never moves",
        ),
        (
            (with_input_disturbance(four_tank()), np.eye(4), np.eye(2), np.eye(2), ("pump 1",)),
            "`measured` names 'pump 1'; did you mean 'disturbance of pump 1'",
        ),
        ((SLOW, np.eye(2), np.eye(2), None, None), "`measured` is a NoneType, .*; pass names of disturbances"),
        ((SLOW, np.eye(2), np.eye(2), None, 5), "`measured` is a int, but a str or a list or a tuple is needed"),
        ((SLOW, np.eye(2), np.eye(2), None, "rain"), "`measured` has 1 names, but the model has 0 disturbances"),
        (
            (with_input_disturbance(four_tank()), np.eye(4), np.eye(2), 1, ["disturbance of pump 1"] * 2),
            "`measured` has 'disturbance of pump 1' at index 0 and at 1; name it once",
        ),
    ],
)
def test_what_no_filter_can_do_is_refused_at_birth(arguments, words):
    with pytest.raises(ProblemError, match=words):
        KalmanFilter(*arguments)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: f.correct(f.start(), [1.0]), r"`y` has shape \(1,\), but its last axis must be 2 long \(reading 1"),
        (lambda f: f.correct(f.start(), [np.nan, 1]), r"`y` is NaN at \[0\]"),
        (lambda f: f.predict(f.start(), [1.0]), r"`u` has shape \(1,\)"),
        (lambda f: f.start(state=[1.0]), r"`state` has shape \(1,\)"),
        (lambda f: f.start(disturbance=[np.inf, 0]), r"`disturbance` is infinite at \[0\]"),
    ],
)
def test_readings_and_guesses_are_checked(make_tank_filter, call, words):
    with pytest.raises(ProblemError, match=words):
        call(make_tank_filter())
