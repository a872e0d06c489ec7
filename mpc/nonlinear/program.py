"""The nonlinear program over one horizon, transcribed by do-mpc from the plant's own equations."""

import warnings
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.nonlinear.goal import Goal
from mpc.nonlinear.smooth_step import smooth_step
from plants import Plant
from plants.arrays import Array, Checked, real_array


@dataclass(frozen=True, eq=False)
class SoftBounds:
    """State bounds that may be violated, at `weight` (one, or (n,)) per physical unit and step, not discounted.

    The penalty is linear: bounds hold wherever they can, if the weight is above their prices. Raises ProblemError for
    anything else.
    """

    weight: Checked = 1e4

    def __post_init__(self) -> None:
        """Check the weight."""
        given = real_array(self.weight, "weight of SoftBounds", None, ProblemError)
        if given.ndim > 1 or not (given > 0).all():
            raise ProblemError(
                f"`weight` of SoftBounds is {self.weight!r}, but one number above 0, or one for each state, is needed"
            )
        object.__setattr__(self, "weight", given)

    def weights(self, plant: Plant) -> Array:
        """Return one weight per state (n,); raises ProblemError for another number of them."""
        each = np.full(plant.n, self.weight) if self.weight.ndim == 0 else self.weight
        if each.shape != (plant.n,):
            raise ProblemError(
                f"`weight` of SoftBounds has {len(each)} entries, but the plant {plant.n} states; give one number, or "
                f"one for each of the {plant.n} states"
            )
        return each


@dataclass(frozen=True, eq=False)
class Program:
    """min f(z, p) with lower <= z <= upper and rows_lower <= g(z, p) <= rows_upper, z in units of `scale`.

    p is the state (n,), then the discount of each step (N + 1,). `states` (N + 1, n), `inputs` (N, m) and `slacks`
    (N, s) are the places of each in z; the slacks belong to rows of the next state, `soft_rows` (A, b): A x <= b.
    """

    nlp: dict[str, Any]
    states: Any
    inputs: Any
    slacks: Any
    scale: Array
    lower: Array
    upper: Array
    rows_lower: Array
    rows_upper: Array
    soft_rows: tuple[Array, Array]


def transcribed(plant: Plant, goal: Goal, soft: SoftBounds | None) -> Program:
    """Return the program of a plant and a goal, by multiple shooting over the plant's own step."""
    unit = _half_widths(*plant.state_bounds), _half_widths(*plant.input_bounds)
    soft_rows = _soft_rows(plant, goal, soft)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # do-mpc warns of optional parts, and CasADi of do-mpc
        return _program(_prepared(plant, goal, unit, soft_rows), goal, unit, soft_rows[:2])


def _prepared(plant: Plant, goal: Goal, unit: tuple[Array, Array], soft_rows: tuple[Array, Array, Array]) -> Any:
    import do_mpc  # noqa: PLC0415  it takes seconds, and loads torch where that is installed

    step = smooth_step(plant)
    model = do_mpc.model.Model("discrete", "SX" if step.is_a("SXFunction") else "MX")
    first = model.set_variable("_x", "state", shape=(plant.n, 1)), model.set_variable("_u", "input", (plant.m, 1))
    model.set_variable("_tvp", "discount")
    model.set_rhs("state", step(*first))
    model.setup()
    x, u, discount = model.x["state"], model.u["input"], model.tvp["discount"]  # other symbols than before the setup
    controller = do_mpc.controller.MPC(model)
    controller.settings.n_horizon = goal.horizon
    controller.settings.t_step = plant.sample_time
    controller.set_objective(lterm=discount * goal.stage(x, u), mterm=discount * goal.end(x))
    controller.set_rterm(input=0)
    controller.scaling["_x", "state"], controller.scaling["_u", "input"] = unit
    A, b, price = soft_rows
    if len(b):
        options: dict[str, Any] = {"ub": b[:, None], "soft_constraint": True, "penalty_term_cons": price}
        controller.set_nl_cons("soft", ca.mtimes(A, step(x, u)), **options)
    template = controller.get_tvp_template()
    controller.set_tvp_fun(lambda _: template)
    controller.prepare_nlp()
    return controller


def _soft_rows(plant: Plant, goal: Goal, soft: SoftBounds | None) -> tuple[Array, Array, Array]:
    """Return A, b of the bounds that may be violated, A x <= b, and the price of each."""
    if soft is None:
        return np.zeros((0, plant.n)), np.zeros(0), np.zeros(0)
    lower, upper = goal.state_bounds
    A, b = np.vstack([np.eye(plant.n), -np.eye(plant.n)]), np.concatenate([upper, -lower])
    kept = np.isfinite(b)
    return A[kept], b[kept], np.tile(soft.weights(plant), 2)[kept]


def _program(controller: Any, goal: Goal, unit: tuple[Array, Array], soft_rows: tuple[Array, Array]) -> Program:
    z, g = controller.opt_x, ca.vertcat(*controller.nlp_cons)
    steps, soft = range(goal.horizon), len(soft_rows[1])
    states = np.array([z.f["_x", k, 0, -1] for k in range(goal.horizon + 1)])
    inputs = np.array([z.f["_u", k, 0] for k in steps])
    slacks = np.array([z.f["_eps", k, 0] for k in steps], dtype=int).reshape(goal.horizon, soft)
    scale, lower, upper = np.ones(z.shape[0]), np.full(z.shape[0], -np.inf), np.full(z.shape[0], np.inf)
    scale[states], scale[inputs], lower[slacks] = *unit, 0.0
    lower[inputs], upper[inputs] = (bound / unit[1] for bound in goal.input_bounds)
    if not soft:
        lower[states[1:]], upper[states[1:]] = (bound / unit[0] for bound in goal.state_bounds)
    return Program(
        nlp={"x": ca.vertcat(z), "p": ca.vertcat(controller.opt_p), "f": controller.nlp_obj, "g": g},
        states=states,
        inputs=inputs,
        slacks=slacks,
        scale=scale,
        lower=lower,
        upper=upper,
        rows_lower=_stacked(controller.nlp_cons_lb),
        rows_upper=_stacked(controller.nlp_cons_ub),
        soft_rows=soft_rows,
    )


def _stacked(parts: list[Any]) -> Array:
    return ca.vertcat(*(ca.DM(getattr(part, "cat", part)) for part in parts)).full().ravel()


def _half_widths(lower: Array, upper: Array) -> Array:
    """Return half the width of each pair of bounds, 1 where one is infinite."""
    finite = np.isfinite(lower) & np.isfinite(upper)
    return np.where(finite, (np.where(finite, upper, 1) - np.where(finite, lower, -1)) / 2, 1.0)
