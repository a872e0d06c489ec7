"""The vector environment: gymnasium's own loop over single environments gives the same, to the last bit."""

import warnings
from functools import partial

import numpy as np
import pytest
from gymnasium import make_vec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st

from plants import (
    Delayed,
    Event,
    Misread,
    Plant,
    PlantEnvironment,
    PlantError,
    PlantVectorEnvironment,
    QuadraticCost,
    Scenario,
    Setpoints,
    Shifted,
    Tracking,
    Uniform,
    White,
    clipped_pendulum,
    four_tanks,
    four_tanks_setpoints,
)

PENDULUM = clipped_pendulum()
ROWS = 5


def near_rest(x):
    return 0.05 - x[0] ** 2 - x[1] ** 2


def right_half(x):
    return x[:, 0] > -0.2


@pytest.fixture(scope="module")
def worlds(weighted_spring):
    """A plant and a scenario each by name; those of the spring end early in every way there is."""
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=50, event=Event("home", near_rest, -3.0))
    plant = weighted_spring(cost=cost, safe_limits=([-1.2, None], [1.2, 1.6]), start_filter=right_half)
    disturbances = (
        Misread("position", White(0.05)),
        Misread("speed", White(0.1), relative=True),
        Shifted("load", Uniform(-1, 1)),
        Shifted("speed", White(0.05)),
        Delayed("force", 2),
    )
    tracking = Tracking(Setpoints.in_turn(position=[(0.5, 4), (-0.5, 3)]), 2.0, 0.1)
    return {
        "pendulum": PENDULUM,
        "spring": plant,
        "noisy spring": Scenario(plant=plant, disturbances=disturbances, tracking=tracking, steps=9),
    }


def both(world, mode, **given):
    singles = SyncVectorEnv([partial(PlantEnvironment, world, **given)] * ROWS, autoreset_mode=mode)
    return PlantVectorEnvironment(world, ROWS, autoreset_mode=mode, **given), singles


def assert_same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert data_equivalence(mine, other, exact=True), (mine, other)


def both_step(ours, theirs, actions):
    """The next step of both, the same, and which rows are over."""
    step = ours.step(actions)
    assert_same(step, theirs.step(actions))
    return step


@pytest.mark.parametrize("name", ["pendulum", "spring", "noisy spring"])
@pytest.mark.parametrize("mode", AutoresetMode)
def test_it_is_gymnasiums_own_loop_over_single_environments(worlds, name, mode):
    ours, theirs = both(worlds[name], mode, steps=9)
    assert_same(ours.reset(seed=3), theirs.reset(seed=3))
    generator = np.random.default_rng(1)
    ends = np.zeros(2, dtype=int)
    for _ in range(60):
        _, _, terminated, truncated, _ = both_step(ours, theirs, generator.uniform(-1, 1, (ROWS, 1)))
        ends += terminated.sum(), truncated.sum()
        if mode is AutoresetMode.DISABLED and (terminated | truncated).any():
            mask = terminated | truncated
            assert_same(ours.reset(options={"reset_mask": mask}), theirs.reset(options={"reset_mask": mask.copy()}))
    assert ends[1] > 2
    assert (ends[0] > 2) == (name != "pendulum")
    assert_same(ours.reset(), theirs.reset())


@given(seed=st.integers(0, 2**31), row=st.integers(0, ROWS - 1))
def test_a_row_is_the_environment_of_its_own_seed(worlds, seed, row):
    world = worlds["noisy spring"]
    rows, alone = PlantVectorEnvironment(world, ROWS), PlantEnvironment(world)
    assert np.array_equal(rows.reset(seed=seed)[0][row], alone.reset(seed=seed + row)[0])
    actions = np.random.default_rng(seed).uniform(-1, 1, (9, ROWS, 1)).astype(np.float32)
    for action in actions:
        observations, rewards, terminated, truncated, infos = rows.step(action)
        observation, reward, ended, late, info = alone.step(action[row])
        assert np.array_equal(observations[row], observation)
        assert (rewards[row], terminated[row], truncated[row]) == (reward, ended, late)
        assert all(np.array_equal(infos[name][row], value) and infos[f"_{name}"][row] for name, value in info.items())
        if ended or late:
            break


def test_a_reset_of_some_rows_leaves_the_others(worlds):
    ours, theirs = both(worlds["noisy spring"], AutoresetMode.NEXT_STEP)
    assert_same(ours.reset(seed=[4, 5, 6, 7, 8]), theirs.reset(seed=[4, 5, 6, 7, 8]))
    both_step(ours, theirs, np.full((ROWS, 1), 0.4))
    mask = np.array([True, False, False, True, False])
    seeds = [9, None, None, None, 3]
    assert_same(
        ours.reset(seed=seeds, options={"reset_mask": mask}), theirs.reset(seed=seeds, options={"reset_mask": mask})
    )
    assert ours.np_random_seed == (9, 5, 6, 7, 8)
    for _ in range(20):
        both_step(ours, theirs, np.full((ROWS, 1), -0.4))


def test_the_last_observation_is_as_complete_as_all_others(weighted_spring):
    tracking = Tracking(Setpoints.in_turn(position=[(0.5, 1), (0.6, 1)]), 2.0, 0.1)
    plant = weighted_spring(safe_limits=([-1.2, None], [1.2, None]))
    scenario = Scenario(plant=plant, disturbances=Misread("speed", White(0.1)), tracking=tracking)
    environment = PlantVectorEnvironment(scenario, 2)
    first, _ = environment.reset(seed=0, options={"state": [[1.15, 2.0], [0.0, 0.0]]})
    last, _, terminated, _, infos = environment.step([[0.5], [0.5]])
    assert terminated.tolist() == [True, False]
    assert np.array_equal(last[:, 0], infos["state"][:, 0])
    assert np.array_equal(last[:, 2:], [[0.6, 0.5], [0.6, 0.5]])
    errors = [last[0, 1] - infos["state"][0, 1], first[0, 1] - 2.0]
    assert abs(errors[0] - errors[1]) > 1e-9
    seen, _ = environment.reset(options={"reset_mask": np.array([False, True])})
    assert np.array_equal(seen[0], last[0])


def test_rows_that_are_over_and_not_begun_anew_show_where_they_ended(worlds):
    ours, theirs = both(worlds["noisy spring"], AutoresetMode.DISABLED, steps=1)
    assert_same(ours.reset(seed=0), theirs.reset(seed=0))
    step = both_step(ours, theirs, np.full((ROWS, 1), 0.4))
    step[0][...] = 0
    mask = np.array([True, False, False, True, False])
    assert_same(ours.reset(options={"reset_mask": mask}), theirs.reset(options={"reset_mask": mask.copy()}))


def test_states_may_be_given_for_all_rows_or_each(worlds):
    environment = PlantVectorEnvironment(worlds["spring"], 2)
    assert np.array_equal(environment.reset(options={"state": [0.5, 0.1]})[0], [[0.5, 0.1]] * 2)
    given = np.array([[0.5, 0.1], [0.6, -0.1]])
    assert np.array_equal(environment.reset(options={"state": given})[0], given)
    mask = np.array([False, True])
    observation, _ = environment.reset(options={"state": given - 0.2, "reset_mask": mask})
    assert np.array_equal(observation, [given[0], given[1] - 0.2])


def test_what_it_returns_is_the_callers_own(worlds):
    environment, twin = (PlantVectorEnvironment(worlds["spring"], 2) for _ in range(2))
    for one in (environment, twin):
        seen = [*one.reset(seed=0)]
        for _ in range(30):
            if one is environment:
                for part in seen:
                    for array in part.values() if isinstance(part, dict) else [part]:
                        array[...] = 0
            seen = [*one.step(np.full((2, 1), 0.3))]
    assert_same(environment.reset(), twin.reset())
    assert_same(environment.step(np.zeros((2, 1))), twin.step(np.zeros((2, 1))))


def test_a_failed_integrator_ends_its_row_alone_with_a_finite_cost(spring, monkeypatch):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    environment = PlantVectorEnvironment(spring(cost=cost), 3)
    environment.reset(options={"state": [[0.1, 0], [0.2, 0], [0.3, 0]]})
    right = Plant.step_rows

    def gives_up(plant, x, u, constants=None):
        return np.where(x[:, :1] == 0.2, np.nan, right(plant, x, u, constants))

    monkeypatch.setattr(Plant, "step_rows", gives_up)
    observation, reward, terminated, truncated, infos = environment.step(np.zeros((3, 1)))
    assert terminated.tolist() == infos["failed"].tolist() == [False, True, False]
    assert not truncated.any()
    assert np.array_equal(observation[1], [0.2, 0])
    np.testing.assert_allclose(reward, [-0.01, -1000.04, -0.09])


def test_spaces_and_metadata_are_as_gymnasium_wants_them():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        environment = make_vec("yann/Pendulum-v0", num_envs=7, autoreset_mode=AutoresetMode.SAME_STEP)
    assert environment.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert environment.observation_space.shape == (7, 2)
    assert environment.action_space.shape == (7, 1)
    observation, _ = environment.reset(seed=0)
    assert observation in environment.observation_space
    assert environment.step(environment.action_space.sample())[0] in environment.observation_space
    environment.close()


def test_steps_of_rows_that_are_not_under_way_are_refused():
    environment = PlantVectorEnvironment(PENDULUM, 3, steps=2, autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ResetNeeded, match="no episode has begun"):
        environment.step(np.zeros((3, 1)))
    with pytest.raises(ResetNeeded, match="first reset must be of all rows"):
        environment.reset(options={"reset_mask": np.array([True, False, False])})
    environment.reset(seed=0)
    environment.step(np.zeros((3, 1)))
    environment.reset(options={"reset_mask": np.array([True, False, False])})
    environment.step(np.zeros((3, 1)))
    with pytest.raises(ResetNeeded, match=r"rows \[1, 2\] are over"):
        environment.step(np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": [1, 2]}, "`seed` has 2 entries, but there are 3 rows"),
        ({"options": {"start": 1}}, r"`options` has 'start', but the options are \('state', 'reset_mask'\)"),
        ({"options": {"reset_mask": [True]}}, r"shape \(1,\) and 1 rows to reset, but bool of shape \(3,\)"),
        ({"options": {"reset_mask": [0, 1, 1]}}, "`reset_mask` has dtype int64"),
        ({"options": {"reset_mask": np.zeros(3, dtype=bool)}}, "and 0 rows to reset"),
        ({"options": {"state": np.zeros((2, 2))}}, r"`state` has shape \(2, 2\), but \(3, 2\)"),
        ({"options": {"state": [0, 9]}}, r"`state` is \[0. 9.\] \(angle, rate\), already beyond"),
    ],
)
def test_resets_that_do_not_fit_are_refused(given, words):
    environment = PlantVectorEnvironment(PENDULUM, 3)
    environment.reset(seed=0)
    with pytest.raises(PlantError, match=words):
        environment.reset(**given)


def test_bad_arguments_are_refused():
    with pytest.raises(PlantError, match="`num_envs` is 0"):
        PlantVectorEnvironment(PENDULUM, 0)
    with pytest.raises(PlantError, match="`autoreset_mode` is 'never', but it is one of"):
        PlantVectorEnvironment(PENDULUM, 2, autoreset_mode="never")
    environment = PlantVectorEnvironment(PENDULUM, 2)
    environment.reset()
    with pytest.raises(PlantError, match=r"`action` has shape \(1,\), but \(2, 1\)"):
        environment.step([0.0])
    with pytest.raises(PlantError, match=r"`action` is NaN at \[1, 0\]"):
        environment.step([[0.0], [np.nan]])


def test_rows_and_steps_beyond_memory_are_refused_before_anything_is_allocated():
    with pytest.raises(PlantError, match="`num_envs` = 10000000000"):
        PlantVectorEnvironment(four_tanks(), 10**10)
    with pytest.raises(PlantError, match="`steps` = 100000000000000000000 of 4 disturbances"):
        PlantVectorEnvironment(four_tanks_setpoints(), 2, steps=10**20)
