"""The comparison on Pendulum-v1: the same task for both, and what is said of the returns."""

import gymnasium
import numpy as np
import pytest

from benchmarks import pendulum_v1
from benchmarks.pendulum_v1 import Pair, compared, fixed_starts, pendulum, seen
from plants import simulate


class Reader:
    """A model that remembers what it was shown, and gives the rate back."""

    def predict(self, observed, deterministic):
        assert deterministic
        self.observed = observed
        return observed[:, 2:], None


def test_a_model_sees_what_gymnasium_shows():
    environment = gymnasium.make("Pendulum-v1").unwrapped
    observation, _ = environment.reset(seed=3)
    model = Reader()
    assert seen(model, environment.state) == pytest.approx(environment.state[1:], abs=1e-6)
    assert model.observed[0] == pytest.approx(observation, abs=1e-6)


def test_returns_are_those_of_gymnasium():
    """200 steps of a constant torque, from the first fixed start."""
    start = fixed_starts()[0]
    environment = gymnasium.make("Pendulum-v1")
    environment.reset(seed=0)
    environment.unwrapped.state = start.copy()
    theirs = sum(environment.step(np.array([1.5], dtype=np.float32))[1] for _ in range(200))
    ours = simulate(pendulum(), lambda x: np.full((len(x), 1), 1.5), start[None]).total_cost[0]
    assert -ours == pytest.approx(theirs, rel=1e-6)


def test_starts_are_all_round():
    starts = fixed_starts()
    assert np.abs(starts[:, 0]).max() > 2.5
    assert (np.abs(starts) <= [np.pi, 1]).all()


def test_intervals_that_overlap_are_said_to():
    low, high = np.array([-200.0, -190, -180, -170]), np.array([-100.0, -90, -80, -70])
    assert Pair("TD3", low, high).cells[-1] == "no"
    assert Pair("TD3", low, low + 5).cells[-1] == "yes"
    assert Pair("TD3", low, high).cells[:2] == ["TD3", "-185.0"]


def test_each_task_comes_back_to_its_place(monkeypatch):
    def returns(name, steps, seeds, ours, reader):
        return [len(name) * 100 + 10 * ours + seed for seed in seeds]

    monkeypatch.setattr(pendulum_v1, "returns", returns)
    ddpg, td3, _ = compared(1000, 3, 1)
    assert ddpg.ours.tolist() == [410, 411, 412]
    assert td3.peer.tolist() == [300, 301, 302]


@pytest.mark.slow
def test_everything_that_is_compared_runs():
    pairs = compared(200, 2, 1)
    assert [pair.name for pair in pairs] == ["DDPG", "TD3", "SAC"]
    for pair in pairs:
        assert pair.ours.shape == pair.peer.shape == (2,)
        assert (pair.ours < -100).all()
        assert (pair.peer < -100).all()
