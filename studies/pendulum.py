"""The pendulum study: Braniff & Tian 2025, section 5.1, with ten seeds and fixed test starts."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar

import numpy as np

from mpc import MPCProblem, PiecewiseAffineLaw, linearise, solve_explicit
from plants import Plant, Scenario, clipped_pendulum
from plants.arrays import Array
from rl import (
    DDPG,
    SVG,
    TD3,
    CoredActor,
    DDPGSettings,
    GridCore,
    SVGSettings,
    TD3Settings,
    plain_actor,
    plain_critic,
)
from rl.agent import Agent
from studies.case import NOMINAL, Case, Study
from studies.published import published_pendulum
from yann import YannActor, YannCritic

GRID = 121
PATH_STARTS = (2, 3, 8, 9)


@dataclass(frozen=True)
class PendulumStudy(Study):
    """Every setting of the study; what the paper leaves open was chosen here.

    DDPG has plain networks and needs exploration; YANN-DDPG is the paper's Algorithm 1. The other two keep a core, in
    which the law stays as it is: YANN-TD3+core learns from the plant alone, YANN-SVG+core through its equations too;
    their settings were chosen on seeds 0 to 4, those of the first two on none.
    Each seed trains `episodes` of `steps` plant steps with one update per step, in stacks of `block` seeds.
    """

    name: ClassVar[str] = "pendulum"

    horizon: int = 2
    residual_width: int = 16
    critic_width: int = 64
    plain_widths: tuple[int, ...] = (64, 64)
    yann: DDPGSettings = field(default_factory=DDPGSettings.algorithm_1)
    plain: DDPGSettings = field(default_factory=lambda: DDPGSettings(exploration=0.3))
    core_level: float = 10.0
    td3: TD3Settings = field(default_factory=lambda: TD3Settings(exploration=0.3, return_steps=5))
    svg: SVGSettings = field(
        default_factory=lambda: SVGSettings(
            actor_learning_rate=2e-3, exploration=0.3, horizon=30, batch_size=16, steps_per_update=40
        )
    )

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        self._number("horizon")

    def paper_sized(self) -> "PendulumStudy":
        """Return the study with the paper's plain networks, 256-256: many times the computing time."""
        return replace(self, plain_widths=(256, 256))

    def build(self) -> Case:
        """Return plant, problem, law, agents and starts of the study."""
        plant, published = clipped_pendulum(), published_pendulum()
        problem = pendulum_problem(plant, self.horizon)
        law = solve_explicit(problem)
        actor = YannActor.from_law(law, hidden=self.residual_width)
        critic = YannCritic.from_problem(problem, hidden=self.critic_width)
        cored = CoredActor(actor, pendulum_core(self.horizon, self.core_level))
        agents: dict[str, Agent] = {
            "DDPG": DDPG(plain_actor(plant, self.plain_widths), plain_critic(plant, self.plain_widths), self.plain),
            "YANN-DDPG": DDPG(actor, critic, self.yann),
            "YANN-TD3+core": TD3(cored, critic, self.td3),
            "YANN-SVG+core": SVG(cored, critic, self.svg),
        }
        return Case(
            plant=plant,
            problem=problem,
            law=law,
            actor=actor,
            worlds={NOMINAL: Scenario(plant=plant, steps=self.steps)},
            agents={NOMINAL: agents},
            baselines={},
            starts=published.starts,
            groups=groups(),
            path_starts=PATH_STARTS,
            best={NOMINAL: published.best_known(published.starts)},
            grid=state_grid(law),
        )


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


@cache
def pendulum_core(horizon: int, level: float) -> GridCore:
    """Return the core of the study's law: where it costs at most `level` until rest; it takes two seconds, once."""
    plant = clipped_pendulum()
    return GridCore.of_law(solve_explicit(pendulum_problem(plant, horizon)), plant, level)


def groups() -> dict[str, list[int]]:
    """Return the indices of the test starts: eight easy, the ten like the paper's, the twenty hard."""
    published = published_pendulum()
    easy, ten, all_starts = len(published.easy), len(published.easy) + len(published.hard), len(published.starts)
    return {"easy": list(range(easy)), "paper-like": list(range(ten)), "hard": list(range(ten, all_starts))}


def state_grid(law: PiecewiseAffineLaw) -> Array:
    """Return the grid (G, 2) of states on which inputs before and after training are kept."""
    lower, upper = law.parameter_bounds
    axes = np.meshgrid(np.linspace(lower[0], upper[0], GRID), np.linspace(lower[1], upper[1], GRID), indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1)
