"""Every plant and scenario of the package under an id that gymnasium.make and gymnasium.make_vec take."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import gymnasium
from gymnasium.envs.registration import ENV_ID_RE, load_env_creator
from gymnasium.vector import VectorEnv

from plants.cost import Cost
from plants.environment import PlantEnvironment
from plants.errors import PlantError
from plants.names import checked_text, index_of
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
    So an id stays text, and nothing is built yet. Raises PlantError for texts that are none of these.
    """
    _check_texts(identity, maker, name)
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
    made: Any = _function(maker)(**arguments) if arguments else _made_once(maker)
    if name is None:
        return made
    if not isinstance(made, Mapping):
        raise PlantError(f"`maker` {maker!r} returns a {type(made).__name__} and nothing by name; leave out `name`")
    if name not in made:
        index_of(name, list(made), "name")
    return made[name]


def _check_texts(identity: object, maker: object, name: object) -> None:
    if not isinstance(identity, str) or not ENV_ID_RE.fullmatch(identity):
        raise PlantError(f"`identity` is {identity!r}, but an id is needed, as in 'mine/Tank-v0'")
    if not isinstance(maker, str) or not re.fullmatch(r"[\w.]+:\w+", maker):
        raise PlantError(f"`maker` is {maker!r}, but 'module:function' is needed, as in 'plants.reactor:safety_cstr'")
    if name is not None:
        checked_text(name, "name")


def _function(maker: str) -> Callable[..., Any]:
    """Return the function that a maker names; PlantError where there is none."""
    try:
        return load_env_creator(maker)
    except (ImportError, AttributeError) as cause:
        raise PlantError(f"`maker` {maker!r} cannot be imported ({cause}); register 'module:function'") from cause


@lru_cache(maxsize=16)
def _made_once(maker: str) -> Any:
    """Return what `maker` makes without arguments; nothing can change it, so environments share it."""
    return _function(maker)()
