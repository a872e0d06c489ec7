"""Identity: what makes one training the same as another, so that one may go on where the other stopped.

A plant, a cost or a network may be any code, so they are asked what they do: two trainings are the same if their
settings are, and if agent, plant, disturbances and cost act alike, to the rounding of another processor.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from plants import Cost, Scenario
from plants.arrays import Array
from plants.scenario import scenario_of
from rl.agent import Agent
from rl.core import core_of
from rl.errors import TrainingError
from rl.evaluate import evaluate
from rl.gate import Gate
from rl.state import taken
from yann.stacked import StackedNetwork

Identity = Mapping[str, str | Array]
"""What a training is, by name: texts and arrays of numbers."""

_ROUNDING = 1e-7
_RUNS = 4
_STEPS = 20
_LIMITS = ("state_bounds", "input_bounds", "state_caps", "safe_limits", "equilibrium")


def identity(
    agent: Agent,
    scenario: Scenario,
    cost: Cost | None,
    seeds: Sequence[int],
    steps: int,
    test_starts: Array,
    gate: Gate | None = None,
) -> Identity:
    """Return all that decides what a training gives, its number of episodes aside."""
    return {
        "seeds": _text(tuple(seeds)),
        "steps": str(steps),
        "agent": type(agent).__name__,
        **_entries("agent.settings", agent.settings),
        **_entries("gate", gate),
        **_models(agent, cost, steps, gate),
        "discount": _text(agent.discount),
        **_network("agent.actor", agent.actor),
        **_network("agent.critic", agent.critic),
        **_world(scenario),
        "test_starts": test_starts,
        **_behaviour(agent, scenario, cost, steps),
    }


def check_same(mine: Identity, kept: Identity, where: str) -> None:
    """Raise TrainingError, naming the first difference with both values, unless a training is the one kept `where`."""
    for name in dict.fromkeys([*mine, *kept]):
        values = _difference(mine.get(name, "not there"), kept.get(name, "not there"))
        if values is not None:
            raise TrainingError(
                f"`{name}` is {values[0]}, but {values[1]} in the training that {where} keeps; "
                "pass the same to go on with that one, or another folder to begin a new one"
            )


def _difference(mine: str | Array, kept: str | Array) -> tuple[object, object] | None:
    """Return what is different, the first numbers of two arrays of one shape; None if nothing is."""
    if isinstance(mine, str) or isinstance(kept, str):
        same = isinstance(mine, str) and isinstance(kept, str) and mine == kept
        return None if same else (_shown(mine), _shown(kept))
    if mine.shape != kept.shape:
        return f"of shape {mine.shape}", f"of shape {kept.shape}"
    other = ~np.isclose(mine, kept, rtol=0, atol=_ROUNDING * _size(mine, kept), equal_nan=True)
    return (repr(float(mine[other][0])), repr(float(kept[other][0]))) if other.any() else None


def _size(*arrays: Array) -> Array:
    """Return the largest finite number in each column of arrays (..., columns) of one shape."""
    largest = np.maximum(*(np.nan_to_num(np.abs(array), posinf=0) for array in arrays))
    return largest.max(axis=tuple(range(largest.ndim - 1)), initial=0)


def _shown(value: str | Array) -> str:
    return value if isinstance(value, str) else f"an array of shape {value.shape}"


def _entries(name: str, settings: Any) -> dict[str, str | Array]:
    """Return every setting by name, those of a dataclass or of any other object."""
    if settings is None:
        return {name: "None"}
    told: dict[str, str | Array] = {name: type(settings).__name__}
    names = [entry.name for entry in fields(settings)] if is_dataclass(settings) else sorted(vars(settings))
    values = {f"{name}.{key}": getattr(settings, key) for key in names}
    for key, value in values.items():
        told[key] = np.asarray(value, dtype=np.float64) if isinstance(value, np.ndarray) else _text(value)
    return told


def _models(agent: Agent, cost: Cost | None, steps: int, gate: Gate | None) -> dict[str, str | Array]:
    """Return what the gate's own simulator and the agent's own model are and do, where there are such."""
    told: dict[str, str | Array] = {}
    for name, whose in (("gate.simulator", gate), ("agent.model", agent)):
        model = getattr(whose, name.split(".")[1], None)
        if model is not None:
            scenario = scenario_of(model)
            facts = {**_world(scenario), **_behaviour(agent, scenario, cost, steps)}
            told |= {f"{name}: {key}": value for key, value in facts.items()}
    return told


def _text(value: object) -> str:
    """Return a value in words that are the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _network(name: str, network: StackedNetwork) -> dict[str, str | Array]:
    """Return the kind of a network, and of each of its tensors the shape, the size and one projection."""
    told: dict[str, str | Array] = {name: type(network).__name__}
    for key, tensor in taken(network).items():
        numbers = np.asarray(tensor, dtype=np.float64).ravel()
        with np.errstate(invalid="ignore"):
            projection = numbers @ np.cos(np.arange(numbers.size))
        size = float(np.linalg.norm(numbers))
        told[f"{name}.{key} (shape, norm, projection)"] = np.array([*tensor.shape, size, projection])
    return told


def _world(scenario: Scenario) -> dict[str, str | Array]:
    """Return what plant and scenario say of themselves."""
    plant, tracking = scenario.plant, scenario.tracking
    limits = {name: getattr(plant, name) for name in _LIMITS if getattr(plant, name) is not None}
    return {
        "plant.name": plant.name,
        "plant.state_names": _text(tuple(plant.state_names)),
        "plant.input_names": _text(tuple(plant.input_names)),
        "plant.sample_time": _text(float(plant.sample_time)),
        "plant.clips_input": str(plant.clips_input),
        **{f"plant.{name}": np.concatenate(pair) for name, pair in limits.items()},
        "plant.start_bounds": np.concatenate(scenario.start_bounds),
        "plant.disturbances": _text(tuple(scenario.disturbances)),
        "plant.setpoints": np.empty(0) if tracking is None else tracking.setpoints.at(np.arange(scenario.steps)),
    }


def _behaviour(agent: Agent, scenario: Scenario, cost: Cost | None, steps: int) -> dict[str, str | Array]:
    """Return what a few short runs under the actor did and cost, and what the core says of their starts."""
    plant, actor, core = scenario.plant, agent.actor, core_of(agent.actor)
    charged = plant.cost if cost is None else cost
    starts = scenario.sample_starts(np.random.default_rng(0), _RUNS)

    def bounded(x: Array) -> Array:
        return np.clip(np.asarray(actor(x)), *plant.input_bounds)

    runs = evaluate(bounded, scenario, cost, starts=starts, steps=min(steps, _STEPS)).trajectory
    inside = core.contains(starts)
    return {
        "core": type(core).__name__,
        "core (of the starts)": inside.astype(np.float64),
        "core (value)": core.value(starts[inside]),
        "plant (states of its first runs)": runs.states,
        "cost (of the first runs)": runs.costs,
        "cost.violation_penalty": _text(float(charged.violation_penalty)),
        "cost.event": _text(charged.event),
    }
