"""Nonlinear MPC and linear models of plants whose integrators are called, not written out."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mpc import NonlinearMPC, SingleStart, linearise, sampled_map
from mpc.explicit.errors import NumericalError
from mpc.nonlinear.smooth_step import smooth_step
from plants import CVODES, Plant, QuadraticCost, RungeKutta4, extraction_column

COLUMN = extraction_column()
METHODS = [CVODES(), RungeKutta4(200)]


@pytest.fixture(scope="module")
def escaping():
    """A state that grows as its square, and an input that can hold it where it is below about 1.4."""
    return Plant(
        name="escape",
        derivative=lambda x, u: (x[0] ** 2 + u[0],),
        state_names=["a"],
        state_units=["-"],
        input_names=["u"],
        input_units=["-"],
        state_bounds=([-3], [3]),
        input_bounds=([-2], [1]),
        equilibrium=([0], [0]),
        sample_time=0.5,
        cost=QuadraticCost(1, 1, [0], [0], violation_penalty=1000),
        start_bounds=([-0.5], [3]),
        integrator=CVODES(),
    )


@pytest.mark.parametrize("method", METHODS, ids=["CVODES", "RungeKutta4"])
def test_the_step_of_an_optimiser_is_that_of_the_plant(method):
    plant = replace(COLUMN, integrator=method)
    rng = np.random.default_rng(0)
    step = smooth_step(plant)
    for x in plant.sample_starts(rng, 5):
        u = rng.uniform(*plant.input_bounds)
        np.testing.assert_allclose(step(x, u).full().ravel(), plant.step(x, u), atol=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=["CVODES", "RungeKutta4"])
def test_the_derivative_of_the_step_at_rest_is_the_exact_hold(method):
    plant = replace(COLUMN, integrator=method, sample_time=0.01)
    exact, own = linearise(plant), linearise(plant, rule=sampled_map)
    np.testing.assert_allclose(own.A, exact.A, atol=1e-6)
    half = np.ptp(plant.input_bounds, axis=0) / 2
    np.testing.assert_allclose(own.B * half, exact.B * half, atol=2e-5)
    assert np.abs(exact.A).max() > 0.1
    assert np.abs(exact.B * half).max() > 0.03


def test_a_stiff_column_is_brought_to_another_outlet():
    """At rest at 0.3, asked for 0.4: both integrators find the same plan, and the plant follows it."""
    target = np.array(COLUMN.equilibrium[0])
    target[8] = 0.4
    cost = QuadraticCost(COLUMN.cost.state_weight, np.diag([1e-10, 1e-10]), target, COLUMN.equilibrium[1])
    plans = []
    for method in METHODS:
        plant = replace(COLUMN, integrator=method, cost=cost)
        controller = NonlinearMPC(plant, horizon=2, terminal_weight=cost.state_weight, guesses=SingleStart())
        plans.append(controller.plan(COLUMN.equilibrium[0]))
        x = np.array(COLUMN.equilibrium[0])
        for u, wanted in zip(plans[-1].inputs, plans[-1].states[1:], strict=True):
            x = plant.step(x, u)
            np.testing.assert_allclose(x, wanted, atol=1e-6)
        assert x[8] == pytest.approx(0.4, abs=1e-3)
    assert plans[0].cost == pytest.approx(plans[1].cost, rel=1e-4)


def test_a_plan_keeps_off_states_from_which_the_plant_escapes(escaping, capfd):
    controller = NonlinearMPC(escaping, horizon=6, terminal_weight=[[1.0]], guesses=SingleStart())
    x = np.array([1.3])
    for _ in range(6):
        x = escaping.step(x, controller(x))
    assert abs(x[0]) < 0.1
    assert capfd.readouterr().err == ""


def test_a_state_from_which_nothing_can_be_integrated_is_refused_in_words(escaping, capfd):
    controller = NonlinearMPC(escaping, horizon=4, terminal_weight=[[1.0]])
    with pytest.raises(NumericalError, match="the integrator gave up on the guess after 0 iterations"):
        controller([3.0])
    assert capfd.readouterr().err == ""


def test_ctrl_c_ends_a_plan_while_an_integrator_runs():
    code = """
import os, signal, threading
from dataclasses import replace
import numpy as np
from mpc import NonlinearMPC, SingleStart
from plants import CVODES, extraction_column
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what runs in the background ignore it
plant = replace(extraction_column(), integrator=CVODES(1e-12, 1e-12))
controller = NonlinearMPC(plant, horizon=3, guesses=SingleStart())
inputs = np.tile(1.3 * plant.equilibrium[1], (100_000, 1))
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    controller._solver.rollout(plant.equilibrium[0], inputs)
except KeyboardInterrupt:
    print("stopped")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert found.stdout == "stopped\n", found.stderr
