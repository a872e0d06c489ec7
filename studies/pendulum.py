"""The pendulum study: Braniff & Tian 2025, section 5.1, with ten seeds and fixed test starts."""

from dataclasses import dataclass, field, replace

import numpy as np

from mpc import MPCProblem, PiecewiseAffineLaw, linearise, solve_explicit
from plants import Plant, clipped_pendulum
from plants.arrays import whole_number
from rl import DDPG, DDPGSettings, plain_actor, plain_critic
from studies.errors import StudyError
from yann import YannActor, YannCritic

MOST = 100_000
"""The most seeds, episodes or steps of one study: more would fill any memory before they end."""


@dataclass(frozen=True)
class PendulumStudy:
    """Every setting of the study; what the paper leaves open was chosen here, and not tuned to a seed.

    DDPG has plain networks and needs exploration; YANN-DDPG starts from the law and, as in the paper, has none.
    Each seed trains `episodes` of `steps` plant steps with one update per step, in stacks of `block` seeds.
    """

    seeds: int = 10
    first_seed: int = 0
    episodes: int = 50
    steps: int = 200
    horizon: int = 2
    residual_width: int = 16
    critic_width: int = 64
    plain_widths: tuple[int, ...] = (64, 64)
    block: int = 10
    yann: DDPGSettings = field(default_factory=DDPGSettings)
    plain: DDPGSettings = field(default_factory=lambda: DDPGSettings(exploration=0.3))

    def __post_init__(self) -> None:
        """Check the numbers that a command line gives."""
        for name in ("seeds", "episodes", "steps", "horizon", "block"):
            number = whole_number(getattr(self, name), name, StudyError, least=1)
            if number > MOST:
                raise StudyError(f"`{name}` is {number:,}, but at most {MOST:,} are possible; pass fewer")
        whole_number(self.first_seed, "first_seed", StudyError)

    def quick(self) -> "PendulumStudy":
        """Return a study of the same form in seconds: 2 seeds, 4 episodes."""
        return replace(self, seeds=2, episodes=4)

    def paper_sized(self) -> "PendulumStudy":
        """Return the study with the paper's plain networks, 256-256: many times the computing time."""
        return replace(self, plain_widths=(256, 256))

    @property
    def blocks(self) -> tuple[range, ...]:
        """Return the seeds in blocks, each trained as one stack."""
        last = self.first_seed + self.seeds
        return tuple(range(k, min(k + self.block, last)) for k in range(self.first_seed, last, self.block))


@dataclass(frozen=True, eq=False)
class PendulumCase:
    """What the study is made of: plant, problem, law, the law as an actor, and the agents by method name."""

    plant: Plant
    problem: MPCProblem
    law: PiecewiseAffineLaw
    actor: YannActor
    agents: dict[str, DDPG]


def pendulum_problem(plant: Plant, horizon: int = 2) -> MPCProblem:
    """Return the MPC problem whose law has the paper's 7 regions: Gym's own cost, path constraints on the states."""
    return MPCProblem(
        linearise(plant),
        state_weight=np.diag([1, 0.1]),
        input_weight=0.001,
        horizon=horizon,
        state_bounds=plant.state_bounds,
        input_bounds=plant.input_bounds,
    )


def printed_pendulum_problem(plant: Plant, horizon: int = 2) -> MPCProblem:
    """Return the problem with Q = I, as the paper prints it; its law has 9 regions, not the paper's 7."""
    return replace(pendulum_problem(plant, horizon), state_weight=np.eye(2))


def build(study: PendulumStudy) -> PendulumCase:
    """Return plant, problem, law and agents of the study."""
    plant = clipped_pendulum()
    problem = pendulum_problem(plant, study.horizon)
    law = solve_explicit(problem)
    actor = YannActor.from_law(law, hidden=study.residual_width)
    agents = {
        "DDPG": DDPG(plain_actor(plant, study.plain_widths), plain_critic(plant, study.plain_widths), study.plain),
        "YANN-DDPG": DDPG(actor, YannCritic.from_problem(problem, hidden=study.critic_width), study.yann),
    }
    return PendulumCase(plant, problem, law, actor, agents)
