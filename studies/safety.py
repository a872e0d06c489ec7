"""The studies of safety filters: reactor and pendulum, learners from nothing and from a law, without and inside one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from mpc import MPCProblem, solve_explicit
from mpc.safety.construct import safe_set
from mpc.safety.safe_set import SafeSet
from plants import Plant, Scenario, clipped_pendulum, safety_cstr
from plants.arrays import Array
from plants.simulate import Controller
from plants.starts import sample_starts
from rl import DDPG, DDPGSettings, SACLagrangian, SACLagrangianSettings, plain_actor, plain_critic
from rl.agent import Agent
from studies.case import NOMINAL, Case, Guarded, Study
from studies.pendulum import pendulum_problem
from studies.reactor_control import LINEAR, reactor_problem
from yann import FilteredActor, SafetyFilter, YannActor, YannCritic

FILTER = "+filter"
METHODS = ("DDPG", f"DDPG{FILTER}", "YANN-DDPG", f"YANN-DDPG{FILTER}", "SAC-Lagrangian")
TESTS, PATHS, POINTS = 20, 4, 10_000
START_SET, BOX = "the study's start set", "the box of the limits"
LIMITS = ([-0.6, -4.0], [0.6, 4.0])  # rad and rad/s of the pendulum
PENALTY = 100.0  # of the pendulum's violation; an episode from inside the set costs about 10


@dataclass(frozen=True)
class SafetyStudy(Study):
    """What both plants' studies share; every setting of the study.

    DDPG and SAC-Lagrangian have plain networks from random weights and explore; YANN-DDPG is the paper's Algorithm 1.
    Those with "+filter" are the same agents, whose actors end in the safety filter of the plant. All meet the same
    starts, with the plant's violation penalty, which SAC-Lagrangian takes off again: it finds a price of its own.
    """

    plain_widths: tuple[int, ...] = (64, 64)
    residual_width: int = 16
    critic_width: int = 64
    horizon: int = 2
    plain: DDPGSettings = field(default_factory=lambda: DDPGSettings(exploration=0.3))
    yann: DDPGSettings = field(default_factory=DDPGSettings.algorithm_1)
    lagrangian: SACLagrangianSettings = field(default_factory=lambda: SACLagrangianSettings(exploration=0.3))

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        self._number("horizon")

    def quick(self) -> Self:
        """Return a study of the same form in seconds: 2 seeds, 4 episodes of 60 steps."""
        return replace(super().quick(), steps=60)

    def paper_sized(self) -> Self:
        """Return the study with the paper's plain networks, 256-256: many times the computing time."""
        return replace(self, plain_widths=(256, 256))

    def case_of(self, plant: Plant, problem: MPCProblem, guarded: Guarded, grid: Array) -> Case:
        """Return what is run on a plant of these starts, whose pictures show the `grid` (G, n)."""
        law, safe = solve_explicit(problem), SafetyFilter(guarded.safe)
        actor = YannActor.from_law(law, hidden=self.residual_width)
        critic = YannCritic.from_problem(problem, hidden=self.critic_width)
        world = Scenario(plant=plant, steps=self.steps)
        starts = world.sample_starts(np.random.default_rng(0), TESTS)
        baselines: Mapping[str, Controller] = {LINEAR: actor, LINEAR + FILTER: FilteredActor(actor, safe)}
        return Case(
            plant=plant,
            problem=problem,
            law=law,
            actor=actor,
            worlds={NOMINAL: world},
            agents={NOMINAL: self._agents(plant, actor, critic, safe)},
            baselines={NOMINAL: baselines},
            starts=starts,
            groups={"all": list(range(TESTS))},
            path_starts=nearest_border(guarded.safe, starts, PATHS),
            best={NOMINAL: np.full(TESTS, np.nan)},
            grid=grid,
            guarded=guarded,
        )

    def _agents(self, plant: Plant, actor: YannActor, critic: YannCritic, safe: SafetyFilter) -> Mapping[str, Agent]:
        plain, judge = plain_actor(plant, self.plain_widths), plain_critic(plant, self.plain_widths)
        agents = (
            DDPG(plain, judge, self.plain),
            DDPG(FilteredActor(plain, safe), judge, self.plain),
            DDPG(actor, critic, self.yann),
            DDPG(FilteredActor(actor, safe), critic, self.yann),
            SACLagrangian(plain, judge, self.lagrangian),
        )
        return dict(zip(METHODS, agents, strict=True))


@dataclass(frozen=True)
class ReactorSafety(SafetyStudy):
    """The reactor below 480 K, from its own study set of starts, up to .25 K from the limit."""

    name: ClassVar[str] = "safety-reactor"

    residual_width: int = 8
    lagrangian: SACLagrangianSettings = field(
        default_factory=lambda: SACLagrangianSettings(exploration=0.3, multiplier=100.0, multiplier_step=10.0)
    )

    def build(self) -> Case:
        """Return plant, problem, law, agents and starts of the study."""
        plant = safety_cstr()
        guarded = Guarded(
            safe_set(plant), lambda: sample_starts(plant, np.random.default_rng(1), POINTS), START_SET, 0.996
        )
        return self.case_of(plant, reactor_problem(plant, self.horizon), guarded, plant.equilibrium[0][None])


@dataclass(frozen=True)
class PendulumSafety(SafetyStudy):
    """The pendulum within .6 rad and 4 rad/s, from starts all over its safe set."""

    name: ClassVar[str] = "safety-pendulum"

    def build(self) -> Case:
        """Return plant, problem, law, agents and starts of the study."""
        limited = limited_pendulum()
        safe = safe_set(limited)
        plant = replace(limited, start_filter=safe.contains)
        guarded = Guarded(safe, lambda: sample_starts(limited, np.random.default_rng(1), POINTS), BOX, 0.35)
        return self.case_of(plant, pendulum_problem(plant, self.horizon), guarded, plant.equilibrium[0][None])


def limited_pendulum() -> Plant:
    """Return the pendulum with limits, a price on crossing them, and starts all over the box between them."""
    usual = clipped_pendulum()
    cost = replace(usual.cost, violation_penalty=PENALTY)  # type: ignore[type-var]
    return replace(usual, safe_limits=LIMITS, start_bounds=LIMITS, cost=cost)


def nearest_border(safe: SafeSet, starts: Array, count: int) -> tuple[int, ...]:
    """Return the indices of the `count` starts (K, n) nearest to what inputs must keep, nearest first.

    Those are the half-spaces that the rows of inputs guard; distances are shares of that from the mean of the starts.
    """
    guarded = np.unique(safe.rows.guards)
    A, b = safe.A[guarded], safe.b[guarded]
    left = ((b - starts @ A.T) / (b - A @ starts.mean(axis=0))).min(axis=1)
    return tuple(np.argsort(left, kind="stable")[:count].tolist())
