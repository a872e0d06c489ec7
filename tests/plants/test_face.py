"""Face: what is seen of a scenario, within bounds that hold."""

import numpy as np
import pytest

from plants import (
    Lagged,
    Level,
    Misread,
    PlantEnvironment,
    PlantError,
    Scenario,
    Setpoints,
    Shifted,
    Tracking,
    White,
    clipped_pendulum,
)
from plants.face import Face

PENDULUM = clipped_pendulum()


@pytest.fixture(scope="module")
def disturbed(spring):
    """A spring that is noisy, lags and tracks."""
    noise = (Misread("position", White(0.05)), Shifted("speed", White(0.1)), Lagged("force", 3))
    tracking = Tracking(Setpoints.in_turn(position=[(0.5, 4), (-0.5, 3)]), 2.0, 0.1)
    return Scenario(plant=spring(), disturbances=noise, tracking=tracking, steps=20)


def test_an_observation_is_the_reading_the_setpoint_and_the_last_input(disturbed):
    environment = PlantEnvironment(disturbed)
    observation, info = environment.reset(seed=0)
    assert observation.shape == environment.observation_space.shape == (4,)
    np.testing.assert_array_equal(observation[2:], [0.5, 0.0])
    before = 0.0
    for k in range(1, 21):
        x, r = info["state"], info["setpoint"]
        observation, reward, _, truncated, info = environment.step([0.8])
        assert observation[2] == info["setpoint"] == (0.5 if k < 4 else -0.5)
        assert observation[3] == info["input"]
        assert observation[1] == info["state"][1]
        assert 0 < abs(observation[0] - info["state"][0]) < 0.3
        assert info["wanted"] == 0.8 > info["input"]
        np.testing.assert_allclose(-reward, 2 * (x[0] - r[0]) ** 2 + 0.1 * (info["input"][0] - before) ** 2)
        before = info["input"][0]
        assert truncated == (k == 20)


def test_only_readings_that_err_may_be_beyond_the_caps(spring):
    caps = ([-3, -4], [3, 4])
    scenario = Scenario(plant=spring(state_caps=caps), disturbances=Misread("speed", White(5.0)))
    environment = PlantEnvironment(scenario)
    np.testing.assert_array_equal(environment.observation_space.low, [-3, -1e9])
    np.testing.assert_array_equal(environment.observation_space.high, [3, 1e9])
    speeds = [environment.reset(seed=seed)[0][1] for seed in range(50)]
    assert max(speeds) > 4


def test_a_reading_stays_a_number_that_the_space_holds(spring):
    plant = spring(derivative=lambda x, u: (90 * x[0], u[0] - x[1]))
    environment = PlantEnvironment(Scenario(plant=plant, disturbances=Misread("position", Level(0.5), relative=True)))
    environment.reset(options={"state": [0.9, 0]})
    while not (step := environment.step([0.0]))[2]:
        assert step[0] in environment.observation_space
    assert step[0][0] == step[4]["state"][0] == 1e9


def test_an_angle_that_is_misread_still_turns():
    environment = PlantEnvironment(Scenario(plant=PENDULUM, disturbances=Misread("angle", Level(3.0))))
    assert environment.observation_space.high[0] == np.pi
    observation, _ = environment.reset(options={"state": [0.5, 0]})
    np.testing.assert_allclose(observation, [3.5 - 2 * np.pi, 0])


def test_a_start_that_is_a_runaway_already_is_refused(spring):
    with pytest.raises(PlantError, match="already beyond"):
        PlantEnvironment(spring()).reset(options={"state": [1e9, 0]})


def test_a_setpoint_that_stays_is_bounded_by_the_caps(spring):
    scenario = Scenario(plant=spring(), tracking=Tracking(Setpoints.in_turn(speed=[(0.5, 4)]), 2.0))
    space = Face(scenario, None, None).observation_space
    np.testing.assert_array_equal(space.low, [-1e9, -1e9, -1e9])
    assert space.shape == (3,)


@pytest.mark.parametrize("clips", [True, False])
def test_the_ends_of_an_action_are_the_bounds_to_the_last_bit(spring, clips):
    face = Face(spring(input_bounds=([-0.1], [0.7]), clips_input=clips), None, None)
    assert face.inputs([[-1.0], [1.0]], (2, 1))[:, 0].tolist() == [-0.1, 0.7]
