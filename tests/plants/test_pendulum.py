"""The clipped pendulum beside gymnasium's own Pendulum-v1, and its own extras."""

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants import PlantError, check_plant, clipped_pendulum, simulate

ROUNDING = 1e-12  # the same formulas in another order of operations
PENDULUM = clipped_pendulum()


@pytest.fixture
def gym():
    with gymnasium.make("Pendulum-v1") as environment:
        bare = environment.unwrapped
        bare.reset(seed=0)
        yield bare


def gym_step(gym, state, torque):
    """The next state of gymnasium's pendulum, wrapped, and the cost of the step."""
    gym.state = np.array(state)
    cost = -gym.step(np.atleast_1d(torque))[1]
    return PENDULUM.wrap(gym.state), cost


def same_direction(one, other):
    """Compare states as points of the circle times the line: an angle at pi may come out on either side."""
    np.testing.assert_allclose(np.exp(1j * one[..., 0]), np.exp(1j * other[..., 0]), atol=ROUNDING)
    np.testing.assert_allclose(one[..., 1], other[..., 1], atol=ROUNDING)


@pytest.mark.parametrize("reach", [0.5, 2.0, 5.0])
def test_it_follows_gymnasium_step_by_step(gym, reach):
    generator = np.random.default_rng(int(10 * reach))
    state, saturated, wrapped, clipped = np.array([np.pi, 0.0]), 0, 0, 0
    for _ in range(3000):
        # Torques that hold for a while swing it round; drawn within +-reach, so partly beyond +-2.
        torque = generator.uniform(-reach, reach) if generator.random() < 0.2 else np.sign(state[1] or 1) * reach
        after, cost = gym_step(gym, state, torque)
        same_direction(PENDULUM.step(state, [torque]), after)
        applied = PENDULUM.clip_input([torque])
        np.testing.assert_allclose(PENDULUM.cost(state, applied), cost, rtol=ROUNDING, atol=ROUNDING)
        saturated += abs(after[1]) == 8
        wrapped += abs(after[0] - state[0]) > np.pi
        clipped += applied[0] != torque
        state = after
    if reach >= 2:
        assert min(saturated, wrapped) > 10
    assert (clipped > 10) == (reach > 2)


@given(st.floats(-50, 50), st.floats(-8, 8), st.floats(-5, 5))
def test_any_one_step_and_its_cost_are_gymnasiums(angle, rate, torque):
    with gymnasium.make("Pendulum-v1") as environment:
        environment.reset(seed=0)
        after, cost = gym_step(environment.unwrapped, [angle, rate], torque)
    same_direction(PENDULUM.step([angle, rate], [torque]), after)
    own = PENDULUM.cost([angle, rate], PENDULUM.clip_input([torque]))
    np.testing.assert_allclose(own, cost, atol=1e-10)  # gymnasium's modulo of a far angle rounds at 1e-14 * 50


def test_a_whole_episode_is_gymnasiums(gym):
    torques = np.random.default_rng(5).uniform(-3, 3, size=(200, 1))
    schedule = iter(torques)
    ours = simulate(PENDULUM, lambda x: next(schedule), [0.4, 0])
    gym.state = np.array([0.4, 0])
    costs = [-gym.step(torque)[1] for torque in torques]
    # Rounding grows e-fold every 0.26 s near upright, but a swinging pendulum soon leaves there.
    np.testing.assert_allclose(ours.costs, costs, atol=1e-7)
    assert ours.clipped == (np.abs(torques) > 2).sum()


def test_its_numbers_names_and_operating_point():
    assert PENDULUM.state_names == ("angle", "rate")
    assert (PENDULUM.state_units, PENDULUM.input_units) == (("rad", "rad/s"), ("N m",))
    assert (PENDULUM.sample_time, PENDULUM.time_unit, PENDULUM.episode_steps) == (0.05, "s", 200)
    assert PENDULUM.input_names == ("torque",)
    np.testing.assert_array_equal(PENDULUM.state_bounds, [[-2, -8], [2, 8]])
    np.testing.assert_array_equal(PENDULUM.start_bounds, [[-0.5, 0], [0.5, 0]])
    np.testing.assert_array_equal(PENDULUM.cost.state_weight, np.diag([1, 0.1]))
    np.testing.assert_array_equal(PENDULUM.cost.input_weight, [[0.001]])
    assert PENDULUM.safe_limits is None
    by_state, by_input = PENDULUM.jacobians(*PENDULUM.equilibrium)
    np.testing.assert_array_equal(by_state, [[0, 1], [15, 0]])
    np.testing.assert_array_equal(by_input, [[0], [3]])


@pytest.mark.paper
@pytest.mark.parametrize("start", [-0.05, 0.05])
def test_upright_is_unstable_and_the_torque_holds_only_near_it(start):
    free = simulate(PENDULUM, lambda x: 0 * x[..., :1], [start, 0])
    assert np.abs(free.states[:, 0]).max() > 3
    held = simulate(PENDULUM, lambda x: x @ [[-9.0], [-2.3]], [start, 0])
    assert np.abs(held.states[-1]).max() < 1e-3


def test_a_hard_stop_holds_the_pendulum_at_rest():
    stopped = clipped_pendulum(angle_stop=2.0)
    fall = simulate(stopped, lambda x: 0 * x[..., :1], [[0.5, 0], [-0.5, 0]])
    assert fall.states[:, -1].tolist() == [[2, 0], [-2, 0]]
    assert np.abs(fall.states[..., 0]).max() == 2
    assert fall.costs[0, -1] == 4
    np.testing.assert_array_equal(stopped.step([0.3, 1], [1]), PENDULUM.step([0.3, 1], [1]))
    assert stopped.step([2, 0], [-2])[1] == 0  # gravity wins there: 13.6 rad/s2 against 6


@pytest.mark.parametrize("stop", [0, -1, 3.2, np.nan, "2"])
def test_a_stop_out_of_reach_is_refused(stop):
    with pytest.raises(PlantError, match="`angle_stop`"):
        clipped_pendulum(angle_stop=stop)


@pytest.mark.parametrize("stop", [None, 2.0, np.pi])
def test_it_passes_the_plant_check(stop):
    assert check_plant(clipped_pendulum(stop)).residual == 0
