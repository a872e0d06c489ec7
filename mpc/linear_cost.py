"""LinearCost: prices on states and inputs, fixed or as parameters of one's own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.model import LinearModel
from mpc.own_parameters import check_name
from mpc.prediction import Affine, Prediction, beside
from mpc.terms import Term
from plants.arrays import Array, real_array

PRODUCT = np.array([[0.0, 0.5], [0.5, 0.0]])
"""The weight W with which (price, amount)'W (price, amount) is their product."""


@dataclass(frozen=True, eq=False)
class LinearCost:
    """p_k (state'x_k + input'u_k) in the cost, with p the OwnParameter of that name (None: p = 1), such as a price.

    `state` (n,) counts at steps 0..N, at the last one too, `input` (m,) at 0..N-1, both in physical units and with the
    discount of their step. Several such costs add up. A derived terminal weight stays that of the quadratic costs.
    """

    state: Any = None
    input: Any = None
    parameter: str | None = None

    def fitted(self, model: LinearModel, norm: float) -> Self:
        """Return it with both vectors checked; raises ProblemError for another norm than 2."""
        if norm != 2:
            raise ProblemError(f"`LinearCost` adds to a quadratic cost; `norm` {norm:g} has none: leave it out")
        if self.parameter is not None:
            check_name(self.parameter, "LinearCost parameter")
        state, control = _vector(self.state, "state", model.n), _vector(self.input, "input", model.m)
        if not state.any() and not control.any():
            raise ProblemError("`LinearCost` has no `state` or `input` that is not 0: it costs nothing; price one")
        return replace(self, state=state, input=control)

    def terms(self, prediction: Prediction, discount: float) -> Iterator[Term]:
        """Yield the product of price and amount as one term a step."""
        for k, x in enumerate(prediction.states):
            amount = x.mapped(self.state[None], ("amount",), ("",))
            if k < prediction.horizon:
                amount += prediction.inputs[k].mapped(self.input[None], ("amount",), ("",))
            yield Term(beside(self._price(prediction, k), amount), PRODUCT, discount**k, "amounts", k)

    def _price(self, prediction: Prediction, k: int) -> Affine:
        if self.parameter is not None:
            return prediction.parameter(self.parameter, k, "LinearCost parameter")
        z, t = prediction.sizes
        return Affine(np.ones(1), np.zeros((1, t)), np.zeros((1, z)), ("1",), ("",))


def _vector(value: Any, kind: str, size: int) -> Array:
    """Return the prices (size,) of states or inputs; of a single one a plain number will do."""
    if value is None:
        return np.zeros(size)
    name = f"LinearCost {kind}"
    given = real_array(value, name, None, ProblemError)
    vector = real_array(given.reshape(1) if given.ndim == 0 and size == 1 else given, name, (size,), ProblemError)
    check_largest({name: vector})
    return vector
