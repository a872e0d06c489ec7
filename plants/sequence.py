"""A plant that is told the inputs of several samples at once, and is looked at again when all are carried out."""

from dataclasses import dataclass, field, replace
from typing import Any

import casadi as ca
import numpy as np
from casadi import SX

from plants.arrays import instance_of, whole_number
from plants.cost import on_circle
from plants.dynamics import stepped, symbolic
from plants.errors import PlantError
from plants.integrate import MOST_SUBSTEPS, RungeKutta4
from plants.plant import Plant
from plants.stage_cost import StageCost
from plants.validation import RUNAWAY


def sequence_plant(plant: Plant, moves: int) -> Plant:
    """Return `plant` with the inputs of the next `moves` samples as its input: one step is so many samples, open loop.

    Its sample time is `moves` times that of `plant`; its inputs, `moves` times m of them, are those at step 0, then at
    step 1 and so on, each within its bounds; its stage cost is the sum over the samples. Everything else is as it
    was: states, limits, caps, angles, constants, starts, penalty and event. A sample after which the state is unsafe,
    ran away, has no value, or in which the event happens, is the last: the state stays there, nothing more is charged,
    and whoever steps the plant sees there what it would have seen in the plant itself. Episodes are rounded up to whole
    steps.

    The cost knows the plant's own constants alone: where a scenario changes them, give `with_constants(plant, ...)`.
    Raises PlantError for `moves` below 1, an integrator of adaptive steps, and more than 1000 substeps in all.
    """
    instance_of(plant, Plant, "plant", PlantError, "pass a Plant, such as clipped_pendulum()")
    moves = whole_number(moves, "moves", PlantError, least=1)
    _check_integrator(plant, moves)
    samples, cost = _Samples(plant, moves), plant.cost
    lower, upper = plant.input_bounds
    state, entry = plant.equilibrium
    return replace(
        plant,
        name=f"{plant.name}, {moves} samples at a time",
        derivative=None,
        update=samples.after,
        integrator=RungeKutta4(),
        sample_time=moves * plant.sample_time,
        input_names=[name if k == 0 else f"{name} at step {k}" for k in range(moves) for name in plant.input_names],
        input_units=tuple(plant.input_units) * moves,
        input_bounds=(np.tile(lower, moves), np.tile(upper, moves)),
        equilibrium=(state, np.tile(entry, moves)),
        cost=StageCost(
            samples.cost,
            plant.n,
            moves * plant.m,
            cost.violation_penalty,
            cost.event,
            getattr(cost, "terminal", None),
        ),
        episode_steps=-(-plant.episode_steps // moves),
    )


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples of a plant one after another under columns of inputs, up to the one that ends the episode."""

    plant: Plant
    moves: int
    _sample: ca.Function = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sample", _sample(self.plant))

    def __reduce__(self) -> Any:
        return type(self), (self.plant, self.moves)

    def after(self, x: Any, u: Any, constants: Any = None) -> Any:
        """Return the state (n, 1) after all samples from x (n, 1) under inputs u (moves m, 1)."""
        return self._run(x, u, constants)[0]

    def cost(self, x: Any, u: Any) -> Any:
        """Return the sum of the stage costs of the samples."""
        return self._run(x, u, None)[1]

    def _run(self, x: Any, u: Any, constants: Any) -> tuple[Any, Any]:
        """Return the last state and the sum of costs; samples that are not charged start from rest, to have values."""
        plant = self.plant
        p = plant.constant_values if constants is None else ca.vertcat(*vars(constants).values())
        entries = [on_circle(x[i]) if i in plant.angle_indices else x[i] for i in range(plant.n)]
        state, total, live = ca.vertcat(*entries), 0, 1
        for k in range(self.moves):
            start = ca.if_else(live, state, plant.equilibrium[0])
            after, stage, ends = self._sample(start, u[k * plant.m : (k + 1) * plant.m], p)
            state, total = ca.if_else(live, after, state), total + ca.if_else(live, stage, 0)
            live = ca.logic_and(live, ca.logic_not(ends))
        return state, total


def _sample(plant: Plant) -> ca.Function:
    """Return (x, u, p) -> (next state, stage cost, whether the episode ends there) of one sample.

    Where the equations have no value the next state has none either, so that whoever steps can tell it from a cap.
    """
    x, u, p = (SX.sym(name, size) for name, size in zip("xup", (plant.n, plant.m, len(plant.constants)), strict=True))
    lower, upper = plant.state_caps
    after = stepped(plant, x, u, p)
    flow = symbolic(plant)(x, ca.fmax(ca.fmin(u, plant.input_bounds[1]), plant.input_bounds[0]), p)
    finite = ca.logic_and(flow > -np.inf, flow < np.inf)
    runaway = _beyond(after, np.where(lower == -RUNAWAY, lower, -np.inf), np.where(upper == RUNAWAY, upper, np.inf))
    capped = _beyond(after, lower, upper)
    lost = ca.logic_and(ca.logic_and(capped, ca.logic_not(runaway)), ca.sum1(finite) < plant.n)
    ends = ca.logic_or(ca.logic_or(lost, runaway), _unsafe(plant, after))
    if plant.cost.event is not None:
        ends = ca.logic_or(ends, plant.cost.event.when(after) > 0)
    known = ca.if_else(ca.logic_and(lost, ca.logic_not(finite)), flow, after)
    return ca.Function("sample", [x, u, p], [known, plant.cost.expression(x, u), ends], {"cse": True})


def _unsafe(plant: Plant, x: Any) -> Any:
    if plant.safe_limits is None:
        return SX(0)
    lower, upper = plant.safe_limits
    return ca.sum1(ca.logic_or(x < lower, x > upper)) > 0


def _beyond(x: Any, lower: Any, upper: Any) -> Any:
    """Return whether an entry of x (n, 1) is at a limit (n,) or beyond it."""
    return ca.sum1(ca.logic_or(x <= lower, x >= upper)) > 0


def _check_integrator(plant: Plant, moves: int) -> None:
    if not plant.is_continuous:
        return
    if getattr(plant.integrator, "may_give_up", False):
        raise PlantError(
            f"`plant` {plant.name!r} is integrated by {plant.integrator!r}, whose adaptive steps cannot be joined to "
            "one expression; give it RungeKutta4(substeps=...)"
        )
    substeps = getattr(plant.integrator, "substeps", 1)
    if moves * substeps > MOST_SUBSTEPS:
        raise PlantError(
            f"`moves` is {moves}, with {substeps} substeps each {moves * substeps} in all, above the limit of "
            f"{MOST_SUBSTEPS}, since all are built into one expression; take fewer"
        )
