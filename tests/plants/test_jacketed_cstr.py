"""The jacketed reactor beside PC-Gym's own, an adaptive integrator, and what ignites it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plants import (
    CVODES,
    check_plant,
    jacketed_cstr,
    jacketed_cstr_inlet,
    jacketed_cstr_limits,
    jacketed_cstr_setpoints,
    simulate,
    with_constants,
)

PLANT = jacketed_cstr()


def exact(plant, state, entry):
    motion = solve_ivp(
        lambda _, x: plant.derivatives(x, entry),
        (0, plant.sample_time),
        state,
        method="Radau",
        jac=lambda _, x: plant.jacobians(x, entry)[0],
        rtol=1e-11,
        atol=1e-12,
    )
    return motion.y[:, -1]


def test_its_states_are_those_of_pc_gym(follow):
    pairs = follow("cstr", PLANT, Ti="inlet_temperature", Caf="inlet_concentration")
    assert list(pairs) == ["low", "mid", "high", "held", "random", "disturbed"]
    for ours, theirs in pairs.values():
        np.testing.assert_allclose(ours, theirs, rtol=5e-5)


def test_it_passes_the_check_and_rests_where_it_says():
    report = check_plant(PLANT)
    assert report.residual < 1e-12
    np.testing.assert_allclose(PLANT.equilibrium[0], [0.85, 327.292], atol=1e-3)
    np.testing.assert_allclose(PLANT.step(*PLANT.equilibrium), PLANT.equilibrium[0], rtol=1e-13)


def test_a_step_is_that_of_an_adaptive_integrator_within_its_bounds():
    generator = np.random.default_rng(2)
    states = generator.uniform(*PLANT.state_bounds, (40, 2))
    states[:2] = [[1, 335], [0.7, 335]]
    inputs = generator.uniform(*PLANT.input_bounds, (40, 1))
    inputs[:2] = 302
    wanted = [exact(PLANT, x, u) for x, u in zip(states, inputs, strict=True)]
    np.testing.assert_allclose(PLANT.step(states, inputs), wanted, rtol=5e-7)


def test_cvodes_follows_an_ignition_and_fixed_steps_survive_it():
    start, entry = np.array([1.0, 345.0]), np.array([302.0])
    stiff = replace(PLANT, integrator=CVODES())
    np.testing.assert_allclose(stiff.step(start, entry), exact(PLANT, start, entry), rtol=1e-5)
    assert stiff.step(start, entry)[0] < 0.6  # it rests at 0.85 and above
    fixed = simulate(PLANT, lambda x: np.full_like(x[..., :1], 302.0), start)
    assert np.isfinite(fixed.states).all()
    assert not fixed.failed


def test_linear_mpc_brings_the_concentration_to_each_setpoint(linear_mpc):
    task = jacketed_cstr_setpoints()
    quiet, start = replace(task, disturbances=()), task.start_bounds[0]
    run = simulate(quiet, linear_mpc(task), start)
    np.testing.assert_allclose(run.states[[19, 39, 59], 0], [0.85, 0.9, 0.87], atol=0.006)
    held = simulate(quiet, lambda x: np.full_like(x[..., :1], PLANT.equilibrium[1][0]), start)
    assert run.total_cost < 0.2 * held.total_cost
    noisy = simulate(task, linear_mpc(task), np.tile(start, (4, 1)), seed=3)
    assert (noisy.total_cost < 1.2 * run.total_cost).all()


def test_the_task_is_pc_gyms_under_our_protocol():
    task = jacketed_cstr_setpoints()
    shown = task.tracking.setpoints.table[[0, 19, 20, 39, 40, 59], 0]
    np.testing.assert_array_equal(shown, [0.85, 0.85, 0.9, 0.9, 0.87, 0.87])
    run = simulate(task, lambda x: np.full_like(x[..., :1], 298.5), np.tile([0.8, 330.0], (400, 1)), seed=1)
    assert run.costs.shape == (400, 60)
    error = run.readings[:, 0] / run.states[:, 0] - 1
    np.testing.assert_allclose(error.std(0), 0.001, rtol=0.15)
    first = 1000 * (0.05 / 0.3) ** 2 + 0.1 * ((298.5 - PLANT.equilibrium[1][0]) / 7) ** 2
    np.testing.assert_allclose(run.costs[:, 0], first)


def test_a_hot_inlet_ignites_it_and_a_mild_one_does_not():
    task = jacketed_cstr_inlet()
    coldest = simulate(task, lambda x: np.full_like(x[..., :1], 295.0), np.tile([0.8, 330.0], (12, 1)), seed=0)
    assert not coldest.failed.any()
    generators = [np.random.default_rng(k) for k in range(50)]
    (inlet,) = task.draft(generators, 60).constants.values()
    assert (inlet[:, [0, 19, 40, 59]] == 350).all()
    assert 330 <= inlet[:, 20:40].min() < 335
    assert 365 < inlet[:, 20:40].max() <= 370
    hottest = coldest.states[..., 1].max(-1)
    assert (hottest > 400).any()
    assert (hottest < 335).any()
    mild = with_constants(PLANT, inlet_temperature=355)
    assert mild.equilibrium[0][0] == pytest.approx(0.85, abs=0.05)


def test_an_episode_ends_beyond_the_limits_of_the_temperature():
    task = jacketed_cstr_limits()
    check_plant(task.plant, points=50)
    np.testing.assert_array_equal(task.plant.safe_limits, [[-np.inf, 321], [np.inf, 327]])
    warm, cold = (
        simulate(task, lambda x, u=u: np.full_like(x[..., :1], u), [0.8, 325.0], seed=0) for u in (310.0, 290.0)
    )
    for run, beyond in ((warm, 327), (cold, 321)):
        assert run.unsafe
        assert (run.states[-1, 1] > beyond) == (beyond == 327)
        assert run.costs[run.ended_at - 1] > 1000
    np.testing.assert_array_equal(task.tracking.setpoints.table[:4, 0], [0.86, 0.9, 0.86, 0.9])


def test_the_inlet_is_another_in_steps_20_to_39_alone():
    scenario = jacketed_cstr_inlet()
    draft = scenario.draft([np.random.default_rng(row) for row in range(40)], 60)
    place = [constant.name for constant in PLANT.constants].index("inlet_temperature")
    values = draft.constants[place] - 350
    assert not values[:, :20].any()
    assert not values[:, 40:].any()
    held = values[:, 20:40]
    assert np.ptp(held, axis=1).max() == 0
    assert -20 <= held.min() < -15
    assert 15 < held.max() <= 20
