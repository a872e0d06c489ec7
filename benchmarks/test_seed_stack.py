"""Ten seeds as one stack against ten single runs: the same training, side by side.

Run by `make bench`, or alone: python -m pytest benchmarks/test_seed_stack.py
Both sides are `rl.train` with plain 64-64 networks and batches of 64 on the clipped pendulum, plant steps,
replay and exploration included, all after warm-up. Rounds take turns, so that noise of the machine hits both;
figures are medians over the rounds.
"""

import os
import statistics
import sys
import time

import pytest
import torch

from plants import clipped_pendulum
from rl import DDPG, DDPGSettings, plain_actor, plain_critic, train

SEEDS, UPDATES, ROUNDS = 10, 150, 5


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def seconds(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


@pytest.mark.parametrize("count", sorted({1, os.cpu_count() or 1}))
def test_a_stack_of_ten_against_ten_single_runs(count, threads, capsys):
    threads(count)
    plant = clipped_pendulum()
    agent = DDPG(plain_actor(plant), plain_critic(plant), DDPGSettings(exploration=0.3))

    def stack():
        train(agent, plant, episodes=1, steps=UPDATES + 63, seeds=range(SEEDS))

    def singles():
        for seed in range(SEEDS):
            train(agent, plant, episodes=1, steps=UPDATES + 63, seeds=[seed])

    stack()
    rounds = [(seconds(stack), seconds(singles)) for _ in range(ROUNDS)]
    lines = [f"\n{SEEDS} seeds, 64-64, batch 64, {UPDATES} updates, {count} torch thread(s), medians of {ROUNDS}:"]
    for name, which in (("wall", 0), ("CPU", 1)):
        stacked, single = (1e3 / UPDATES * statistics.median(pair[side][which] for pair in rounds) for side in (0, 1))
        ratio = statistics.median(pair[1][which] / pair[0][which] for pair in rounds)
        lines.append(
            f"  {name:4} ms per update of all: stack {stacked:6.2f}, single runs {single:6.2f}; ratio {ratio:.1f}"
        )
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
