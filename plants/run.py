"""Run: rows of a scenario under way. The one place where a plant is stepped, disturbed and charged for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from plants.arrays import Array
from plants.cost import Cost
from plants.draft import Draft
from plants.errors import PlantError
from plants.plant import Plant
from plants.scenario import Scenario
from plants.validation import within_bounds

_PARTS = ("constants", "input_gains", "input_shifts", "state_shifts", "reading_gains", "reading_shifts")


class Moves(NamedTuple):
    """What one step did to every row.

    `wanted` (rows, m) was asked for, within the bounds; `applied` (rows, m) is what acted. `after` (rows, n) is the
    next state, `cost` (rows,) with penalty and the event's cost. Then, as bool (rows,): `unsafe`, beyond a safe limit;
    `runaway`; `failed`, the integrator gave up and the state stays; `finished`, the cost's event has happened
    and nothing bad.
    """

    wanted: Array
    applied: Array
    after: Array
    cost: Array
    unsafe: Any
    runaway: Any
    failed: Any
    finished: Any

    @property
    def ended(self) -> Any:
        """Return, as bool (rows,), which episodes are over."""
        return self.unsafe | self.runaway | self.failed | self.finished


class Run:
    """Rows under way, each with a clock and a generator of its own: `state` (rows, n) is true, `reading` what is seen.

    `before` (rows, m) is the input that acted last, at first that at rest. Draws nothing where nothing is random.
    """

    def __init__(
        self,
        scenario: Scenario,
        starts: Array,
        generators: Sequence[np.random.Generator],
        steps: int,
        cost: Cost | None = None,
    ) -> None:
        self.scenario, self.plant, self.steps = scenario, scenario.plant, steps
        self.cost = scenario.plant.cost if cost is None else cost
        self.own_cost = cost is None
        self._generators = generators
        rows = len(starts)
        self.state = np.array(starts, order="C")
        self.clock = np.zeros(rows, dtype=np.intp)
        self.before = np.tile(self.plant.equilibrium[1], (rows, 1))
        self._every = np.arange(rows)
        self._draft = None if scenario.is_nominal else _owned(scenario.draft(generators, steps))
        self._memories = self._rest(rows)

    @property
    def reading(self) -> Array:
        """Return what a controller sees of the states (rows, n)."""
        return self.read(self.state)

    def read(self, states: Array) -> Array:
        """Return what a controller would see now if the states were these (rows, n)."""
        draft, seen = self._draft, states.copy()
        if draft is None or not (draft.reading_gains or draft.reading_shifts):
            return seen
        for i, values in draft.reading_gains.items():
            seen[:, i] *= 1 + values[self._every, self.clock]
        for i, values in draft.reading_shifts.items():
            seen[:, i] += values[self._every, self.clock]
        return self.plant.wrap(seen)

    @property
    def setpoint(self) -> Array:
        """Return the setpoints (rows, k) of this step; k is 0 where nothing is tracked."""
        tracking = self.scenario.tracking
        return np.empty((len(self.state), 0)) if tracking is None else tracking.setpoints.at(self.clock)

    def move(self, wanted: Array, live: Any = None) -> Moves:
        """Take one step under the inputs (rows, m) that a controller wants; rows that are not `live` stay as they are.

        Raises PlantError for an input beyond the bounds of a plant that does not clip.
        """
        live = np.ones(len(self.state), dtype=bool) if live is None else live
        plant = self.plant
        if not plant.clips_input:
            within_bounds(wanted[live], plant)
        within = np.clip(wanted, *plant.input_bounds)
        applied = self._acted(within, live)
        after = self._stepped(applied, live)
        failed = ~np.isfinite(after).all(-1)
        after[failed] = self.state[failed]
        unsafe, runaway = plant.unsafe(after), plant.runaway(after)
        event = self.cost.event
        bad = unsafe | runaway | failed
        finished = np.zeros(len(after), dtype=bool) if event is None else event.rows(after) & ~bad
        cost = self._stage_cost(applied, live) + self.cost.violation_penalty * bad
        if event is not None:
            cost += event.cost * finished
        moves = Moves(within, applied, after, cost, unsafe & live, runaway & live, failed & live, finished & live)
        on = live & ~moves.ended
        self.state[on], self.before[on] = after[on], applied[on]
        self.clock[live] += 1
        return moves

    def restart(self, members: Any, starts: Array) -> None:
        """Begin anew at `starts` (k, n) in the k rows that `members`, bool (rows,), names."""
        self.state[members], self.clock[members] = starts, 0
        self.before[members] = self.plant.equilibrium[1]
        if self._draft is None or not members.any():
            return
        generators = [generator for generator, chosen in zip(self._generators, members, strict=True) if chosen]
        fresh = self.scenario.draft(generators, self.steps)
        for part in _PARTS:
            for i, values in getattr(fresh, part).items():
                getattr(self._draft, part)[i][members] = values
        for memory, rest in zip(self._memories, self._rest(int(members.sum())), strict=True):
            memory[members] = rest

    def _rest(self, rows: int) -> list[Array]:
        actuators = () if self._draft is None else self._draft.actuators
        names, home = self.plant.input_names, self.plant.equilibrium[1]
        return [np.full((rows, actuator.slots), home[names.index(actuator.name)]) for actuator in actuators]

    def _acted(self, wanted: Array, live: Any) -> Array:
        """Return the inputs (rows, m) that come out of the actuators, within the plant's bounds."""
        draft = self._draft
        if draft is None or not (draft.actuators or draft.input_gains or draft.input_shifts):
            return wanted
        acted = wanted.copy()
        for actuator, memory in zip(draft.actuators, self._memories, strict=True):
            i = self.plant.input_names.index(actuator.name)
            acted[:, i], after = actuator.act(acted[:, i], memory)
            memory[live] = after[live]
        for i, values in draft.input_gains.items():
            acted[:, i] *= values[self._every, self._now]
        for i, values in draft.input_shifts.items():
            acted[:, i] += values[self._every, self._now]
        return np.clip(acted, *self.plant.input_bounds)

    def _stepped(self, applied: Array, live: Any) -> Array:
        """Return the next states (rows, n); NaN where integrator or equations gave up.

        Rows that are not live step from rest. So no integrator tries again and again where it has given up.
        """
        draft, plant = self._draft, self.plant
        state = self.state if live.all() else np.where(live[:, None], self.state, plant.equilibrium[0])
        if draft is None:
            return self._checked(state, applied, None)
        constants = None
        if draft.constants:
            constants = np.tile(plant.constant_values, (len(self.state), 1))
            for i, values in draft.constants.items():
                constants[:, i] = values[self._every, self._now]
        after = self._checked(state, applied, constants)
        for i, values in draft.state_shifts.items():
            after[:, i] += values[self._every, self._now]
        return plant.confined(after) if draft.state_shifts else after

    def _checked(self, state: Array, applied: Array, constants: Array | None) -> Array:
        """Return the next states (rows, n); NaN where the equations have no value, which caps would hide."""
        after = self.plant.step_rows(state, applied, constants)
        after[without_value(self.plant, state, applied, after, constants)] = np.nan
        return after

    def _stage_cost(self, applied: Array, live: Any) -> Array:
        """Return the stage cost (rows,), 0 of rows that are not live; raise PlantError unless it is finite."""
        tracking = self.scenario.tracking
        if tracking is not None and self.own_cost:
            cost = tracking.cost_rows(self.state, applied, self.before, self.scenario.tracked, self.clock)
        elif live.all():
            cost = self.cost.stage_rows(self.state, applied)
        else:
            cost = np.zeros(len(self.state))
            cost[live] = self.cost.stage_rows(self.state[live], applied[live])
        if np.shape(cost) != live.shape or not np.isfinite(cost).all():
            raise PlantError(
                f"the stage cost {self.cost!r} gives {cost} in one step, but a finite number for each of {len(live)} "
                "rows is needed: make its weights or targets smaller, or mend its `stage_rows`"
            )
        return cost

    @property
    def _now(self) -> Any:
        return np.minimum(self.clock, self.steps - 1)


def without_value(plant: Plant, state: Array, applied: Array, after: Array, constants: Array | None = None) -> Any:
    """Return, as bool (rows,), in which rows a step to `after` (rows, n) met equations without a value, no runaways.

    Such a state ends at a cap, so only rows there are asked. `applied` (rows, m) is within the bounds.
    """
    lower, upper = plant.state_caps
    lost = ((after <= lower) | (after >= upper)).any(-1)
    capped = np.flatnonzero(lost)
    if len(capped):
        known = np.broadcast_to(plant.constant_values, (len(state), len(plant.constants)))
        flow = plant.flow_rows(state[capped], applied[capped], (known if constants is None else constants)[capped])
        lost[capped] = ~np.isfinite(flow).all(-1) & ~plant.runaway(np.nan_to_num(after[capped]))
    return lost


def _owned(draft: Draft) -> Draft:
    """Return the draft with arrays that may be written to."""
    for part in _PARTS:
        parts = getattr(draft, part)
        for i, values in parts.items():
            parts[i] = np.array(values)
    return draft
