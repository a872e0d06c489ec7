"""Stable-Baselines3 takes the environments as they are, and learns on them."""

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest

from plants import Delayed, Misread, PlantEnvironment, Scenario, Shifted, Uniform, White, clipped_pendulum
from plants.registry import identities

REASON = "the extra `dev` brings stable-baselines3"
stable_baselines3 = pytest.importorskip("stable_baselines3", reason=REASON)
checker = pytest.importorskip("stable_baselines3.common.env_checker", reason=REASON)
PENDULUM = clipped_pendulum()
NOISE = (Misread("rate", White(0.1)), Shifted("torque", Uniform(-0.3, 0.3)), Delayed("torque", 1))
WORLDS = {"plant": PENDULUM, "scenario": Scenario(plant=PENDULUM, name="noisy", disturbances=NOISE, steps=60)}
OFF_POLICY = {"learning_starts": 60, "batch_size": 32}
LEARNERS = {"DDPG": OFF_POLICY, "SAC": OFF_POLICY, "PPO": {"n_steps": 64, "batch_size": 32, "n_epochs": 2}}


def learner(name, environment, **changes):
    kind = getattr(stable_baselines3, name)
    options = LEARNERS[name] | {"policy_kwargs": {"net_arch": [32, 32]}, "seed": 0, "device": "cpu"}
    return kind("MlpPolicy", environment, **(options | changes))


@pytest.mark.parametrize("identity", identities())
def test_its_checker_finds_nothing_to_warn_of(identity):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(gymnasium.make(identity).unwrapped)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", LEARNERS)
def test_learners_train(name, world):
    model = learner(name, PlantEnvironment(WORLDS[world]))
    before = {key: value.clone() for key, value in model.policy.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.learn(200)
    assert model.num_timesteps >= 200
    assert any((value != before[key]).any() for key, value in model.policy.state_dict().items())
    assert all(value.isfinite().all() for value in model.policy.state_dict().values())
    rewards = [episode["r"] for episode in model.ep_info_buffer]
    assert len(rewards) >= (1 if world == "plant" else 3)
    assert np.isfinite(rewards).all()


def test_its_own_vector_environment_takes_ids_and_the_action_of_a_policy():
    environment = stable_baselines3.common.vec_env.DummyVecEnv([lambda: gymnasium.make("yann/Pendulum-v0")] * 3)
    model = learner("PPO", environment, n_steps=32).learn(96)
    action, _ = model.predict(environment.reset())
    assert action.dtype == np.float32
    assert environment.step(action)[0].shape == (3, 2)


def test_training_repeats():
    ends = [learner("PPO", PlantEnvironment(WORLDS["scenario"])).learn(128).policy.state_dict() for _ in range(2)]
    assert all((value == ends[1][key]).all() for key, value in ends[0].items())


def test_the_package_itself_does_without():
    code = "import sys, plants; print(*({'stable_baselines3', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
