"""The gymnasium face: clean under gymnasium's own checker, seeded, and the same physics as simulate."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from plants import (
    Event,
    Jump,
    Lagged,
    Misread,
    Plant,
    PlantEnvironment,
    PlantError,
    QuadraticCost,
    Scenario,
    Setpoints,
    Shifted,
    Tracking,
    Uniform,
    White,
    clipped_pendulum,
    four_tanks,
    simulate,
)

PENDULUM = clipped_pendulum()


def limited(spring, **changes):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    limits = ([-1.2, -1.5], [None, 1.2])
    return spring(safe_limits=limits, start_bounds=([-1, -1], [1, 1]), cost=cost, input_bounds=([-1], [3]), **changes)


def run(environment, seed, actions):
    """The observations, rewards and ends of one episode."""
    seen = [environment.reset(seed=seed)[0]]
    rewards, ends = [], []
    for action in actions:
        observation, reward, terminated, truncated, _ = environment.step(action)
        seen.append(observation)
        rewards.append(reward)
        ends.append((terminated, truncated))
        if terminated or truncated:
            break
    return np.array(seen), np.array(rewards), ends


def disturbed(spring):
    noise = (Misread("position", White(0.05)), Shifted("speed", White(0.1)), Lagged("force", 3))
    tracking = Tracking(Setpoints.in_turn(position=[(0.5, 4), (-0.5, 3)]), 2.0, 0.1)
    return Scenario(plant=spring(), name="50 % (noisy)", disturbances=noise, tracking=tracking, steps=20)


@pytest.mark.parametrize("make", [lambda spring: PENDULUM, limited, lambda spring: spring(), disturbed])
def test_gymnasium_finds_nothing_to_warn_of(spring, make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(PlantEnvironment(make(spring)))


def test_it_can_be_made_anew_from_its_spec():
    twin = gymnasium.make(PlantEnvironment(PENDULUM, steps=7).spec)
    twin.reset(seed=0)
    for step in range(1, 8):
        truncated = twin.step(np.zeros(1))[3]
        assert truncated == (step == 7)


def test_the_same_seed_gives_the_same_episode():
    environment = PlantEnvironment(PENDULUM)
    actions = np.random.default_rng(0).uniform(-1, 1, size=(200, 1))
    first, again = run(environment, 3, actions), run(PlantEnvironment(PENDULUM), 3, actions)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert environment.reset(seed=4)[0][0] != first[0][0, 0]
    assert environment.reset()[0][0] != environment.reset()[0][0]


def test_an_episode_is_that_of_simulate():
    environment = PlantEnvironment(PENDULUM, steps=60)
    actions = np.random.default_rng(1).uniform(-1, 1, size=(60, 1))
    states, rewards, ends = run(environment, 0, actions)
    schedule = iter(2 * actions)
    ours = simulate(PENDULUM, lambda x: next(schedule), states[0], steps=60)
    np.testing.assert_array_equal(states, ours.states)
    np.testing.assert_allclose(-rewards, ours.costs, rtol=1e-12)
    assert ends[:-1] == [(False, False)] * 59


def test_time_truncates_and_a_violation_terminates(spring):
    plant = limited(spring)
    assert run(PlantEnvironment(PENDULUM, steps=5), 0, np.zeros((9, 1)))[2][-1] == (False, True)
    environment = PlantEnvironment(plant)
    environment.reset(options={"state": [-1, 1.0]})
    ended = None
    while ended is None:
        before = environment.step([1.0])
        ended = before if before[2] else None
    observation, reward, terminated, truncated, info = ended
    assert (terminated, truncated) == (True, False)
    assert plant.unsafe(observation)
    assert info["constraint_violation"] is True
    assert reward == -info["cost"] < -1000
    np.testing.assert_allclose(
        info["constraint_values"], [-1.2 - observation[0], -1.5 - observation[1], observation[1] - 1.2]
    )
    assert info["constraint_values"].max() > 0


def test_a_violation_in_the_last_step_is_no_time_limit(spring):
    environment = PlantEnvironment(limited(spring), steps=1)
    environment.reset(options={"state": [-1, 1.15]})
    assert environment.step([1.0])[2:4] == (True, False)


def test_a_runaway_terminates_with_the_penalty(spring):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    environment = PlantEnvironment(spring(derivative=lambda x, u: (90 * x[0], u[0] - x[1]), cost=cost))
    environment.reset(options={"state": [0.9, 0]})
    steps = [environment.step([0.0])]
    while not any(steps[-1][2:4]):
        steps.append(environment.step([0.0]))
    assert [step[4]["runaway"] for step in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1][2:4] == (True, False)
    assert steps[-1][0][0] == 1e9
    np.testing.assert_allclose(-steps[-1][1], steps[-2][0][0] ** 2 + 1000)
    assert not steps[-1][4]["constraint_violation"]
    with pytest.raises(ResetNeeded):
        environment.step([0.0])


@pytest.mark.parametrize(("action", "entry"), [(-1, -1), (0, 1), (1, 3), (5, 3), (-5, -1)])
def test_an_action_is_the_input_scaled_to_its_bounds(spring, action, entry):
    environment = PlantEnvironment(limited(spring))
    environment.reset(options={"state": [0, 0]})
    observation, *_, info = environment.step([action])
    assert info["input"].tolist() == [entry]
    np.testing.assert_array_equal(observation, environment.plant.step([0, 0], [entry]))


def test_a_plant_that_does_not_clip_refuses_actions_beyond_one(spring):
    environment = PlantEnvironment(limited(spring, clips_input=False))
    environment.reset(seed=0)
    with pytest.raises(PlantError, match=r"`action` is \[1.01\], beyond \[-1, 1\]"):
        environment.step([1.01])


def test_steps_before_a_start_or_after_an_end_are_refused():
    environment = PlantEnvironment(PENDULUM, steps=1)
    with pytest.raises(ResetNeeded, match="reset"):
        environment.step([0.0])
    environment.reset(seed=0)
    environment.step([0.0])
    with pytest.raises(ResetNeeded, match="reset"):
        environment.step([0.0])


def test_an_observation_is_the_callers_own():
    environment = PlantEnvironment(PENDULUM)
    first, _ = environment.reset(options={"state": [0.3, 0]})
    first[:] = 99
    second, *_ = environment.step([0.0])
    np.testing.assert_array_equal(second, PENDULUM.step([0.3, 0], [0]))
    kept = second.copy()
    second[:] = 99
    np.testing.assert_array_equal(environment.step([0.0])[0], PENDULUM.step(kept, [0]))


def test_bad_arguments_are_refused():
    environment = PlantEnvironment(PENDULUM)
    with pytest.raises(PlantError, match=r"`state` has shape \(3,\)"):
        environment.reset(options={"state": [1, 2, 3]})
    for seed in (-1, 1.5, "a", True):
        with pytest.raises(PlantError, match="`seed` is"):
            environment.reset(seed=seed)
    with pytest.raises(PlantError, match="`options` is a list, but a Mapping is needed"):
        environment.reset(options=[0.1, 0])
    with pytest.raises(PlantError, match="`options` has 'stat', but the only option is 'state'"):
        environment.reset(options={"stat": [0.1, 0]})
    environment.reset()
    with pytest.raises(PlantError, match="already beyond `safe_limits` None or `state_caps`"):
        PlantEnvironment(PENDULUM).reset(options={"state": [0, 8.5]})
    with pytest.raises(PlantError, match=r"`action` is NaN at \[0\]"):
        environment.step([np.nan])
    with pytest.raises(PlantError, match="`steps` is 0"):
        PlantEnvironment(PENDULUM, steps=0)
    with pytest.raises(PlantError, match="state_target of 1"):
        PlantEnvironment(PENDULUM, cost=QuadraticCost(1, 1, [0], [0]))


def test_a_cost_of_ones_own_is_the_reward():
    environment = PlantEnvironment(PENDULUM, cost=replace(PENDULUM.cost, input_weight=100))
    environment.reset(options={"state": [0, 0]})
    assert environment.step([1.0])[1] == -400


def test_an_episode_of_a_scenario_is_that_of_simulate(spring):
    plant, shift = spring(), Shifted("force", Jump(0.3, at=5))
    scenario = Scenario(plant=plant, disturbances=(shift, Lagged("force", 2)), steps=30)
    environment = PlantEnvironment(scenario)
    actions = np.random.default_rng(1).uniform(-1, 1, size=(30, 1))
    observations, rewards, _ = run(environment, 0, actions)
    schedule = iter(actions)
    ours = simulate(scenario, lambda x: next(schedule), observations[0, :2])
    np.testing.assert_array_equal(observations[:, :2], ours.states)
    np.testing.assert_array_equal(observations[1:, 2:], ours.inputs)
    np.testing.assert_array_equal(-rewards, ours.costs)


def test_a_new_episode_meets_a_new_world(weighted_spring):
    environment = PlantEnvironment(Scenario(plant=weighted_spring(), disturbances=Shifted("load", Uniform(-1, 1))))
    options = {"state": [0, 0]}
    environment.reset(seed=0, options=options)
    first = environment.step([0.0])[0]
    environment.reset(options=options)
    second = environment.step([0.0])[0]
    environment.reset(seed=0, options=options)
    np.testing.assert_array_equal(environment.step([0.0])[0], first)
    assert abs(first[1] - second[1]) > 1e-3


def test_an_event_terminates_and_is_named(spring):
    event = Event("docked", lambda x: 0.05 - x[0] ** 2 - x[1] ** 2, cost=-3.0)
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], event=event)
    environment = PlantEnvironment(spring(cost=cost))
    environment.reset(options={"state": [0.5, 0]})
    steps = [environment.step([0.0])]
    while not steps[-1][2]:
        steps.append(environment.step([0.0]))
    assert [step[4].get("event") for step in steps] == [None] * (len(steps) - 1) + ["docked"]
    assert steps[-1][4]["finished"] is True
    assert steps[-1][1] > 2.5


def test_a_failed_integrator_terminates_with_a_status_and_a_finite_cost(spring, monkeypatch):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    environment = PlantEnvironment(spring(cost=cost))
    environment.reset(options={"state": [0.5, 0]})
    monkeypatch.setattr(Plant, "step_rows", lambda plant, x, u, constants=None: np.full_like(x, np.nan))
    observation, reward, terminated, truncated, info = environment.step([0.0])
    assert (terminated, truncated, info["failed"]) == (True, False, True)
    np.testing.assert_array_equal(observation, [0.5, 0])
    assert reward == -1000.25


@pytest.mark.parametrize("state", [[-1.3, 0], [0, 1.3]])
def test_a_start_beyond_a_safe_limit_is_refused(spring, state):
    with pytest.raises(PlantError, match=r"`state` is \[.*\(position, speed\), already beyond `safe_limits`"):
        PlantEnvironment(limited(spring)).reset(options={"state": state})


def test_names_of_any_kind_give_an_id(spring):
    assert PlantEnvironment(disturbed(spring)).spec.id == "plants/Spring-50-noisy-v0"
    assert PlantEnvironment(spring(name="%")).spec.id == "plants/Plant-v0"


def test_a_seed_may_be_a_number_of_numpy():
    environment = PlantEnvironment(four_tanks())
    assert np.array_equal(environment.reset(seed=np.int64(3))[0], environment.reset(seed=3)[0])
