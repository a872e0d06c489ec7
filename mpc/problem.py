"""MPCProblem: a linear model, a cost in one of three norms, a horizon and limits, in physical variables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc.constraints import Constraint, InputBounds, StateBounds
from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.norms import checked_norm, norm_weight
from mpc.riccati import check_stabilisable, checked_discount, dlqr, weight_matrix
from plants.arrays import Array, bounds_pair, whole_number

Bounds = Any
"""A pair (lower, upper) going in, with None for no bound; a pair of read-only arrays coming out."""


@dataclass(frozen=True, eq=False)
class MPCProblem:
    """min sum over t < N of g^t (s_t'Q s_t + v_t'R v_t) + g^N s_N'P s_N, with s, v deviations from the operating point.

    `state_weight` Q (n, n) >= 0, `input_weight` R (m, m) > 0, `horizon` N, `discount` g in (0, 1], `terminal_weight`
    P (n, n) >= 0 (None: the discounted Riccati solution). `state_bounds` hold at steps 1..N and `input_bounds`
    at steps 0..N-1, each a pair (lower, upper) in physical units with None for no limit. `parameter_bounds`
    is the box of states on which the law is defined (None: `state_bounds`). `constraints` are further
    objects that emit rows. `max_variables` guards against horizons that no solver of this kind finishes.

    `norm` 1 or numpy.inf asks for sum over t < N of g^t (|Q s_t| + |R v_t|) + g^N |P s_N| in that norm instead, a
    multiparametric linear program. The weights multiply the vectors: Q (k, n), R (l, m) and P (j, n) may have any
    number of rows, any sign and any rank. P is Q where `terminal_weight` is None: there is no Riccati solution, so the
    last state counts like those before it. See docs/norms.md.

    `final_weight` is the P that is used and `domain` the box, given or derived: a changed copy (dataclasses.replace)
    derives them anew. Raises ProblemError for whatever is not well posed.
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
    final_weight: Array = field(init=False, repr=False)
    domain: tuple[Array, Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check every argument once."""
        model = self.model
        if not isinstance(model, LinearModel):
            raise ProblemError(f"`model` is a {type(model).__name__}; pass linearise(plant) or a LinearModel")
        self._put("norm", checked_norm(self.norm))
        self._put("discount", checked_discount(self.discount))
        self._put_weights()
        self._put("horizon", self._checked_horizon())
        self._put_bounds()
        check_stabilisable(model, self.discount)
        self._put("final_weight", self._default_weight() if self.terminal_weight is None else self.terminal_weight)
        self._check_costs()
        self._put("constraints", self._checked_constraints())

    @property
    def all_constraints(self) -> tuple[Constraint, ...]:
        """Return input bounds, state bounds and the further constraints, those that there are."""
        inputs = () if self.input_bounds is None else (InputBounds(*self.input_bounds),)
        states = () if self.state_bounds is None else (StateBounds(*self.state_bounds),)
        return (*inputs, *states, *self.constraints)

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
            elif name == "input_weight":
                weight = positive_definite(weight_matrix(self.input_weight, name, size), name)
            else:
                weight = positive_semidefinite(weight_matrix(getattr(self, name), name, size), name)
            self._put(name, weight)

    def _check_costs(self) -> None:
        """Raise ProblemError if a norm cost is 0 whatever the inputs are."""
        used = [self.input_weight, self.final_weight] + [self.state_weight] * (self.horizon > 1)
        if not any(weight.any() for weight in used):
            raise ProblemError(
                f"no weight counts: all that act at steps 1 to {self.horizon} of `horizon` {self.horizon} are 0, "
                "so that every input is as good as any other; weigh the states or the inputs"
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
        return horizon

    def _costs_per_step(self) -> int:
        if self.norm == 1:
            return len(self.state_weight) + len(self.input_weight)
        return 0 if self.norm == 2 else 2

    def _checked_constraints(self) -> tuple[Constraint, ...]:
        if not isinstance(self.constraints, Sequence):
            raise ProblemError(f"`constraints` is a {type(self.constraints).__name__}; pass a tuple of constraints")
        for i, constraint in enumerate(self.constraints):
            if isinstance(constraint, type) or not callable(getattr(constraint, "rows", None)):
                kind = type(constraint).__name__
                raise ProblemError(f"`constraints` entry {i} is a {kind}; pass objects with a method rows(prediction)")
        return tuple(self.constraints)

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
        return dlqr(self.model.A, self.model.B, self.state_weight, self.input_weight, self.discount)[1]

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
