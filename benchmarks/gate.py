"""What the gate delivers of runs that go bad on purpose, and of good ones: `python -m benchmarks.gate [seeds]`.

The clipped pendulum, YANN-DDPG. Bad runs have an actor rate 100 times too high. Delivered and last actors are compared
with the law from 1,000 starts that no gate has seen.
"""

import sys
from dataclasses import dataclass

import numpy as np

from mpc import solve_explicit
from plants import clipped_pendulum
from rl import DDPG, DDPGSettings, Gate, Training, evaluate, train
from studies.pendulum import pendulum_problem
from yann import YannActor, YannCritic

RATE = 1e-3
TOO_HIGH = 100
STARTS = np.linspace(-0.5, 0.5, 1000)[:, None] * [1.0, 0.0]


@dataclass(frozen=True)
class Outcome:
    """Mean cost, over the starts, of each seed's delivered and last actor, and of the law."""

    law: float
    delivered: np.ndarray
    last: np.ndarray
    accepted: int
    gates: int
    plant_steps: int
    simulated_steps: int

    def __str__(self):
        worse, spoilt = (int((costs > self.law * (1 + 1e-12)).sum()) for costs in (self.delivered, self.last))
        told = (
            f"{len(self.last)} runs, {self.plant_steps} plant steps, {self.simulated_steps} simulated steps",
            f"accepted {self.accepted} of {self.gates} actors",
            f"law {self.law:.1f}; delivered: worst {self.delivered.max():.1f}, mean {self.delivered.mean():.1f}, "
            f"{worse} worse than the law",
            f"without the gate: worst {self.last.max():.1f}, mean {self.last.mean():.1f}, {spoilt} worse than the law",
        )
        return "\n".join(f"  {line}" for line in told)


def pendulum_agent(rate):
    plant = clipped_pendulum()
    problem = pendulum_problem(plant)
    actor = YannActor.from_law(solve_explicit(problem))
    settings = DDPGSettings(actor_learning_rate=rate, weight_limit=1e6)
    return DDPG(actor, YannCritic.from_problem(problem), settings), plant


def outcome(training: Training, agent, plant, starts=STARTS, steps=None) -> Outcome:
    def mean(actor):
        return evaluate(actor, plant, starts=starts, steps=steps).costs.mean()

    law, ledger = mean(agent.actor), training.ledger
    return Outcome(
        law=law,
        delivered=np.array([mean(actor) for actor in training.actors]),
        last=np.array([mean(actor) for actor in training.last_actors]),
        accepted=sum(d.accepted for d in training.decisions),
        gates=len(training.decisions),
        plant_steps=int(ledger.plant_steps.sum()),
        simulated_steps=int(ledger.simulated_steps.sum()),
    )


def main(seeds=20):
    for title, rate, episodes, gate, runs in (
        ("went bad", RATE * TOO_HIGH, 5, Gate(every=5), seeds),
        ("went well", RATE, 30, Gate(every=10), max(1, seeds // 5)),
    ):
        agent, plant = pendulum_agent(rate)
        training = train(agent, plant, episodes=episodes, seeds=range(runs), gate=gate)
        lines = [f"runs that {title}, actor rate {rate:g}, {episodes} episodes:", str(outcome(training, agent, plant))]
        for d in training.decisions:
            found = f"mean improvement {d.improvement:.1f}, bound {d.bound:.1f}"
            lines.append(f"    seed {d.seed}, episode {d.episode}: {d.reason or 'accepted'} ({found})")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
