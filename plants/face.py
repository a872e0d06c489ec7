"""Face: what a learner from outside sees of a scenario, and what its actions and rewards mean."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from plants.arrays import Array, check_size, real_array, whole_number
from plants.cost import Cost
from plants.errors import PlantError
from plants.plant import Plant
from plants.run import Run
from plants.scenario import Scenario, scenario_of
from plants.validation import RUNAWAY, cost_fits

PLACE = ("state", "setpoint")
"""What an info says of where a row stands; the rest is about its step."""


class Outcome(NamedTuple):
    """What one step brought to every row: `info` holds arrays (rows, ...), what follows is bool (rows,) or as named."""

    observation: Array
    reward: Array
    terminated: Any
    truncated: Any
    info: dict[str, Any]


class Face:
    """A scenario as learners take it: its spaces, and the way from actions (rows, m) to observations (rows, k).

    An observation is the reading of the state (n,); then, where there is tracking, the setpoints of the coming step;
    then, where tracking charges moves or an actuator remembers, the input that acted last (m,). It is bounded by the
    plant's caps and, where readings err, by +-1e9. An action in [-1, 1] is the input scaled to its bounds.
    """

    def __init__(self, plant: Plant | Scenario, steps: int | None, cost: Cost | None) -> None:
        self.scenario = scenario_of(plant)
        self.plant = self.scenario.plant
        self.cost = self.plant.cost if cost is None else cost
        self.own_cost = cost
        cost_fits(self.cost, self.plant)
        self.steps = whole_number(self.scenario.steps if steps is None else steps, "steps", PlantError, least=1)
        what = f"`steps` = {self.steps} of {len(self.scenario.disturbances)} disturbances"
        check_size(self.steps * len(self.scenario.disturbances), what, PlantError, "take shorter episodes")
        self._sees_input, low, high = self._seen()
        self.observation_space = spaces.Box(low, high, dtype=np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (self.plant.m,), dtype=np.float32)
        limits = (None, None) if self.plant.safe_limits is None else self.plant.safe_limits
        self._limited = [np.flatnonzero(np.isfinite(side)) if side is not None else [] for side in limits]

    @property
    def event_name(self) -> str:
        """Return what the cost's event is called; '' where there is none."""
        return "" if self.cost.event is None else self.cost.event.name

    def begin(self, starts: Array, generators: list[np.random.Generator]) -> Run:
        """Return rows under way from `starts` (rows, n)."""
        return Run(self.scenario, starts, generators, self.steps, self.own_cost)

    def checked_starts(self, given: ArrayLike, rows: int) -> Array:
        """Return states (rows, n) that a user gives, one for all or one each; PlantError for what cannot be one."""
        plant = self.plant
        shape = (plant.n,) if np.ndim(given) == 1 else (rows, plant.n)
        states = plant.wrap(real_array(given, "state", shape, PlantError))
        beyond = (plant.confined(states) != states).any(-1) | plant.unsafe(states) | plant.runaway(states)
        if beyond.any():
            first = states[beyond][0]
            raise PlantError(
                f"`state` is {first} ({', '.join(plant.state_names)}), already beyond `safe_limits` "
                f"{plant.safe_limits} or `state_caps` {plant.state_caps}; start inside them"
            )
        return np.array(np.broadcast_to(states, (rows, plant.n)))

    def inputs(self, actions: ArrayLike, shape: tuple[int, ...]) -> Array:
        """Return the inputs (rows, m) that actions of that shape stand for; PlantError for what does not fit."""
        shares = real_array(actions, "action", shape, PlantError)
        if not self.plant.clips_input and (np.abs(shares) > 1).any():
            raise PlantError(
                f"`action` is {shares}, beyond [-1, 1], and {self.plant.name!r} does not clip; clip it first"
            )
        lower, upper = self.plant.input_bounds
        return np.clip(lower + (shares + 1) / 2 * (upper - lower), lower, upper).reshape(-1, self.plant.m)

    def first(self, run: Run) -> tuple[Array, dict[str, Any]]:
        """Return the observations and infos of rows that have just begun."""
        return self._observed(run, run.state, run.before), self._place(run, run.state)

    def step(self, run: Run, inputs: Array, live: Any) -> Outcome:
        """Take one step with the rows that are `live`, bool (rows,); the others show where they are."""
        moves = run.move(inputs, live)
        ended = moves.ended
        late = live & ~ended & (run.clock >= self.steps)
        state, before = run.state.copy(), run.before
        if ended.any():
            state[ended] = moves.after[ended]
            before = np.where(ended[:, None], moves.applied, before)
        info = self._place(run, state) | {
            "cost": moves.cost,
            "input": moves.applied,
            "wanted": moves.wanted.copy(),
            "constraint_values": self._constraint_values(state),
            "constraint_violation": moves.unsafe,
            "runaway": moves.runaway,
            "failed": moves.failed,
            "finished": moves.finished,
        }
        reward = np.where(live, -moves.cost, 0.0)
        return Outcome(self._observed(run, state, before), reward, ended, late, info)

    def _seen(self) -> tuple[bool, Array, Array]:
        """Return whether the input that acted last is seen, and the bounds of an observation."""
        scenario, plant = self.scenario, self.plant
        low, high = (np.array(cap) for cap in plant.state_caps)
        tracking, remembers = scenario.tracking, False
        sides = [(low, high)]
        if not scenario.is_nominal:
            trial = scenario.draft([np.random.default_rng(0)], self.steps)
            remembers = any(actuator.slots for actuator in trial.actuators)
            for i in {*trial.reading_gains, *trial.reading_shifts} - {*plant.angle_indices}:
                low[i], high[i] = -RUNAWAY, RUNAWAY
        if tracking is not None:
            table = np.vstack([tracking.setpoints.table, *(cap[scenario.tracked] for cap in plant.state_caps)])
            sides.append((table.min(0), table.max(0)))
        sees_input = remembers or (tracking is not None and tracking.move_weight is not None)
        if sees_input:
            sides.append(plant.input_bounds)
        lows, highs = zip(*sides, strict=True)
        return sees_input, np.concatenate(lows), np.concatenate(highs)

    def _observed(self, run: Run, states: Array, before: Array) -> Array:
        parts = [run.read(states)]
        if self.scenario.tracking is not None:
            parts.append(run.setpoint)
        if self._sees_input:
            parts.append(before)
        space = self.observation_space
        return np.clip(np.concatenate(parts, axis=1), space.low, space.high)

    def _place(self, run: Run, states: Array) -> dict[str, Any]:
        place = {"state": states.copy()}
        return place if self.scenario.tracking is None else place | {"setpoint": run.setpoint}

    def _constraint_values(self, states: Array) -> Array:
        if self.plant.safe_limits is None:
            return np.empty((len(states), 0))
        (lower, upper), (below, above) = self.plant.safe_limits, self._limited
        return np.concatenate([lower[below] - states[:, below], states[:, above] - upper[above]], axis=1)
