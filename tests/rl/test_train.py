"""The training loop: what a seed gives is its own, budgets hold, and nothing is lost when it ends early."""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch

from plants import PlantError, QuadraticCost, clipped_pendulum, simulate
from plants.run import Run
from rl import (
    DDPG,
    Checkpoints,
    DDPGSettings,
    Diverged,
    Interrupted,
    Refused,
    TrainingError,
    plain_actor,
    plain_critic,
    train,
)
from rl.agent import Losses

PENDULUM = clipped_pendulum()
STARTS = np.array([[0.1, 0.0], [-0.4, 0.5]])
QUICK = {"batch_size": 8, "exploration": 0.3}


def weights(networks):
    return torch.cat([p.detach().flatten() for network in networks for p in network.parameters()])


def first_start(plant, seed):
    """Return the start of a seed's first episode, by the documented way to it."""
    return plant.sample_starts(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))), 1)


class Recorder:
    """An agent that is no DDPG: it plays a constant input, keeps every batch and learns nothing."""

    def __init__(self, plant, play, **settings):
        self.actor, self.critic = plain_actor(plant, (2,)), plain_critic(plant, (2,))
        self.settings, self.discount = DDPGSettings(**{"batch_size": 4, **settings}), 0.9
        self.play, self.batches, self.seen, self.normals = play, [], [], []

    def learner(self, seeds, plant):
        learner = copy.copy(self)
        learner.actor, learner.critic = self.actor.replicate(seeds), self.critic.replicate(seeds)
        learner.weights = {"actor": list(learner.actor.parameters()), "critic": list(learner.critic.parameters())}
        return learner

    def explore(self, x, normals):
        self.seen.append(x.copy())
        self.normals.append(normals.copy())
        return np.full((len(x), 1), self.play)

    def update(self, batch):
        self.batches.append(batch)
        zero = torch.zeros(len(batch.cost), dtype=torch.float64)
        return Losses(zero, zero + 1)


class TestSeeds:
    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls):
        return DDPG(plain_actor(PENDULUM, (16, 16)), plain_critic(PENDULUM, (16, 16)), DDPGSettings(**QUICK))

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, agent):
        return train(agent, PENDULUM, episodes=2, steps=40, seeds=[7, 1, 3], test_starts=STARTS)

    def test_the_same_seed_gives_the_same_bytes(self, agent, trained):
        again = train(agent, PENDULUM, episodes=2, steps=40, seeds=[7, 1, 3], test_starts=STARTS)
        assert torch.equal(weights(again.actors), weights(trained.actors))
        assert torch.equal(weights(again.critics), weights(trained.critics))
        assert again.log.test_costs.tobytes() == trained.log.test_costs.tobytes()
        assert again.log.critic_loss.tobytes() == trained.log.critic_loss.tobytes()
        assert again.ledger.to_rows() == trained.ledger.to_rows()

    def test_another_seed_elsewhere_changes_nothing_here(self, agent, trained):
        other = train(agent, PENDULUM, episodes=2, steps=40, seeds=[7, 1, 4], test_starts=STARTS)
        for i in (0, 1):
            assert torch.equal(weights([other.actors[i]]), weights([trained.actors[i]]))
            assert (other.log.test_costs[i] == trained.log.test_costs[i]).all()
        assert not torch.equal(weights([other.actors[2]]), weights([trained.actors[2]]))

    def test_a_stack_gives_what_single_runs_give(self, agent, trained):
        for i, seed in enumerate(trained.seeds):
            alone = train(agent, PENDULUM, episodes=2, steps=40, seeds=[seed], test_starts=STARTS)
            assert torch.allclose(weights(alone.actors), weights([trained.actors[i]]), rtol=0, atol=1e-9)
            assert torch.allclose(weights(alone.critics), weights([trained.critics[i]]), rtol=0, atol=1e-9)
            assert alone.log.test_costs[0] == pytest.approx(trained.log.test_costs[i], rel=1e-6)

    @pytest.mark.slow
    def test_ten_seeds_of_64_by_64_agree_to_a_millionth_after_200_updates(self, plain_agent):
        agent = plain_agent(PENDULUM, (64, 64), exploration=0.3)
        stack = train(agent, PENDULUM, episodes=1, steps=263)
        assert (stack.ledger.updates == 200).all()
        for i, seed in enumerate(range(10)):
            alone = train(agent, PENDULUM, episodes=1, steps=263, seeds=[seed])
            assert torch.allclose(weights(alone.actors), weights([stack.actors[i]]), rtol=0, atol=1e-6)
            assert torch.allclose(weights(alone.critics), weights([stack.critics[i]]), rtol=0, atol=1e-6)

    def test_the_agent_stays_as_it_was(self, agent):
        before = weights([agent.actor, agent.critic])
        train(agent, PENDULUM, episodes=1, steps=20, seeds=[0])
        assert torch.equal(weights([agent.actor, agent.critic]), before)

    def test_testing_changes_nothing(self, agent, trained):
        untested = train(agent, PENDULUM, episodes=2, steps=40, seeds=[7, 1, 3])
        assert torch.equal(weights(untested.actors), weights(trained.actors))
        assert untested.log.test_costs.shape == (3, 3, 0)

    @pytest.mark.parametrize("count", [1, 2])
    def test_test_starts_may_lie_in_memory_as_they_like(self, agent, trained, count):
        starts = np.repeat(STARTS[:count], 2, axis=1)[:, ::2]
        again = train(agent, PENDULUM, episodes=1, steps=40, seeds=[7, 1, 3], test_starts=np.asfortranarray(starts))
        assert again.log.test_costs == pytest.approx(trained.log.test_costs[:, :2, :count])

    def test_it_touches_no_global_generator(self, agent):
        torch.manual_seed(3)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        train(agent, PENDULUM, episodes=1, steps=20, seeds=[0])
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002

    def test_learning_curves_begin_with_the_untrained_actor_and_end_with_the_trained(self, agent, trained):
        born = agent.actor.replicate(trained.seeds)
        for i in range(3):
            before = simulate(PENDULUM, born.member(i), STARTS, steps=40).total_cost
            after = simulate(PENDULUM, trained.actors[i], STARTS, steps=40).total_cost
            assert trained.log.test_costs[i, 0] == pytest.approx(before)
            assert trained.log.test_costs[i, -1] == pytest.approx(after)

    def test_trained_weights_are_where_every_member_goes_on(self, agent, trained):
        """An agent whose networks are trained starts every seed from them."""
        more = DDPG(trained.actors[0], trained.critics[0], DDPGSettings(warm_up=1000))
        unchanged = train(more, PENDULUM, episodes=1, steps=10, seeds=[5, 6])
        for actor in unchanged.actors:
            assert torch.equal(weights([actor]), weights([trained.actors[0]]))

    def test_everything_prints_in_one_line(self, trained):
        for thing in (trained, trained.log, trained.ledger):
            assert "\n" not in repr(thing)
        assert "episodes=2" in repr(trained)


class TestBudget:
    def test_runs_that_end_early_begin_anew_within_the_same_budget(self, drift):
        """At full flow the level passes 1 after one or two steps, again and again."""
        plant = drift(limit=1.0)
        agent = Recorder(plant, play=1.0)
        training = train(agent, plant, episodes=3, steps=10, seeds=[4, 5])
        assert (training.ledger.plant_steps == 10).all()
        assert (training.ledger.violations > 3).all()
        seen = np.array(agent.seen)
        assert seen.shape == (30, 2, 1)
        assert (np.abs(seen) <= 1).all()

    def test_only_unsafe_ends_are_terminations_and_transitions_never_cross_runs(self, drift):
        plant = drift(limit=1.0)
        agent = Recorder(plant, play=0.3)
        train(agent, plant, episodes=4, steps=5, seeds=[0, 1])
        batch = agent.batches[-1]
        assert batch.next_state[..., 0] == pytest.approx(1.2 * batch.state[..., 0] + 0.3)
        assert torch.equal(batch.discount, 0.9 * (batch.next_state[..., 0] <= 1).double())
        everything = torch.cat([b.discount for b in agent.batches])
        assert 0 < everything.mean() < 1

    def test_the_penalty_is_in_the_cost_of_the_step_that_became_unsafe(self, drift):
        plant = drift(limit=1.0, penalty=100.0)
        agent = Recorder(plant, play=0.3)
        train(agent, plant, episodes=2, steps=10, seeds=[0])
        batch = agent.batches[-1]
        stage = batch.state[..., 0] ** 2 + 0.1 * 0.3**2
        assert batch.cost == pytest.approx(stage + 100 * (batch.discount == 0))

    def test_a_cost_of_ones_own_takes_the_place_of_the_plants(self, drift):
        plant = drift(limit=1.0)
        agent = Recorder(plant, play=0.3)
        own = QuadraticCost(0, 2, [0], [0], violation_penalty=7)
        training = train(agent, plant, own, episodes=1, steps=10, seeds=[0], test_starts=[[0.1]])
        batch = agent.batches[-1]
        assert batch.cost == pytest.approx(2 * 0.09 + 7 * (batch.discount == 0))
        actor = simulate(plant, training.actors[0], [[0.1]], 10, own)
        assert training.log.test_costs[0, 0] == pytest.approx(actor.total_cost)

    def test_every_member_starts_where_its_seed_says(self, drift):
        plant = drift()
        agent = Recorder(plant, play=0.0)
        train(agent, plant, episodes=1, steps=3, seeds=[8, 2])
        assert agent.seen[0] == pytest.approx(np.concatenate([first_start(plant, seed) for seed in (8, 2)]))

    def test_exploration_is_standard_normal_and_each_members_own(self, drift):
        plant = drift()
        agents = Recorder(plant, play=0.0), Recorder(plant, play=0.0)
        train(agents[0], plant, episodes=4, steps=500, seeds=[8, 2])
        train(agents[1], plant, episodes=4, steps=500, seeds=[2])
        numbers = np.array(agents[0].normals)[..., 0]
        assert numbers[:, 1] == pytest.approx(np.array(agents[1].normals)[:, 0, 0])
        own = np.random.default_rng(np.random.SeedSequence(8, spawn_key=(1,)))
        assert numbers[:, 0] == pytest.approx(own.standard_normal(2000))
        assert numbers.mean(0) == pytest.approx([0, 0], abs=0.1)
        assert numbers.std(0) == pytest.approx([1, 1], abs=0.1)
        assert np.corrcoef(numbers.T)[0, 1] == pytest.approx(0, abs=0.1)

    def test_inputs_are_remembered_as_applied(self, drift):
        plant = drift()
        agent = Recorder(plant, play=3.0)
        train(agent, plant, episodes=1, seeds=[0])
        assert (agent.batches[-1].input == 1.0).all()

    def test_batches_are_drawn_as_the_seed_says(self, drift):
        plant = drift()
        agent = Recorder(plant, play=0.1, batch_size=20)
        train(agent, plant, episodes=1, seeds=[8])
        own = np.random.default_rng(np.random.SeedSequence(8, spawn_key=(2,)))
        rows = (own.random(20) * 20).astype(int)
        assert agent.batches[0].state[0] == pytest.approx(np.array(agent.seen)[rows, 0])

    @pytest.mark.parametrize(
        ("settings", "updates"),
        [
            ({"batch_size": 4}, 20 - 3),
            ({"batch_size": 4, "warm_up": 11}, 20 - 10),
            ({"batch_size": 4, "warm_up": 11, "updates_per_step": 3}, 30),
            ({"batch_size": 4, "warm_up": 21}, 0),
        ],
    )
    def test_updates_begin_after_warm_up_with_a_full_batch(self, drift, settings, updates):
        plant = drift()
        training = train(Recorder(plant, 0.0, **settings), plant, episodes=1, seeds=[0])
        assert training.ledger.updates.tolist() == [[updates]]
        assert np.isnan(training.log.critic_loss).all() == (updates == 0)

    def test_old_transitions_leave_a_small_buffer(self, drift):
        plant = drift()
        agent = Recorder(plant, play=0.1, buffer_size=4)
        train(agent, plant, episodes=1, seeds=[0])
        recent = {round(float(x), 12) for x in np.array(agent.seen)[-4:, 0, 0]}
        assert {round(float(x), 12) for x in agent.batches[-1].state.flatten()} <= recent


class TestEndings:
    def test_an_absurd_learning_rate_ends_as_diverged(self, plain_agent):
        agent = plain_agent(PENDULUM, critic_learning_rate=1e3, **QUICK)
        with pytest.raises(
            Diverged, match=r"the critic of seed \d+ diverged in episode \d+, step \d+: a weight is"
        ) as caught:
            train(agent, PENDULUM, episodes=20, seeds=[3, 4])
        assert isinstance(caught.value, ArithmeticError)
        assert caught.value.seed in (3, 4)
        assert "beyond `weight_limit` 1000" in str(caught.value)

    def test_so_does_an_absurd_rate_of_the_actor(self, plain_agent):
        with pytest.raises(Diverged, match="the actor of seed 3 diverged"):
            train(plain_agent(PENDULUM, actor_learning_rate=1e3, **QUICK), PENDULUM, episodes=20, seeds=[3])

    def test_what_was_good_is_kept(self, plain_agent):
        """The rate is such that the first episode ends well and the second does not."""
        agent = plain_agent(PENDULUM, weight_limit=2.0, critic_learning_rate=5e-2, **QUICK)
        with pytest.raises(Diverged) as caught:
            train(agent, PENDULUM, episodes=50, steps=20, seeds=[3], test_starts=STARTS)
        kept, episode = caught.value.training, caught.value.episode
        assert episode == kept.episodes > 0
        same = train(agent, PENDULUM, episodes=episode, steps=20, seeds=[3], test_starts=STARTS)
        assert torch.equal(weights(kept.actors), weights(same.actors))
        assert torch.equal(weights(kept.critics), weights(same.critics))
        assert (kept.log.test_costs == same.log.test_costs).all()
        assert kept.ledger.to_rows() == same.ledger.to_rows()

    def test_it_survives_the_way_between_processes(self, plain_agent):
        with pytest.raises(Diverged) as caught:
            train(plain_agent(PENDULUM, critic_learning_rate=1e3, **QUICK), PENDULUM, episodes=20, seeds=[3])
        back = pickle.loads(pickle.dumps(caught.value))
        assert str(back) == str(caught.value)
        assert torch.equal(weights(back.training.actors), weights(caught.value.training.actors))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    @pytest.mark.parametrize("network", ["critic", "actor"])
    def test_a_loss_that_is_no_number_ends_at_that_step(self, drift, value, network):
        class Bad(Recorder):
            def update(self, batch):
                losses = super().update(batch)
                if len(self.batches) == 27:
                    getattr(losses, network)[1] = value
                return losses

        with pytest.raises(
            Diverged, match=f"the {network} of seed 6 diverged in episode 1, step 9: its loss is"
        ) as caught:
            train(Bad(drift(), 0.0), drift(), episodes=3, seeds=[5, 6, 7])
        assert (caught.value.episode, caught.value.step, caught.value.seed) == (1, 9, 6)
        assert caught.value.training.episodes == 1

    def test_a_weight_that_is_no_number_ends_at_that_step(self, drift):
        class Bad(Recorder):
            def update(self, batch):
                if len(self.batches) == 4:
                    self.critic.net.layers[0].weight.data[1, 0, 0] = np.nan
                return super().update(batch)

        with pytest.raises(Diverged, match="the critic of seed 6 diverged in episode 0, step 7: a weight is nan"):
            train(Bad(drift(), 0.0), drift(), episodes=3, seeds=[5, 6])

    def test_an_input_that_is_no_number_never_reaches_the_plant(self, drift):
        with pytest.raises(Diverged, match="the actor of seed 5 diverged in episode 0, step 0: its input 0 is nan"):
            train(Recorder(drift(), np.nan), drift(), episodes=1, seeds=[5])

    @pytest.mark.parametrize("side", [-1, 1])
    def test_a_bounded_actor_is_refused_before_training_where_the_plant_does_not_clip(self, drift, side):
        wide = drift(input_bounds=([-1 if side > 0 else -1.5], [1.5 if side > 0 else 1]))
        agent = DDPG(plain_actor(wide, (8,)), plain_critic(wide, (8,)))
        name = "upper" if side > 0 else "lower"
        words = rf"`actor` gives flow up to its {name} bound {side * 1.5}, beyond the plant's {side * 1.0}, .* not clip"
        with pytest.raises(TrainingError, match=words):
            train(agent, drift(clips_input=False), episodes=1, seeds=[0])
        train(agent, drift(), episodes=1, seeds=[0])
        train(agent, drift(clips_input=False, input_bounds=([-2], [2])), episodes=1, seeds=[0])

    def test_an_input_refused_in_a_later_test_keeps_the_finished_episodes(self, drift, linear_actor):
        """Every update enlarges the gain of an actor without bounds: the first test passes, the last does not."""

        class Growing(Recorder):
            def update(self, batch):
                self.actor.layer.weight.data *= 1.1
                return super().update(batch)

        plant = drift(factor=0.5, clips_input=False)
        agent = Growing(plant, 0.0)
        agent.actor = linear_actor([[-0.1]])
        words = r"test after episode \d failed: `u`: .* does not clip.*keeps the networks after \d finished"
        with pytest.raises(Refused, match=words) as caught:
            train(agent, plant, episodes=9, seeds=[5], test_starts=[[0.5]])
        training = caught.value.training
        assert training.episodes == caught.value.episode > 0
        assert training.log.test_costs.shape == (1, training.episodes + 1, 1)
        assert np.isfinite(training.log.test_costs).all()
        back = pickle.loads(pickle.dumps(caught.value))
        assert str(back) == str(caught.value)

    def test_stopping_by_hand_keeps_the_finished_episodes(self, drift):
        class Stopped(Recorder):
            def update(self, batch):
                if len(self.batches) == 40:
                    raise KeyboardInterrupt
                return super().update(batch)

        with pytest.raises(Interrupted, match="stopped after 2 finished episodes") as caught:
            train(Stopped(drift(), 0.0), drift(), episodes=5, seeds=[5], test_starts=[[0.1]])
        training = caught.value.training
        assert isinstance(caught.value, KeyboardInterrupt)
        assert training.episodes == 2
        assert training.ledger.cost.shape == (1, 2)
        assert training.log.test_costs.shape == (1, 3, 1)

    @pytest.mark.parametrize(("cause", "raised"), [(KeyboardInterrupt(), Interrupted), (ValueError(), SystemError)])
    def test_stopping_by_hand_in_compiled_code(self, drift, cause, raised):
        class Stopped(Recorder):
            def update(self, batch):
                if len(self.batches) == 40:
                    raise SystemError("a CPUDispatcher returned a result with an exception set") from cause
                return super().update(batch)

        with pytest.raises(raised) as caught:
            train(Stopped(drift(), 0.0), drift(), episodes=5, seeds=[5])
        assert caught.value.training.episodes == 2

    def test_a_step_that_the_plant_refuses_keeps_what_is_done(self, drift, monkeypatch):
        move, taken = Run.move, []

        def refuse(run, given):
            taken.append(given)
            if len(taken) == 25:
                raise PlantError("the integrator gave up")
            return move(run, given)

        monkeypatch.setattr(Run, "move", refuse)
        words = "step 4 of episode 1 failed: the integrator gave up; `training` keeps the networks after 1 finished"
        with pytest.raises(Refused, match=words) as caught:
            train(Recorder(drift(), 0.0), drift(), episodes=3, seeds=[5])
        assert caught.value.training.episodes == 1
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    def test_a_full_disk_keeps_what_is_done(self, drift, plain_agent, monkeypatch, tmp_path):
        def full(*arguments):
            if arguments[2]["episodes"] == 2:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("rl.checkpoint.write_archive", full)
        agent = plain_agent(drift(), (4,))
        with pytest.raises(OSError, match="No space left") as caught:
            train(agent, drift(), episodes=3, seeds=[5], checkpoints=Checkpoints(tmp_path))
        assert caught.value.training.episodes == 2
        assert "keeps the networks after 2 finished episodes" in caught.value.__notes__[0]

    def test_progress_is_told_after_every_episode_and_may_stop(self, drift):
        told = []

        def listen(progress):
            told.append(progress)
            if progress.episode == 3:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted) as caught:
            train(Recorder(drift(), 0.0), drift(), episodes=5, seeds=[5, 6], test_starts=[[0.1]], progress=listen)
        training = caught.value.training
        assert [(p.episode, p.episodes) for p in told] == [(1, 5), (2, 5), (3, 5)]
        for i, progress in enumerate(told):
            assert (progress.costs == training.ledger.cost[:, i]).all()
            assert (progress.violations == training.ledger.violations[:, i]).all()
            assert (progress.test_costs == training.log.test_costs[:, i + 1]).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seeds": []}, r"`seeds` is empty \(0 seeds\), but at least 1"),
        ({"seeds": [1, 2, 1]}, r"`seeds` has 1 at \[0\] and again at \[2\]"),
        ({"seeds": [1, -2]}, r"`seeds` has -2 at \[1\]"),
        ({"seeds": [0.5]}, r"`seeds` has 0.5 at \[0\]"),
        ({"seeds": [True]}, r"`seeds` has True at \[0\]"),
        ({"seeds": 10}, r"`seeds` is 10.*range\(10\)"),
        ({"episodes": 0}, r"`episodes` is 0, but it must be at least 1"),
        ({"episodes": 1.5}, r"`episodes` is 1.5"),
        ({"seeds": range(10**7)}, "`seeds` has 10000000 entries, above the limit of 10000; train fewer"),
        ({"seeds": itertools.count()}, "`seeds` has more than 10000 entries, above the limit of 10000"),
        ({"seeds": None}, "`seeds` is None, but a sequence of seeds"),
        (
            {"episodes": 10**12},
            r"`episodes` = 1000000000000 of 10 seeds asks for \d+ numbers, above the limit of \d+ .*fewer",
        ),
        (
            {"steps": 10**12},
            r"`steps` = 1000000000000 of 10 seeds asks for \d+ numbers, above the limit of \d+ .*shorter",
        ),
        ({"steps": 10**7, "test_starts": [[0.1]] * 99}, "`steps` = 10000000 of 10 seeds asks for"),
        (
            {"seeds": range(9999), "episodes": 3000},
            "`buffer_size` = 60000 of 9999 seeds asks for .*fewer transitions",
        ),
        ({"steps": 0}, r"`steps` is 0, but it must be at least 1"),
        ({"test_starts": [0.1]}, r"`test_starts` has shape \(1,\), but \(K, 1\)"),
        ({"test_starts": np.empty((0, 1))}, r"`test_starts` has shape \(0, 1\)"),
        ({"test_starts": [[0.1, 0.2]]}, r"`test_starts` has shape \(1, 2\)"),
        ({"test_starts": [[np.nan]]}, r"`test_starts` is NaN at \[0, 0\]"),
    ],
)
def test_arguments_that_make_no_sense(drift, plain_agent, arguments, words):
    with pytest.raises(TrainingError, match=words):
        train(plain_agent(drift()), drift(), **arguments)


def test_what_is_too_large_is_refused_before_anything_is_made(drift, plain_agent):
    agent = plain_agent(drift(), (500, 500))
    with pytest.raises(TrainingError, match=r"an `agent` of \d+ weights, with `seeds` = 9999, asks for .* fewer seeds"):
        train(agent, drift(), seeds=range(9999), episodes=1, steps=5)


def test_numpy_seeds_are_seeds(drift, plain_agent):
    training = train(plain_agent(drift(), warm_up=10**6), drift(), episodes=1, steps=2, seeds=np.array([4, 2]))
    assert training.seeds == (4, 2)
    assert all(type(seed) is int for seed in training.seeds)


def test_a_plant_of_other_sizes(drift, plain_agent):
    with pytest.raises(TrainingError, match=r"`agent` is built for 1 states, but `plant` has 2 \(angle, rate\)"):
        train(plain_agent(drift()), PENDULUM)


@pytest.mark.parametrize("weight", [2e3, np.nan])
def test_weights_that_are_beyond_the_limit_from_the_start(plain_agent, weight):
    agent = plain_agent(PENDULUM)
    agent.critic.net.layers[0].weight.data[0, 0, 0] = weight
    with pytest.raises(TrainingError, match=f"`critic` starts with a weight of {weight:g}, beyond `weight_limit` 1000"):
        train(agent, PENDULUM)


def test_agents_and_settings_may_be_replaced(plain_agent):
    agent = plain_agent(PENDULUM)
    changed = dataclasses.replace(agent, settings=dataclasses.replace(agent.settings, polyak=0.1))
    assert changed.settings.polyak == 0.1
