"""The gymnasium face of a plant or a scenario: where cost becomes reward and input becomes action."""

import re
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike

from plants.arrays import Array, instance_of, whole_number
from plants.cost import Cost
from plants.errors import PlantError
from plants.face import Face
from plants.plant import Plant
from plants.run import Run
from plants.scenario import Scenario
from plants.starts import sample_each

_ALWAYS = np.ones(1, dtype=bool)


class PlantEnvironment(gymnasium.Env[Array, Any]):
    """A plant or a scenario as a gymnasium environment, for learners that come from outside.

    The observation is what a controller sees, float64: the reading of the state (n,), within the plant's caps or,
    where readings err, +-1e9; where there is tracking, the setpoints (k,) of the coming step; where tracking charges
    moves or an actuator remembers, the input (m,) that acted last. The action (m,) in [-1, 1] is the input scaled to
    its bounds: -1 the lower, 1 the upper; the space is float32, float64 actions are taken as they are.
    The reward is minus the cost. `terminated` means that the state became unsafe or ran away, that the integrator gave
    up (the violation penalty is then in the reward), or that the cost's event happened; `truncated` that `steps` are
    over. The scenario's disturbances are drawn anew at every reset; all that is random follows from the seed.

    `info` after a step holds `state` (n,), the true one; `setpoint` (k,), where there is tracking; `cost`; `input`
    (m,), which acted, and `wanted` (m,), in physical units; `constraint_values`, how far the state is beyond each
    finite safe limit, all lower ones first, negative inside; as bool `constraint_violation` (beyond a safe limit),
    `runaway`, `failed` (the integrator gave up and the state stays) and `finished`; and where the event has happened
    `event`, its name. After a reset it holds `state` and `setpoint` alone.

    `steps` and `cost` default to those of the plant or scenario. `reset(options={"state": x})` starts from a given
    state. Raises PlantError for actions and states that do not fit, ResetNeeded for a step before a reset.
    """

    def __init__(self, plant: Plant | Scenario, steps: int | None = None, cost: Cost | None = None) -> None:
        self.face = Face(plant, steps, cost)
        self.observation_space, self.action_space = self.face.observation_space, self.face.action_space
        self.spec = EnvSpec(
            id=_identity(self.face.scenario),
            entry_point="plants.environment:PlantEnvironment",
            kwargs={"plant": plant, "steps": self.face.steps, "cost": cost},
        )
        self._run: Run | None = None

    @property
    def plant(self) -> Plant:
        """Return the plant."""
        return self.face.plant

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Return the first observation and its info, from a start drawn or given as options["state"].

        Raises PlantError for a seed or options of a wrong kind, an unknown option, or a state that does not fit.
        """
        if seed is not None:
            seed = whole_number(seed, "seed", PlantError)
        given = checked_options(options, "state").get("state")
        if given is not None:
            given = self.face.checked_starts(given, 1)
        super().reset(seed=seed)
        generators = [self.np_random]
        starts = sample_each(self.plant, generators, self.face.scenario.start_bounds) if given is None else given
        self._run = self.face.begin(starts, generators)
        observation, info = self.face.first(self._run)
        return observation[0], _single(info)

    def step(self, action: ArrayLike) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Return the next observation, minus the cost, whether it ended, whether time is up, and the info."""
        if self._run is None:
            raise ResetNeeded("the episode has not begun, or is over; call reset() first")
        outcome = self.face.step(self._run, self.face.inputs(action, (self.plant.m,)), _ALWAYS)
        terminated, truncated = bool(outcome.terminated[0]), bool(outcome.truncated[0])
        if terminated or truncated:
            self._run = None
        info = _single(outcome.info)
        if info["finished"]:
            info["event"] = self.face.event_name
        return outcome.observation[0], float(outcome.reward[0]), terminated, truncated, info


def checked_options(options: object, *known: str) -> Mapping[str, Any]:
    """Return the options of a reset; raise PlantError for what is no mapping, or has an entry that is not `known`."""
    if options is None:
        return {}
    instance_of(options, Mapping, "options", PlantError, 'pass {"state": x}, or None')
    for name in options:  # type: ignore[attr-defined]
        if name not in known:
            allowed = f"the only option is {known[0]!r}" if len(known) == 1 else f"the options are {known}"
            raise PlantError(f"`options` has {name!r}, but {allowed}; pass {{'state': x}}, or None")
    return options  # type: ignore[return-value]


def _single(info: dict[str, Any]) -> dict[str, Any]:
    """Return the info of the only row, its numbers as Python's own."""
    return {name: values[0].item() if values.ndim == 1 else values[0] for name, values in info.items()}


def _identity(scenario: Scenario) -> str:
    """Return an id that gymnasium takes, whatever the names."""
    name = re.sub(r"\W", "", scenario.plant.name.title()) or "Plant"
    kind = re.sub(r"\W+", "-", scenario.name).strip("-")
    return f"plants/{name}-v0" if kind in {"", "nominal"} else f"plants/{name}-{kind}-v0"
