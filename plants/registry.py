"""Every plant and scenario of the package under an id that gymnasium.make and gymnasium.make_vec take."""

from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import VectorEnv

from plants.environment import PlantEnvironment
from plants.vector_environment import PlantVectorEnvironment

PLANTS = {
    "Pendulum": "plants.pendulum:clipped_pendulum",
    "SafetyCSTR": "plants.reactor:safety_cstr",
}
"""What to call a plant in an id -> the function that returns it, as "module:function"."""

SCENARIOS: dict[str, str] = {}
"""The same for scenarios: the plant's name comes first."""


def register(identity: str, maker: str) -> None:
    """Let gymnasium.make and make_vec know a plant or a scenario as `identity`, such as 'yann/Pendulum-v0'.

    `maker`, "module:function", names a function that returns it; it is called when an environment is made, with the
    arguments of `make` that PlantEnvironment does not take itself. So an id stays text, and nothing is built yet.
    """
    known = gymnasium.registry.get(identity)
    if known is not None and known.kwargs.get("maker") == maker:
        return
    gymnasium.register(
        identity,
        entry_point="plants.registry:made_environment",
        vector_entry_point="plants.registry:made_vector_environment",
        kwargs={"maker": maker},
    )


def register_all() -> None:
    """Register the plants and scenarios of this package, version 0 of each, in the namespace yann."""
    for name, maker in (PLANTS | SCENARIOS).items():
        register(f"yann/{name}-v0", maker)


def made_environment(maker: str, steps: int | None = None, cost: Any = None, **arguments: Any) -> PlantEnvironment:
    """Return the environment of what `maker` returns for the `arguments`."""
    return PlantEnvironment(_made(maker, arguments), steps, cost)


def made_vector_environment(
    maker: str, num_envs: int, max_episode_steps: int | None = None, **arguments: Any
) -> VectorEnv:
    """Return the vector environment of what `maker` returns; `max_episode_steps` is what gymnasium calls `steps`."""
    own = {name: arguments.pop(name) for name in ("steps", "cost", "autoreset_mode") if name in arguments}
    if max_episode_steps is not None:
        own["steps"] = max_episode_steps
    return PlantVectorEnvironment(_made(maker, arguments), num_envs, **own)


def _made(maker: str, arguments: dict[str, Any]) -> Any:
    return load_env_creator(maker)(**arguments)
