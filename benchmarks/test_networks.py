"""Actors of laws of 9, 113 and 1,801 regions, evaluated and trained, beside the five dense layers and a perceptron.

Run alone: python -m pytest benchmarks/test_networks.py
One thread, processor time. Rounds take turns, so that noise of the machine hits all sides; the tables have medians over
the rounds. In the best round, since other work only ever slows one down, an actor of 1,801 regions must take a replay
batch of 256 forward and backward in 5 ms, and evaluate 1,024 states a hundred times faster than the dense form does.
"""

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.masses import masses_law
from mpc import MultiparametricQP, solve_explicit
from yann import Continuous, PerMove, PerRegion, Shared, TrainableLaw, YannActor, compile_law
from yann.stacked import StackedMLP

BATCHES, REPLAY, ROUNDS = (1, 256, 1024), 256, 50
WANTED, TIMES = 5e-3, 100
STORED = Path(__file__).parents[1] / "tests" / "data" / "mpqp"
FORMS = (PerRegion(), PerMove(), Shared(), TrainableLaw(), Continuous(PerRegion()))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def integrator(name):
    """The first move of a stored double integrator, within +-1."""
    with np.load(STORED / f"{name}.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
    law = solve_explicit(MultiparametricQP(*arrays))
    regions = tuple(replace(region, gain=region.gain[:1], offset=region.offset[:1]) for region in law.regions)
    return replace(law, regions=regions, input_bounds=([-1.0], [1.0]), problem=None)


def masses():
    """The law of two masses on springs, 1,801 regions."""
    return masses_law()


@pytest.fixture(scope="module")
def laws():
    return [integrator("dint_N2"), integrator("dint_N10"), masses()]


@pytest.fixture(scope="module")
def largest(laws):
    return laws[-1]


def states(law, count):
    """States of the domain, (1, count, t)."""
    drawn = law.centre + law.half_width * np.random.default_rng(0).uniform(-1, 1, (200 * count, law.t))
    return torch.tensor(drawn[np.asarray(law.locate(drawn).margin) >= 0][:count])[None]


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def timed(sides, rounds=ROUNDS):
    """Seconds of every round of each side, in turns, after one that does not count."""
    for work in sides.values():
        work()
    taken = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            taken[name].append(seconds(work))
    return taken


def show(capsys, head, rows):
    with capsys.disabled():
        sys.stdout.write("\n" + head + "\n" + "\n".join(rows) + "\n")


def row(name, taken, scale):
    return f"{name:<60} {scale * statistics.median(taken):>10.2f} (best {scale * min(taken):.2f})"


@torch.no_grad()
def test_evaluation(laws, capsys):
    rows = []
    for law in laws:
        actor, wide = YannActor.from_law(law), StackedMLP((law.t, 256, 256, law.m), torch.relu)
        for batch in BATCHES:
            at = states(law, batch)
            sides = {
                "locate": lambda actor=actor, at=at: actor.selector(at),
                "actor": lambda actor=actor, at=at: actor.rows(at),
                "perceptron 256 x 256": lambda wide=wide, at=at: wide(at),
            }
            taken = timed(sides)
            rows += [row(f"{len(law.regions)} regions, {batch} states, {n}", t, 1e6 / batch) for n, t in taken.items()]
    show(capsys, "microseconds per state", rows)


@torch.no_grad()
def test_the_dense_form_is_a_hundred_times_slower(largest, capsys):
    actor, dense, at = YannActor.from_law(largest), compile_law(largest), states(largest, 1024)
    difference = (actor.rows(at) - dense.rows(at)).abs().max()
    fast, slow = timed({"": lambda: actor.rows(at)})[""], timed({"": lambda: dense.rows(at)}, rounds=2)[""]
    rows = [row("actor", fast, 1e3), row("five dense layers", slow, 1e3)]
    show(capsys, f"milliseconds for 1,024 states, {dense.weights[0]:,} dense weights", rows)
    assert difference <= 1e-12
    assert min(slow) >= TIMES * min(fast)


def test_a_replay_batch_forward_and_backward(largest, capsys):
    at = states(largest, REPLAY)
    sides = {}
    for form in FORMS:
        actor = YannActor.from_law(largest, residual=form)
        weights = list(actor.parameters())
        adam = torch.optim.Adam(weights, fused=True)

        def learn(actor=actor, adam=adam):
            adam.zero_grad()
            actor.rows(at).square().sum().backward()

        sides[f"{form}, {actor.trainable:,} weights"] = learn
        sides[f"{form}, step of Adam"] = adam.step
    taken = timed(sides)
    show(capsys, f"milliseconds, {REPLAY} states", [row(name, t, 1e3) for name, t in taken.items()])
    assert min(next(iter(taken.values()))) <= WANTED
