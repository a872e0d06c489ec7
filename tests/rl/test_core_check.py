"""A core is believed only where it was made: its plant, cost, gamma, law, and no disturbances."""

import functools
import pickle
from dataclasses import replace

import numpy as np
import pytest

from mpc import MPCProblem, linearise, solve_explicit
from plants import Level, Misread, Plant, QuadraticCost, Scenario, Setpoints, Shifted, Tracking, White, safety_cstr
from rl import (
    DDPG,
    DSACT,
    SAC,
    SVG,
    TD3,
    Callback,
    CoredActor,
    GridCore,
    LevelCore,
    SVGSettings,
    TD3Settings,
    TrainingError,
    cloned,
    plain_actor,
    plain_critic,
    train,
)
from rl.core_check import check_core
from rl.loop import Loop
from yann import FilteredActor, SafetyFilter, YannActor


def moved(gain, x, u):
    return x[0] + 0.1 * x[1], x[1] + gain * u[0]


def double_integrator(gain=0.1, weight=0.1, **changes):
    return Plant(
        **{
            "name": "cart",
            "update": functools.partial(moved, gain),
            "state_names": ("position", "speed"),
            "state_units": ("m", "m/s"),
            "input_names": ("force",),
            "input_units": ("N",),
            "state_bounds": ([-2, -2], [2, 2]),
            "input_bounds": ([-3], [3]),
            "equilibrium": ([0, 0], [0]),
            "sample_time": 0.1,
            "cost": QuadraticCost(np.eye(2), weight, [0, 0], [0]),
            "start_bounds": ([-1, -1], [1, 1]),
            **changes,
        }
    )


PLANT = double_integrator()


@pytest.fixture(scope="module")
def problem():
    return MPCProblem(linearise(PLANT), np.eye(2), 0.1, 2, PLANT.state_bounds, PLANT.input_bounds)


@pytest.fixture(scope="module")
def law(problem):
    return solve_explicit(problem)


@pytest.fixture(scope="module")
def cores(law, problem):
    return {"level": LevelCore.of_law(law, problem, PLANT), "grid": GridCore.of_law(law, PLANT, 5.0, nodes=41)}


@pytest.fixture(scope="module")
def actor(law):
    return YannActor.from_law(law, hidden=4)


def agent(actor, core, discount=1.0, law=None):
    return TD3(CoredActor(actor, core, law), plain_critic(PLANT, (4,)), TD3Settings(discount=discount))


def refused(words, given, plant=PLANT, cost=None):
    with pytest.raises(TrainingError, match=words):
        train(given, plant, cost, episodes=1, seeds=[0], steps=5)


@pytest.mark.parametrize("kind", ["level", "grid"])
class TestOnlyItsOwn:
    def test_its_own_training_is_begun(self, cores, actor, kind):
        assert train(agent(actor, cores[kind]), PLANT, episodes=1, seeds=[0], steps=5).episodes == 1
        check_core(agent(actor, cores[kind]), Scenario(plant=double_integrator()), PLANT.cost)

    def test_another_gamma(self, cores, actor, kind):
        refused(r"discounted by 1, but the agent learns with gamma 0\.99; pass", agent(actor, cores[kind], 0.99))
        guessed = SVG(CoredActor(actor, cores[kind]), plain_critic(PLANT, (4,)), SVGSettings())
        refused(r"gamma 0\.99", guessed)

    def test_another_plant(self, cores, actor, kind):
        weak = double_integrator(gain=0.1 * (1 + 1e-6))
        refused(r"made for 'cart', which goes from .* but `plant` 'cart' to", agent(actor, cores[kind]), weak)

    def test_another_cost(self, cores, actor, kind):
        dear = QuadraticCost(np.eye(2), 0.1 * (1 + 1e-4), [0, 0], [0])
        refused(r"made for a cost that is .* but training charges", agent(actor, cores[kind]), cost=dear)
        refused(r"made for a cost that is", agent(actor, cores[kind]), double_integrator(weight=0.2))

    def test_another_law(self, cores, actor, kind):
        learned = YannActor.from_law(actor.birth.law, hidden=4)
        for weight in learned.parameters():
            if weight.requires_grad:
                weight.data.normal_(0, 1)
        refused(r"actor gives .* but the law of its core", agent(learned, cores[kind]))
        check_core(agent(learned, cores[kind], law=actor), Scenario(plant=PLANT), None)

    def test_beyond_its_filter(self, cores, actor, kind):
        free = agent(actor, cores[kind])
        wide, narrow = (
            replace(free, actor=FilteredActor(free.actor, SafetyFilter.for_plant(PLANT, ([-r, -r], [r, r]))))
            for r in (1.9, 0.3)
        )
        check_core(wide, Scenario(plant=PLANT), None)
        refused(r"core holds .* at which its filter guarantees nothing", narrow)

    def test_another_world(self, cores, actor, kind):
        windy = Scenario(plant=PLANT, disturbances=(Shifted("speed", White(1e-9)),))
        refused(r"holds without disturbances; train on the nominal plant", agent(actor, cores[kind]), windy)
        follows = Scenario(plant=PLANT, tracking=Tracking(Setpoints(("position",), [[0.0]]), 1.0))
        refused(r"holds without setpoints", agent(actor, cores[kind]), follows)
        other = replace(Scenario(plant=PLANT), start_bounds=([-0.5, -0.5], [0.7, 0.7]), steps=9)
        check_core(agent(actor, cores[kind]), other, None)


def test_a_plant_of_other_inputs_is_told_by_its_sizes(cores, actor):
    wide = double_integrator(
        update=lambda x, u: (x[0] + 0.1 * x[1], x[1] + 0.1 * u[0] + u[1]),
        input_names=("force", "brake"),
        input_units=("N", "N"),
        input_bounds=([-3, -3], [3, 3]),
        equilibrium=([0, 0], [0, 0]),
        cost=QuadraticCost(np.eye(2), np.eye(2), [0, 0], [0, 0]),
    )
    with pytest.raises(TrainingError, match="2 states and 1 inputs, but `plant` 'cart' has 2 and 2"):
        check_core(agent(actor, cores["grid"]), Scenario(plant=wide), None)


class Middle:
    """A core about rest that says of nothing how it was found."""

    def contains(self, x):
        return np.linalg.norm(x, axis=1) < 0.1

    def value(self, x):
        return np.zeros(len(x))

    def weight(self, x):
        return (~self.contains(x)).astype(float)


def test_a_core_of_ones_own_is_taken_at_its_word(actor):
    noisy = Scenario(plant=PLANT, disturbances=(Shifted("speed", White(0.1)),))
    assert train(agent(actor, Middle(), 0.5), noisy, episodes=1, seeds=[0], steps=5).episodes == 1


def test_values_that_err_by_more_than_a_fiftieth_of_the_level_fail_the_certificate(cores):
    found = cores["grid"].certificate
    assert found.passed
    assert not replace(found, value_error=0.0201 * found.level).passed
    assert not replace(found, escaped=1).passed
    assert not replace(found, left=1).passed
    assert not replace(found, margin=found.between).passed


def test_a_level_core_whose_search_found_any_way_out_fails(cores):
    found = cores["level"].certificate
    assert found.passed
    assert not replace(found, worst=1 + 1e-6).passed


class Inputs(Callback):
    """Keeps readings and wanted inputs of every step."""

    def __init__(self):
        self.states, self.wanted = [], []

    def on_step(self, event):
        self.states.append(event.state)
        self.wanted.append(event.wanted)


def test_a_reading_in_the_core_is_neither_explored_nor_remembered(actor):
    """Readings are off by 0.3, so runs begin within the core as the learner sees it, though none really does."""
    plant = double_integrator(start_bounds=([0.28, -0.02], [0.45, 0.02]))
    blind = Scenario(plant=plant, disturbances=(Misread("position", Level(-0.3)),))
    settings = TD3Settings(exploration=0.5, discount=0.9, warm_up=1000)
    learner = TD3(CoredActor(actor, Middle()), plain_critic(plant, (4,)), settings)
    hears = Inputs()
    loop = Loop(learner, blind, None, 1, (0, 1), 60, np.empty((0, 2)), callbacks=[hears])
    loop.begin()
    loop.episode()
    states, wanted = np.concatenate(hears.states), np.concatenate(hears.wanted)
    inside = Middle().contains(states)
    assert 10 < inside.sum() < 100
    given = np.abs(wanted - actor(states))[:, 0]
    assert (given[inside] < 1e-12).all()
    assert (given[~inside] > 1e-6).all()
    kept = [loop.buffer.rows[i, : loop.buffer.sizes[i], :2] for i in (0, 1)]
    assert sum(map(len, kept)) == (~inside).sum()
    assert not Middle().contains(np.concatenate(kept)).any()


@pytest.mark.parametrize("kind", ["level", "grid"])
def test_a_core_of_another_number_of_states_and_a_class(cores, kind):
    reactor = plain_actor(safety_cstr(), (4,))
    with pytest.raises(TrainingError, match="`actor` takes 4 states, but `core` was made for 'cart' of 2"):
        CoredActor(reactor, cores[kind])
    with pytest.raises(TrainingError, match=r"`core` is the class GridCore itself; pass a core: GridCore\.of_law"):
        CoredActor(reactor, GridCore)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["level", "grid"])
def test_a_cored_actor_can_be_sent_to_another_process(cores, actor, kind):
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 2))
    for law in (actor, None):
        cored = CoredActor(actor, cores[kind], law)
        sent = pickle.loads(pickle.dumps(cored))
        assert np.array_equal(sent(x), cored(x))
        assert np.array_equal(sent.core.contains(x), cored.core.contains(x))
        assert np.array_equal(sent.core.loop.inputs(x), cored.core.loop.inputs(x))


def test_a_core_of_a_networks_law_can_be_sent_too(actor):
    core = GridCore.of_law(actor, PLANT, 5.0, nodes=21)
    sent, x = pickle.loads(pickle.dumps(core)), np.array([[0.1, 0.2], [2.0, 2.0]])
    assert sent.contains(x).tolist() == core.contains(x).tolist() == [True, False]


def test_networks_that_were_cast_are_refused_everywhere(cores, actor):
    small, critic = plain_actor(PLANT, (4,)).float(), plain_critic(PLANT, (4,))
    words = r"in torch\.float32, but training"
    for make in (DDPG, TD3, SAC, DSACT, SVG):
        with pytest.raises(TrainingError, match=f"`actor` has `.*` {words} computes in torch.float64; build it anew"):
            make(small, critic)
        with pytest.raises(TrainingError, match=f"`critic` has .*{words}"):
            make(plain_actor(PLANT, (4,)), plain_critic(PLANT, (4,)).float())
    with pytest.raises(TrainingError, match=f"`actor` has .*{words}"):
        CoredActor(small, cores["grid"], actor)
    with pytest.raises(TrainingError, match=f"`law` has .*{words}"):
        CoredActor(plain_actor(PLANT, (4,)), cores["grid"], small)
    with pytest.raises(TrainingError, match=f"`law` has .*{words}"):
        GridCore.of_law(small, PLANT, 5.0)
    with pytest.raises(TrainingError, match=f"`actor` has .*{words}"):
        cloned(small, actor, np.zeros((20, 2)))
