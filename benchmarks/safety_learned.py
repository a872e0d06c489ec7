"""Policies with networks that a safety filter has to live with: linear MPC as it is, tuned, and one that seeks heat."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from benchmarks.safety_runs import Maker, as_policy
from mpc import PiecewiseAffineLaw, regulator_problem, solve_explicit
from plants import Plant, QuadraticCost, safety_cstr
from plants.arrays import Array
from rl import DDPG, SVG, DDPGSettings, SVGSettings, plain_actor, plain_critic, train
from yann import YannActor, YannCritic
from yann.stacked import StackedNetwork

EPISODES, WIDTHS = 10, (32, 32)
HOT = 490.0  # K: where the adversary wants to be


@cache
def law() -> PiecewiseAffineLaw:
    """Linear MPC of the reactor, horizon 2."""
    return solve_explicit(regulator_problem(safety_cstr(), 2))


@cache
def tuned() -> StackedNetwork:
    """Algorithm 1 of the paper, after ten episodes without a filter."""
    plant = safety_cstr()
    agent = DDPG(YannActor.from_law(law()), YannCritic.from_problem(regulator_problem(plant, 2)), DDPGSettings())
    return train(agent, plant, episodes=EPISODES, seeds=[0]).actors[0]


@cache
def adversary() -> StackedNetwork:
    """A network that descends the exact gradient, through the model, of its distance from 490 K."""
    plant = safety_cstr()
    state, control = plant.equilibrium
    hot = QuadraticCost(np.diag([0.0, 0.0, 0.0, 1.0]), 0.0, np.r_[state[:3], HOT], control)
    wild = replace(plant, cost=hot, safe_limits=None)
    settings = SVGSettings(horizon=30, exploration=0.5, steps_per_update=4)
    agent = SVG(plain_actor(wild, WIDTHS), plain_critic(wild, WIDTHS), settings)
    return train(agent, wild, episodes=EPISODES, seeds=[0]).actors[0]


def acting(actor: StackedNetwork) -> Maker:
    """The policy of an actor, within the input bounds."""

    @torch.no_grad()
    def inputs(x: Array) -> Array:
        return actor.rows(torch.from_numpy(np.ascontiguousarray(x))[None])[0].numpy()

    return as_policy(inputs)


def learned(plant: Plant) -> dict[str, Maker]:
    """The policies by name; `plant` is the reactor that they are for."""
    del plant
    return {
        "linear MPC": acting(YannActor.from_law(law())),
        "tuned (YANN-DDPG)": acting(tuned()),
        "trained towards 490 K": acting(adversary()),
    }
