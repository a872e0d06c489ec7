"""MPCProblem: a linear model, a cost in one of three norms, a horizon and limits, in physical variables."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.constraints import InputBounds, StateBounds
from mpc.costs import Cost
from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.norms import checked_norm, norm_weight
from mpc.parameters import Layout, Parameter, PreviousInput, Setpoint, layout
from mpc.plan import EveryStep, Plan, checked_plan
from mpc.riccati import check_stabilisable, checked_discount, weight_matrix
from mpc.rows import Constraint
from mpc.soft import fitted
from mpc.stage import StageWeights, regulator
from plants.arrays import Array, bounds_pair, instance_of, whole_number

if TYPE_CHECKING:
    from mpc.statement import Statement

Bounds = Any
"""A pair (lower, upper) going in, with None for no bound; a pair of read-only arrays coming out."""


@dataclass(frozen=True, eq=False)
class MPCProblem:
    """min sum over t < N of g^t (s_t'Q s_t + v_t'R v_t) + g^N s_N'P s_N, with s, v deviations from the operating point.

    `state_weight` Q (n, n) >= 0, `input_weight` R (m, m) > 0, `horizon` N, `discount` g in (0, 1], `terminal_weight`
    P (n, n) >= 0 (None: the discounted Riccati solution). `state_bounds` hold at steps 1..N and `input_bounds`
    at steps 0..N-1, each a pair (lower, upper) in physical units with None for no limit. `parameter_bounds`
    is the box of states on which the law is defined (None: `state_bounds`). `constraints` are further
    objects that emit rows, such as OutputBounds, MoveBounds, TerminalSet and Soft; `costs` further ones that emit
    terms (OutputWeight, MoveWeight, CrossWeight). `parameters` is what the law reads besides the state: a Setpoint,
    from whose steady state s and v are then measured, a Disturbance, the PreviousInput (there by itself where moves are
    weighed or limited). `plan` says which inputs are free: EveryStep(), MoveBlocking, ControlHorizon, Prestabilised.
    `theta(...)` joins the parts that the law then takes. `max_variables` guards against horizons that no solver of
    this kind finishes.

    `norm` 1 or numpy.inf asks for sum over t < N of g^t (|Q s_t| + |R v_t|) + g^N |P s_N| in that norm instead, a
    multiparametric linear program. The weights multiply the vectors: Q (k, n), R (l, m) and P (j, n) may have any
    number of rows, any sign and any rank. P is Q where `terminal_weight` is None: there is no Riccati solution, so the
    last state counts like those before it. See docs/norms.md.

    `final_weight` is the P that is used and `domain` the box, given or derived: a changed copy (dataclasses.replace)
    derives them anew. A derived P includes the further costs; with a weight on moves it is that of (s_N, v_(N-1)).
    A terminal weight of zeros asks for none. Raises ProblemError for whatever is not well posed.
    Source: Braniff & Tian 2025, Eq. 8, with its misprints mended: u_t in U, terminal weight on s_N; for the other
    norms Bemporad, Borrelli & Morari 2002.
    """

    model: LinearModel
    state_weight: Any
    input_weight: Any
    horizon: int
    state_bounds: Bounds = None
    input_bounds: Bounds = None
    terminal_weight: Any = None
    discount: float = 1.0
    parameter_bounds: Bounds = None
    constraints: Sequence[Constraint] = ()
    max_variables: int = 1000
    norm: float = 2
    costs: Sequence[Cost] = ()
    parameters: Sequence[Parameter] = ()
    plan: Plan = field(default_factory=EveryStep)
    final_weight: Array = field(init=False, repr=False)
    domain: tuple[Array, Array] = field(init=False, repr=False)
    layout: Layout = field(init=False, repr=False)
    stage: StageWeights = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check every argument once."""
        model = self.model
        if not isinstance(model, LinearModel):
            raise ProblemError(f"`model` is a {type(model).__name__}; pass linearise(plant) or a LinearModel")
        self._put("norm", checked_norm(self.norm))
        self._put("discount", checked_discount(self.discount))
        self._put("costs", self._fitted_costs())
        self._put_weights()
        self._put("horizon", self._checked_horizon())
        self._put_bounds()
        self._put("constraints", self._fitted_constraints())
        self._put_layout()
        check_stabilisable(model, self.discount)
        self._put("final_weight", self._default_weight() if self.terminal_weight is None else self.terminal_weight)
        self._check_costs()

    @property
    def all_constraints(self) -> tuple[Constraint, ...]:
        """Return input bounds, state bounds and the further constraints, those that there are."""
        inputs = () if self.input_bounds is None else (InputBounds(*self.input_bounds),)
        states = () if self.state_bounds is None else (StateBounds(*self.state_bounds),)
        return (*inputs, *states, *self.constraints)

    @cached_property
    def free_inputs(self) -> int:
        """Return how many components of z are inputs: fewer than horizon times inputs where the plan holds some."""
        return (max(self.plan.blocks(self.horizon)) + 1) * self.model.m

    @cached_property
    def regulator(self) -> Array:
        """Return K (m, n) of the unconstrained regulator of the stage cost, without the cost of moves."""
        return regulator(self.model, replace(self.stage, move=0 * self.stage.move), self.discount)[0]

    @property
    def setpoint(self) -> Setpoint | None:
        """Return the setpoint, if there is one."""
        return next((p for p in self.parameters if isinstance(p, Setpoint)), None)

    def theta(
        self,
        state: ArrayLike,
        previous_input: ArrayLike | None = None,
        setpoint: ArrayLike | None = None,
        disturbance: ArrayLike | None = None,
    ) -> Array:
        """Return theta (..., t), what the law takes, from its parts (..., size); those that it does not hold stay out.

        With a preview the steps' values follow one another. Raises ProblemError for a part missing or too many.
        """
        parts = {"previous_input": previous_input, "setpoint": setpoint, "disturbance": disturbance}
        return self.layout.vector(state=state, **parts)

    def to_cvxpy(self) -> "Statement":
        """Return the problem in cvxpy, written from its definitions: variables, parameter theta and solve(theta).

        Raises ProblemError for a constraint, cost or plan of one's own that does not say what it means there.
        """
        from mpc.statement import state_problem  # noqa: PLC0415 - cvxpy takes a second to load

        return state_problem(self)

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        sizes = f"{self.model.n} states, {self.model.m} inputs, horizon {self.horizon}, discount {self.discount:g}"
        cost = "" if self.norm == 2 else f", {self.norm:g}-norm"
        return f"MPCProblem({sizes}{cost})"

    def _put_weights(self) -> None:
        given = {"state_weight": self.model.n, "input_weight": self.model.m}
        if self.terminal_weight is not None:
            given["terminal_weight"] = self.model.n
        for name, size in given.items():
            if self.norm != 2:
                weight = norm_weight(getattr(self, name), name, size)
            else:
                weight = positive_semidefinite(weight_matrix(getattr(self, name), name, size), name)
            self._put(name, weight)
        if self.norm == 2:
            stage = StageWeights.plain(self.state_weight, self.input_weight)
            for cost in self.costs:
                stage += cost.stage(self.model)
            positive_definite(stage.input + stage.move, "input_weight")
            self._put("stage", stage.checked())

    def _check_costs(self) -> None:
        """Raise ProblemError if a norm cost is 0 whatever the inputs are."""
        used = [self.input_weight, self.final_weight, *(cost.weight for cost in self.costs)] + [self.state_weight] * (
            self.horizon > 1
        )
        if not any(weight.any() for weight in used):
            raise ProblemError(
                f"no weight counts: all that act at steps 1 to {self.horizon} of `horizon` {self.horizon} are 0, "
                "so that every input is as good as any other; weigh the states or the inputs"
            )

    def _checked_horizon(self) -> int:
        horizon = whole_number(self.horizon, "horizon", ProblemError, least=1)
        checked_plan(self.plan, horizon)
        limit = whole_number(self.max_variables, "max_variables", ProblemError, least=1)
        model, costs = self.model, self._costs_per_step()
        count = horizon * (model.m + costs)
        if count > limit:
            inputs = f"{model.m} inputs" + (f" and {costs} costs a step" if costs else "")
            raise ProblemError(
                f"`horizon` {horizon} with {inputs} makes {count} variables, more than "
                f"the size limit {limit}; shorten it, or raise `max_variables`"
            )
        return horizon

    def _costs_per_step(self) -> int:
        if self.norm == 1:
            return len(self.state_weight) + len(self.input_weight)
        return 0 if self.norm == 2 else 2

    def _fitted_constraints(self) -> tuple[Constraint, ...]:
        if not isinstance(self.constraints, Sequence):
            raise ProblemError(f"`constraints` is a {type(self.constraints).__name__}; pass a tuple of constraints")
        return tuple(fitted(c, self.model, f"`constraints` entry {i}") for i, c in enumerate(self.constraints))

    def _fitted_costs(self) -> tuple[Cost, ...]:
        instance_of(self.costs, Sequence, "costs", ProblemError, "pass a tuple of costs, such as (MoveWeight(0.1),)")
        for i, cost in enumerate(self.costs):
            if isinstance(cost, type) or not callable(getattr(cost, "terms", None)):
                raise ProblemError(
                    f"`costs` entry {i} is {cost!r}; pass OutputWeight, MoveWeight or CrossWeight objects"
                )
        return tuple(cost.fitted(self.model, self.norm) for cost in self.costs)

    def _put_layout(self) -> None:
        """Put theta's layout, with the previous input where something asks for moves."""
        mend = "pass a tuple of parameters, such as (Setpoint(lower, upper),)"
        instance_of(self.parameters, Sequence, "parameters", ProblemError, mend)
        given = tuple(self.parameters)
        if any(getattr(part, "uses_moves", False) for part in (*self.costs, *self.constraints)):
            given = given if any(isinstance(p, PreviousInput) for p in given) else (PreviousInput(), *given)
        given = tuple(p.within(self.input_bounds) if isinstance(p, PreviousInput) else p for p in given)
        self._put("parameters", given)
        self._put("layout", layout(self.model, self.domain, self.horizon, given))

    def _put_bounds(self) -> None:
        states, inputs = self.model.state_names, self.model.input_names
        for name, labels in (("state_bounds", states), ("input_bounds", inputs)):
            if getattr(self, name) is not None:
                self._put(name, bounds_pair(getattr(self, name), name, labels, ProblemError))
        given = self.state_bounds if self.parameter_bounds is None else self.parameter_bounds
        if given is None:
            raise ProblemError(
                "theta is unbounded: neither `parameter_bounds` nor `state_bounds` was given; pass `parameter_bounds`, "
                "the box of states (lower, upper) on which the law shall be defined"
            )
        name = "parameter_bounds" if self.parameter_bounds is not None else "state_bounds"
        lower, upper = bounds_pair(given, name, states, ProblemError)
        for i, label in enumerate(states):
            if not (np.isfinite(lower[i]) and np.isfinite(upper[i])):
                raise ProblemError(
                    f"theta is unbounded: `{name}` gives {label} the range {lower[i]:g} to {upper[i]:g}; pass finite "
                    "`parameter_bounds` (`state_bounds` may stay infinite)"
                )
            if lower[i] == upper[i]:
                raise ProblemError(f"`{name}` gives {label} no width: both bounds are {lower[i]:g}; widen them")
        if self.parameter_bounds is not None:
            self._put("parameter_bounds", (lower, upper))
        self._put("domain", (lower, upper))

    def _default_weight(self) -> Array:
        if self.norm != 2:
            return self.state_weight
        return regulator(self.model, self.stage, self.discount)[1]

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
