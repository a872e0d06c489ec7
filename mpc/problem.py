"""MPCProblem: a linear model, a quadratic cost, a horizon and limits, in physical variables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc.constraints import Constraint, InputBounds, StateBounds
from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
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
    `final_weight` is the P that is used and `domain` the box, given or derived: a changed copy (dataclasses.replace)
    derives them anew. Raises ProblemError for whatever is not well posed.
    Source: Braniff & Tian 2025, Eq. 8, with its misprints mended: u_t in U, terminal weight on s_N.
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
    final_weight: Array = field(init=False, repr=False)
    domain: tuple[Array, Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check every argument once."""
        model = self.model
        if not isinstance(model, LinearModel):
            raise ProblemError(f"`model` is a {type(model).__name__}; pass linearise(plant) or a LinearModel")
        self._put("horizon", self._checked_horizon())
        self._put("discount", checked_discount(self.discount))
        weight = weight_matrix(self.state_weight, "state_weight", model.n)
        self._put("state_weight", positive_semidefinite(weight, "state_weight"))
        weight = weight_matrix(self.input_weight, "input_weight", model.m)
        self._put("input_weight", positive_definite(weight, "input_weight"))
        self._put_bounds()
        check_stabilisable(model, self.discount)
        if self.terminal_weight is not None:
            weight = weight_matrix(self.terminal_weight, "terminal_weight", model.n)
            self._put("terminal_weight", positive_semidefinite(weight, "terminal_weight"))
        self._put("final_weight", self._riccati_weight() if self.terminal_weight is None else self.terminal_weight)
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
        return f"MPCProblem({sizes})"

    def _checked_horizon(self) -> int:
        horizon = whole_number(self.horizon, "horizon", ProblemError, least=1)
        limit = whole_number(self.max_variables, "max_variables", ProblemError, least=1)
        if horizon * self.model.m > limit:
            raise ProblemError(
                f"`horizon` {horizon} with {self.model.m} inputs makes {horizon * self.model.m} variables, more than "
                f"the size limit {limit}; shorten it, or raise `max_variables`"
            )
        return horizon

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

    def _riccati_weight(self) -> Array:
        return dlqr(self.model.A, self.model.B, self.state_weight, self.input_weight, self.discount)[1]

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
