"""An actor as the policy that Stable-Baselines3 trains; needs that library, which nothing else here does."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from torch import Tensor

from plants.arrays import Array, bounds_pair, instance_of, whole_number
from rl.errors import TrainingError
from rl.networks import Interval
from yann.stacked import StackedNetwork

try:
    from stable_baselines3.common.policies import BasePolicy
    from stable_baselines3.td3.policies import TD3Policy
except ImportError as error:
    raise ImportError(
        "rl.stable_baselines needs Stable-Baselines3, which yann-control itself does not; "
        "install it: pip install stable-baselines3"
    ) from error


@dataclass(frozen=True, eq=False)
class Start:
    """What a policy starts from: an `actor`, the bounds that actions are scaled to, and what it reads.

    `input_bounds` is that of the environment's plant, two of (m,) in physical units: -1 is the lower, 1 the upper.
    `columns` are the entries of the observation that the actor takes, in its order; None for all of them. Raises
    TrainingError for an actor that is none, a stack, or can give inputs beyond the bounds, and for bad columns.
    """

    actor: StackedNetwork
    input_bounds: tuple[Array, Array]
    columns: Sequence[int] | None = None

    def __post_init__(self) -> None:
        """Check that actor, bounds and columns fit one another."""
        instance_of(self.actor, StackedNetwork, "actor", TrainingError, "pass one, such as YannActor.from_law(law)")
        if len(self.actor.arguments) != 1 or not all(hasattr(self.actor, side) for side in ("lower", "upper")):
            name = type(self.actor).__name__
            raise TrainingError(f"`actor` is a {name}, no actor with bounds; pass one, such as YannActor.from_law(law)")
        if self.actor.members != 1:
            raise TrainingError(f"`actor` has {self.actor.members} members, but a policy is one; pass actor.member(i)")
        object.__setattr__(self, "input_bounds", self._checked_bounds())
        if self.columns is not None:
            instance_of(self.columns, Sequence, "columns", TrainingError, "pass whole numbers, such as (0, 1)")
            checked = tuple(whole_number(column, "columns", TrainingError) for column in self.columns)
            object.__setattr__(self, "columns", checked)

    def _checked_bounds(self) -> tuple[Array, Array]:
        low, high = (np.asarray(getattr(self.actor, side).numpy(force=True)) for side in ("lower", "upper"))
        names = [str(i) for i in range(len(low))]
        lower, upper = bounds_pair(self.input_bounds, "input_bounds", names, TrainingError, infinite=False)
        if (low < lower).any() or (high > upper).any():
            raise TrainingError(
                f"`actor` gives inputs within {low} and {high}, beyond `input_bounds` {lower} and {upper}; "
                "pass those of the plant that its law is made for"
            )
        return lower, upper

    @property
    def width(self) -> int:
        """Return how many numbers the actor takes."""
        return self.actor.arguments[0][1]

    def check_spaces(self, observation_space: spaces.Space, action_space: spaces.Space) -> None:
        """Raise TrainingError unless observations hold what the actor reads, and actions are its inputs."""
        seen, done = (np.prod(space.shape or (0,), dtype=int) for space in (observation_space, action_space))
        if self.columns is None and seen != self.width:
            raise TrainingError(
                f"observations have {seen} entries but `actor` takes {self.width}; say which with Start(columns=...)"
            )
        if self.columns is not None and (len(self.columns) != self.width or max(self.columns) >= seen):
            raise TrainingError(
                f"`columns` is {self.columns}, but {self.width} of the {seen} entries of an observation are needed"
            )
        if done != len(self.input_bounds[0]):
            raise TrainingError(
                f"actions have {done} entries but `actor` gives {len(self.input_bounds[0])}; "
                "pass the environment of the plant that its law is made for"
            )


class ActorNetwork(BasePolicy):
    """The actor's part of the policy: `network`, a copy of the actor that training changes."""

    def __init__(self, observation_space: spaces.Space, action_space: spaces.Box, start: Start) -> None:
        super().__init__(observation_space, action_space, squash_output=True)
        self.network = copy.deepcopy(start.actor)
        self.range = Interval(*start.input_bounds)
        self.columns = list(range(start.width)) if start.columns is None else list(start.columns)

    def forward(self, observation: Tensor) -> Tensor:
        """Return actions (batch, m) in [-1, 1], in the single precision that the library's critics take."""
        return self._scaled(observation).float()

    def exact(self, observation: Tensor) -> Tensor:
        """Return actions (batch, m) in double precision, within [-1, 1] to the last bit."""
        return self._scaled(observation).clamp(-1.0, 1.0)

    def _predict(self, observation: Tensor, deterministic: bool = False) -> Tensor:  # type: ignore[override]
        del deterministic
        return self.exact(observation)

    def _scaled(self, observation: Tensor) -> Tensor:
        states = observation.double()[:, self.columns]
        return self.range.scaled(self.network(states))


class ActorPolicy(TD3Policy):
    """The policy of TD3 and DDPG that begins as an actor; policy_kwargs={"start": Start(actor, plant.input_bounds)}.

    `predict` gives the actor's input scaled to [-1, 1], in double precision; only the actor's residual is trained. The
    critics are the library's, drawn at random. `policy.actor.network` is the trained actor. Other keywords are those of
    the library's own policy; `net_arch` shapes the critics. Raises TrainingError where `start` does not fit the spaces.
    """

    def __init__(
        self, observation_space: spaces.Space, action_space: spaces.Box, lr_schedule: Any, start: Start, **options: Any
    ) -> None:
        instance_of(start, Start, "start", TrainingError, "pass Start(actor, plant.input_bounds)")
        start.check_spaces(observation_space, action_space)
        self.start = start
        super().__init__(observation_space, action_space, lr_schedule, **options)

    def make_actor(self, features_extractor: object = None) -> ActorNetwork:  # type: ignore[override]
        """Return a fresh actor, as at the start."""
        del features_extractor
        return ActorNetwork(self.observation_space, self.action_space, self.start).to(self.device)  # type: ignore[arg-type]

    def _predict(self, observation: Tensor, deterministic: bool = False) -> Tensor:  # type: ignore[override]
        del deterministic
        return cast(ActorNetwork, self.actor).exact(observation)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"start": self.start}
