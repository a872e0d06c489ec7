"""Checkpoints: a training that was killed, stopped or prolonged gives what one in a single piece gives, bit for bit."""

import dataclasses
import multiprocessing
import os
import signal
import time
import warnings
from pathlib import Path

import casadi as ca
import numpy as np
import pytest
import torch

from plants import QuadraticCost, Scenario, Shifted, White, clipped_pendulum
from rl import (
    DDPG,
    TD3,
    CheckpointError,
    Checkpoints,
    DDPGSettings,
    Diverged,
    Gate,
    Interrupted,
    TD3Settings,
    TrainingError,
    plain_actor,
    plain_critic,
    train,
)
from rl.core import core_of

pytestmark = pytest.mark.slow

STATEMENT = """
import dataclasses, os, signal
from pathlib import Path
import torch
from plants import Delayed, Misread, RateLimited, Scenario, Shifted, Drift, White, clipped_pendulum
from rl import (DDPG, DSACT, SAC, SVG, TD3, Checkpoints, DDPGSettings, DSACTSettings, Gate, SACSettings, SVGSettings,
                TD3Settings, plain_actor, plain_critic, train)

torch.set_num_threads(1)
PLANT = clipped_pendulum()
WORLD = Scenario(
    plant=PLANT,
    disturbances=[Shifted("torque", Drift(.1, 50)), Misread("rate", White(.01)), RateLimited("torque", .5),
                  Delayed("torque", 2)],
)

class Ball:
    "A core for tests: nothing is learned near rest, and what follows costs a hundred times the squared distance."

    def contains(self, x):
        return (x**2).sum(-1) < .04

    def value(self, x):
        return 100 * (x**2).sum(-1)

def agent(make, settings, core=None, **changes):
    actor, critic = plain_actor(PLANT, (8, 8)), plain_critic(PLANT, (8, 8))
    if core is not None:
        actor.core = core
    return make(actor, critic, settings(**{"batch_size": 8, "exploration": .3, **changes}))

CASES = {
    "ddpg": (agent(DDPG, DDPGSettings), PLANT),
    "ddpg in a disturbed world, returns of 3 steps, a full memory": (
        agent(DDPG, DDPGSettings, return_steps=3, buffer_size=50), WORLD),
    "td3 after a prefill": (agent(TD3, TD3Settings, prefill=2, critic_first=30), PLANT),
    "sac": (agent(SAC, SACSettings), PLANT),
    "dsac-t in a disturbed world": (agent(DSACT, DSACTSettings, return_steps=2), WORLD),
    "svg about a core": (agent(SVG, SVGSettings, core=Ball(), horizon=2, steps_per_update=3), PLANT),
    "td3 about a core, behind a gate": (agent(TD3, TD3Settings, core=Ball(), return_steps=4), PLANT),
}
GATE = Gate(every=2, count=20, border=[[.2, 0]], border_count=5, restore=True)
EPISODES = 6

def run(name, folder=None, episodes=EPISODES, every=1, **others):
    who, world = CASES[name]
    where = None if folder is None else Checkpoints(folder, every)
    others = {"gate": GATE, **others} if "gate" in name else others
    return train(who, world, episodes=episodes, seeds=[7, 3], steps=20, test_starts=[[.1, 0], [-.4, .5]],
                 checkpoints=where, **others)
"""
STATED = {}
exec(STATEMENT, STATED)  # noqa: S102
CASES, EPISODES, run = STATED["CASES"], STATED["EPISODES"], STATED["run"]
FIRST = next(iter(CASES))
PENDULUM = clipped_pendulum()


def bits(training):
    """Return all that a training hands back, number by number."""
    networks = {"actors": training.actors, "last": training.last_actors, "critics": training.critics}
    tables = [training.log, training.ledger]
    arrays = {f.name: getattr(t, f.name) for t in tables for f in dataclasses.fields(t)}
    told = {name: array.tobytes() for name, array in arrays.items() if isinstance(array, np.ndarray)}
    told |= {f"others.{name}": array.tobytes() for name, array in training.log.others.items()}
    for kind, some in networks.items():
        for i, network in enumerate(some):
            told |= {f"{kind}[{i}].{name}": w.detach().numpy().tobytes() for name, w in network.named_parameters()}
    rows = [decision.row() for decision in training.decisions]
    return {**told, "episodes": training.episodes, "discount": training.discount, "decisions": rows}


def episodes_in(folder):
    return sorted(int(path.stem.removeprefix("episode-")) for path in Path(folder).glob("episode-*.npz"))


@pytest.fixture(scope="module")
def in_one_piece():
    """Return the bits of the training of a name that nothing ever stopped."""
    known = {}

    def ask(name):
        if name not in known:
            known[name] = bits(run(name))
        return known[name]

    return ask


@pytest.fixture(scope="module")
def processes():
    """Return a maker of real processes that run a text; they begin at once, as all is loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rl", "plants"])

    def start(text):
        process = context.Process(target=exec, args=(STATEMENT + text, {}))
        process.start()
        return process

    warm = start("")
    warm.join(60)
    assert warm.exitcode == 0
    return start


class TestKilled:
    @pytest.mark.parametrize("name", CASES)
    def test_at_random_moments(self, processes, in_one_piece, tmp_path, name):
        """Each life is cut at a moment that nothing chose; what is written at the end is what one life writes."""
        chance, kills, late = np.random.default_rng(time.time_ns()), 0, 0.4
        while kills < 5:
            process = processes(f"run({name!r}, {str(tmp_path)!r})")
            process.join(late * chance.random())
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            kills += 1
            late += 0.1
        assert bits(run(name, tmp_path)) == in_one_piece(name)
        assert episodes_in(tmp_path) == [EPISODES - 1, EPISODES]
        assert not list(tmp_path.glob(".*.part"))

    @pytest.mark.parametrize("moment", ["os.fsync", "Path.replace", "Path.unlink"])
    def test_in_the_middle_of_writing(self, processes, in_one_piece, tmp_path, moment):
        """Before a file is whole, before it takes its place, and before the oldest goes."""
        text = f"""
run({FIRST!r}, {str(tmp_path)!r}, episodes=3)
{moment} = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
run({FIRST!r}, {str(tmp_path)!r})
"""
        process = processes(text)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert episodes_in(tmp_path) == ([2, 3, 4] if moment == "Path.unlink" else [2, 3])
        assert bits(run(FIRST, tmp_path)) == in_one_piece(FIRST)
        assert episodes_in(tmp_path) == [EPISODES - 1, EPISODES]
        assert not list(tmp_path.glob(".*.part"))

    def test_the_lock_is_free_after_a_kill_and_held_before(self, processes, tmp_path):
        text = f"run({FIRST!r}, {str(tmp_path)!r}, progress=lambda told: signal.pause())"
        process = processes(text)
        while not episodes_in(tmp_path):
            time.sleep(0.01)
        words = rf"{tmp_path} is in use by process {process.pid} on .*; wait for it, stop it, or pass another folder"
        with pytest.raises(CheckpointError, match=words):
            run(FIRST, tmp_path)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert run(FIRST, tmp_path, episodes=2).episodes == 2


class TestStopped:
    def test_a_folder_in_use_by_this_very_process_is_refused(self, tmp_path):
        def again(told):
            with pytest.raises(CheckpointError, match=f"is in use by process {os.getpid()} on"):
                run(FIRST, tmp_path)

        assert run(FIRST, tmp_path, episodes=1, progress=again).episodes == 1

    @pytest.mark.parametrize("name", CASES)
    def test_prolonging_gives_what_a_longer_training_gives(self, in_one_piece, tmp_path, name):
        """Tables and memory of the short one are smaller: what was planned is no part of what is kept."""
        run(name, tmp_path, episodes=2)
        run(name, tmp_path, episodes=4)
        assert bits(run(name, tmp_path)) == in_one_piece(name)

    def test_by_hand_in_an_episode_and_between_two(self, in_one_piece, tmp_path):
        def stop(told):
            if told.episode == 3:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted) as caught:
            run(FIRST, tmp_path, progress=stop)
        assert caught.value.training.episodes == 3
        told = []
        assert bits(run(FIRST, tmp_path, progress=told.append)) == in_one_piece(FIRST)
        assert [(p.episode, p.resumed) for p in told] == [(i, 3) for i in range(4, EPISODES + 1)]

    @pytest.mark.parametrize("name", [FIRST, "td3 about a core, behind a gate"])
    def test_a_finished_training_is_only_read(self, in_one_piece, tmp_path, name):
        """Behind a gate the actors as trained, those accepted and those that training goes on from all differ."""
        run(name, tmp_path)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("episode-*")}
        told = []
        assert bits(run(name, tmp_path, progress=told.append)) == in_one_piece(name)
        assert not told
        assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("episode-*")} == before

    def test_every_fourth_episode_and_the_last(self, in_one_piece, tmp_path):
        written = []
        training = run(FIRST, tmp_path, every=4, progress=lambda told: written.append(episodes_in(tmp_path)))
        assert written == [[], [], [], [4], [4], [4, 6]]
        assert bits(training) == in_one_piece(FIRST)

    def test_checkpoints_change_nothing(self, in_one_piece, tmp_path):
        assert bits(run(FIRST, tmp_path)) == in_one_piece(FIRST)

    def test_other_files_in_the_folder_stay(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "episode-1.npz").write_text("not of this form")
        run(FIRST, tmp_path, episodes=4)
        assert (tmp_path / "notes.txt").read_text() == "mine"
        assert (tmp_path / "episode-1.npz").exists()


class TestDivergence:
    def agent(self):
        """The first episodes end well, a later one does not."""
        settings = DDPGSettings(weight_limit=2.0, critic_learning_rate=5e-2, batch_size=8, exploration=0.3)
        return DDPG(plain_actor(PENDULUM, (16, 16)), plain_critic(PENDULUM, (16, 16)), settings)

    def test_the_last_good_state_stays_and_the_same_call_diverges_alike(self, tmp_path):
        told = []
        for _ in range(2):
            with pytest.raises(Diverged) as caught:
                train(self.agent(), PENDULUM, episodes=50, steps=20, seeds=[3], checkpoints=Checkpoints(tmp_path))
            told.append(caught.value)
        first, second = told
        assert str(first) == str(second)
        assert (first.episode, first.step, first.seed) == (second.episode, second.step, second.seed)
        assert first.episode == episodes_in(tmp_path)[-1] > 0
        assert bits(first.training) == bits(second.training)
        assert "keeps the networks after" in str(second)


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "flipped": flipped, "empty": b"", "noise": os.urandom(500)}[how])


class TestDamage:
    @pytest.mark.parametrize("how", ["cut", "flipped", "empty", "noise"])
    def test_a_damaged_newest_gives_way_to_the_one_before(self, in_one_piece, tmp_path, how):
        run(FIRST, tmp_path, episodes=4)
        damage(tmp_path / "episode-000004.npz", how)
        with pytest.warns(RuntimeWarning, match=r"the training goes on from episode 3: .*episode-000004.npz"):
            training = run(FIRST, tmp_path)
        assert bits(training) == in_one_piece(FIRST)

    def test_a_damaged_file_never_drives_out_a_whole_one(self, tmp_path):
        run(FIRST, tmp_path, episodes=4)
        damage(tmp_path / "episode-000004.npz", "cut")
        written = []
        with pytest.warns(RuntimeWarning):
            run(FIRST, tmp_path, every=2, episodes=7, progress=lambda told: written.append(episodes_in(tmp_path)))
        assert written == [[3, 4], [3, 4], [4, 6], [6, 7]]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(FIRST, tmp_path, episodes=7)

    def test_two_damaged_ones_are_refused_with_the_mend(self, tmp_path):
        run(FIRST, tmp_path, episodes=4)
        for path in tmp_path.glob("episode-*.npz"):
            damage(path, "cut")
        words = (
            rf"no checkpoint in {tmp_path} can be read: .*episode-000004.npz is truncated.*episode-000003.npz is "
            r"truncated.*; restore one from a copy, or move the folder away to begin anew"
        )
        with pytest.raises(CheckpointError, match=words):
            run(FIRST, tmp_path)
        assert episodes_in(tmp_path) == [3, 4]

    def test_a_file_of_something_else_is_damage(self, tmp_path):
        from mpc.explicit.storage import write_archive  # noqa: PLC0415

        write_archive(tmp_path / "episode-000002.npz", "law", {}, {})
        with pytest.raises(CheckpointError, match="holds a 'law', but a 'training' was expected"):
            run(FIRST, tmp_path)
        write_archive(tmp_path / "episode-000002.npz", "training", {"version": 99}, {})
        with pytest.raises(CheckpointError, match="has version 99, but this release reads 1"):
            run(FIRST, tmp_path)


def changed(**settings):
    agent = CASES[FIRST][0]
    return dataclasses.replace(agent, settings=dataclasses.replace(agent.settings, **settings))


def retrained():
    agent = CASES[FIRST][0]
    critic = plain_critic(PENDULUM, (8, 8))
    critic.net.layers[0].weight.data[0, 0, 0] += 0.01
    return DDPG(agent.actor, critic, agent.settings)


def wider():
    agent = CASES[FIRST][0]
    return DDPG(plain_actor(PENDULUM, (8, 9)), agent.critic, agent.settings)


def twin():
    agent = CASES[FIRST][0]
    return TD3(agent.actor, agent.critic, TD3Settings(batch_size=8, exploration=0.3))


def heavier(x, u):
    return [x[1], 15.01 * ca.sin(x[0]) + 3 * u[0]]


class Nowhere(type(core_of(None))):
    """A core of another kind."""


def cored():
    agent = CASES[FIRST][0]
    actor = plain_actor(PENDULUM, (8, 8))
    actor.core = Nowhere()
    return DDPG(actor, agent.critic, agent.settings)


class Strange(QuadraticCost):
    """The pendulum's own cost, and a little more."""

    def stage_rows(self, x, u):
        return super().stage_rows(x, u) + 1e-4


def strange_cost():
    own = PENDULUM.cost
    return Strange(own.state_weight, own.input_weight, own.state_target, own.input_target, own.violation_penalty)


def costlier():
    return dataclasses.replace(PENDULUM.cost, violation_penalty=PENDULUM.cost.violation_penalty + 1)


WORLD = Scenario(plant=PENDULUM, disturbances=[Shifted("torque", White(0.1))])


class TestAnotherTraining:
    @pytest.mark.parametrize(
        ("others", "words"),
        [
            ({"seeds": [7, 4]}, r"`seeds` is \(7, 4\), but \(7, 3\) in the training that .* keeps; pass the"),
            ({"steps": 21}, "`steps` is 21, but 20 in"),
            ({"test_starts": None}, r"`test_starts` is of shape \(0, 2\), but of shape \(2, 2\) in"),
            ({"test_starts": [[0.1, 0.0], [-0.4, 0.51]]}, "`test_starts` is 0.51, but 0.5 in"),
            ({"agent": changed(batch_size=9)}, "`agent.settings.batch_size` is 9, but 8 in"),
            ({"agent": changed(polyak=0.01)}, "`agent.settings.polyak` is 0.01, but 0.005 in"),
            ({"agent": changed(discount=0.9)}, "`agent.settings.discount` is 0.9, but None in"),
            ({"agent": retrained()}, r"`agent.critic.net.layers.0.weight \(shape, norm, projection\)` is \d.*, but \d"),
            ({"agent": wider()}, r"`agent.actor.net.layers.1.weight \(shape.* is 9.0, but 8.0 in"),
            ({"agent": twin()}, "`agent` is TD3, but DDPG in"),
            ({"plant": WORLD}, r"`plant.disturbances` is \(Shifted\(.*, but \(\) in"),
            ({"plant": dataclasses.replace(PENDULUM, episode_steps=41)}, None),
            (
                {"plant": dataclasses.replace(PENDULUM, derivative=heavier)},
                r"`plant \(states of its first runs\)` is",
            ),
            ({"gate": Gate(every=2)}, "`gate` is Gate, but None in"),
            ({"agent": cored()}, "`core` is Nowhere, but NoCore in"),
            ({"cost": costlier()}, "`cost.violation_penalty` is .*, but .* in"),
            ({"cost": strange_cost()}, r"`cost \(of the first runs\)` is .*, but .* in"),
        ],
    )
    def test_is_refused_with_what_differs(self, kept, others, words):
        given = {"agent": CASES[FIRST][0], "plant": PENDULUM, "seeds": [7, 3], "steps": 20, "episodes": 3}
        given |= {"test_starts": [[0.1, 0], [-0.4, 0.5]], "checkpoints": Checkpoints(kept)}
        if words is None:
            assert train(**{**given, **others}).episodes == 3
            return
        before = {path.name: path.read_bytes() for path in kept.glob("episode-*")}
        with pytest.raises(TrainingError, match=words):
            train(**{**given, **others})
        assert {path.name: path.read_bytes() for path in kept.glob("episode-*")} == before

    @pytest.fixture(scope="class")
    @classmethod
    def kept(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("kept")
        run(FIRST, folder, episodes=3)
        return folder

    def test_another_simulator_of_the_gate(self, tmp_path):
        """Two plants of one name are told apart by what they do."""
        run(FIRST, tmp_path, episodes=1, gate=Gate(simulator=PENDULUM, count=2, border_count=2))
        heavy = Gate(simulator=dataclasses.replace(PENDULUM, derivative=heavier), count=2, border_count=2)
        with pytest.raises(TrainingError, match=r"`gate.simulator: plant \(states of its first runs\)` is"):
            run(FIRST, tmp_path, episodes=2, gate=heavy)

    def test_fewer_episodes_than_are_done(self, kept):
        words = r"`episodes` is 2, but .* keeps a training of 3 finished episodes; ask for as many or more, or pass"
        with pytest.raises(TrainingError, match=words):
            run(FIRST, kept, episodes=2)


class TestFolder:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((3,), "`folder` of Checkpoints is 3; pass the path of a folder"),
            ((b"here",), "`folder` of Checkpoints is b'here'"),
            (("here", 0), "`every` is 0, but it must be at least 1"),
            (("here", 1.5), "`every` is 1.5"),
        ],
    )
    def test_arguments_that_make_no_sense(self, arguments, words):
        with pytest.raises(TrainingError, match=words):
            Checkpoints(*arguments)

    def test_it_is_made_with_its_parents(self, tmp_path):
        run(FIRST, tmp_path / "a" / "b", episodes=1)
        assert episodes_in(tmp_path / "a" / "b") == [1]

    @pytest.mark.parametrize("inner", ["", "b"])
    def test_a_file_is_no_folder(self, tmp_path, inner):
        (tmp_path / "a").write_text("")
        with pytest.raises(CheckpointError, match=r"`folder` of Checkpoints, .*, is a file; pass the path of a folder"):
            run(FIRST, tmp_path / "a" / inner, episodes=1)

    def test_what_is_no_checkpoints(self):
        agent, plant = CASES[FIRST]
        words = r"`checkpoints` is a str, but a Checkpoints is needed; pass Checkpoints\(folder\), or None"
        with pytest.raises(TrainingError, match=words):
            train(agent, plant, episodes=1, checkpoints="here")

    def test_a_memory_beyond_what_a_file_holds_is_refused_at_once(self, tmp_path, monkeypatch):
        monkeypatch.setattr("rl.checkpoint.LARGEST", 2 * 8 * 2 * 20 * 7 - 2)
        words = r"`buffer_size` = 20 of 2 seeds makes checkpoints of 2,240 bytes and more, above the limit of 2,239"
        with pytest.raises(TrainingError, match=words):
            run(FIRST, tmp_path, episodes=1)
        assert run(FIRST, None, episodes=1).episodes == 1


def test_global_settings_of_torch_are_left_alone(tmp_path):
    before = torch.get_rng_state()
    run(FIRST, tmp_path, episodes=1)
    run(FIRST, tmp_path, episodes=2)
    assert torch.equal(torch.get_rng_state(), before)
