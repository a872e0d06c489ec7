"""The extraction column beside PC-Gym's own and an implicit integrator."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plants import check_plant, extraction_column, extraction_column_setpoints, simulate, with_constants


@pytest.fixture(scope="module")
def plant():
    return extraction_column()


def exact(plant, state, flows):
    motion = solve_ivp(
        lambda _, x: plant.derivatives(x, flows),
        (0, 1),
        state,
        method="Radau",
        jac=lambda _, x: plant.jacobians(x, flows)[0],
        rtol=1e-8,
        atol=1e-10,
    )
    return motion.y[:, -1]


def test_its_states_are_those_of_pc_gym(follow, plant):
    pairs = follow("multistage_extraction", plant, X0="liquid_feed", Y6="gas_feed")
    assert list(pairs) == ["low", "mid", "high", "held", "random", "disturbed"]
    for ours, theirs in pairs.values():
        np.testing.assert_allclose(ours, theirs, rtol=5e-5)


def test_it_passes_the_check_and_rests_where_it_says(plant):
    assert check_plant(plant, points=50).residual < 1e-10
    state, flows = plant.equilibrium
    assert state[8] == 0.3
    assert (flows[1], plant.input_bounds[1][1]) == (505, 1000)
    np.testing.assert_allclose(exact(plant, state, flows), state, atol=1e-9)


def test_what_the_liquid_loses_the_gas_takes_at_rest(plant):
    state, flows = plant.equilibrium
    np.testing.assert_allclose(flows[0] * (0.6 - state[8]), flows[1] * (state[1] - 0.05), rtol=1e-12)


def test_a_step_is_that_of_an_implicit_integrator_up_to_the_fastest_flows(plant):
    generator = np.random.default_rng(2)
    states = generator.uniform(*plant.state_bounds, (10, 10))
    flows = generator.uniform(*plant.input_bounds, (10, 2))
    flows[:6] = [[500, 1000], [500, 1000], [5, 1000], [500, 10], [5, 10], [5, 10]]
    wanted = [exact(plant, x, u) for x, u in zip(states, flows, strict=True)]
    np.testing.assert_allclose(plant.step(states, flows), wanted, atol=1e-5)
    np.testing.assert_allclose(plant.step(states[6:], flows[6:]), wanted[6:], atol=1e-6)


def test_it_is_stiff(plant):
    by_state, _ = plant.jacobians(np.full(10, 0.5), plant.input_bounds[1])
    assert np.abs(np.linalg.eigvals(by_state)).max() > 100
    assert (np.linalg.eigvals(by_state).real < 0).all()


def test_with_another_feed_it_rests_elsewhere(plant):
    richer = with_constants(plant, liquid_feed=0.65)
    state, flows = richer.equilibrium
    np.testing.assert_allclose(flows[0] * (0.65 - state[8]), flows[1] * (state[1] - 0.05), rtol=1e-6)


def test_linear_mpc_brings_the_outlet_near_each_setpoint(linear_mpc):
    task = extraction_column_setpoints()
    quiet, start = replace(task, disturbances=()), task.start_bounds[0]
    run = simulate(quiet, linear_mpc(task), start)
    np.testing.assert_allclose(run.states[[14, 59], 8], 0.3, atol=1e-6)
    np.testing.assert_allclose(run.states[44, 8], 0.4, atol=0.03)  # far from where it was made linear
    held = simulate(quiet, lambda x: np.tile(task.plant.equilibrium[1], (*x.shape[:-1], 1)), start)
    assert run.total_cost < 0.2 * held.total_cost


def test_the_task_is_pc_gyms_under_our_protocol():
    task = extraction_column_setpoints()
    np.testing.assert_array_equal(
        task.tracking.setpoints.table[[0, 14, 15, 44, 45, 59], 0], [0.3, 0.3, 0.4, 0.4, 0.3, 0.3]
    )
    rest = task.plant.equilibrium[1]
    start = np.tile(task.start_bounds[0], (200, 1))
    run = simulate(task, lambda x: np.tile([250.0, 505.0], (*x.shape[:-1], 1)), start, 5)
    np.testing.assert_allclose((run.readings[:, 0] / run.states[:, 0] - 1).std(0), 0.05, rtol=0.2)
    np.testing.assert_allclose(run.costs[:, 0], 0.05**2 + 0.1 * ((250 - rest[0]) / 495) ** 2)
    assert task.steps == 60
