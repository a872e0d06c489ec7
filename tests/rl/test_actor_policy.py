"""Stable-Baselines3 starts from an actor: its first actions are the law's, it trains, saves and loads unchanged."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from gymnasium import spaces

from mpc import LinearModel, MPCProblem, PiecewiseAffineLaw, printed_pendulum, solve_explicit
from plants import PlantEnvironment, clipped_pendulum
from rl import TrainingError, plain_actor, plain_critic
from yann import NetworkError, PerMove, PerRegion, YannActor, verify
from yann.probes import probe

stable_baselines3 = pytest.importorskip("stable_baselines3", reason="the extra `dev` brings stable-baselines3")
noise = pytest.importorskip("stable_baselines3.common.noise")
adapter = pytest.importorskip("rl.stable_baselines")
ActorPolicy, Start = adapter.ActorPolicy, adapter.Start
LEARNERS = ("DDPG", "TD3")
PLANT = clipped_pendulum()
KINDS = ("random", "interior", "facet", "side", "vertex", "outside")


def pendulum_law() -> PiecewiseAffineLaw:
    limits = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2)}
    return solve_explicit(MPCProblem(printed_pendulum(), np.diag([1, 0.1]), 0.001, horizon=2, **limits))


def two_input_law() -> PiecewiseAffineLaw:
    model = LinearModel(A=[[1.1, 0.2], [0.0, 0.95]], B=[[0.0, 1.0], [0.5, 0.3]], sample_time=1.0)
    box = ([-5, -5], [5, 5])
    return solve_explicit(
        MPCProblem(model, np.eye(2), np.diag([0.1, 0.5]), 2, input_bounds=([-1, -2], [1, 3]), parameter_bounds=box)
    )


LAWS = {"pendulum": (pendulum_law(), PLANT.input_bounds), "two inputs": (two_input_law(), ([-2, -2], [1, 5]))}
ACTOR = YannActor.from_law(LAWS["pendulum"][0], residual=PerMove(4), bound=0.5)


def space(size, reach=np.inf):
    kind = np.float64 if reach == np.inf else np.float32
    return spaces.Box(-reach, reach, (size,), kind)


def policy(start, seen=2, done=1, **options):
    return ActorPolicy(space(seen), space(done, 1.0), lambda _: 1e-3, start=start, **options)


def model_of(name, actor=ACTOR, **options):
    wander = noise.NormalActionNoise(np.zeros(1), np.full(1, 0.1))
    settings = {"learning_starts": 0, "batch_size": 32, "seed": 0, "device": "cpu", "action_noise": wander} | options
    start = Start(actor, PLANT.input_bounds)
    kwargs = {"start": start, "net_arch": [32, 32]}
    return getattr(stable_baselines3, name)(ActorPolicy, PlantEnvironment(PLANT), policy_kwargs=kwargs, **settings)


@pytest.mark.parametrize("name", LAWS)
def test_the_first_predictions_are_the_law(name):
    law, (lower, upper) = LAWS[name]
    fresh = policy(Start(YannActor.from_law(law, residual=PerRegion(4)), (lower, upper)), done=law.m)
    lower, upper = np.asarray(lower), np.asarray(upper)
    probes = probe(law, 300, np.random.default_rng(0)).points
    assert set(probes) == set(KINDS)
    for kind in KINDS:
        action, _ = fresh.predict(probes[kind], deterministic=True)
        wanted = np.clip(law.nearest(probes[kind])[0], *law.input_bounds)
        assert len(action) > 0
        assert action.dtype == np.float64
        assert np.abs(action).max() <= 1
        assert np.abs(lower + (action + 1) / 2 * (upper - lower) - wanted).max() <= 1e-9
    alone, _ = fresh.predict(probes["facet"][0])
    assert alone.shape == (law.m,)


def test_columns_choose_what_the_actor_reads():
    law, bounds = LAWS["pendulum"]
    states = probe(law, 50, np.random.default_rng(1)).points["facet"]
    seen = np.column_stack([states[:, 1], np.full(len(states), 7.0), states[:, 0]])
    turned = policy(Start(ACTOR, bounds, columns=(2, 0)), seen=3)
    assert np.array_equal(turned.predict(seen)[0], policy(Start(ACTOR, bounds)).predict(states)[0])


@pytest.mark.parametrize("name", LEARNERS)
def test_it_trains_the_residual_and_keeps_the_law(name, tmp_path):
    model = model_of(name)
    network = model.policy.actor.network
    buffers = {key: value.clone() for key, value in network.named_buffers()}
    before = {key: value.clone() for key, value in network.named_parameters()}
    states = probe(LAWS["pendulum"][0], 100, np.random.default_rng(2)).points["random"]
    first, _ = model.predict(states, deterministic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.learn(200)
    after, _ = model.predict(states, deterministic=True)
    assert any((value != before[key]).any() for key, value in network.named_parameters())
    assert all(value.isfinite().all() for value in model.policy.state_dict().values())
    assert all(torch.equal(value, buffers[key]) for key, value in network.named_buffers())
    assert 1e-4 < np.abs(after - first).max() <= 0.25 + 1e-9  # the bound, 0.5 of 2
    assert np.abs(2 * after - network(states)).max() <= 1e-12
    assert verify(network, LAWS["pendulum"][0], points=100).max_error > 1e-4
    assert not np.array_equal(ACTOR(states), network(states))  # what it was given stays as it was

    model.save(tmp_path / "model.zip")
    again = type(model).load(tmp_path / "model.zip", env=PlantEnvironment(PLANT), device="cpu")
    assert np.array_equal(again.predict(states, deterministic=True)[0], after)
    again.learn(50)
    assert not np.array_equal(again.predict(states, deterministic=True)[0], after)
    model.policy.save(tmp_path / "policy.pt")
    assert np.array_equal(ActorPolicy.load(tmp_path / "policy.pt", device="cpu").predict(states)[0], after)


def test_a_descent_step_lowers_what_the_critic_says():
    """The gradient of an action reaches the residual, also through the change of precision."""
    actor = policy(Start(YannActor.from_law(LAWS["pendulum"][0]), PLANT.input_bounds)).actor
    states = torch.zeros(8, 2, dtype=torch.float64)
    optimiser = torch.optim.Adam(actor.parameters(), lr=1e-3)
    for _ in range(20):
        optimiser.zero_grad()
        action = actor(states)
        (action - 0.3).square().mean().backward()
        optimiser.step()
    assert action.dtype == torch.float32
    assert 0.02 < action.mean().item() < 0.6


def test_a_plain_actor_serves_too():
    actor = plain_actor(PLANT, (16, 16))
    states = np.random.default_rng(3).uniform(-2, 2, (40, 2))
    action, _ = policy(Start(actor, PLANT.input_bounds)).predict(states)
    assert np.abs(2 * action - actor(states)).max() <= 1e-12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("law", (-2, 2)), "`actor` is a str, but a StackedNetwork is needed; pass one, such as YannActor"),
        ((plain_critic(PLANT, (4,)), (-2, 2)), "`actor` is a PlainCritic, no actor with bounds"),
        ((ACTOR.replicate([0, 1, 2]), (-2, 2)), "`actor` has 3 members, but a policy is one; pass actor.member"),
        (
            (ACTOR, (-1, 2)),
            r"within \[-2\.\] and \[2\.\], beyond `input_bounds` \[-1\.\] and \[2\.\]; pass those",
        ),
        ((ACTOR, ([-2, -2], [2, 2])), "input_bounds"),
        ((ACTOR, (-2, np.inf)), "input_bounds"),
        ((ACTOR, (-2, np.nan)), "input_bounds"),
        ((ACTOR, (-2, 2), 1), "`columns` is a int, but a Sequence is needed; pass whole numbers"),
        ((ACTOR, (-2, 2), (0, -1)), "`columns` is -1, but it must be at least 0"),
        ((ACTOR, (-2, 2), (0, 0.5)), "`columns` is 0.5, but it must be a whole number"),
    ],
)
def test_a_bad_start_is_refused(arguments, words):
    with pytest.raises(TrainingError, match=words):
        Start(*arguments)


@pytest.mark.parametrize(
    ("columns", "seen", "done", "words"),
    [
        (None, 3, 1, r"observations have 3 entries but `actor` takes 2; say which with Start\(columns=...\)"),
        ((0, 3), 3, 1, r"`columns` is \(0, 3\), but 2 of the 3 entries of an observation are needed"),
        ((0, 1, 2), 3, 1, r"`columns` is \(0, 1, 2\), but 2 of the 3 entries"),
        ((), 3, 1, r"`columns` is \(\), but 2 of the 3 entries"),
        (None, 2, 2, "actions have 2 entries but `actor` gives 1; pass the environment of the plant"),
    ],
)
def test_spaces_that_do_not_fit_are_refused(columns, seen, done, words):
    with pytest.raises(TrainingError, match=words):
        policy(Start(ACTOR, (-2, 2), columns), seen, done)


def test_what_is_no_start_is_refused():
    with pytest.raises(TrainingError, match=r"`start` is a YannActor, but a Start is needed; pass Start\(actor"):
        policy(ACTOR)


def test_nan_does_not_travel():
    with pytest.raises(NetworkError, match=r"`state` is NaN at \[0, 1\]; replace it"):
        policy(Start(ACTOR, (-2, 2))).predict(np.array([0.1, np.nan]))


def test_rl_itself_does_without_and_says_what_is_missing():
    code = (
        "import sys, rl\n"
        "assert 'stable_baselines3' not in sys.modules\n"
        "sys.modules['stable_baselines3'] = None\n"
        "import rl.stable_baselines\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: rl.stable_baselines needs Stable-Baselines3" in done.stderr
    assert "pip install stable-baselines3" in done.stderr
