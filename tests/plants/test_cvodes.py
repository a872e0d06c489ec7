"""CVODES against exact solutions, a second library, and its own failures."""

import pickle
import re
import subprocess
import sys
import threading
from dataclasses import replace

import casadi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from plants import (
    CVODES,
    Constant,
    Plant,
    PlantError,
    QuadraticCost,
    RungeKutta4,
    check_plant,
    extraction_column,
    simulate,
)
from plants.muted import muted


def escaping(**changes):
    """A state that grows as its square: from a > 1 it is infinite at t = 1 / a."""
    usual = {
        "name": "escape",
        "derivative": lambda x, u: (x[0] ** 2 + 0 * u[0],),
        "state_names": ["a"],
        "state_units": ["-"],
        "input_names": ["u"],
        "input_units": ["-"],
        "state_bounds": ([-3], [3]),
        "input_bounds": ([-1], [1]),
        "equilibrium": ([0], [0]),
        "sample_time": 1.0,
        "cost": QuadraticCost(1, 1, [0], [0], violation_penalty=1000),
        "start_bounds": ([-0.5], [3]),
        "integrator": CVODES(),
    }
    return Plant(**(usual | changes))


ESCAPING = escaping()
TIGHT = escaping(integrator=CVODES(1e-11, 1e-11))
COLUMN = replace(extraction_column(), integrator=CVODES())


def test_the_error_follows_the_tolerances(spring):
    exact = spring(integrator=CVODES(1e-12, 1e-12), sample_time=2.0)
    x, u = exact.sample_starts(np.random.default_rng(0), 50), np.full((50, 1), 0.7)
    wanted = np.array([solve_ivp(lambda _, s: exact.derivatives(s, [0.7]), (0, 2), s, rtol=1e-12, atol=1e-12,
                                 method="DOP853").y[:, -1] for s in x])  # fmt: skip
    np.testing.assert_allclose(exact.step(x, u), wanted, atol=1e-10)
    errors = [
        np.abs(replace(exact, integrator=CVODES(tolerance, tolerance)).step(x, u) - wanted).max()
        for tolerance in (1e-4, 1e-6, 1e-8)
    ]
    for error, tolerance in zip(errors, (1e-4, 1e-6, 1e-8), strict=True):
        assert tolerance / 100 < error < 200 * tolerance
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


@given(st.floats(-3, 0.8))
def test_it_meets_the_exact_solution_of_an_equation_that_is_not_linear(a):
    assert TIGHT.step([a], [0])[0] == pytest.approx(a / (1 - a), abs=1e-7)
    assert ESCAPING.step([a], [0])[0] == pytest.approx(a / (1 - a), abs=1e-4)


def test_a_stiff_column_is_integrated_as_by_another_library():
    rng = np.random.default_rng(3)
    states, inputs = COLUMN.sample_starts(rng, 5), rng.uniform(*COLUMN.input_bounds, size=(5, 2))
    for x, u, after in zip(states, inputs, COLUMN.step(states, inputs), strict=True):
        wanted = solve_ivp(
            lambda _, s, u=u: COLUMN.derivatives(s, u), (0, 1), x, rtol=1e-11, atol=1e-11, method="Radau"
        )
        np.testing.assert_allclose(after, wanted.y[:, -1], atol=1e-7)


def test_the_fast_rate_of_a_stiff_plant_asks_for_no_short_step(spring):
    """Where 1,000 Runge-Kutta steps explode: a rate of 1e6 beside one of 1."""
    stiff = spring(
        derivative=lambda x, u: (-x[0] + u[0], 1e6 * (x[0] - x[1])),
        sample_time=1.0,
        integrator=CVODES(most_steps=500),
        equilibrium=([0, 0], [0]),
    )
    after = stiff.step([1.0, 0.0], [0.0])
    np.testing.assert_allclose(after, np.exp(-1.0) * np.array([1, 1 / (1 - 1e-6)]), atol=1e-6)
    assert replace(stiff, integrator=RungeKutta4(1000)).runaway(
        replace(stiff, integrator=RungeKutta4(1000)).step([1.0, 0.0], [0.0])
    )


def test_no_unit_matters(spring):
    """A state in units of 1e-9 has the same relative error as in units of 1."""
    tiny = 1e-9
    cost = replace(spring().cost, state_weight=np.eye(2) / tiny**2)
    usual = spring(integrator=CVODES(1e-6, 1e-6))
    small = spring(
        derivative=lambda x, u: (x[1], -4 * x[0] - 0.3 * x[1] + tiny * u[0]),
        integrator=CVODES(1e-6, 1e-6),
        state_bounds=([-2 * tiny, -3 * tiny], [2 * tiny, 3 * tiny]),
        start_bounds=([-tiny, -tiny], [tiny, tiny]),
        cost=cost,
    )
    x = np.array([[0.7, -0.4], [-1.0, 0.2]])
    np.testing.assert_allclose(small.step(tiny * x, [0.5]), tiny * usual.step(x, [0.5]), rtol=1e-9)


def test_a_batch_is_its_rows_and_a_copy_is_the_plant():
    rng = np.random.default_rng(0)
    states, inputs = COLUMN.sample_starts(rng, 20), rng.uniform(*COLUMN.input_bounds, size=(20, 2))
    after = COLUMN.step(states, inputs)
    assert np.array_equal(after, [COLUMN.step(x, u) for x, u in zip(states, inputs, strict=True)])
    assert np.array_equal(after, pickle.loads(pickle.dumps(COLUMN)).step(states, inputs))
    assert COLUMN.step(np.empty((0, 10)), np.empty((0, 2))).shape == (0, 10)
    assert COLUMN.step(states.reshape(4, 5, 10), inputs.reshape(4, 5, 2)).shape == (4, 5, 10)


@pytest.fixture
def hasty():
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty")
def test_threads_share_a_plant():
    rng = np.random.default_rng(0)
    states, inputs = COLUMN.sample_starts(rng, 40), rng.uniform(*COLUMN.input_bounds, size=(40, 2))
    wanted, results = COLUMN.step(states, inputs), [None] * 4

    def work(i):
        results[i] = np.roll(COLUMN.step(np.roll(states, i, axis=0), np.roll(inputs, i, axis=0)), -i, axis=0)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, wanted) for result in results)


def test_constants_are_arguments(spring):
    plant = spring(
        derivative=lambda x, u, p: (x[1], -p.stiffness * x[0] + u[0]),
        constants=[Constant("stiffness", 4.0, "1/s2")],
        integrator=CVODES(),
    )
    softer = replace(plant, constants=[Constant("stiffness", 1.0, "1/s2")])
    x, u = np.array([[0.5, 0.1], [-0.3, 1.0]]), np.array([[0.2], [-1.0]])
    mixed = plant.step_rows(x, u, np.array([[4.0], [1.0]]))
    np.testing.assert_allclose(mixed, [plant.step(x[0], u[0]), softer.step(x[1], u[1])], atol=1e-13)
    assert np.abs(plant.step(x[1], u[1]) - mixed[1]).max() > 0.01


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0.5, -2.0, 0.1, 1.5, 2.0, 3.0]), min_size=1, max_size=6))
def test_a_row_that_escapes_is_nan_and_all_others_are_right(starts):
    states = np.array(starts)[:, None]
    after = ESCAPING.step_rows(states, np.zeros_like(states))
    assert np.array_equal(np.isnan(after), states > 1)
    kept = states[states < 1]
    np.testing.assert_allclose(after[states < 1], kept / (1 - kept), atol=1e-5)


@pytest.mark.parametrize(
    ("derivative", "start"),
    [
        (lambda x, u: (casadi.exp(x[0]) - 1 + 0 * u[0],), 2.0),  # overflows
        (lambda x, u: (casadi.sqrt(1 - x[0]) * 10 - 10 + 20 * x[0] + 0 * u[0],), 0.9),  # leaves its domain
        (lambda x, u: (1e6 * x[0] ** 3 + 0 * u[0],), 3.0),
    ],
)
def test_equations_that_overflow_or_end_make_rows_of_nan(derivative, start):
    plant = escaping(derivative=derivative)
    after = plant.step_rows(np.array([[start], [0.0], [start]]), np.zeros((3, 1)))
    assert np.isnan(after[[0, 2]]).all()
    assert after[1] == pytest.approx(0, abs=1e-9)


def test_a_step_that_fails_is_refused_in_words():
    words = r"the integrator CVODES\(.*\) of 'escape' gave up .* from x = \[2.\], u = \[0.\] \(row 1\); loosen its tol"
    with pytest.raises(PlantError, match=words):
        ESCAPING.step([[0.5], [2.0]], [0.0])


def test_too_few_internal_steps_end_a_sample_instead_of_hanging():
    assert np.isnan(escaping(integrator=CVODES(most_steps=3)).step_rows(np.array([[0.5]]), np.zeros((1, 1)))).all()


def test_an_episode_ends_where_a_step_fails_with_a_status_and_a_finite_cost():
    run = simulate(ESCAPING, lambda x: 0 * x, [[0.5], [-2.0], [2.0]], steps=4)
    assert run.failed.tolist() == [True, False, True]
    assert run.ended_at.tolist() == [2, 4, 1]
    assert np.isfinite(run.states).all()
    np.testing.assert_allclose(run.total_cost[[0, 2]], [0.5**2 + 1**2 + 1000, 2**2 + 1000], atol=1e-4)
    np.testing.assert_allclose(run.states[1, :, 0], [-2, -2 / 3, -2 / 5, -2 / 7, -2 / 9], atol=1e-6)


def test_nothing_is_said_on_standard_error_where_a_step_fails(capfd):
    ESCAPING.step_rows(np.array([[2.0], [0.5]]), np.zeros((2, 1)))
    assert capfd.readouterr() == ("", "")


def test_only_the_thread_that_asks_for_it_is_muted(capsys):
    before, ready, done = sys.stderr, threading.Event(), threading.Event()

    def other():
        with muted():
            ready.set()
            done.wait(10)
            sys.stderr.write("not this")

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(10)
    sys.stderr.write("this, ")
    with muted():
        sys.stderr.write("nor this")
    sys.stderr.write("and this")
    done.set()
    thread.join()
    assert capsys.readouterr().err == "this, and this"
    assert sys.stderr is before


def test_a_plant_with_it_is_sound():
    report = check_plant(COLUMN, points=20)
    assert report.step_error < 1e-6
    assert report.jacobian_error < 1e-8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"relative": 0}, "`relative` is 0, but it must be positive"),
        ({"relative": 1e-16}, "`relative` of CVODES is 1e-16, but it must be within 1e-13 to 0.01; 1e-8 is right"),
        ({"absolute": 1.0}, "`absolute` of CVODES is 1, but it must be within 1e-13 to 0.01"),
        ({"absolute": np.nan}, "`absolute` is NaN"),
        ({"most_steps": 0}, "`most_steps` is 0, but it must be at least 1"),
        ({"most_steps": 2.5}, "`most_steps` is 2.5, but it must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(PlantError, match=re.escape(words)):
        CVODES(**settings)


def test_ctrl_c_ends_a_run_of_cvodes_and_is_no_failed_row():
    code = """
import os, signal, threading
from dataclasses import replace
import numpy as np
from plants import CVODES, extraction_column
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what runs in the background ignore it
plant = replace(extraction_column(), integrator=CVODES(1e-12, 1e-12))
x, u = np.tile(plant.equilibrium[0], (100_000, 1)), np.tile(1.3 * plant.equilibrium[1], (100_000, 1))
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    plant.step(x, u)
except KeyboardInterrupt:
    print("stopped", np.isfinite(plant.step(x[0], u[0])).all())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert found.stdout == "stopped True\n"
