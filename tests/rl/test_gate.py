"""The gate delivers what is better than the law, and only that; plant, costs and actors are known in closed form."""

import dataclasses

import numpy as np
import pytest
import torch

from plants import QuadraticCost, Scenario, Shifted, White, clipped_pendulum, simulate
from rl import Callback, Gate, TrainingError, train
from rl.border import border_points
from rl.core import NoCore
from rl.gatekeeper import Gatekeeper
from rl.loss_range import largest_loss

pytestmark = pytest.mark.slow

LAW, BETTER, BEST, WORSE = -0.4, -0.7, -1.1, -0.3
"""Gains for x+ = 1.2 x + u with stage cost x^2 + .1 u^2: the best is about -1.1."""


class Ball:
    """A core: all levels up to `radius`."""

    def __init__(self, radius):
        self.radius = radius

    def contains(self, x):
        return np.linalg.norm(x, axis=1) <= self.radius

    def value(self, x):
        return np.zeros(len(x))


@pytest.fixture
def plant(drift):
    return drift(state_caps=([-5], [5]))


@pytest.fixture
def stack(linear_actor):
    """Return a maker of stacks of u = K x."""

    def make(*gains):
        actor = linear_actor(gains[0]).replicate(range(len(gains)))
        actor.layer.weight.data[:, 0, 0] = torch.tensor(gains, dtype=torch.float64)
        return actor

    return make


@pytest.fixture
def keeper(plant, stack):
    """Return a maker of gatekeepers whose law is u = LAW x."""

    def make(seeds=(0,), core=None, scenario=None, **settings):
        settings = {"count": 300, "largest_loss": 2.0, **settings}
        gate, scenario = Gate(**settings), Scenario(plant=plant) if scenario is None else scenario
        laws = stack(*[LAW] * len(seeds))
        return Gatekeeper(gate, scenario, None, 20, seeds, laws, NoCore() if core is None else core)

    return make


class Bump(torch.nn.Module):
    """Adds a useless input where low < |x| < high."""

    def __init__(self, layer, low, high, by):
        super().__init__()
        self.layer, self.low, self.high, self.by = layer, low, high, by

    def forward(self, x):
        return self.layer(x) + self.by * ((x.abs() > self.low) & (x.abs() < self.high))


def bumped(actor, low, high, by=0.5):
    actor.layer = Bump(actor.layer, low, high, by)
    return actor


def test_a_better_actor_is_accepted_and_a_worse_one_is_not(keeper, stack):
    gate = keeper(seeds=(3, 8))
    better, worse = gate.judge(stack(BETTER, WORSE), 5)
    assert (better.accepted, better.reason) == (True, "")
    assert 0 < better.bound < better.improvement
    assert not worse.accepted
    assert worse.improvement < 0
    assert worse.reason.startswith("the mean improvement over the law may be as low as -")
    assert gate.delivered.actor.layer.weight.data.flatten().tolist() == [BETTER, LAW]
    assert gate.delivered.decisions == (better, worse)


def test_an_actor_as_good_as_the_law_is_not_accepted(keeper, stack):
    (same,) = keeper().judge(stack(LAW), 5)
    assert same.improvement == same.worst_loss == 0
    assert not same.accepted


def test_the_figures_are_those_of_a_simulation_of_both(keeper, stack, plant):
    gate = keeper(seeds=(6,))
    (found,) = gate.judge(stack(BETTER), 5)
    source = np.random.default_rng(np.random.SeedSequence(6, spawn_key=(6,)))
    starts = np.concatenate([plant.sample_starts(source, 1) for _ in range(300)])
    law, new = (simulate(plant, stack(gain), starts, 20).total_cost for gain in (LAW, BETTER))
    assert found.improvement == pytest.approx((law - new).mean())
    assert found.over_incumbent == found.improvement
    assert found.simulated_steps == 2 * 300 * 20


def test_an_actor_must_not_be_worse_than_the_one_accepted_before(keeper, stack):
    gate = keeper()
    assert gate.judge(stack(BEST), 5)[0].accepted
    (second,) = gate.judge(stack(BETTER), 10)
    assert second.bound > 0 > second.over_incumbent
    assert not second.accepted
    assert "that of the actor accepted before" in second.reason
    assert gate.delivered.actor.layer.weight.item() == BEST
    assert gate.rejected(10) == [(0, second)]
    assert gate.rejected(5) == []


def test_starts_are_fresh_at_each_gate_and_the_error_rate_is_spent(keeper, stack):
    gate = keeper(error_rate=0.1)
    first, second = (gate.judge(stack(WORSE), episode)[0] for episode in (5, 10))
    assert first.improvement != second.improvement
    assert second.error_spent == pytest.approx(first.error_spent / 4)
    assert first.error_spent == pytest.approx(0.1 * 6 / np.pi**2)


def test_what_a_seed_finds_does_not_depend_on_the_others(keeper, stack):
    assert keeper(seeds=(7, 3)).judge(stack(WORSE, BETTER), 5)[1] == keeper(seeds=(3,)).judge(stack(BETTER), 5)[0]


def test_disturbances_are_common(plant, keeper, stack):
    """With noise on the state, an actor that is the law still gains exactly nothing."""
    noisy = Scenario(plant=plant, disturbances=(Shifted("level", White(0.05)),))
    (same,) = keeper(scenario=noisy).judge(stack(LAW), 5)
    assert same.improvement == same.worst_loss == 0
    calm = keeper().judge(stack(BETTER), 5)[0]
    assert keeper(scenario=noisy).judge(stack(BETTER), 5)[0].improvement != calm.improvement


class TestBorder:
    def test_one_start_on_the_border_that_gets_worse_is_enough(self, keeper, stack):
        gate = keeper(border=[[1.0], [-1.5]])
        assert gate.judge(stack(BETTER), 5)[0].accepted
        (spoilt,) = gate.judge(bumped(stack(BETTER), 1.4, 2.0, -1.0), 10)
        assert spoilt.bound > 0
        assert spoilt.worst_border > 0.01
        assert "a start on the border got worse by" in spoilt.reason
        assert not spoilt.accepted

    def test_a_tolerance_allows_it(self, keeper, stack):
        gate = keeper(border=[[-1.5]], tolerance=1000)
        assert gate.judge(bumped(stack(BETTER), 1.4, 2.0, -1.0), 5)[0].accepted

    def test_a_new_violation_is_enough(self, drift, keeper, stack):
        """From -1.5 the law goes to -1.2; with the bump the input is lower by 1.5, and the state leaves the limit."""
        safe = Scenario(plant=drift(limit=1.6, penalty=0.0))
        gate = keeper(scenario=safe, border=[[-1.5]], tolerance=1000)
        (unsafe,) = gate.judge(bumped(stack(BETTER), 1.4, 1.6, -1.5), 5)
        assert unsafe.new_violations == 1
        assert "1 of all starts became unsafe that the law kept safe" in unsafe.reason

    def test_one_elsewhere_is_enough_and_its_chance_is_bounded(self, drift, keeper, stack):
        """From .3 to .302 alone the actor is unsafe, else much better: 1 start in 150, a far worse mean."""
        safe = Scenario(plant=drift(limit=1.0, penalty=1e5))
        gate = keeper(seeds=range(20), scenario=safe, count=100, largest_loss=0.2)
        found = gate.judge(bumped(stack(*[BETTER] * 20), 0.3, 0.302, 1.5), 5)
        seen = [decision for decision in found if decision.new_violations]
        assert 5 <= len(seen) <= 15
        assert all("became unsafe that the law kept safe" in decision.reason for decision in seen)
        error = found[0].error_spent
        for decision in found:
            assert decision.accepted == (decision.new_violations == 0)
            assert decision.violation_bound > 1 / 150
            if decision.accepted:
                assert decision.violation_bound == pytest.approx(1 - error ** (1 / 100))

    def test_points_of_a_core_lie_just_outside_it_and_all_around(self, drift):
        flat = clipped_pendulum()
        points = border_points(Ball(0.7), flat, np.random.default_rng(0), 50)
        radii = np.linalg.norm(points, axis=1)
        assert points.shape == (50, 2)
        assert (radii > 0.7).all()
        assert radii.max() < 0.7 + 1e-9
        assert len(np.unique(np.sign(points), axis=0)) == 4

    def test_they_are_judged_start_by_start(self, keeper, stack):
        gate = keeper(core=Ball(0.1), border_count=7)
        assert gate.judge(stack(BETTER), 5)[0].accepted
        (spoilt,) = gate.judge(bumped(stack(BETTER), 0.0, 0.15), 10)
        assert "a start on the border got worse" in spoilt.reason

    def test_no_core_has_no_border(self, plant):
        assert border_points(NoCore(), plant, np.random.default_rng(0), 5).shape == (0, 1)

    def test_a_core_without_the_rest(self, plant):
        core = Ball(0.5)
        core.contains = lambda x: x[:, 0] > 1
        with pytest.raises(TrainingError, match="the core does not hold the plant's rest"):
            border_points(core, plant, np.random.default_rng(0), 5)

    def test_a_core_that_is_everything(self, plant):
        with pytest.raises(TrainingError, match="only 0 of 500 points of `state_bounds` lie outside the core"):
            border_points(Ball(9), plant, np.random.default_rng(0), 5)


class TestLargestLoss:
    def test_no_episode_costs_more_and_one_nearly_does(self, drift):
        cost = QuadraticCost([[2, 1], [1, 3]], 0.5, [0.5, 0], [0.25], violation_penalty=7)
        names = {"state_names": ["a", "b"], "state_units": ["m", "m"], "equilibrium": ([0, 0], [0])}
        boxes = {
            "state_bounds": ([-2, -2], [2, 2]),
            "start_bounds": ([-1, -1], [1, 1]),
            "state_caps": ([-3, -4], [2, 4]),
        }
        wide = drift(update=lambda x, u: 9 * x + u, cost=cost, **names, **boxes)
        scenario, limit = Scenario(plant=wide), largest_loss(Scenario(plant=wide), cost, 50)
        runs = [
            simulate(scenario, lambda x, s=s: np.full((*x.shape[:-1], 1), s), [[-1, -1], [1, 1], [-1, 1]], 50)
            for s in (-1.0, 1.0)
        ]
        most = max(run.total_cost.max() for run in runs)
        assert 0.9 * limit < most <= limit

    def test_safe_limits_end_the_box_and_the_penalty_counts_once(self, drift):
        plant = drift(limit=2.0, penalty=100.0)
        assert largest_loss(Scenario(plant=plant), plant.cost, 10) == pytest.approx(10 * (4 + 0.1) + 100)

    def test_an_angle_is_at_most_pi_away(self):
        plant = clipped_pendulum()
        stage = np.pi**2 + 0.1 * 64 + 0.001 * 4
        assert largest_loss(Scenario(plant=plant), plant.cost, 200) == pytest.approx(200 * stage)

    def test_states_without_end(self, drift, stack):
        with pytest.raises(
            TrainingError, match=r"state 'level' .* within -1e.09 and 1e.09.*declare `state_caps`.*largest"
        ):
            Gatekeeper(Gate(), Scenario(plant=drift()), None, 20, (0,), stack(LAW), NoCore())

    def test_a_loss_beyond_what_was_declared_is_no_reason_to_accept(self, keeper, stack):
        (found,) = keeper(largest_loss=1e-3).judge(stack(WORSE), 5)
        assert "above the largest loss of 0.001 that was declared" in found.reason


def test_what_is_kept_goes_on_as_if_never_interrupted(keeper, stack):
    one, other = keeper(), keeper()
    one.judge(stack(BETTER), 5)
    state = one.state()
    for source, mine in zip(state["generators"], other.generators, strict=True):
        mine.bit_generator.state = source.bit_generator.state
    other.actor.load_state_dict(state["actor"].state_dict())
    other.log = state["log"]
    assert other.decisions == one.decisions
    assert other.judge(stack(BEST), 10) == one.judge(stack(BEST), 10)


class Steps(Callback):
    """Keeps the first inputs of every episode."""

    def __init__(self):
        self.firsts, self.rollbacks = [], []

    def on_step(self, event):
        if event.step == 0:
            self.firsts.append((event.state, event.wanted))

    def on_rollback(self, event):
        self.rollbacks.append(event)


class TestTraining:
    @pytest.fixture
    def run(self, plant, plain_agent):
        """Return a maker of trainings that spoil a plain actor within one episode."""

        def make(gate, seeds=(0, 1), episodes=5, **arguments):
            agent = plain_agent(plant, batch_size=4, actor_learning_rate=0.3, weight_limit=1e9)
            return train(agent, plant, episodes=episodes, seeds=seeds, gate=gate, **arguments), agent

        return make

    def test_gates_are_due_every_so_often_and_at_the_end(self, run):
        training, _ = run(Gate(every=2, count=50))
        assert [(d.seed, d.episode) for d in training.decisions] == [(s, e) for e in (2, 4, 5) for s in (0, 1)]

    def test_what_is_delivered_was_accepted_last_and_the_ledger_counts(self, run):
        training, agent = run(Gate(every=2, count=50))
        first = agent.actor.replicate((0, 1))
        x = np.linspace(-1, 1, 9)[:, None]
        for i, seed in enumerate(training.seeds):
            own = [d for d in training.decisions if d.seed == seed]
            if not any(d.accepted for d in own):
                assert (training.actors[i](x) == first.member(i)(x)).all()
                assert (training.last_actors[i](x) != training.actors[i](x)).any()
            if own[-1].accepted:
                assert (training.last_actors[i](x) == training.actors[i](x)).all()
            assert training.ledger.rollbacks[i].sum() == sum(not d.accepted for d in own)
            assert training.ledger.simulated_steps[i, [1, 3, 4]].tolist() == [d.simulated_steps for d in own]
        assert training.ledger.simulated_steps[:, [0, 2]].sum() == 0
        assert training.ledger.rollbacks.sum() > 0
        assert (training.ledger.plant_steps == 20).all()

    def test_without_restoring_a_gate_changes_nothing_in_training(self, run):
        gated, free = run(Gate(every=2, count=50))[0], run(None)[0]
        x = np.linspace(-1, 1, 9)[:, None]
        for one, other, delivered in zip(gated.last_actors, free.last_actors, free.actors, strict=True):
            assert (one(x) == other(x)).all()
            assert (delivered(x) == other(x)).all()
        assert free.decisions == ()

    @pytest.mark.parametrize("restore", [True, False])
    def test_with_restoring_the_next_episode_begins_with_the_actor_before(self, run, restore):
        hears = Steps()
        hard = Gate(every=1, count=50, restore=restore, largest_loss=1e9)  # at 1e9 nothing can be shown
        training, agent = run(hard, callbacks=[hears], episodes=3)
        first = agent.actor.replicate((0, 1))
        assert [(e.decision.episode, e.restored) for e in hears.rollbacks] == [(k, restore) for k in (1, 1, 2, 2, 3, 3)]
        assert [e.decision for e in hears.rollbacks] == list(training.decisions)
        for state, wanted in hears.firsts[1:]:
            assert np.allclose(first(state[:, None])[:, 0], wanted, atol=1e-12) == restore

    def test_taking_back_touches_one_member_and_its_target(self, plain_agent, plant):
        agent = plain_agent(plant, batch_size=4)
        learner = agent.learner([0, 1], plant)
        start = learner.actor.member(1)
        for network in (learner.actor, learner.target_actor):
            for weight in network.parameters():
                weight.data += 1
        kept = learner.actor.member(0)
        learner.take_back(1, start)
        for network in (learner.actor, learner.target_actor):
            for index, wanted in ((0, kept), (1, start)):
                pairs = zip(network.member(index).parameters(), wanted.parameters(), strict=True)
                assert all(torch.equal(mine, theirs) for mine, theirs in pairs)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"every": 0}, "`every` is 0, but it must be at least 1"),
        ({"count": 0}, "`count` is 0"),
        ({"border_count": 1.5}, "`border_count` is 1.5"),
        ({"error_rate": 1}, "`error_rate` is 1, but it must lie between 0 and 1"),
        ({"tolerance": -1}, "`tolerance` is -1, but it must be at least 0"),
        ({"largest_loss": 0}, "`largest_loss` is 0, but it must be positive"),
        ({"restore": 1}, "`restore` is a int, but a bool is needed"),
    ],
)
def test_settings_that_make_no_sense(settings, words):
    with pytest.raises(TrainingError, match=words):
        Gate(**settings)


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (5, "`gate` is a int, but a Gate is needed"),
        (Gate(simulator=clipped_pendulum()), "`simulator` has 2 states and 1 inputs, but `plant` 1 and 1"),
        (Gate(border=[[0.1, 0.2]]), r"`border` has shape \(1, 2\)"),
    ],
)
def test_gates_that_do_not_fit(gate, words, plant, plain_agent):
    with pytest.raises(TrainingError, match=words):
        train(plain_agent(plant), plant, gate=gate)


@pytest.mark.parametrize("limits", [{"state_caps": ([-5], [5])}, {"limit": 5.0}])
@pytest.mark.parametrize("own", [True, False])
def test_a_border_from_which_nothing_can_run_is_found_before_training(limits, own, drift, plain_agent):
    narrow, wide = drift(**limits), drift()
    gate = Gate(border=[[4.0], [6.0]], simulator=None if own else narrow)
    words = r"`border` at \[1\] is \[6\.\] \(level\), beyond the limits .* of 'drift' in the simulator"
    with pytest.raises(TrainingError, match=words):
        train(plain_agent(wide), narrow if own else wide, gate=gate, episodes=1)


def test_a_gate_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Gate().every = 3
