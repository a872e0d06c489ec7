"""Running a plant in closed loop from a batch of starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from plants.arrays import Array, check_size, real_points, whole_number
from plants.cost import Cost
from plants.errors import PlantError
from plants.plant import Plant
from plants.run import Run
from plants.scenario import Scenario, scenario_of
from plants.validation import RUNAWAY, cost_fits


class MemoryController(Protocol):
    """A controller that remembers: a previous input, an estimate, a warm start."""

    def start(self, batch: int) -> Any:
        """Return the memory of `batch` rows at the beginning of an episode."""
        ...

    def step(self, x: Array, memory: Any) -> tuple[Array, Any]:
        """Return the inputs (batch, m) at states (batch, n), and the memory for the next call."""
        ...


Controller = Callable[[Array], Array] | MemoryController


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """What happened: every array has the leading axes (...,) of the starts.

    `times` (steps + 1,); `states` (..., steps + 1, n), the true ones; `inputs` (..., steps, m) as applied, so within
    the bounds of a plant that clips; `costs` (..., steps) with the penalty in the step that ended the episode early.
    `ended_at` (...,) counts the steps that were run: fewer than asked for only where `unsafe` (...,), the state went
    beyond a safe limit, `runaway` (...,), a state without a cap of its own reached 1e9, `failed` (...,), the integrator
    gave up, or `finished` (...,), the cost's event happened (None: nowhere). After the end the state and the input are
    held and the cost is 0. `clipped` (...,) counts inputs beyond a bound. `readings` (..., steps, n) is what the
    controller saw (None: the states themselves), `setpoints` (steps, k) what the states `tracked` should have been.
    """

    times: Array
    states: Array
    inputs: Array
    costs: Array
    ended_at: Any
    unsafe: Any
    clipped: Any
    runaway: Any = None
    failed: Any = None
    finished: Any = None
    readings: Any = None
    setpoints: Any = None
    tracked: Sequence[int] = ()

    def __post_init__(self) -> None:
        for name in ("runaway", "failed", "finished"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.zeros(np.shape(self.unsafe), dtype=bool))
        if self.readings is None:
            object.__setattr__(self, "readings", self.states[..., :-1, :])
        if self.setpoints is None:
            object.__setattr__(self, "setpoints", np.empty((self.costs.shape[-1], 0)))

    @property
    def total_cost(self) -> Array:
        """Return the sum of the costs (...,), not discounted."""
        return self.costs.sum(-1)

    def __repr__(self) -> str:
        """Return one line: how many episodes, how long, their mean cost, how many ended unsafe or ran away."""
        mean = f"mean cost {self.total_cost.mean():.4g}, " if self.unsafe.size else ""
        ends = {"runaways": self.runaway, "failed": self.failed, "finished": self.finished}
        told = "".join(f", {int(ended.sum())} {name}" for name, ended in ends.items() if ended.any())
        return (
            f"Trajectory({self.unsafe.size} episodes of {self.costs.shape[-1]} steps, {mean}"
            f"{int(self.unsafe.sum())} unsafe{told})"
        )


def simulate(
    plant: Plant | Scenario,
    controller: Controller,
    starts: ArrayLike,
    steps: int | None = None,
    cost: Cost | None = None,
    seed: int = 0,
) -> Trajectory:
    """Return the closed-loop trajectories of a plant or a scenario under `controller` from `starts` (..., n).

    A controller is a function of the states (..., n), in the shape of `starts`, that returns inputs (..., m);
    or an object with `start(batch) -> memory` and `step(x, memory) -> (u, memory)` that gets rows (batch, n). It sees
    the readings of a scenario that misreads states. An episode ends when its state becomes unsafe or runs away
    (`Plant.runaway`) or the integrator gives up: the cost's violation penalty is added once; and when the cost's event
    happens. The controller then goes on to see the last state at which it was in charge. `steps` defaults to the
    plant's or the scenario's episode, `cost` to its cost. What is random about a scenario follows from `seed` and the
    place of a start along the last axis of starts alone: start i meets the same in any batch, under any controller,
    and, of starts (S, K, n), in each of the S.

    Raises PlantError for starts that do not fit, for inputs of a wrong shape, NaN, or beyond the bounds of a
    plant that does not clip. What the controller itself raises passes unchanged.
    """
    scenario = scenario_of(plant)
    plant = scenario.plant
    cost_fits(plant.cost if cost is None else cost, plant)
    count = whole_number(scenario.steps if steps is None else steps, "steps", PlantError, least=1)
    first = plant.wrap(real_points(starts, "starts", plant.state_names, PlantError))
    disturbed = 0 if scenario.is_nominal else plant.n + 2 * len(scenario.disturbances)
    entries = first.size // plant.n * (count + 1) * (plant.n + plant.m + 1 + disturbed)
    entries += first.size // plant.n * sum(getattr(part, "slots", 0) for part in scenario.disturbances)
    check_size(entries, f"`steps` = {count} from {first.size // plant.n} starts", PlantError, "take fewer of them")
    _check_safe(plant, first)
    whole_number(seed, "seed", PlantError)
    run = _Record(scenario, cost, first, count, seed)
    ask = _row_controller(plant, controller, first.shape[:-1])
    for step in range(count):
        if not run.live.any():
            run.hold(step)
            break
        run.advance(step, ask(run.seen, step))
    return run.trajectory(first.shape[:-1])


class _Record:
    """The arrays of a simulation under way: one row per start."""

    def __init__(self, scenario: Scenario, cost: Cost | None, starts: Array, steps: int, seed: int) -> None:
        plant, rows = scenario.plant, starts.size // scenario.plant.n
        places = starts.shape[-2] if starts.ndim > 1 else 1
        keys = () if scenario.is_nominal else (row % places for row in range(rows))
        generators = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,))) for row in keys]
        self.run = Run(scenario, starts.reshape(rows, plant.n), generators, steps, cost)
        self.plant, self.scenario = plant, scenario
        self.states = np.empty((rows, steps + 1, plant.n))
        self.states[:, 0] = starts.reshape(rows, plant.n)
        self.readings = None if scenario.is_nominal else np.empty((rows, steps, plant.n))
        self.inputs = np.empty((rows, steps, plant.m))
        self.costs = np.zeros((rows, steps))
        self.ended_at = np.full(rows, steps)
        self.clipped = np.zeros(rows, dtype=np.int64)
        self.unsafe, self.runaway, self.failed, self.finished = np.zeros((4, rows), dtype=bool)
        self.live = np.ones(rows, dtype=bool)
        self.seen = self.run.reading

    def advance(self, step: int, wanted: Array) -> None:
        """Apply the inputs (rows, m) that the controller wants to the episodes that still run."""
        live = self.live
        moves = self.run.move(wanted, live)
        self.clipped[live] += (moves.wanted != wanted).sum(-1)[live]
        self.inputs[:, step] = np.where(live[:, None], moves.applied, self.inputs[:, step - 1])
        self.states[:, step + 1] = np.where(live[:, None], moves.after, self.states[:, step])
        if self.readings is not None:
            self.readings[:, step] = self.seen
        self.costs[live, step] = moves.cost[live]
        self.ended_at[moves.ended] = step + 1
        self.unsafe |= moves.unsafe
        self.runaway |= moves.runaway
        self.failed |= moves.failed
        self.finished |= moves.finished
        self.live = live & ~moves.ended
        self.seen = np.where(self.live[:, None], self.run.reading, self.seen)

    def hold(self, step: int) -> None:
        """Let the states at `step`, and the inputs that led there, stay to the end."""
        self.states[:, step + 1 :] = self.states[:, step, None]
        self.inputs[:, step:] = self.inputs[:, step - 1, None]
        if self.readings is not None:
            self.readings[:, step:] = self.seen[:, None]

    def trajectory(self, lead: tuple[int, ...]) -> Trajectory:
        """Return what happened, with the leading axes of the starts."""
        steps, tracking = self.costs.shape[1], self.scenario.tracking
        return Trajectory(
            times=self.plant.sample_time * np.arange(steps + 1, dtype=np.float64),
            states=self.states.reshape(*lead, steps + 1, self.plant.n),
            inputs=self.inputs.reshape(*lead, steps, self.plant.m),
            costs=self.costs.reshape(*lead, steps),
            ended_at=self.ended_at.reshape(lead),
            unsafe=self.unsafe.reshape(lead),
            clipped=self.clipped.reshape(lead),
            runaway=self.runaway.reshape(lead),
            failed=self.failed.reshape(lead),
            finished=self.finished.reshape(lead),
            readings=None if self.readings is None else self.readings.reshape(*lead, steps, self.plant.n),
            setpoints=None if tracking is None else tracking.setpoints.at(np.arange(steps)),
            tracked=tuple(self.scenario.tracked),
        )


def _check_safe(plant: Plant, starts: Array) -> None:
    unsafe = plant.unsafe(starts)
    if unsafe.any():
        index = np.argwhere(unsafe)[0].tolist()
        raise PlantError(
            f"`starts`{f' at {index}' if index else ''} is {starts[tuple(index)]} ({', '.join(plant.state_names)}), "
            f"already beyond `safe_limits` {plant.safe_limits}; start inside them"
        )
    wild = plant.runaway(starts)
    if wild.any():
        index = np.argwhere(wild)[0].tolist()
        raise PlantError(
            f"`starts`{f' at {index}' if index else ''} is {starts[tuple(index)]} ({', '.join(plant.state_names)}), "
            f"at or beyond the {RUNAWAY:g} at which a state without a cap counts as a runaway; declare `state_caps`"
        )
    beyond = (plant.confined(starts) != starts).any(-1)
    if beyond.any():
        index = np.argwhere(beyond)[0].tolist()
        raise PlantError(
            f"`starts`{f' at {index}' if index else ''} is {starts[tuple(index)]} ({', '.join(plant.state_names)}), "
            f"beyond `state_caps` {plant.state_caps}, where the plant cannot be; start inside them"
        )


def _row_controller(plant: Plant, controller: Controller, lead: tuple[int, ...]) -> Callable[[Array, int], Array]:
    rows = int(np.prod(lead))
    start, move = (getattr(controller, name, None) for name in ("start", "step"))
    if isinstance(controller, type) or not (callable(controller) or (callable(start) and callable(move))):
        what = f"the class {controller.__name__}" if isinstance(controller, type) else type(controller).__name__
        raise PlantError(
            f"`controller` is {what}, which is neither a function of the state nor an "
            "object with start(batch) and step(x, memory); pass one of the two"
        )
    if not (callable(start) and callable(move)):
        _check_takes_states(plant, controller)
        law: Callable[[Array], Array] = controller  # type: ignore[assignment]
        return lambda x, step: _checked_inputs(plant, law(np.array(x).reshape(*lead, plant.n)), lead, step)
    memory = start(rows)

    def remember(x: Array, step: int) -> Array:
        nonlocal memory
        answer = move(np.array(x), memory)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise PlantError(
                f"`controller` returns a {type(answer).__name__} from its step {step}, but a pair (inputs, memory) "
                "is needed; return both"
            )
        wanted, memory = answer
        return _checked_inputs(plant, wanted, (rows,), step)

    return remember


def _check_takes_states(plant: Plant, controller: object) -> None:
    """Raise PlantError for a law that says by its number of parameters t that the states do not tell it enough."""
    takes = getattr(controller, "t", None)
    if isinstance(takes, int) and takes > plant.n:
        raise PlantError(
            f"`controller` takes {takes} numbers, but the plant {plant.name!r} has {plant.n} states: such a law reads "
            "a previous input, a setpoint or a disturbance too; pass a controller with memory, an object with "
            "start(batch) and step(x, memory), such as mpc.MPCController"
        )


def _checked_inputs(plant: Plant, wanted: Any, lead: tuple[int, ...], step: int) -> Array:
    name = f"controller's input at step {step}"
    inputs = real_points(wanted, name, plant.input_names, PlantError)
    if inputs.shape != (*lead, plant.m):
        raise PlantError(
            f"`{name}` has shape {inputs.shape}, but {(*lead, plant.m)} is needed: one input per state of the batch"
        )
    return np.ascontiguousarray(inputs).reshape(-1, plant.m)
