"""Costs beside those of states and inputs: outputs, moves, cross terms; each emits terms and says what it weighs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from mpc.explicit.definite import positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_weight
from mpc.model import LinearModel
from mpc.norms import norm_weight
from mpc.prediction import Prediction, beside
from mpc.riccati import weight_matrix
from mpc.stage import StageWeights
from mpc.terms import Term
from plants.arrays import Array, real_array


class Cost(Protocol):
    """Anything that adds to the cost.

    It may have `fitted(model, norm)`, which returns it checked; `stage(model)`, its StageWeights, for a terminal weight
    that includes it; and `uses_moves = True`, so that theta holds the previous input.
    """

    def terms(self, prediction: Prediction, discount: float) -> Iterator[Term]:
        """Yield its summands over the horizon."""
        ...


@dataclass(frozen=True, eq=False)
class OutputWeight:
    """(y_k - r_k)'W (y_k - r_k) at steps 0..N-1, with r the setpoint, or the operating point where there is none."""

    weight: Any

    def fitted(self, model: LinearModel, norm: float) -> Self:
        """Return it with W (p, p) >= 0 checked (any (k, p) for another norm than 2)."""
        return replace(self, weight=_weight(self.weight, "OutputWeight", model.p, norm))

    def terms(self, prediction: Prediction, discount: float) -> Iterator[Term]:
        """Yield the outputs' terms."""
        for k in range(prediction.horizon):
            deviation = prediction.outputs[k] - prediction.output_targets[k]
            yield Term(deviation, self.weight, discount**k, "the outputs", k)

    def stage(self, model: LinearModel) -> StageWeights:
        """Return C'WC, D'WD and C'WD."""
        C, D, W = model.C, model.D, self.weight
        return StageWeights(C.T @ W @ C, D.T @ W @ D, C.T @ W @ D, np.zeros((model.m, model.m)))


@dataclass(frozen=True, eq=False)
class MoveWeight:
    """(u_k - u_(k-1))'W (u_k - u_(k-1)) at steps 0..N-1: theta holds the input before the first."""

    weight: Any
    uses_moves = True

    def fitted(self, model: LinearModel, norm: float) -> Self:
        """Return it with W (m, m) >= 0 checked (any (k, m) for another norm than 2)."""
        return replace(self, weight=_weight(self.weight, "MoveWeight", model.m, norm))

    def terms(self, prediction: Prediction, discount: float) -> Iterator[Term]:
        """Yield the moves' terms."""
        for k, move in enumerate(prediction.known_moves):
            yield Term(move, self.weight, discount**k, "the moves", k)

    def stage(self, model: LinearModel) -> StageWeights:
        """Return the weight of moves."""
        n, m = model.n, model.m
        return StageWeights(np.zeros((n, n)), np.zeros((m, m)), np.zeros((n, m)), self.weight)


@dataclass(frozen=True, eq=False)
class CrossWeight:
    """2 s_k'N v_k at steps 0..N-1, with N (n, m); together with Q and R the stage cost must stay convex."""

    weight: Any

    def fitted(self, model: LinearModel, norm: float) -> Self:
        """Return it with N checked; raises ProblemError for another norm than 2."""
        if norm != 2:
            raise ProblemError(
                f"`CrossWeight` is a product of states and inputs; `norm` {norm:g} has none: leave it out"
            )
        return replace(self, weight=real_array(self.weight, "CrossWeight", (model.n, model.m), ProblemError))

    def terms(self, prediction: Prediction, discount: float) -> Iterator[Term]:
        """Yield the products as one term a step."""
        n, m = self.weight.shape
        both = np.block([[np.zeros((n, n)), self.weight], [self.weight.T, np.zeros((m, m))]])
        for k in range(prediction.horizon):
            deviation = beside(prediction.state_error(k), prediction.input_error(k))
            yield Term(deviation, both, discount**k, "states and inputs", k)

    def stage(self, model: LinearModel) -> StageWeights:
        """Return N."""
        n, m = model.n, model.m
        return StageWeights(np.zeros((n, n)), np.zeros((m, m)), self.weight, np.zeros((m, m)))


def _weight(value: Any, name: str, size: int, norm: float) -> Array:
    if norm != 2:
        weight = norm_weight(value, name, size)
    else:
        weight = positive_semidefinite(weight_matrix(value, name, size), name)
    check_weight(weight, name)
    return weight
