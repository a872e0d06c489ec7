"""python -m benchmarks.learners: agent-steps per second of our learners, ten seeds as one, and of Stable-Baselines3.

An agent-step is one plant step of one seed, its update included: 64-64 networks, batches of 64, one update a step, on
Gymnasium's pendulum. Ours trains ten seeds at once in float64; Stable-Baselines3 trains one agent in float32, so ten
seeds take it ten times as long. One thread, seconds of the processor, networks already made and updates under way; the
figure is the best of some rounds that take turns, since other work on the machine only ever slows one down. DSAC-T has
no peer there.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import stable_baselines3
import torch
from rich.console import Console
from stable_baselines3.common.noise import NormalActionNoise

from benchmarks.solver.machine import processor
from benchmarks.solver.table import markdown
from plants import clipped_pendulum
from rl import (
    DDPG,
    DSACT,
    SAC,
    TD3,
    DDPGSettings,
    DSACTSettings,
    SACSettings,
    TD3Settings,
    plain_actor,
    plain_critic,
    train,
)

WANTED = 5.0
SEEDS, HIDDEN, BATCH, NOISE = 10, (64, 64), 64, 0.1
OURS = {
    "DDPG": (DDPG, DDPGSettings),
    "TD3": (TD3, TD3Settings),
    "SAC": (SAC, SACSettings),
    "DSAC-T": (DSACT, DSACTSettings),
}
PEERS = {name: getattr(stable_baselines3, name) for name in ("DDPG", "TD3", "SAC")}
HEAD = ("algorithm", "ours, 10 seeds", "Stable-Baselines3, 1 agent", "ratio")


@dataclass(frozen=True)
class Speed:
    """Agent-steps per second of processor time; `peer` is None where Stable-Baselines3 has no such algorithm."""

    ours: float
    peer: float | None

    @property
    def ratio(self) -> float | None:
        return None if self.peer is None else self.ours / self.peer


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def our_speed(name: str, steps: int) -> float:
    """What `steps` further steps of ten seeds take, from the difference of a longer and a shorter training."""
    plant = clipped_pendulum()
    algorithm, settings = OURS[name]
    networks = plain_actor(plant, HIDDEN), plain_critic(plant, HIDDEN)
    agent = algorithm(*networks, settings(exploration=NOISE, batch_size=BATCH, discount=0.99))

    def run(length: int) -> float:
        return seconds(lambda: train(agent, plant, episodes=1, steps=length, seeds=range(SEEDS)))

    return SEEDS * steps / (run(BATCH + steps) - run(BATCH))


def peer_speed(name: str, steps: int) -> float:
    """The same of one agent, which has learned for a while before."""
    noise = None if name == "SAC" else NormalActionNoise([0.0], [NOISE])
    model = PEERS[name](
        "MlpPolicy",
        "Pendulum-v1",
        policy_kwargs={"net_arch": list(HIDDEN)},
        batch_size=BATCH,
        train_freq=1,
        gradient_steps=1,
        learning_starts=BATCH,
        action_noise=noise,
        seed=0,
        device="cpu",
    )
    model.learn(2 * BATCH)
    return steps / seconds(lambda: model.learn(steps, reset_num_timesteps=False))


def measured(steps: int = 300, rounds: int = 3) -> dict[str, Speed]:
    torch.set_num_threads(1)
    best = dict.fromkeys(OURS, (0.0, 0.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(rounds):
            for name, (ours, peer) in best.items():
                peers = peer_speed(name, steps) if name in PEERS else 0.0
                best[name] = max(ours, our_speed(name, steps)), max(peer, peers)
    return {name: Speed(ours, peer or None) for name, (ours, peer) in best.items()}


def table(found: dict[str, Speed]) -> str:
    lines = []
    for name, speed in found.items():
        peer = ("-", "-") if speed.peer is None else (f"{speed.peer:,.0f}", f"{speed.ratio:.1f}")
        lines.append([name, f"{speed.ours:,.0f}", *peer])
    return markdown(HEAD, lines)


def missed(found: dict[str, Speed]) -> list[str]:
    """The algorithms below the bar."""
    return [name for name, speed in found.items() if speed.ratio is not None and speed.ratio < WANTED]


def main() -> None:
    found = measured()
    console = Console()
    console.print(f"agent-steps per second of {processor()}, one thread; bar: {WANTED:g} times the peer")
    console.print(table(found), soft_wrap=True)
    console.print("missed: " + ", ".join(missed(found)) if missed(found) else "all reached")


if __name__ == "__main__":
    main()
