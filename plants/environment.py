"""The gymnasium face of a plant: the one place where cost becomes reward and input becomes action."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded

from plants.arrays import Array, instance_of, real_array, whole_number
from plants.cost import QuadraticCost
from plants.errors import PlantError
from plants.plant import Plant
from plants.validation import cost_fits


class PlantEnvironment(gymnasium.Env[Array, Array]):
    """A plant as a gymnasium environment, for learners that come from outside.

    The observation is the state (n,), within the plant's caps. The action (m,) in [-1, 1] is the input
    scaled to its bounds: -1 the lower, 1 the upper. The reward is minus the cost; `terminated` means that the state
    became unsafe or ran away (the violation penalty is then in the reward), `truncated` that `steps` are over.

    `info` holds `cost`, `input` (m,) in physical units, `constraint_values` (how far the state is beyond
    each finite safe limit, all lower ones first; negative inside), `constraint_violation` and `runaway` (bool).
    `reset(options={"state": x})` starts from a given state. Raises PlantError for actions and states that do not fit.
    """

    def __init__(self, plant: Plant, steps: int | None = None, cost: QuadraticCost | None = None) -> None:
        instance_of(plant, Plant, "plant", PlantError, "pass the Plant to run")
        self.plant = plant
        self.cost = plant.cost if cost is None else cost
        cost_fits(self.cost, plant)
        self.steps = whole_number(plant.episode_steps if steps is None else steps, "steps", PlantError, least=1)
        self.observation_space = spaces.Box(*plant.state_caps, dtype=np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (plant.m,), dtype=np.float64)
        self.spec = EnvSpec(
            id=f"plants/{plant.name.title().replace(' ', '')}-v0",
            entry_point="plants.environment:PlantEnvironment",
            kwargs={"plant": plant, "steps": self.steps, "cost": self.cost},
        )
        self._state: Array | None = None
        self._steps_done = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Return a start, drawn within the plant's `start_bounds` or given as options["state"], and an empty info.

        Raises PlantError for a seed or options of a wrong kind, an unknown option, or a state that does not fit.
        """
        if seed is not None:
            whole_number(seed, "seed", PlantError)
        given = _given_state(options)
        super().reset(seed=seed)
        if given is None:
            state = self.plant.sample_starts(self.np_random, 1)[0]
        else:
            state = self.plant.wrap(real_array(given, "state", (self.plant.n,), PlantError))
        self._state, self._steps_done = state, 0
        return state.copy(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Return the next state, minus the cost, whether it is unsafe or ran away, whether time is up, and the info."""
        if self._state is None:
            raise ResetNeeded("the episode has not begun, or is over; call reset() first")
        entry = self._input(action)
        state = self.plant.step(self._state, entry)
        unsafe = bool(self.plant.unsafe(state))
        runaway = bool(self.plant.runaway(state))
        ended = unsafe or runaway
        cost = float(self.cost(self._state, entry)) + (self.cost.violation_penalty if ended else 0.0)
        self._steps_done += 1
        late = self._steps_done >= self.steps
        self._state = None if ended or late else state
        values = self._constraint_values(state)
        info = {
            "cost": cost,
            "input": entry,
            "constraint_values": values,
            "constraint_violation": unsafe,
            "runaway": runaway,
        }
        return state.copy(), -cost, ended, late and not ended, info

    def _input(self, action: Array) -> Array:
        share = real_array(action, "action", (self.plant.m,), PlantError)
        if not self.plant.clips_input and (np.abs(share) > 1).any():
            raise PlantError(
                f"`action` is {share}, beyond [-1, 1], and {self.plant.name!r} does not clip; clip it first"
            )
        lower, upper = self.plant.input_bounds
        return self.plant.clip_input(lower + (share + 1) / 2 * (upper - lower))

    def _constraint_values(self, state: Array) -> Array:
        if self.plant.safe_limits is None:
            return np.empty(0)
        lower, upper = self.plant.safe_limits
        values = np.concatenate([lower - state, state - upper])
        return values[np.isfinite(values)]


def _given_state(options: dict[str, Any] | None) -> Any:
    if options is None:
        return None
    instance_of(options, Mapping, "options", PlantError, 'pass {"state": x}, or None')
    for name in options:
        if name != "state":
            raise PlantError(f"`options` has {name!r}, but the only option is 'state'; pass {{'state': x}}, or None")
    return options.get("state")
