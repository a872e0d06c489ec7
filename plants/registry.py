"""Every plant and scenario of the package under an id that gymnasium.make and gymnasium.make_vec take."""

from functools import lru_cache
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import VectorEnv

from plants.cost import Cost
from plants.environment import PlantEnvironment
from plants.plant import Plant
from plants.scenario import Scenario
from plants.vector_environment import PlantVectorEnvironment

PLANTS = {
    "Pendulum": "plants.pendulum:clipped_pendulum",
    "SafetyCSTR": "plants.reactor:safety_cstr",
    "JacketedCSTR": "plants.jacketed_cstr:jacketed_cstr",
    "FourTanks": "plants.four_tanks:four_tanks",
    "ExtractionColumn": "plants.extraction_column:extraction_column",
}
"""What to call a plant in an id -> the function that returns it, as "module:function"."""

SCENARIOS = {
    "JacketedCSTR-setpoints": "plants.jacketed_cstr:jacketed_cstr_setpoints",
    "JacketedCSTR-inlet": "plants.jacketed_cstr:jacketed_cstr_inlet",
    "JacketedCSTR-limits": "plants.jacketed_cstr:jacketed_cstr_limits",
    "FourTanks-setpoints": "plants.four_tanks:four_tanks_setpoints",
    "ExtractionColumn-setpoints": "plants.extraction_column:extraction_column_setpoints",
}
"""The same for scenarios."""

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "SafetyCSTR": (
        "plants.reactor_scenarios:reactor_scenarios",
        (
            "fouled-60",
            "fouled-75",
            "inlet+10",
            "noisy-late",
            "feed-step",
            "cooling-lost",
            "slow-fouling",
            "wandering-inlet",
            "randomised",
        ),
    ),
}
"""What to call a plant in an id -> the function that returns several scenarios of it by name, and these names."""


def identities() -> dict[str, dict[str, str]]:
    """Return the id of every plant and scenario of this package, with what `register` takes for each."""
    found = {f"yann/{plant}-v0": {"maker": maker} for plant, maker in (PLANTS | SCENARIOS).items()}
    for plant, (maker, names) in FAMILIES.items():
        for name in names:
            found[f"yann/{plant}-{name.replace('+', '-plus-')}-v0"] = {"maker": maker, "name": name}
    return found


def register(identity: str, maker: str, name: str | None = None) -> None:
    """Let gymnasium.make and make_vec know a plant or a scenario as `identity`, such as 'yann/Pendulum-v0'.

    `maker`, "module:function", names a function that returns it, or several of them by name, of which `name` is one.
    It is called when an environment is made, with the arguments of `make` that PlantEnvironment does not take itself.
    So an id stays text, and nothing is built yet.
    """
    what = {"maker": maker} if name is None else {"maker": maker, "name": name}
    known = gymnasium.registry.get(identity)
    if known is not None and known.kwargs == what:
        return
    gymnasium.register(
        identity,
        entry_point="plants.registry:made_environment",
        vector_entry_point="plants.registry:made_vector_environment",
        kwargs=what,
    )


def register_all() -> None:
    """Register the plants and scenarios of this package, version 0 of each, in the namespace yann."""
    for identity, what in identities().items():
        register(identity, **what)


def made_environment(
    maker: str, name: str | None = None, steps: int | None = None, cost: Cost | None = None, **arguments: Any
) -> PlantEnvironment:
    """Return the environment of what `maker` returns for the `arguments`."""
    return PlantEnvironment(_made(maker, name, arguments), steps, cost)


def made_vector_environment(
    maker: str, num_envs: int, name: str | None = None, max_episode_steps: int | None = None, **arguments: Any
) -> VectorEnv:
    """Return the vector environment of what `maker` returns; `max_episode_steps` is what gymnasium calls `steps`."""
    own = {key: arguments.pop(key) for key in ("steps", "cost", "autoreset_mode") if key in arguments}
    if max_episode_steps is not None:
        own["steps"] = max_episode_steps
    return PlantVectorEnvironment(_made(maker, name, arguments), num_envs, **own)


def _made(maker: str, name: str | None, arguments: dict[str, Any]) -> Plant | Scenario:
    made: Any = load_env_creator(maker)(**arguments) if arguments else _made_once(maker)
    return made if name is None else made[name]


@lru_cache(maxsize=16)
def _made_once(maker: str) -> Any:
    """Return what `maker` makes without arguments; nothing can change it, so environments share it."""
    return load_env_creator(maker)()
