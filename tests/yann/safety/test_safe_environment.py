"""Environments with a filter inside: what is passed, what is told, what learners from outside make of it."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from plants import (
    Misread,
    PlantEnvironment,
    PlantVectorEnvironment,
    Scenario,
    Tracking,
    White,
    clipped_pendulum,
    safety_cstr,
)
from plants.setpoints import Setpoints
from yann import NetworkError, SafeEnvironment, SafetyFilter, SafeVectorEnvironment

LIMITS = ([-0.6, -4.0], [0.6, 4.0])


@pytest.fixture(scope="module")
def plant():
    """The pendulum with its limits, started near their border."""
    return replace(clipped_pendulum(), safe_limits=LIMITS, start_bounds=([-0.15, -0.4], [0.15, 0.4]))


@pytest.fixture(scope="module")
def upright(plant):
    return SafetyFilter.for_plant(plant)


@pytest.fixture
def environment(plant, upright):
    return SafeEnvironment(PlantEnvironment(plant), upright)


def episode(environment, actions, seed=0):
    """Observations, infos and how it ended."""
    observation, info = environment.reset(seed=seed)
    seen, infos = [observation], [info]
    for action in actions:
        observation, _, terminated, truncated, info = environment.step(action)
        seen.append(observation)
        infos.append(info)
        if terminated or truncated:
            break
    return np.array(seen), infos, terminated


@pytest.mark.parametrize("push", [1.0, -1.0, "random", np.nan, np.inf, 7.0])
def test_no_push_leaves_the_set(push, plant, environment):
    random = np.random.default_rng(0)
    actions = random.uniform(-1, 1, (200, 1)) if push == "random" else np.full((200, 1), push)
    seen, infos, terminated = episode(environment, actions)
    assert all(info["inside"] for info in infos)
    assert len(seen) == 201
    assert not terminated
    assert sum(info["intervention"] for info in infos[1:]) > 5
    if push == 1.0:
        assert episode(PlantEnvironment(plant), actions)[2]


def test_what_is_told_is_what_the_filter_does(environment, upright, plant):
    actions = np.random.default_rng(1).uniform(-1.2, 1.2, (200, 1)).astype(np.float32)
    seen, infos, _ = episode(environment, actions)
    wanted = 2.0 * actions.astype(np.float64)
    told = {name: np.array([info[name] for info in infos[1:]]) for name in infos[1]}
    np.testing.assert_array_equal(told["wanted"], wanted)
    np.testing.assert_allclose(told["filtered"], upright.filtered(seen[:-1], wanted), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(told["intervention"], (told["filtered"] != np.clip(wanted, -2, 2)).any(axis=1))
    np.testing.assert_allclose(told["input"], told["filtered"], rtol=0, atol=4e-16)
    assert 0 < told["intervention"].sum() < 200
    assert all(type(info["intervention"]) is type(info["inside"]) is bool for info in infos[1:])
    assert (np.abs(actions) > 1).any()


def test_where_the_filter_does_nothing_it_is_the_plant_to_the_last_bit(plant, upright):
    bounds = np.array([-0.1]), np.array([0.7])  # so that the way from an input back to its action rounds
    plant = replace(plant, input_bounds=bounds)
    rows = PlantVectorEnvironment(plant, 2000), PlantVectorEnvironment(plant, 2000)
    safe = SafeVectorEnvironment(rows[0], SafetyFilter(replace(upright.set, input_bounds=bounds)))
    actions = np.random.default_rng(2).uniform(-1, 1, (2000, 1))
    safe.reset(seed=0)
    rows[1].reset(seed=0)
    seen, _, _, _, infos = safe.step(actions)
    free = ~infos["intervention"]
    assert free.sum() > 500
    np.testing.assert_array_equal(seen[free], rows[1].step(actions)[0][free])


def test_inside_is_about_the_state_that_is_seen(environment, upright):
    _, info = environment.reset(options={"state": [0.5, 3.5]})
    assert info["inside"] is False
    observation, _, _, _, info = environment.step([0.0])
    assert info["inside"] == bool(upright.contains(observation))


def test_readings_and_setpoints_leave_the_filter_its_states(plant, upright):
    tracking = Tracking(Setpoints.in_turn(rate=[(0.1, 4), (-0.1, 3)]), 2.0, 0.1)
    scenario = Scenario(plant=plant, name="noisy", disturbances=(Misread("rate", White(0.05)),), tracking=tracking)
    environment = SafeEnvironment(PlantEnvironment(scenario), upright)
    seen, infos, _ = episode(environment, np.ones((30, 1)))
    assert seen.shape[1] > 2
    told = np.array([info["filtered"] for info in infos[1:]])
    np.testing.assert_allclose(told, upright.filtered(seen[:-1, :2], np.full((len(told), 1), 2.0)), rtol=0, atol=1e-12)


def test_gymnasium_finds_nothing_to_warn_of(environment):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*is different from the unwrapped version.*")
        check_env(environment, skip_render_check=True)


def test_it_is_made_anew_from_its_spec(environment, upright, plant):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = gymnasium.make(environment.spec)
        assert twin.reset(seed=3)[1]["inside"]
        assert twin.step(np.ones(1, np.float32))[4]["wanted"] == 2.0
        around = SafeEnvironment(gymnasium.make(PlantEnvironment(plant, steps=5).spec), upright)
        assert episode(around, np.ones((9, 1)))[0].shape == (6, 2)


def test_learners_of_stable_baselines_train_in_it(environment):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(environment)
        model = stable_baselines3.PPO("MlpPolicy", environment, n_steps=64, batch_size=32, n_epochs=1, seed=0)
        model.learn(128)
    assert model.num_timesteps >= 128


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_each_row_of_a_vector_is_one(mode, plant, upright):
    vector = SafeVectorEnvironment(PlantVectorEnvironment(plant, 3, steps=30, autoreset_mode=mode), upright)
    singles = [SafeEnvironment(PlantEnvironment(plant, steps=30), upright) for _ in range(3)]
    observations, infos = vector.reset(seed=5)
    firsts = [single.reset(seed=5 + i) for i, single in enumerate(singles)]
    np.testing.assert_array_equal(observations, [first[0] for first in firsts])
    assert infos["inside"].tolist() == [True] * 3
    actions = np.random.default_rng(0).uniform(-1, 1, (30, 3, 1))
    for action in actions:
        observations, _, _, truncated, infos = vector.step(action)
        steps = [single.step(action[i]) for i, single in enumerate(singles)]
        for name in ("wanted", "filtered", "intervention"):
            np.testing.assert_allclose(infos[name], [step[4][name] for step in steps], rtol=0, atol=1e-12)
            assert infos[f"_{name}"].all()
    assert truncated.all()
    np.testing.assert_array_equal(infos["inside"], upright.contains(observations))
    if mode is AutoresetMode.NEXT_STEP:
        infos = vector.step(actions[0])[4]
        assert not infos["_intervention"].any()
        assert not infos["intervention"].any()
        assert infos["_inside"].all()
        assert vector.step(actions[0])[4]["_intervention"].all()
    if mode is AutoresetMode.SAME_STEP:
        single = singles[0].reset()[0]
        np.testing.assert_array_equal(observations[0], single)


class Turned(gymnasium.ActionWrapper):
    def action(self, action):
        return -action


def test_what_does_not_fit_is_refused_in_words(plant, upright, environment):
    with pytest.raises(NetworkError, match=r"state_names \('angle', 'rate'\), but `plant` has \('conc"):
        SafeEnvironment(PlantEnvironment(safety_cstr()), upright)
    other = replace(plant, input_bounds=([-1.0], [2.0]), equilibrium=([0, 0], [0]))
    with pytest.raises(NetworkError, match=r"for lower input bounds \[-2.0\], but `plant` has \[-1.0\]"):
        SafeEnvironment(PlantEnvironment(other), upright)
    with pytest.raises(NetworkError, match="`env` is a CartPoleEnv"):
        SafeEnvironment(gymnasium.make("CartPole-v1").unwrapped, upright)
    with pytest.raises(NetworkError, match="`env` is a Plant"):
        SafeEnvironment(plant, upright)
    with pytest.raises(NetworkError, match="`safe` is a SafeSet"):
        SafeEnvironment(PlantEnvironment(plant), upright.set)
    with pytest.raises(NetworkError, match="`env` is a PlantEnvironment, but a PlantVectorEnvironment is needed"):
        SafeVectorEnvironment(PlantEnvironment(plant), upright)
    with pytest.raises(NetworkError, match="has a Turned around its PlantEnvironment"):
        SafeEnvironment(Turned(PlantEnvironment(plant)), upright)
    rescaled = gymnasium.wrappers.StickyAction(PlantEnvironment(plant), 0.5)
    with pytest.raises(NetworkError, match="has a StickyAction around"):
        SafeEnvironment(rescaled, upright)
    environment.reset()
    with pytest.raises(NetworkError, match=r"`action` has shape \(2,\), but it must be \(1,\)"):
        environment.step([0.0, 0.0])
    with pytest.raises(NetworkError, match="`action` is 'left'"):
        environment.step("left")


def test_a_step_needs_a_reset(plant, upright, environment):
    with pytest.raises(ResetNeeded):
        environment.step([0.0])
    with pytest.raises(ResetNeeded):
        SafeVectorEnvironment(PlantVectorEnvironment(plant, 2), upright).step(np.zeros((2, 1)))
