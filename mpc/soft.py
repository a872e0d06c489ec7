"""Soft: constraints that may be passed, at a price."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_weight
from mpc.model import LinearModel
from mpc.prediction import Prediction
from mpc.rows import Constraint, Rows, Slack, checked_rows
from plants.arrays import instance_of, real_scalar


@dataclass(frozen=True, eq=False)
class Soft:
    """The constraint may be passed by e, in the units of its limit, at the cost quadratic e^2 + linear e.

    With `shared` one e loosens all rows over the whole horizon, so that the worst passing counts; without it each row
    has an e of its own. A linear weight above the prices (multipliers) of the hard constraint makes the soft law equal
    the hard one wherever that exists: above their sum where e is shared, above the largest where it is not.
    An e that costs e^2 alone needs no row e >= 0, as it is never negative at the optimum; so the law has no more
    regions than it needs.
    """

    constraint: Constraint
    quadratic: float
    linear: float = 0.0
    shared: bool = True

    def __post_init__(self) -> None:
        """Check the weights."""
        for name in ("quadratic", "linear"):
            value = real_scalar(getattr(self, name), f"Soft {name}", ProblemError)
            if value < 0:
                raise ProblemError(f"`Soft {name}` is {value:g}, but it must be at least 0: passing a limit costs")
            check_weight(np.array([[value]]), f"Soft {name}")
            object.__setattr__(self, name, value)
        instance_of(self.shared, bool, "Soft shared", ProblemError, "pass True for one slack, False for one a row")
        if not self.quadratic and not self.linear:
            raise ProblemError("`Soft quadratic` and `Soft linear` are both 0, so the limit would be none; weigh it")

    @property
    def uses_moves(self) -> bool:
        """Return whether the constraint limits moves."""
        return getattr(self.constraint, "uses_moves", False)

    def fitted(self, model: LinearModel) -> Self:
        """Return it with its constraint checked against the model."""
        return replace(self, constraint=fitted(self.constraint, model, "`Soft` constraint"))

    def rows(self, prediction: Prediction) -> Rows:
        """Return the constraint's rows with slacks, and e >= 0 where a negative one would pay."""
        kind = type(self.constraint).__name__
        hard = checked_rows(self.constraint.rows(prediction), kind, *prediction.sizes)
        if hard.slack is not None or hard.equal:
            trouble = "soft already" if hard.slack is not None else "an equality"
            raise ProblemError(f"`Soft` was given a {kind} that is {trouble}; soften limits, and once")
        q = len(hard.w)
        columns = np.ones((q, min(q, 1))) if self.shared else np.eye(q)
        count = columns.shape[1]
        what = hard.labels if not self.shared else [f"the limits of {_named(self.constraint)}"]
        signs = count if self.linear else 0
        quadratic, linear = np.full(count, self.quadratic), np.full(count, self.linear)
        names = tuple(f"passing {w}" for w in what[:count])
        return Rows(
            np.vstack([hard.G, np.zeros((signs, hard.G.shape[1]))]),
            np.concatenate([hard.w, np.zeros(signs)]),
            np.vstack([hard.S, np.zeros((signs, hard.S.shape[1]))]),
            tuple(f"{label} (soft)" for label in hard.labels) + tuple(f"{w} kept (soft)" for w in what[:signs]),
            Slack(np.vstack([columns, np.eye(count)[:signs]]), quadratic, linear, names),
            units=(*hard.all_units, *(("",) if self.shared else hard.all_units)[:signs]),
        )


def _named(constraint: Constraint) -> str:
    """Return the constraint's kind, with that of the one which it holds: "Tightened StateBounds"."""
    inner, kind = getattr(constraint, "constraint", None), type(constraint).__name__
    return kind if inner is None else f"{kind} {_named(inner)}"


def fitted(constraint: Any, model: LinearModel, name: str) -> Constraint:
    """Return the constraint checked against the model; raise ProblemError for what emits no rows."""
    if isinstance(constraint, type):
        raise ProblemError(f"{name} is the class {constraint.__name__}; make an object, {constraint.__name__}(...)")
    if not callable(getattr(constraint, "rows", None)):
        kind = type(constraint).__name__
        raise ProblemError(f"{name} is a {kind}; pass objects with a method rows(prediction)")
    return constraint.fitted(model) if callable(getattr(constraint, "fitted", None)) else constraint
