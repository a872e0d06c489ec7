"""SafeEnvironment: a gymnasium environment of a plant with a safety filter between the learner and the plant."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import ArrayLike

from plants import Plant, PlantEnvironment, PlantVectorEnvironment
from plants.arrays import Array, instance_of
from yann.errors import NetworkError
from yann.safety_filter import SafetyFilter


class SafeEnvironment(gymnasium.Wrapper[Array, Any, Array, Any], RecordConstructorArgs):
    """`env`, a PlantEnvironment, whose inputs pass `safe` first, so that no learner leaves the safe set from inside it.

    The filter acts on the state that the observation shows, in float64; an error of the readings must be one that the
    set's certificate allows for. Spaces are the environment's own. An action that passes is handed on as it is; one
    that is not finite or beyond [-1, 1] is filtered like any other.

    `info` after a step also holds `wanted` (m,), the input that the action meant, `filtered` (m,), what the filter made
    of it, both in physical units, `intervention`, whether the two differ within the input bounds, and `inside`, whether
    the state that the observation shows is in the safe set; after a reset `inside` alone is added.

    Raises NetworkError for what is no PlantEnvironment, a filter of a plant with other names or input bounds, and for a
    wrapper between the two that changes actions or observations: put it around this one.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], safe: SafetyFilter) -> None:
        mend = "pass PlantEnvironment(plant), and wrap others with guarded controllers"
        instance_of(env, gymnasium.Env, "env", NetworkError, mend)
        instance_of(env.unwrapped, PlantEnvironment, "env", NetworkError, mend)
        _check_transparent(env)
        RecordConstructorArgs.__init__(self, safe=safe)
        super().__init__(env)
        self._inputs = _FilteredInputs(self.plant, safe)
        self._seen: Array | None = None

    @property
    def plant(self) -> Plant:
        """Return the plant."""
        return self.unwrapped.plant  # type: ignore[attr-defined]

    @property
    def filter(self) -> SafetyFilter:
        """Return the filter."""
        return self._inputs.safe

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Return the first observation and its info; raises as the environment does."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, info | {"inside": self._look(observation)}

    def step(self, action: ArrayLike) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Return what the environment returns for the filtered input; raises PlantError for an action of other size."""
        if self._seen is None:
            raise ResetNeeded("the episode has not begun; call reset() first")
        actions, told = self._inputs.passed(self._seen, action, (self.plant.m,))
        observation, reward, terminated, truncated, info = self.env.step(actions[0])
        added = {"wanted": told["wanted"][0], "filtered": told["filtered"][0]}
        added["intervention"] = bool(told["intervention"][0])
        return observation, float(reward), terminated, truncated, info | added | {"inside": self._look(observation)}

    def _look(self, observation: Array) -> bool:
        """Remember the state that is seen, and return whether it is in the safe set."""
        self._seen = np.array(observation[None, : self.plant.n])
        return bool(self.filter.set.contains(self._seen)[0])


class SafeVectorEnvironment(VectorWrapper):
    """`env`, a PlantVectorEnvironment, whose inputs pass `safe` first; each row is a SafeEnvironment, up to rounding.

    The entries of `infos` that SafeEnvironment adds are arrays (num_envs, ...) beside `_name`, bool (num_envs,): those
    about the action for all rows that took one, `inside` for all rows. Raises as SafeEnvironment does.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], safe: SafetyFilter) -> None:
        instance_of(env, PlantVectorEnvironment, "env", NetworkError, "pass PlantVectorEnvironment(plant, num_envs)")
        super().__init__(env)
        self._inputs = _FilteredInputs(env.plant, safe)  # type: ignore[attr-defined]
        self._seen: Array | None = None
        self._idle = np.zeros(self.num_envs, dtype=bool)

    @property
    def plant(self) -> Plant:
        """Return the plant."""
        return self._inputs.plant

    @property
    def filter(self) -> SafetyFilter:
        """Return the filter."""
        return self._inputs.safe

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Return the first observations and infos; raises as the environment does."""
        observation, infos = self.env.reset(seed=seed, options=options)
        self._idle = np.zeros(self.num_envs, dtype=bool)
        return observation, infos | self._look(observation)

    def step(self, actions: ArrayLike) -> tuple[Array, Array, Any, Any, dict[str, Any]]:
        """Return what the environment returns for the filtered inputs; PlantError for actions of other size."""
        if self._seen is None:
            raise ResetNeeded("no episode has begun; call reset() first")
        passed, told = self._inputs.passed(self._seen, actions, (self.num_envs, self.plant.m))
        observation, reward, terminated, truncated, infos = self.env.step(passed)
        took = ~self._idle
        added = {name: np.where(took.reshape(-1, *[1] * (part.ndim - 1)), part, 0) for name, part in told.items()}
        added["intervention"] = added["intervention"].astype(bool)
        masks = {f"_{name}": took.copy() for name in told}
        if self.env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            self._idle = terminated | truncated
        return observation, reward, terminated, truncated, infos | added | masks | self._look(observation)

    def _look(self, observation: Array) -> dict[str, Any]:
        """Remember the states that are seen, and return the infos on which are in the safe set."""
        self._seen = np.array(observation[:, : self.plant.n])
        return {"inside": self.filter.set.contains(self._seen), "_inside": np.ones(self.num_envs, dtype=bool)}


class _FilteredInputs:
    """The way from actions to filtered inputs and back."""

    def __init__(self, plant: Plant, safe: SafetyFilter) -> None:
        instance_of(safe, SafetyFilter, "safe", NetworkError, "pass SafetyFilter.for_plant(plant)")
        _check_plant(plant, safe)
        self.plant, self.safe = plant, safe

    def passed(self, seen: Array, action: ArrayLike, shape: tuple[int, ...]) -> tuple[Array, dict[str, Any]]:
        """Return the actions (rows, m) that pass at states (rows, n), and what an info says of them."""
        shares = _shares(action, shape).reshape(-1, self.plant.m)
        lower, upper = self.plant.input_bounds
        wanted = lower + (shares + 1) / 2 * (upper - lower)
        given = self.safe.filtered(seen, wanted)
        differs = given != np.clip(wanted, lower, upper)
        back = np.clip(2 * (given - lower) / (upper - lower) - 1, -1.0, 1.0)
        actions = np.where(differs, back, np.clip(shares, -1.0, 1.0))
        return actions, {"wanted": wanted, "filtered": given, "intervention": differs.any(axis=1)}


def _shares(action: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return actions of that shape, which need not be finite; raise NetworkError for others."""
    try:
        shares = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise NetworkError(f"`action` is {action!r}; pass real numbers of shape {shape}") from cause
    if shares.shape != shape:
        raise NetworkError(f"`action` has shape {shares.shape}, but it must be {shape}; pass one share per input")
    return shares


def _check_transparent(env: Any) -> None:
    """Raise NetworkError where what the filter sees or gives is not what the plant shows and gets."""
    own, layer = env.unwrapped, env
    while layer is not own:
        if isinstance(layer, gymnasium.ActionWrapper | gymnasium.ObservationWrapper):
            raise NetworkError(
                f"`env` has a {type(layer).__name__} around its PlantEnvironment, which changes what the filter sees "
                "or gives; put the SafeEnvironment inside it"
            )
        layer = layer.env
    for name in ("action_space", "observation_space"):
        if getattr(env, name) != getattr(own, name):
            raise NetworkError(
                f"`env` has {name} {getattr(env, name)}, but its plant {getattr(own, name)}; put the SafeEnvironment "
                "inside the wrapper that changes it"
            )


def _check_plant(plant: Plant, safe: SafetyFilter) -> None:
    """Raise NetworkError for a filter of a plant with other names, input bounds or samples."""
    wrong = safe.set.difference(plant)
    if wrong:
        raise NetworkError(f"`safe` {wrong}, {plant.name!r}; build it by SafetyFilter.for_plant(plant)")
