"""Is a core that of the training it goes into? Its value is right for one plant, cost, gamma and law alone."""

import numpy as np
import torch

from plants import Cost, Scenario
from plants.arrays import Array
from rl.agent import Agent
from rl.closed_loop import ClosedLoop
from rl.core import Core, core_of
from rl.errors import TrainingError
from rl.filtered import filter_of
from yann.stacked import StackedNetwork

_POINTS = 64
_HALVINGS = 20
_SAME = 1e-9


def check_core(agent: Agent, scenario: Scenario, cost: Cost | None) -> None:
    """Raise TrainingError unless the actor's core, if it was made by a law's runs, was made for this training.

    Gamma must be the agent's, the world nominal, and at some states of the core next state, stage cost and input the
    same as in training. A core that says neither `discount` nor `loop` is taken at its word.
    """
    core = core_of(agent.actor)
    gamma = getattr(core, "discount", None)
    if gamma is not None and abs(gamma - agent.discount) > _SAME:
        raise TrainingError(
            f"`agent`'s core has values discounted by {gamma:g}, but the agent learns with gamma {agent.discount:g}; "
            f"pass settings with discount={gamma:g}, or make the core with the agent's"
        )
    loop = getattr(core, "loop", None)
    if isinstance(loop, ClosedLoop):
        _check_nominal(scenario)
        _check_sizes(loop, scenario)
        charged = scenario.plant.cost if cost is None else cost
        _check_motion(core, loop, ClosedLoop(scenario.plant, loop.inputs, charged))
        _check_guarded(core, loop, agent.actor)
        _check_law(core, loop, agent.actor)


def _check_nominal(scenario: Scenario) -> None:
    what = "disturbances" if scenario.disturbances else "setpoints"
    if scenario.disturbances or scenario.tracking is not None:
        raise TrainingError(
            f"`plant` is {scenario!r}, but the value of `agent`'s core holds without {what}; train on the nominal "
            "plant, or without a core"
        )


def _check_sizes(loop: ClosedLoop, scenario: Scenario) -> None:
    mine, theirs = loop.plant, scenario.plant
    if (mine.n, mine.m) != (theirs.n, theirs.m):
        raise TrainingError(
            f"`agent`'s core was made for {mine.name!r} of {mine.n} states and {mine.m} inputs, but `plant` "
            f"{theirs.name!r} has {theirs.n} and {theirs.m}; make the core for this plant"
        )


def _check_motion(core: Core, loop: ClosedLoop, here: ClosedLoop) -> None:
    """Raise TrainingError where the two loops do not go on alike from states of the core."""
    x = _states(core, loop)
    (after, cost, bad), (after_here, cost_here, bad_here) = loop.step(x), here.step(x)
    row = _first_apart(after, after_here, np.abs(loop.plant.state_bounds).max(0))
    if row is None and (bad != bad_here).any():
        row = int(np.argmax(bad != bad_here))
    if row is not None:
        raise TrainingError(
            f"`agent`'s core was made for {loop.plant.name!r}, which goes from {x[row]} to {after[row]} under the law, "
            f"but `plant` {here.plant.name!r} to {after_here[row]}; make the core for the plant that is trained on"
        )
    row = _first_apart(cost[:, None], cost_here[:, None], np.zeros(1))
    if row is not None:
        raise TrainingError(
            f"`agent`'s core was made for a cost that is {cost[row]:g} at {x[row]} under the law, but training charges "
            f"{cost_here[row]:g}; make the core with the cost that is trained on"
        )


def _check_law(core: Core, loop: ClosedLoop, actor: StackedNetwork) -> None:
    """Raise TrainingError where the actor gives another input than the core's law at states of the core."""
    x, bounds = _states(core, loop), loop.plant.input_bounds
    with torch.no_grad():
        mine = np.clip(actor.rows(torch.from_numpy(x)[None])[0].numpy(), *bounds)
    theirs = np.clip(loop.inputs(x), *bounds)
    row = _first_apart(theirs, mine, bounds[1] - bounds[0])
    if row is not None:
        raise TrainingError(
            f"`agent`'s actor gives {mine[row]} at {x[row]}, but the law of its core {theirs[row]}; pass that law, as "
            "in CoredActor(actor, core, law), or make a core of this actor's law"
        )


def _check_guarded(core: Core, loop: ClosedLoop, actor: StackedNetwork) -> None:
    """Raise TrainingError where the actor's filter guarantees nothing at a state of the core."""
    x = _states(core, loop)
    outside = ~filter_of(actor).contains(x)
    if outside.any():
        raise TrainingError(
            f"`agent`'s core holds {x[outside][0]}, at which its filter guarantees nothing ({int(outside.sum())} of "
            f"{len(x)} states that were tried); take a core of a lower `level`, or wider limits of the filter"
        )


def _states(core: Core, loop: ClosedLoop) -> Array:
    """Return some states (k, n) of the core: the rest, and the farthest on rays from it among repeated halvings."""
    plant = loop.plant
    rest = plant.equilibrium[0]
    pairs = zip(plant.state_bounds, plant.start_bounds, strict=True)
    ends = [np.where(np.isfinite(wide), wide, narrow) for wide, narrow in pairs]
    rays = np.random.default_rng(0).uniform(*ends, size=(_POINTS, plant.n)) - rest
    points = rest + 0.5 ** np.arange(_HALVINGS)[:, None, None] * rays
    held = core.contains(points.reshape(-1, plant.n)).reshape(_HALVINGS, _POINTS)
    own = np.flatnonzero(held.any(0))
    return np.concatenate([rest[None], points[held.argmax(0)[own], own]])


def _first_apart(one: Array, other: Array, size: Array) -> int | None:
    """Return the first row that differs by more than rounding in numbers of these sizes (columns,), None if none."""
    size = np.where(np.isfinite(size), size, 0.0)
    limit = _SAME * np.maximum(size, np.maximum(np.abs(one), np.abs(other)).max(0))
    rows = np.flatnonzero((np.abs(one - other) > limit).any(-1))
    return int(rows[0]) if len(rows) else None
