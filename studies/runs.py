"""Closed-loop runs as figures take them: a trajectory, whose it is, before or after training."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plants import Plant, Trajectory
from plants.arrays import Array, instance_of, real_array
from studies.errors import StudyError


@dataclass(frozen=True, eq=False)
class Run:
    """A trajectory (of one start or many) of a `method`.

    `trained` says whether it was run after or before training; None where there is no training to speak of.
    """

    trajectory: Trajectory
    method: str = ""
    trained: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.trajectory, Trajectory):
            raise StudyError(
                f"`trajectory` is {type(self.trajectory).__name__}; pass a Trajectory, as simulate returns it"
            )
        instance_of(self.method, str, "method", StudyError, "pass its name, or '' for none")
        if isinstance(self.trained, np.bool_):
            object.__setattr__(self, "trained", bool(self.trained))
        instance_of(self.trained, (bool, NoneType), "trained", StudyError, "pass True, False, or None for no training")

    @property
    def label(self) -> str:
        """Return what a legend says of it."""
        stage = {None: "", False: " before training", True: " after training"}[self.trained]
        return self.method + stage if self.method else ""

    @property
    def line(self) -> Any:
        """Return its line style: dashed before training, solid otherwise."""
        return (0, (4, 2)) if self.trained is False else "-"

    @property
    def states(self) -> Array:
        """Return the states as rows of episodes (episodes, steps + 1, n)."""
        states = self.trajectory.states
        return states.reshape(-1, *states.shape[-2:])

    @property
    def inputs(self) -> Array:
        """Return the inputs as rows of episodes (episodes, steps, m)."""
        inputs = self.trajectory.inputs
        return inputs.reshape(-1, *inputs.shape[-2:])


Runs = Run | Trajectory | Sequence[Run | Trajectory]


def as_runs(value: Runs, argument: str) -> tuple[Run, ...]:
    """Return one run or several, bare trajectories among them, as a tuple of Run."""
    if isinstance(value, Run | Trajectory):
        value = (value,)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise StudyError(f"`{argument}` is {type(value).__name__}; pass a Trajectory, a Run, or a list of them")
    for i, item in enumerate(value):
        instance_of(item, (Run, Trajectory), f"{argument}[{i}]", StudyError, "pass what simulate returns")
    return tuple(item if isinstance(item, Run) else Run(item) for item in value)


def recorded(plant: Plant, states: ArrayLike, inputs: ArrayLike) -> Trajectory:
    """Return the trajectory behind stored states (..., steps + 1, n) and inputs as applied (..., steps, m).

    Costs are the plant's; `clipped` counts 0, since what a controller wanted was not stored. A run ends where it
    becomes unsafe. Raises StudyError for arrays that do not fit the plant or each other.
    """
    x = real_array(states, "states", None, StudyError)
    u = real_array(inputs, "inputs", None, StudyError)
    if x.ndim < 2 or u.shape != (*x.shape[:-2], x.shape[-2] - 1, plant.m) or x.shape[-1] != plant.n:
        wanted = f"(..., steps + 1, {plant.n}) and (..., steps, {plant.m})"
        raise StudyError(f"`states` has shape {x.shape} and `inputs` {u.shape}, but {wanted} are needed")
    lead, steps = u.shape[:-2], u.shape[-2]
    beyond = plant.unsafe(x)
    unsafe = beyond.any(-1)
    ended = np.where(unsafe, beyond.argmax(-1), steps)
    penalty = np.where(np.arange(1, steps + 1) == ended[..., None], plant.cost.violation_penalty, 0.0)
    costs = plant.cost.stage(x[..., :-1, :], u) + np.where(unsafe[..., None], penalty, 0.0)
    return Trajectory(
        times=plant.sample_time * np.arange(steps + 1, dtype=np.float64),
        states=x,
        inputs=u,
        costs=np.where(np.arange(steps) < ended[..., None], costs, 0.0),
        ended_at=ended,
        unsafe=unsafe,
        clipped=np.zeros(lead, dtype=np.int64),
    )
