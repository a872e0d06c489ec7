"""Callbacks hear everything, once and in order, and change nothing."""

import numpy as np
import pytest
import torch

from rl import Callback, Gate, Interrupted, TrainingError, train
from rl.callbacks import Announcer


class Everything(Callback):
    """Keeps every event by name, and spoils the arrays that it is given."""

    def __init__(self):
        self.heard = []

    def _keep(self, name, event):
        self.heard.append((name, event))

    def events(self, name):
        return [event for heard, event in self.heard if heard == name]

    def on_step(self, event):
        self._keep("step", (event.episode, event.step, event.cost.copy()))
        for array in (event.state, event.wanted, event.applied, event.after, event.cost):
            array[:] = 1e6

    def on_episode(self, event):
        self._keep("episode", event)

    def on_update(self, event):
        self._keep("update", (event.episode, event.losses["critic"].copy()))
        for losses in event.losses.values():
            losses[:] = 1e6

    def on_evaluation(self, event):
        self._keep("evaluation", (event.episode, event.costs.copy(), event.unsafe.copy()))
        event.costs[:] = -1
        event.unsafe[:] = True

    def on_violation(self, event):
        self._keep("violation", event)
        event.after[:] = 0

    def on_rollback(self, event):
        self._keep("rollback", event)


@pytest.fixture
def run(drift, plain_agent):
    """Return a maker of trainings in which every run becomes unsafe."""
    plant = drift(factor=3.0, limit=1.0)

    def make(**arguments):
        agent = plain_agent(plant, batch_size=4)
        starts = [[0.1], [0.4], [-0.3]]
        return train(agent, plant, episodes=3, seeds=(5, 2), steps=12, test_starts=starts, **arguments)

    return make


def weights(training):
    return torch.cat([p.detach().flatten() for actor in training.actors for p in actor.parameters()])


def test_all_is_heard_once_and_in_order(run):
    ears = Everything()
    training = run(callbacks=[ears], gate=Gate(every=2, count=20))
    ledger, log = training.ledger, training.log
    names = [name for name, _ in ears.heard]
    steps = ears.events("step")
    assert [(episode, step) for episode, step, _ in steps] == [(e, s) for e in range(3) for s in range(12)]
    assert np.sum([cost for *_, cost in steps], axis=0) == pytest.approx(ledger.cost.sum(1))
    assert len(ears.events("update")) == ledger.updates.sum() // 2 > 0
    assert [event.episode for event in ears.events("episode")] == [1, 2, 3]
    tests = ears.events("evaluation")
    assert [episode for episode, *_ in tests] == [0, 1, 2, 3]
    assert (np.stack([costs for _, costs, _ in tests], axis=1) == log.test_costs).all()
    assert (np.stack([unsafe for *_, unsafe in tests], axis=1) == log.test_unsafe).all()
    for i, seed in enumerate(training.seeds):
        own = [event for event in ears.events("violation") if event.seed == seed]
        assert len(own) == ledger.violations[i].sum() > 0
        assert min(event.step for event in own if event.episode == 1) == ledger.first_violation[i, 1]
    assert [e.decision for e in ears.events("rollback")] == [d for d in training.decisions if not d.accepted]
    last = names[len(names) - 1 - names[::-1].index("step") :]
    assert last[-1] == "episode"
    assert last.index("evaluation") < last.index("episode")


def test_losses_are_those_of_the_log(run):
    ears = Everything()
    training = run(callbacks=[ears])
    seen = [losses for episode, losses in ears.events("update") if episode == 2]
    assert np.mean(seen, axis=0) == pytest.approx(training.log.critic_loss[:, 2])


def test_listening_changes_nothing(run):
    told, quiet = run(callbacks=[Everything(), Everything()]), run()
    assert torch.equal(weights(told), weights(quiet))
    assert told.ledger.to_rows() == quiet.ledger.to_rows()
    assert (told.log.test_costs == quiet.log.test_costs).all()


def test_nobody_is_told_of_what_nobody_overrides():
    class OnlySteps(Callback):
        def on_step(self, event):
            pass

    ears = OnlySteps()
    told = Announcer([Callback(), ears])
    assert told.step == (ears.on_step,)
    assert told.episode == told.update == told.evaluation == told.violation == told.rollback == ()


@pytest.mark.parametrize("name", ["on_step", "on_update", "on_violation", "on_evaluation", "on_episode"])
def test_a_callback_may_stop_training(run, name):
    def stop(self, event):
        if event.episode == 1:
            raise KeyboardInterrupt

    ears = type("Stop", (Callback,), {name: stop})()
    with pytest.raises(Interrupted) as caught:
        run(callbacks=[ears])
    assert caught.value.training.episodes == 1


def test_what_a_callback_raises_passes(run):
    def fail(self, event):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full") as caught:
        run(callbacks=[type("Fail", (Callback,), {"on_update": fail})()])
    assert caught.value.training.episodes == 0


@pytest.mark.parametrize(
    ("callbacks", "words"),
    [
        (Callback(), "`callbacks` is a Callback, but a Sequence is needed; pass a list"),
        ([print], r"`callbacks\[0\]` is a builtin_function_or_method, but a Callback is needed; pass an object"),
        ([Callback(), Callback], r"`callbacks\[1\]` is a type, but a Callback"),
    ],
)
def test_what_is_no_callback(run, callbacks, words):
    with pytest.raises(TrainingError, match=words):
        run(callbacks=callbacks)
