"""Training inside a safety filter: what is wanted, what passes, what is remembered and counted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mpc.safety.certificate import SafetyCertificate
from mpc.safety.safe_set import InputRows, SafeSet
from plants import Plant, QuadraticCost
from rl import (
    DDPG,
    DSACT,
    SAC,
    SVG,
    TD3,
    CoredActor,
    DDPGSettings,
    DSACTSettings,
    SACSettings,
    SVGSettings,
    TD3Settings,
    TrainingError,
    plain_actor,
    plain_critic,
    train,
)
from rl.core import NoCore
from rl.loop import Loop
from yann import FilteredActor, SafetyFilter

LIMIT = 0.5


@pytest.fixture(scope="module")
def plant():
    """x+ = x + u, |u| <= 1: an input of the wrong sign is unsafe at once."""
    return Plant(
        name="integrator", update=lambda x, u: (x[0] + u[0],), state_names=("level",), state_units=("m",),
        input_names=("flow",), input_units=("m",), state_bounds=([-2], [2]), input_bounds=([-1], [1]),
        equilibrium=([0], [0]), sample_time=1.0, safe_limits=([-LIMIT], [LIMIT]), episode_steps=20,
        cost=QuadraticCost(1.0, 0.1, state_target=[0], input_target=[0], violation_penalty=100.0),
        start_bounds=([-LIMIT], [LIMIT]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def safe():
    """|x + u| <= .5 exactly: the whole of the limits is the set."""
    sides = np.array([[1.0], [-1.0]])
    return SafetyFilter(
        SafeSet(
            state_names=("level",),
            input_names=("flow",),
            input_units=("m",),
            A=sides,
            b=np.full(2, LIMIT),
            labels=("level", "minus level"),
            units=("m", "m"),
            rows=InputRows(sides, sides, np.full(2, LIMIT), np.zeros((1, 1)), np.arange(2)),
            input_bounds=(np.array([-1.0]), np.array([1.0])),
            backup=np.zeros(1),
            certificate=SafetyCertificate("made", {}, ()),
        )
    )


AGENTS = {
    "DDPG": (DDPG, DDPGSettings(exploration=1.0)),
    "TD3": (TD3, TD3Settings(exploration=1.0)),
    "SAC": (SAC, SACSettings(exploration=0.9)),
    "DSACT": (DSACT, DSACTSettings(exploration=0.9)),
    "SVG": (SVG, SVGSettings(exploration=1.0, horizon=3)),
}


def agent_of(name, plant, safe=None):
    algorithm, settings = AGENTS[name]
    actor = plain_actor(plant, (8,))
    return algorithm(actor if safe is None else FilteredActor(actor, safe), plain_critic(plant, (8,)), settings)


@pytest.mark.parametrize("name", AGENTS)
def test_wild_exploration_is_never_unsafe_inside_and_is_outside(name, plant, safe):
    free = train(agent_of(name, plant), plant, episodes=3, seeds=range(3)).ledger
    kept = train(agent_of(name, plant, safe), plant, episodes=3, seeds=range(3)).ledger
    assert free.violations.sum() > 20
    assert free.interventions.sum() == 0
    assert kept.violations.sum() == 0
    assert kept.unguarded.sum() == 0
    assert kept.interventions.sum() > 20


def test_the_memory_holds_what_acted_and_the_ledger_what_was_changed(plant, safe, monkeypatch):
    wanted = []
    listened = Loop._announce_move

    def listen(self, x, want, moves):
        wanted.append((x.copy(), want.copy(), moves.applied.copy()))
        listened(self, x, want, moves)

    monkeypatch.setattr(Loop, "_announce_move", listen)
    kept = {}
    begun = Loop.training
    monkeypatch.setattr(Loop, "training", lambda self: (kept.setdefault("loop", self), begun(self))[1])
    ledger = train(agent_of("DDPG", plant, safe), plant, episodes=2, seeds=[3, 4]).ledger
    x, want, applied = (np.array(part) for part in zip(*wanted, strict=True))
    within = np.clip(want, -1, 1)
    assert np.array_equal(applied, np.clip(within, -LIMIT - x, LIMIT - x))
    assert ledger.interventions.sum(axis=1).tolist() == (applied != within).any(-1).sum(axis=0).tolist()
    assert ledger.inputs_clipped.sum() == (within != want).sum()
    batch = kept["loop"].buffer.sample(64)
    assert float((batch.state + batch.input).abs().max()) <= LIMIT + 1e-12


def test_starts_outside_the_set_are_counted_as_unguarded(plant, safe):
    wide = replace(plant, safe_limits=([-1.5], [1.5]), start_bounds=([0.6], [1.2]))
    ledger = train(agent_of("DDPG", plant, safe), wide, episodes=2, seeds=[0]).ledger
    assert ledger.unguarded.sum() >= ledger.runs.sum() > 0
    assert {"unguarded", "interventions"} <= set(ledger.to_rows()[0])


def test_exploration_is_added_to_what_is_wanted_and_filtered_last(plant, safe):
    agent = agent_of("DDPG", plant, safe)
    learner = agent.learner([0], plant)
    x, normals = np.array([[0.5]]), np.array([[0.0]])
    free = agent.actor.unfiltered(x)
    assert np.allclose(learner.explore(x, normals), free)
    assert np.allclose(learner.explore(x, normals + 1), free + 1.0)


@pytest.mark.parametrize("name", ["TD3", "SAC", "DSACT"])
def test_critics_are_asked_about_inputs_as_they_act(name, plant, safe, monkeypatch):
    learner = agent_of(name, plant, safe).learner([0, 1], plant)
    x = torch.linspace(-LIMIT, LIMIT, 50, dtype=torch.float64).reshape(1, 50, 1).expand(2, 50, 1)
    if name == "TD3":
        inputs = learner._smoothed(x)
    else:
        inputs, _ = learner.scatter(learner.actor, learner.spread, x)
    assert ((x + inputs).abs() <= LIMIT + 1e-12).all()


def test_what_a_seed_gives_does_not_depend_on_the_others_inside_a_filter(plant, safe):
    agent = agent_of("TD3", plant, safe)
    both = train(agent, plant, episodes=2, seeds=[1, 2])
    alone = train(agent, plant, episodes=2, seeds=[2])
    x = np.linspace(-LIMIT, LIMIT, 20)[:, None]
    assert np.abs(both.actors[1](x) - alone.actors[0](x)).max() <= 1e-10


def test_a_filter_of_another_plant_is_refused(plant, safe):
    other = replace(plant, state_names=("height",))
    with pytest.raises(
        TrainingError, match=r"filter was made for state_names \('level',\), but `plant` has \('height',\)"
    ):
        train(agent_of("DDPG", plant, safe), other, episodes=1, seeds=[0])
    slower = replace(safe.set, certificate=SafetyCertificate("made", {"sample_time": 2.0}, ()))
    with pytest.raises(TrainingError, match=r"was made for samples of 2 s, but `plant` has 1"):
        train(agent_of("DDPG", plant, SafetyFilter(slower)), plant, episodes=1, seeds=[0])
    stronger = replace(plant, input_bounds=([-2], [2]))
    with pytest.raises(TrainingError, match=r"was made for lower input bounds \[-1.0\], but `plant` has \[-2.0\]"):
        train(agent_of("DDPG", plant, safe), stronger, episodes=1, seeds=[0])


def test_a_core_goes_inside_the_filter(plant, safe):
    guarded = FilteredActor(plain_actor(plant, (4,)), safe)
    with pytest.raises(TrainingError, match="must come last"):
        CoredActor(guarded, NoCore())
    cored = FilteredActor(CoredActor(plain_actor(plant, (4,)), NoCore()), safe)
    assert isinstance(cored.core, NoCore)
    assert not hasattr(guarded, "core")
