"""The reactor's study: Braniff & Tian 2025, section 5.2, with ten seeds, as it is and with a fouled jacket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Self

import numpy as np

from mpc import solve_explicit
from plants import Plant, Scenario, reactor_scenarios, safety_cstr, simulate
from plants.arrays import Array
from plants.simulate import Controller
from rl import DDPG, TD3, DDPGSettings, Gate, TD3Settings
from rl.agent import Agent
from studies.case import NOMINAL, Case, Study
from studies.reactor_control import LINEAR, OFFSET_FREE, biased, linear_mpc, offset_free_mpc, reactor_problem
from yann import YannActor, YannCritic

FOULED = "fouled-60"
BIASES = np.arange(-40.0, 61.0, 5.0)
PATH_STARTS = (0, 1, 2, 3)
SLICE = (121, 81)
WINDOW = (0.0, 465.0), (0.3, 480.0)  # mol/L of A and K: where training goes


@dataclass(frozen=True)
class CstrStudy(Study):
    """Every setting of the study; what the paper leaves open was chosen here, on seeds 0 to 4 in the fouled reactor.

    Ten hours (600 steps) an episode, starts T0 +-3 K and concentrations +-.05 mol/L. Neither law nor critic knows of
    the fouled jacket. YANN-DDPG is the paper's Algorithm 1; YANN-TD3+gate has a bounded residual, noise, returns of
    many steps, and a gate in the simulator, which delivers the law where nothing better is found. With a residual of
    at most 30 (of +-55) it learns to stay at that bound: the best constant bias, found from data. At 40 it overshoots.
    It learns with gamma .995, while its critic is born as MPC's cost to go at gamma 1: exact for another sum.

    The gate counts no episode as worse by more than 2,000, and a violation costs 100,000: what unsafe episodes cost is
    not in the mean that it shows to be better. One new violation in 400 starts rejects an actor instead; where none is
    seen, all that is shown is a chance below .9 % at the first of five gates, 1.7 % at the last.
    """

    name: ClassVar[str] = "cstr"

    episodes: int = 25
    steps: int = 600
    horizon: int = 2
    residual_width: int = 8
    residual_bound: float = 30.0
    critic_width: int = 64
    ddpg: DDPGSettings = field(default_factory=DDPGSettings.algorithm_1)
    td3: TD3Settings = field(
        default_factory=lambda: TD3Settings(
            actor_learning_rate=1e-4,
            discount=0.995,
            exploration=0.2,
            return_steps=30,
            prefill=2,
            critic_first=2000,
            polyak=0.01,
        )
    )
    gate: Gate = field(default_factory=lambda: Gate(every=5, count=400, largest_loss=2000.0))

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        self._number("horizon")

    def quick(self) -> Self:
        """Return a study of the same form in seconds: 2 seeds, 4 episodes of 60 steps."""
        return replace(super().quick(), steps=60)

    def build(self) -> Case:
        """Return plant, problem, law, agents, baselines and starts of the study."""
        plant, stored = safety_cstr(), stored_reactor()
        problem = reactor_problem(plant, self.horizon)
        law = solve_explicit(problem)
        worlds = reactor_worlds(plant, self.steps)
        actor = YannActor.from_law(law, hidden=self.residual_width)
        critic = YannCritic.from_problem(problem, hidden=self.critic_width)
        bounded = YannActor.from_law(law, hidden=self.residual_width, bound=self.residual_bound)
        agents: dict[str, Agent] = {
            "YANN-DDPG": DDPG(actor, critic, self.ddpg),
            "YANN-TD3+gate": TD3(bounded, critic, self.td3),
        }
        return Case(
            plant=plant,
            problem=problem,
            law=law,
            actor=actor,
            worlds=worlds,
            agents=dict.fromkeys(worlds, agents),
            baselines={name: baselines(world, stored.starts) for name, world in worlds.items()},
            starts=stored.starts,
            groups={"all": list(range(len(stored.starts)))},
            path_starts=PATH_STARTS,
            best={name: stored.best[name] if self.steps == stored.steps else unknown(stored) for name in worlds},
            grid=temperature_grid(plant),
            gates={"YANN-TD3+gate": self.gate},
        )


@dataclass(frozen=True, eq=False)
class StoredReactor:
    """Test starts (K, 4) and, by scenario, what the best plan in hindsight costs (K,) over `steps` steps."""

    source: str
    steps: int
    starts: Array
    best: Mapping[str, Array]


@cache
def stored_reactor() -> StoredReactor:
    """Return the stored starts and best costs of the reactor, with their source."""
    data: dict[str, Any] = json.loads(files("studies").joinpath("data/reactor.json").read_text("utf-8"))
    best = {name: np.array(costs) for name, costs in data["best"].items()}
    return StoredReactor(data["source"], data["steps"], np.array(data["starts"]), best)


def unknown(stored: StoredReactor) -> Array:
    """Return NaN for every test start: nothing is stored for episodes of another length."""
    return np.full(len(stored.starts), np.nan)


def reactor_worlds(plant: Plant, steps: int) -> dict[str, Scenario]:
    """Return the reactor as it is, and with its jacket fouled to 60 %, from the same starts."""
    fouled = reactor_scenarios()[FOULED]
    bounds = fouled.start_bounds
    nominal = Scenario(plant=plant, name=NOMINAL, steps=steps, start_bounds=bounds)
    return {
        NOMINAL: nominal,
        FOULED: Scenario(plant=plant, name=FOULED, disturbances=fouled.disturbances, steps=steps, start_bounds=bounds),
    }


def baselines(world: Scenario, starts: Array) -> dict[str, Controller]:
    """Return linear MPC, its best constant bias from these starts, and offset-free MPC, for one world."""
    linear = linear_mpc(world.plant)
    every = np.broadcast_to(starts, (len(BIASES), *starts.shape))
    costs = simulate(world, biased(linear, world.plant, BIASES[:, None, None]), every).total_cost.mean(axis=1)
    best = float(BIASES[costs.argmin()])
    return {
        LINEAR: linear,
        f"{LINEAR} {best:+g}": biased(linear, world.plant, best),
        OFFSET_FREE: offset_free_mpc(world.plant),
    }


def temperature_grid(plant: Plant) -> Array:
    """Return states (G, 4) over concentration of A and temperature, the others at rest, for pictures of the law."""
    axes = (np.linspace(low, high, count) for low, high, count in zip(*WINDOW, SLICE, strict=True))
    concentration, temperature = (part.ravel() for part in np.meshgrid(*axes, indexing="ij"))
    states = np.tile(plant.equilibrium[0], (concentration.size, 1))
    states[:, 0], states[:, 3] = concentration, temperature
    return states
