"""ParametricPolytope: limits that parameters of one's own move."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.model import LinearModel
from mpc.own_parameters import check_name
from mpc.prediction import Affine, Prediction, beside, combination
from mpc.rows import Rows, at_most, stack_rows
from mpc.steps import at_steps, checked_steps
from plants.arrays import Array, instance_of, real_array

MOVED = "pass {'ceiling': [1]}: by name what 1 more of a parameter adds to each limit"
STEPS = "ParametricPolytope steps"


@dataclass(frozen=True, eq=False)
class ParametricPolytope:
    """state x_k + input u_k + output y_k <= b + sum of parameters[name] p_k, in physical units.

    `b` is (q,); `state` (q, n), `input` (q, m) and `output` (q, p) are matrices, 0 where left out; `parameters` says by
    the name of an OwnParameter what 1 more of it adds to each limit (q,). It holds at steps 1..N, or at 0..N-1 where
    inputs are in it, `input` or those that act on an `output` at once (D is not 0); of these at all, or at `steps`.
    A first state below a ceiling: ParametricPolytope([0], state=[[1, 0]], parameters={"ceiling": [1]}).
    """

    b: Any
    state: Any = None
    input: Any = None
    output: Any = None
    parameters: Any = None
    steps: Any = field(default=None, kw_only=True)

    def fitted(self, model: LinearModel) -> Self:
        """Return it with every matrix and vector checked."""
        b = real_array(self.b, "ParametricPolytope b", (None,), ProblemError)
        sizes = {"state": model.n, "input": model.m, "output": model.p}
        given = {kind: self._matrix(kind, (len(b), size)) for kind, size in sizes.items()}
        for i in np.flatnonzero(~np.hstack(list(given.values())).any(axis=1)):
            raise ProblemError(
                f"`ParametricPolytope` row {i} holds no state, input or output, so that it would limit parameters "
                "alone; give the OwnParameter a narrower range instead"
            )
        steps = checked_steps(self.steps, STEPS, 0)
        return replace(self, b=b, parameters=self._moved(len(b)), steps=steps, **given)

    def rows(self, prediction: Prediction) -> Rows:
        """Return the rows at every step, such as "level at its upper limit of ceiling - 0.5 at step 1"."""
        of_inputs = self.input.any() or (self.output.any() and prediction.model.D.any())
        first = 0 if of_inputs else 1
        every = enumerate(prediction.states[first : first + prediction.horizon], first)
        return stack_rows([self._at(k, prediction) for k, _ in at_steps(every, self.steps, STEPS)])

    def _at(self, k: int, prediction: Prediction) -> Rows:
        quantity, A = self._quantity(k, prediction)
        single = np.count_nonzero(A, axis=1) == 1
        size = np.where(single, np.abs(A).sum(axis=1), 1.0)
        labels = [self._label(i, A[i], quantity, k) for i in range(len(A))]
        units = [quantity.units[int(np.flatnonzero(row)[0])] if one else "" for row, one in zip(A, single, strict=True)]
        left = quantity.mapped(A / size[:, None], labels, units)
        for name, column in self.parameters.items():
            p = prediction.parameter(name, k, "ParametricPolytope parameters")
            left -= p.mapped((column / size)[:, None], labels, units)
        return at_most(left, self.b / size, labels)

    def _quantity(self, k: int, prediction: Prediction) -> tuple[Affine, Array]:
        """Return all that is limited at one step, and the matrix before it."""
        quantity, A = prediction.states[k], self.state
        if self.input.any():
            quantity, A = beside(quantity, prediction.inputs[k]), np.c_[A, self.input]
        if self.output.any():
            quantity, A = beside(quantity, prediction.outputs[k]), np.c_[A, self.output]
        return quantity, A

    def _label(self, i: int, row: Array, quantity: Affine, step: int) -> str:
        components = np.flatnonzero(row)
        factor = float(row[components[0]]) if len(components) == 1 else 1.0
        moves = np.array([column[i] for column in self.parameters.values()]) / factor
        limit = f"{_limit(moves, tuple(self.parameters), self.b[i] / factor)} at step {step}"
        if len(components) != 1:
            return f"{combination(row, quantity.names)} at its limit of {limit}"
        return f"{quantity.names[components[0]]} at its {'upper' if factor > 0 else 'lower'} limit of {limit}"

    def _matrix(self, kind: str, shape: tuple[int, int]) -> Array:
        given, name = getattr(self, kind), f"ParametricPolytope {kind}"
        matrix = np.zeros(shape) if given is None else real_array(given, name, shape, ProblemError)
        check_largest({name: matrix})
        return matrix

    def _moved(self, rows: int) -> dict[str, Array]:
        name = "ParametricPolytope parameters"
        instance_of(self.parameters, Mapping, name, ProblemError, MOVED)
        if not self.parameters:
            raise ProblemError(f"`{name}` is empty, so that nothing moves these limits; {MOVED}")
        for key in self.parameters:
            check_name(key, f"{name} key")
        given = {f"{name}[{key!r}]": column for key, column in self.parameters.items()}
        columns = {whose: real_array(column, whose, (rows,), ProblemError) for whose, column in given.items()}
        check_largest(columns)
        return dict(zip(self.parameters, columns.values(), strict=True))


def _limit(moves: Array, names: tuple[str, ...], level: float) -> str:
    """Return the words for a limit that parameters move: "2 ceiling - 0.5"."""
    if not moves.any():
        return f"{level:g}"
    words = combination(moves, names)
    return f"{words} {'-' if level < 0 else '+'} {abs(level):g}" if level else words
