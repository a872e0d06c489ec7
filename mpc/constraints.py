"""Constraints: bounds and polytopes on states, inputs, outputs and moves; small frozen objects that each emit rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.prediction import Affine, Prediction, beside, combination
from mpc.rows import Rows, at_most, no_rows, stack_rows
from mpc.steps import at_steps, checked_steps
from plants.arrays import Array, bounds_pair, real_array


class _Limits(ABC):
    """Limits of a quantity, at all of its steps or at those of `steps` (an int, a range or several ints)."""

    steps: Any
    first_step: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Check the steps, as far as they are known without a horizon."""
        object.__setattr__(self, "steps", checked_steps(self.steps, self._name_of_steps, self.first_step))

    def rows(self, prediction: Prediction) -> Rows:
        """Return the rows of every step that counts; raise ProblemError for a step beyond the horizon."""
        chosen = at_steps(self._quantities(prediction), self.steps, self._name_of_steps)
        return stack_rows([_none(prediction), *(self._rows_at(quantity, k) for k, quantity in chosen)])

    @property
    def _name_of_steps(self) -> str:
        return f"{type(self).__name__} steps"

    @abstractmethod
    def _rows_at(self, quantity: Affine, step: int) -> Rows: ...

    @abstractmethod
    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]: ...


@dataclass(frozen=True, eq=False)
class _Bounds(_Limits):
    """lower <= quantity <= upper, in physical units; None or infinite: no limit."""

    lower: Any
    upper: Any
    steps: Any = field(default=None, kw_only=True)

    def _rows_at(self, quantity: Affine, step: int) -> Rows:
        """Return one row per finite bound."""
        return between(quantity, self.lower, self.upper, step)

    def fitted(self, model: LinearModel) -> Self:
        """Return it with both bounds checked against the model's names."""
        lower, upper = bounds_pair((self.lower, self.upper), type(self).__name__, self._names(model), ProblemError)
        return replace(self, lower=lower, upper=upper)

    @abstractmethod
    def _names(self, model: LinearModel) -> Sequence[str]: ...


class StateBounds(_Bounds):
    """lower <= state <= upper at steps 1..N (the state at step 0 is given), or at those of `steps`."""

    first_step = 1

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return enumerate(prediction.states[1:], start=1)

    def _names(self, model: LinearModel) -> Sequence[str]:
        return model.state_names


class InputBounds(_Bounds):
    """lower <= input <= upper at steps 0..N-1, or at those of `steps`."""

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return enumerate(prediction.inputs)

    def _names(self, model: LinearModel) -> Sequence[str]:
        return model.input_names


class OutputBounds(_Bounds):
    """lower <= output <= upper at steps 1..N, or at those of `steps`; where D is not 0, the steps are 0..N-1."""

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return ((k, prediction.outputs[k]) for k in prediction.controlled_outputs)

    def _names(self, model: LinearModel) -> Sequence[str]:
        return model.output_names


class MoveBounds(_Bounds):
    """lower <= u_k - u_(k-1) <= upper at steps 0..N-1 or at `steps`: theta holds the input before the first."""

    uses_moves = True

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return enumerate(prediction.known_moves)

    def _names(self, model: LinearModel) -> Sequence[str]:
        return [f"move of {name}" for name in model.input_names]


@dataclass(frozen=True, eq=False)
class _Polytope(_Limits):
    """A quantity <= b, in physical units."""

    A: Any
    b: Any
    steps: Any = field(default=None, kw_only=True)

    def _rows_at(self, quantity: Affine, step: int) -> Rows:
        return below(quantity, self.A, self.b, step)

    def fitted(self, model: LinearModel) -> Self:
        """Return it with A (q, components) and b (q,) checked."""
        name = type(self).__name__
        A = real_array(self.A, f"{name} A", (None, self._size(model)), ProblemError)
        b = real_array(self.b, f"{name} b", None, ProblemError)
        if b.shape != (len(A),):
            raise ProblemError(f"`{name} A` has {len(A)} rows, but `{name} b` has shape {b.shape}; give one b a row")
        for i in np.flatnonzero(~A.any(axis=1) & (b < 0)):
            raise ProblemError(f"`{name}` row {i} says 0 <= {b[i]:g}, which is infeasible; remove it or mend `A`")
        return replace(self, A=A, b=b)

    @abstractmethod
    def _size(self, model: LinearModel) -> int: ...


class StatePolytope(_Polytope):
    """A state <= b at steps 1..N, or at those of `steps`."""

    first_step = 1

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return enumerate(prediction.states[1:], start=1)

    def _size(self, model: LinearModel) -> int:
        return model.n


class InputPolytope(_Polytope):
    """A input <= b at steps 0..N-1, or at those of `steps`."""

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return enumerate(prediction.inputs)

    def _size(self, model: LinearModel) -> int:
        return model.m


class OutputPolytope(_Polytope):
    """A output <= b at the steps of OutputBounds, or at those of `steps`."""

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return ((k, prediction.outputs[k]) for k in prediction.controlled_outputs)

    def _size(self, model: LinearModel) -> int:
        return model.p


class MixedPolytope(_Polytope):
    """A (state, input) <= b at steps 0..N-1 or at `steps`, with A (q, n + m): the columns of the state come first."""

    def _quantities(self, prediction: Prediction) -> Iterable[tuple[int, Affine]]:
        return ((k, beside(prediction.states[k], control)) for k, control in enumerate(prediction.inputs))

    def _size(self, model: LinearModel) -> int:
        return model.n + model.m


def between(quantity: Affine, lower: Array, upper: Array, step: int) -> Rows:
    """Return lower <= quantity <= upper, such as "torque at its upper limit 2 N m at step 0"."""
    labels = {
        side: [
            f"{name} at its {side} limit {value:g}{' ' + unit if unit else ''} at step {step}"
            for name, unit, value in zip(quantity.names, quantity.units, limit, strict=True)
        ]
        for side, limit in (("upper", upper), ("lower", lower))
    }
    opposite = quantity.mapped(-np.eye(len(lower)), quantity.names, quantity.units)
    return stack_rows([at_most(quantity, upper, labels["upper"]), at_most(opposite, -lower, labels["lower"])])


def below(quantity: Affine, A: Array, b: Array, step: int) -> Rows:
    """Return A quantity <= b, such as "1 angle + 0.5 rate at its limit 3 at step 1".

    A row of one component is a limit of that component, with its unit.
    """
    labels = [_limit(row, v, quantity, step) for row, v in zip(A, b, strict=True)]
    single = np.count_nonzero(A, axis=1) == 1
    units = [quantity.units[int(np.flatnonzero(row)[0])] if one else "" for row, one in zip(A, single, strict=True)]
    size = np.where(single, np.abs(A).sum(axis=1), 1.0)
    return at_most(quantity.mapped(A / size[:, None], labels, units), b / size, labels)


def _limit(row: Array, level: float, quantity: Affine, step: int) -> str:
    components = [int(i) for i in np.flatnonzero(row)]
    if len(components) != 1:
        return f"{combination(row, quantity.names)} at its limit {level:g} at step {step}"
    (component,) = components
    side, unit = ("upper" if row[component] > 0 else "lower"), quantity.units[component]
    value = f"{level / row[component]:g}{' ' + unit if unit else ''}"
    return f"{quantity.names[component]} at its {side} limit {value} at step {step}"


def _none(prediction: Prediction) -> Rows:
    state = prediction.states[0]
    return no_rows(state.z_map.shape[1], state.theta_map.shape[1])
