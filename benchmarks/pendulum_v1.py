"""python -m benchmarks.pendulum_v1: DDPG, TD3 and SAC of ours and of Stable-Baselines3 on Gymnasium's pendulum.

All of them learn the same task, from angles all round and rates within 1, from the same budget and with the same
settings: 64-64 networks, batches of 64, rates of 1e-3, gamma .99, one update a step. What differs is whose code it is,
that ours computes in float64, and that Stable-Baselines3 begins with random inputs. Each trained policy is tested
without exploration from the same fixed starts. `--write` puts the table into docs/algorithms.md.
"""

import argparse
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise

from benchmarks.solver.document import insert
from benchmarks.solver.table import markdown
from plants import Plant, clipped_pendulum
from plants.arrays import Array
from rl import DDPG, SAC, TD3, DDPGSettings, SACSettings, TD3Settings, evaluate, plain_actor, plain_critic, train
from studies.statistics import Middle
from studies.workers import Reader, run_tasks

PAGE = Path(__file__).parents[1] / "docs" / "algorithms.md"
HIDDEN, BATCH, RATE, DISCOUNT, NOISE, WARM_UP = (64, 64), 64, 1e-3, 0.99, 0.1, 100
EPISODE, TESTS = 200, 50
ALGORITHMS = {"DDPG": (DDPG, DDPGSettings), "TD3": (TD3, TD3Settings), "SAC": (SAC, SACSettings)}
HEAD = ["", "ours: IQM", "95 % interval", "Stable-Baselines3: IQM", "95 % interval", "intervals overlap"]


@dataclass(frozen=True)
class Pair:
    """The return of each seed, a mean over the test starts: ours (S,) and the peer's (S,)."""

    name: str
    ours: Array
    peer: Array

    @property
    def cells(self) -> list[str]:
        ours, peer = Middle.of(self.ours), Middle.of(self.peer)
        overlap = "yes" if max(ours.low, peer.low) <= min(ours.high, peer.high) else "no"
        shown = [text for one in (ours, peer) for text in (f"{one.mean:.1f}", f"{one.low:.1f} to {one.high:.1f}")]
        return [self.name, *shown, overlap]


def pendulum() -> Plant:
    """Gymnasium's task: the plant with the starts of Pendulum-v1."""
    return replace(clipped_pendulum(), start_bounds=([-np.pi, -1], [np.pi, 1]))


def fixed_starts() -> Array:
    """The fixed starts (K, 2)."""
    return pendulum().sample_starts(np.random.default_rng(0), TESTS)


def our_returns(name: str, steps: int, seeds: range) -> list[float]:
    """The mean return of each seed, trained as one stack."""
    plant, (algorithm, settings) = pendulum(), ALGORITHMS[name]
    shared = {"actor_learning_rate": RATE, "critic_learning_rate": RATE, "batch_size": BATCH, "discount": DISCOUNT}
    chosen = settings(exploration=NOISE, warm_up=WARM_UP, **shared)
    agent = algorithm(plain_actor(plant, HIDDEN), plain_critic(plant, HIDDEN), chosen)
    training = train(agent, plant, episodes=steps // EPISODE, seeds=seeds, steps=EPISODE)
    return [-float(evaluate(actor, plant, starts=fixed_starts()).costs.mean()) for actor in training.actors]


def peer_return(name: str, steps: int, seed: int) -> float:
    """The mean return of one agent of Stable-Baselines3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: BaseAlgorithm = getattr(stable_baselines3, name)(
            "MlpPolicy",
            "Pendulum-v1",
            policy_kwargs={"net_arch": list(HIDDEN)},
            learning_rate=RATE,
            batch_size=BATCH,
            gamma=DISCOUNT,
            train_freq=1,
            gradient_steps=1,
            learning_starts=WARM_UP,
            action_noise=None if name == "SAC" else NormalActionNoise(np.zeros(1), np.full(1, NOISE)),
            seed=seed,
            device="cpu",
        ).learn(steps)
    return -float(evaluate(lambda x: seen(model, x), pendulum(), starts=fixed_starts()).costs.mean())


def seen(model: BaseAlgorithm, x: Array) -> Array:
    """What the model does at states (..., 2), which it sees as Gymnasium shows them."""
    rows = x.reshape(-1, 2)
    observed = np.stack([np.cos(rows[:, 0]), np.sin(rows[:, 0]), rows[:, 1]], axis=1).astype(np.float32)
    return model.predict(observed, deterministic=True)[0].astype(float).reshape(*x.shape[:-1], 1)


def returns(name: str, steps: int, seeds: tuple[int, ...], ours: bool, reader: Reader | None) -> list[float]:
    """One task of a worker: all seeds of ours, or some of the peer's."""
    del reader
    torch.set_num_threads(1)
    if ours:
        return our_returns(name, steps, range(seeds[0], seeds[-1] + 1))
    return [peer_return(name, steps, seed) for seed in seeds]


def compared(steps: int, seeds: int, workers: int) -> list[Pair]:
    """Train everything; each agent of the peer's is a task, and each stack of ours."""
    every = tuple(range(seeds))
    tasks = [(name, steps, part, ours) for name in ALGORITHMS for ours, parts in _parts(every) for part in parts]
    found = {tasks[index]: values for index, values in run_tasks(returns, tasks, workers, None)}
    return [
        Pair(
            name,
            np.array(found[name, steps, every, True]),
            np.array([found[name, steps, (seed,), False][0] for seed in every]),
        )
        for name in ALGORITHMS
    ]


def _parts(seeds: tuple[int, ...]) -> list[tuple[bool, list[tuple[int, ...]]]]:
    return [(True, [seeds]), (False, [(seed,) for seed in seeds])]


def table(pairs: list[Pair], steps: int, seeds: int) -> str:
    """The table, with a line on its settings."""
    settings = f"`--steps {steps} --seeds {seeds}`, mean return from {TESTS} starts:"
    return f"{settings}\n\n{markdown(HEAD, [pair.cells for pair in pairs])}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pendulum_v1", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help=f"plant steps per seed, in episodes of {EPISODE}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="trainings at once")
    parser.add_argument("--write", action="store_true", help="put the table into docs/algorithms.md")
    given = parser.parse_args(arguments)
    text = table(compared(given.steps, given.seeds, given.workers), given.steps, given.seeds)
    sys.stdout.write(f"{text}\n")
    if given.write:
        insert(PAGE, "pendulum-v1", text)


if __name__ == "__main__":
    main()
