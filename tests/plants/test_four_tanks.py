"""The four tanks beside PC-Gym's own, an adaptive integrator, and what happens near empty."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from plants import check_plant, four_tanks, four_tanks_setpoints, simulate

PLANT = four_tanks()


def torricelli(levels, volts):
    """The levels' rates as physics books have them, with the root of the level itself."""
    out = np.array([0.0035, 0.003, 0.002, 0.0025]) * np.sqrt(2 * 9.81 * np.maximum(levels, 0))
    one, two = 0.00085 * volts[0], 0.00095 * volts[1]
    return np.array([out[2] - out[0] + 0.2 * one, out[3] - out[1] + 0.2 * two, 0.8 * two - out[2], 0.8 * one - out[3]])


def exact(levels, volts):
    motion = solve_ivp(
        lambda _, x: torricelli(x, volts), (0, 1000 / 60), levels, method="Radau", rtol=1e-10, atol=1e-13
    )
    return motion.y[:, -1]


def test_its_states_are_those_of_pc_gym(follow):
    pairs = follow("four_tank", PLANT)
    assert list(pairs) == ["low", "mid", "high", "held", "random"]
    for ours, theirs in pairs.values():
        # Below 1 mm PC-Gym's tolerances leave it off by up to 4e-4 of the level.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-7)


def test_it_passes_the_check_and_rests_where_it_says():
    assert check_plant(PLANT).residual < 1e-12
    np.testing.assert_allclose(PLANT.equilibrium[0][2:], [0.5, 0.2], rtol=1e-15)
    assert np.abs(torricelli(*PLANT.equilibrium)).max() < 1e-16


def test_a_step_is_that_of_an_adaptive_integrator_also_near_empty():
    generator = np.random.default_rng(2)
    levels = generator.uniform(*PLANT.state_bounds, (30, 4))
    levels[:10] *= 0.02
    volts = generator.uniform(*PLANT.input_bounds, (30, 2))
    volts[:5] = 0.1
    wanted = [exact(x, u) for x, u in zip(levels, volts, strict=True)]
    np.testing.assert_allclose(PLANT.step(levels, volts), wanted, rtol=1e-5, atol=2e-6)


@given(st.lists(st.floats(1e-5, 0.6), min_size=4, max_size=4), st.floats(0.1, 10), st.floats(0.1, 10))
def test_rates_are_torricellis_from_a_film_upwards(levels, one, two):
    np.testing.assert_allclose(
        PLANT.derivatives(levels, [one, two]), torricelli(np.array(levels), [one, two]), rtol=1e-9, atol=1e-15
    )


def test_an_empty_tank_has_finite_slopes_and_loses_nothing():
    by_state, by_input = PLANT.jacobians([0.0] * 4, [0.1, 0.1])
    assert np.isfinite(by_state).all()
    assert np.isfinite(by_input).all()
    assert (PLANT.derivatives([0.0] * 4, [0.1, 0.1]) > 0).all()
    after = PLANT.step([[0.0] * 4, [1e-4] * 4, [0.01] * 4], [0.1, 0.1])
    assert (after > 3e-5).all()


def test_linear_mpc_brings_both_levels_to_their_setpoints(linear_mpc):
    task = four_tanks_setpoints()
    quiet, start = replace(task, disturbances=()), task.start_bounds[0]
    run = simulate(quiet, linear_mpc(task), start)
    np.testing.assert_allclose(run.states[29, 2:], [0.5, 0.2], atol=0.002)
    np.testing.assert_allclose(run.states[59, 2:], [0.1, 0.3], atol=0.03)  # far from where it was made linear
    held = simulate(quiet, lambda x: np.tile(PLANT.equilibrium[1], (*x.shape[:-1], 1)), start)
    assert run.total_cost < 0.25 * held.total_cost
    noisy = simulate(task, linear_mpc(task), np.tile(start, (4, 1)), seed=3)
    assert (noisy.total_cost < 1.2 * run.total_cost).all()


def test_the_task_is_pc_gyms_under_our_protocol():
    task = four_tanks_setpoints()
    assert task.tracking.setpoints.names == ("level_3", "level_4")
    np.testing.assert_array_equal(task.tracking.setpoints.table[[0, 29, 30, 59]], [[0.5, 0.2]] * 2 + [[0.1, 0.3]] * 2)
    run = simulate(task, lambda x: np.full_like(x[..., :2], 5.0), np.tile(task.start_bounds[0], (400, 1)), seed=1)
    assert run.costs.shape == (400, 60)
    np.testing.assert_allclose((run.readings[:, 0] / run.states[:, 0] - 1).std(0), 0.05, rtol=0.15)
    moves = (5 - PLANT.equilibrium[1]) / 9.9
    first = ((0.5 - 0.072) ** 2 + (0.42 - 0.2) ** 2) / 0.36 + 0.1 * (moves**2).sum()
    np.testing.assert_allclose(run.costs[:, 0], first)


def test_below_a_hundredth_of_a_millimetre_the_outflow_is_proportional_to_the_level():
    flows = PLANT.derivatives([[1e-5, 0, 0, 0], [4e-6, 0, 0, 0]], [0.0, 0.0])[:, 0]
    np.testing.assert_allclose(flows, -0.0035 * np.sqrt(2 * 9.81 * 1e-5) * np.array([1, 0.4]), rtol=1e-12)
