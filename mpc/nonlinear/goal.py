"""What a nonlinear controller minimises and keeps: the goal of an MPCProblem, or of a plant with its own cost."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cached_property
from typing import Any

import casadi as ca
import numpy as np
from casadi import SX
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.nonlinear.end import QuadraticEnd, end_of_plant
from mpc.problem import MPCProblem
from mpc.riccati import checked_discount
from plants import Plant, QuadraticCost
from plants.arrays import Array, bounds_pair, instance_of, whole_number
from plants.cost import wrapped

_CARRIED_OVER = frozenset(
    (
        *("model", "state_weight", "input_weight", "horizon", "state_bounds", "input_bounds", "terminal_weight"),
        *("discount", "parameter_bounds", "max_variables"),
    )
)


@dataclass(frozen=True, eq=False)
class Goal:
    """sum over t < N of g^t stage(x_t, u_t) + g^N end(x_N), with state bounds at 1..N, input bounds at 0..N-1.

    `stage` and `end` return CasADi expressions of columns; g is the `discount`. `state_target` (n,) and `input_target`
    (m,) are where guesses lead, and `angles` the states that may be turned by whole turns. Bounds are pairs (lower,
    upper) in physical units, infinite where there is no limit.
    """

    horizon: int
    stage: Callable[[Any, Any], Any]
    end: Callable[[Any], Any]
    discount: float
    state_target: Array
    input_target: Array
    angles: tuple[int, ...]
    state_bounds: tuple[Array, Array]
    input_bounds: tuple[Array, Array]

    def cost(self, states: Array, inputs: Array) -> float:
        """Return the cost of states (N + 1, n) under inputs (N, m)."""
        return float(self._total(states.T, inputs.T))

    @cached_property
    def _total(self) -> ca.Function:
        states = SX.sym("states", len(self.state_target), self.horizon + 1)
        inputs = SX.sym("inputs", len(self.input_target), self.horizon)
        total = self.discount**self.horizon * self.end(states[:, -1])
        for t in range(self.horizon):
            total += self.discount**t * self.stage(states[:, t], inputs[:, t])
        return ca.Function("total", [states, inputs], [total])

    def near(self, x: Array) -> Array:
        """Return the state x (n,) with its angles turned to within half a turn of the target."""
        turned = x.copy()
        for i in self.angles:
            turned[i] = self.state_target[i] + wrapped(x[i] - self.state_target[i])
        return turned


def goal_of(
    plant: Plant,
    problem: MPCProblem | None,
    horizon: int | None,
    discount: float | None,
    terminal_weight: ArrayLike | None,
    state_bounds: Any,
) -> Goal:
    """Return the goal of the problem, or without one of the plant; ProblemError where both are given."""
    if problem is None:
        return goal_of_plant(plant, horizon, 1.0 if discount is None else discount, terminal_weight, state_bounds)
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass an MPCProblem, or None for the plant's own cost")
    own = {
        "horizon": horizon,
        "discount": discount,
        "terminal_weight": terminal_weight,
        "state_bounds": state_bounds,
    }
    for name, value in own.items():
        if value is not None:
            raise ProblemError(
                f"`{name}` and `problem` were both given, and the problem has its own; change it there: "
                f"dataclasses.replace(problem, {name}=...)"
            )
    return goal_of_problem(plant, problem)


def goal_of_problem(plant: Plant, problem: MPCProblem) -> Goal:
    """Return the goal of a linear problem for the plant itself; ProblemError names whatever cannot be carried over."""
    model = problem.model
    if (model.n, model.m) != (plant.n, plant.m):
        raise ProblemError(
            f"`problem` has {model.n} states and {model.m} inputs, but the plant {plant.name!r} has {plant.n} and "
            f"{plant.m}; pass the problem of this plant, as from linearise(plant)"
        )
    if abs(model.sample_time - plant.sample_time) > 1e-9 * plant.sample_time:
        raise ProblemError(
            f"`problem` has the sample time {model.sample_time:g}, but the plant {plant.name!r} has "
            f"{plant.sample_time:g}; discretise the model at the plant's"
        )
    for field in fields(problem):
        if field.init and field.name not in _CARRIED_OVER:
            _check_default(field, getattr(problem, field.name))
    given = (problem.state_bounds or (None, None), problem.input_bounds or (None, None))
    state_bounds = bounds_pair(given[0], "state_bounds", plant.state_names, ProblemError)
    lower, upper = bounds_pair(given[1], "input_bounds", plant.input_names, ProblemError)
    angles, weights = plant.angle_indices, (problem.state_weight, problem.input_weight)
    stage = QuadraticCost(*weights, state_target=model.state, input_target=model.input, angles=angles)
    return Goal(
        horizon=problem.horizon,
        stage=stage.expression,
        end=QuadraticEnd(problem.final_weight, stage.state_target, angles),
        discount=problem.discount,
        state_target=stage.state_target,
        input_target=stage.input_target,
        angles=angles,
        state_bounds=state_bounds,
        input_bounds=_inside_actuator(plant, lower, upper),
    )


def goal_of_plant(
    plant: Plant, horizon: int | None, discount: float, terminal_weight: ArrayLike | None, state_bounds: Any
) -> Goal:
    """Return the goal of the plant's own cost and input bounds; safe limits hold, and `state_bounds` where given."""
    if horizon is None:
        raise ProblemError("neither `problem` nor `horizon` was given; pass an MPCProblem, or a horizon in steps")
    gamma, cost = checked_discount(discount), plant.cost
    wanted = (None, None) if state_bounds is None else state_bounds
    lower, upper = bounds_pair(wanted, "state_bounds", plant.state_names, ProblemError)
    if plant.safe_limits is not None:
        lower, upper = np.maximum(lower, plant.safe_limits[0]), np.minimum(upper, plant.safe_limits[1])
    for name, low, high in zip(plant.state_names, lower, upper, strict=True):
        if low >= high:
            raise ProblemError(f"`state_bounds` and the plant's safe limits leave {name} no room: {low:g} to {high:g}")
    quadratic = isinstance(cost, QuadraticCost)
    state, entry = (cost.state_target, cost.input_target) if quadratic else plant.equilibrium
    angles = tuple(cost.angles) if quadratic else plant.angle_indices
    return Goal(
        horizon=whole_number(horizon, "horizon", ProblemError, least=1),
        stage=cost.expression,
        end=end_of_plant(plant, gamma, terminal_weight, state, angles),
        discount=gamma,
        state_target=state,
        input_target=entry,
        angles=angles,
        state_bounds=(lower, upper),
        input_bounds=plant.input_bounds,
    )


def _inside_actuator(plant: Plant, lower: Array, upper: Array) -> tuple[Array, Array]:
    low, high = np.maximum(lower, plant.input_bounds[0]), np.minimum(upper, plant.input_bounds[1])
    for i, name in enumerate(plant.input_names):
        if low[i] >= high[i]:
            raise ProblemError(
                f"`input_bounds` of the problem give {name} the range {lower[i]:g} to {upper[i]:g}, of which the "
                f"plant's {plant.input_bounds[0][i]:g} to {plant.input_bounds[1][i]:g} leave nothing; widen one"
            )
    return low, high


def _check_default(field: "Field[Any]", value: object) -> None:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    if repr(value) == repr(default) or (isinstance(value, int | float) and value == default):
        return
    what = ", ".join(type(v).__name__ for v in value) if isinstance(value, Sequence) else repr(value)
    raise ProblemError(
        f"`{field.name}` of the problem ({what}) has no nonlinear counterpart yet; leave it out "
        f"(dataclasses.replace(problem, {field.name}={default!r})), or use ImplicitMPC"
    )
