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
from mpc.explicit.magnitudes import check_weight
from mpc.layout import Layout, layout
from mpc.model import LinearModel
from mpc.norms import checked_norm, norm_weight
from mpc.parameters import Parameter, Setpoint
from mpc.parts import domain_of, fitted_constraints, fitted_costs, stage_of, uses_moves
from mpc.plan import EveryStep, Plan, checked_plan
from mpc.predict import predict
from mpc.prediction import Prediction
from mpc.riccati import check_stabilisable, checked_discount, weight_matrix
from mpc.rows import Constraint, Rows, checked_rows, no_rows, stack_rows
from mpc.stage import StageWeights, regulator
from mpc.terms import Term, checked_terms
from plants.arrays import Array, bounds_pair, whole_number

if TYPE_CHECKING:
    from mpc.stated.statement import Statement

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
    terms (OutputWeight, MoveWeight, CrossWeight, LinearCost). `parameters` is what the law reads besides the state: a
    Setpoint, from whose steady state s and v are then measured, a Disturbance, the PreviousInput (there by itself where
    moves are weighed or limited), and each OwnParameter, which LinearCost and ParametricPolytope read. `plan` says
    which inputs are free: EveryStep(), MoveBlocking, ControlHorizon, Prestabilised. `theta(...)` joins the parts that
    the law then takes. `max_variables` guards against horizons that no solver of this kind finishes.

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

    def __post_init__(self) -> None:
        """Check every argument once."""
        model = self.model
        if not isinstance(model, LinearModel):
            raise ProblemError(f"`model` is a {type(model).__name__}; pass linearise(plant) or a LinearModel")
        self._put("norm", checked_norm(self.norm))
        self._put("discount", checked_discount(self.discount))
        self._put("costs", fitted_costs(self.costs, model, self.norm))
        self._put_weights()
        self._put("horizon", self._checked_horizon())
        self._put_bounds()
        self._put("constraints", fitted_constraints(self.constraints, model))
        moves = uses_moves(self.costs) or uses_moves(self.constraints)
        self._put("layout", layout(model, self.domain, self.horizon, self.parameters, self.input_bounds, moves))
        self._put("parameters", tuple(self.parameters))
        check_stabilisable(model, self.discount)
        self._put("final_weight", self._default_weight() if self.terminal_weight is None else self.terminal_weight)
        self._check_costs()
        self._check_slacks()

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
        """Return K (m, n) of the unconstrained regulator of the stage cost, without the cost of moves.

        Raises ProblemError in another norm than 2, and for stage costs that have no regulator without their moves.
        """
        return regulator(self.model, replace(self.stage, move=0 * self.stage.move), self.discount)[0]

    @cached_property
    def stage(self) -> StageWeights:
        """Return what one stage costs, all of it; raises ProblemError in another norm than 2."""
        if self.norm != 2:
            raise ProblemError(f"a problem with `norm` {self.norm:g} has no quadratic stage cost; that takes `norm` 2")
        weights = StageWeights.plain(self.state_weight, self.input_weight)
        for cost in self.costs:
            weights += stage_of(cost, self.model)
        return weights.checked()

    @cached_property
    def prediction(self) -> Prediction:
        """Return everything that constraints and costs look at, as functions of theta and of the free inputs z."""
        return predict(self)

    @cached_property
    def rows(self) -> Rows:
        """Return the rows of all constraints, checked."""
        sizes = self.free_inputs, len(self.layout.names)
        emitted = [checked_rows(c.rows(self.prediction), type(c).__name__, *sizes) for c in self.all_constraints]
        return stack_rows([no_rows(*sizes), *emitted])

    @cached_property
    def further_terms(self) -> tuple[Term, ...]:
        """Return the summands of the further costs, checked."""
        return tuple(t for cost in self.costs for t in checked_terms(cost, self.prediction, self.discount, self.norm))

    @property
    def setpoint(self) -> Setpoint | None:
        """Return the setpoint, if there is one."""
        return next((p for p in self.parameters if isinstance(p, Setpoint)), None)

    def theta(
        self,
        /,
        state: ArrayLike,
        previous_input: ArrayLike | None = None,
        setpoint: ArrayLike | None = None,
        disturbance: ArrayLike | None = None,
        **own: ArrayLike | None,
    ) -> Array:
        """Return theta (..., t), what the law takes, from its parts (..., size); those that it does not hold stay out.

        Parameters of one's own go by their names, `price=2.0` or `**{"heat price": 2.0}`. With a preview the steps'
        values follow one another. Raises ProblemError for a part missing or too many.
        """
        parts = {"previous_input": previous_input, "setpoint": setpoint, "disturbance": disturbance}
        return self.layout.vector(state=state, **parts, **own)

    def to_cvxpy(self) -> "Statement":
        """Return the problem in cvxpy, written from its definitions: variables, parameter theta and solve(theta).

        Raises ProblemError for a constraint, cost or plan of one's own that does not say what it means there.
        """
        from mpc.stated.statement import state_problem  # noqa: PLC0415 - cvxpy takes a second to load

        return state_problem(self)

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        sizes = f"{self.model.n} states, {self.model.m} inputs, horizon {self.horizon}, discount {self.discount:g}"
        cost = "" if self.norm == 2 else f", {self.norm:g}-norm"
        return f"MPCProblem({sizes}{cost})"

    def _put_weights(self) -> None:
        n, m = self.model.n, self.model.m
        given = {"state_weight": n, "input_weight": m}
        if self.terminal_weight is not None:
            both = uses_moves(self.costs) and np.shape(self.terminal_weight) == (n + m, n + m)
            given["terminal_weight"] = n + m if both else n
        for name, size in given.items():
            if self.norm != 2:
                weight = norm_weight(getattr(self, name), name, size)
            else:
                weight = positive_semidefinite(weight_matrix(getattr(self, name), name, size), name)
            check_weight(weight, name)
            self._put(name, weight)
        if self.norm == 2:
            positive_definite(self.stage.input + self.stage.move, "input_weight")

    def _check_costs(self) -> None:
        """Raise ProblemError if a norm cost is 0 whatever the inputs are."""
        used = [self.input_weight, self.final_weight] + [self.state_weight] * (self.horizon > 1)
        used += [term.weight @ term.deviation.z_map for term in self.further_terms]
        if not any(weight.any() for weight in used):
            raise ProblemError(
                f"no weight counts: all that act at steps 1 to {self.horizon} of `horizon` {self.horizon} are 0, "
                "so that every input is as good as any other; weigh the states or the inputs"
            )

    def _check_slacks(self) -> None:
        slacks = 0 if self.rows.slack is None else len(self.rows.slack.linear)
        count = self.free_inputs + self.horizon * self._costs_per_step() + slacks
        if slacks and count > self.max_variables:
            raise ProblemError(
                f"the soft `constraints` add {slacks} slacks, together {count} variables, more than the size limit "
                f"{self.max_variables}; let rows share one, Soft(..., shared=True), or raise `max_variables`"
            )

    def _checked_horizon(self) -> int:
        horizon = whole_number(self.horizon, "horizon", ProblemError, least=1)
        limit = whole_number(self.max_variables, "max_variables", ProblemError, least=1)
        model, costs = self.model, self._costs_per_step()
        count = horizon * (model.m + costs)
        if count > limit:
            inputs = f"{model.m} inputs" + (f" and {costs} costs a step" if costs else "")
            raise ProblemError(
                f"`horizon` {horizon} with {inputs} makes {count} variables, more than "
                f"the size limit {limit}; shorten it, or raise `max_variables`"
            )
        checked_plan(self.plan, horizon)
        return horizon

    def _costs_per_step(self) -> int:
        if self.norm == 1:
            return len(self.state_weight) + len(self.input_weight)
        return 0 if self.norm == 2 else 2

    def _put_bounds(self) -> None:
        states, inputs = self.model.state_names, self.model.input_names
        for name, labels in (("state_bounds", states), ("input_bounds", inputs)):
            if getattr(self, name) is not None:
                self._put(name, bounds_pair(getattr(self, name), name, labels, ProblemError))
        if self.parameter_bounds is not None:
            self._put("parameter_bounds", bounds_pair(self.parameter_bounds, "parameter_bounds", states, ProblemError))
        self._put("domain", domain_of(self.parameter_bounds, self.state_bounds, states))

    def _default_weight(self) -> Array:
        if self.norm != 2:
            return self.state_weight
        return regulator(self.model, self.stage, self.discount)[1]

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
