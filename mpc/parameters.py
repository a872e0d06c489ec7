"""Parameters: what the law reads besides the state, each a small object that says its place in theta and its range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.model import LinearModel
from plants.arrays import Array, bounds_pair, instance_of, real_array
from plants.names import index_of


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive components of theta: their names, units and range. `size` components a step, `steps` of them."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    lower: Array
    upper: Array
    size: int


class Parameter(Protocol):
    """Anything that theta holds besides the state."""

    def block(self, model: LinearModel, horizon: int) -> Block:
        """Return its components; raises ProblemError if it does not fit the model."""
        ...


@dataclass(frozen=True, eq=False)
class Setpoint:
    """The reference r of the outputs, in physical units, anywhere within lower..upper: then theta holds it.

    Without `upper` it is fixed at `lower` and theta does not hold it. `outputs` names the ones that are tracked
    (default: all). With `preview` theta holds r at steps 1..N, one after another, instead of one r for the whole
    horizon. States and inputs are then weighed by their distance from the steady state that holds r (and the
    disturbance).
    """

    lower: Any
    upper: Any = None
    outputs: Sequence[str] = ()
    preview: bool = False

    def __post_init__(self) -> None:
        """Check what needs no model."""
        mend = "name the outputs that are tracked, as in ('level',)"
        instance_of(self.outputs, Sequence, "Setpoint outputs", ProblemError, mend)
        object.__setattr__(self, "outputs", (self.outputs,) if isinstance(self.outputs, str) else tuple(self.outputs))
        check_preview(self)
        if self.upper is None and self.preview:
            raise ProblemError("`Setpoint preview` is True, but `upper` is None: a fixed setpoint has no future values")

    def tracked(self, model: LinearModel) -> list[int]:
        """Return the numbers of the outputs that have a setpoint."""
        known = tuple(model.output_names)
        found = [index_of(name, known, "Setpoint outputs", ProblemError) for name in self.outputs]
        for i, name in enumerate(self.outputs):
            if name in self.outputs[:i]:
                raise ProblemError(
                    f"`Setpoint outputs` names {name!r} at {self.outputs.index(name)} and {i}; once will do"
                )
        return found or list(range(model.p))

    def fixed(self, model: LinearModel) -> Array | None:
        """Return the values of a setpoint that is no parameter, or None."""
        if self.upper is not None:
            return None
        values = real_array(self.lower, "Setpoint", None, ProblemError)
        count = len(self.tracked(model))
        check_largest({"Setpoint": np.atleast_1d(values)})
        return real_array(
            values.reshape(1) if values.ndim == 0 and count == 1 else values, "Setpoint", (count,), ProblemError
        )

    def block(self, model: LinearModel, horizon: int) -> Block:
        """Return the components of r."""
        outputs = self.tracked(model)
        names = tuple(f"setpoint of {model.output_names[i]}" for i in outputs)
        units = tuple(model.output_units[i] for i in outputs)
        steps = range(1, horizon + 1) if self.preview else None
        return ranged_block((self.lower, self.upper), "Setpoint", names, units, steps)


@dataclass(frozen=True, eq=False)
class Disturbance:
    """The model's disturbance d, measured or estimated, within lower..upper; with `preview` d at steps 0..N-1."""

    lower: Any
    upper: Any
    preview: bool = False

    def __post_init__(self) -> None:
        """Check what needs no model."""
        check_preview(self)

    def block(self, model: LinearModel, horizon: int) -> Block:
        """Return the components of d."""
        if not model.k:
            raise ProblemError("`Disturbance` was given, but the model has none; pass LinearModel(..., E=...) or F=...")
        steps = range(horizon) if self.preview else None
        names, units = tuple(model.disturbance_names), tuple(model.disturbance_units)
        return ranged_block((self.lower, self.upper), "Disturbance", names, units, steps)


@dataclass(frozen=True, eq=False)
class PreviousInput:
    """The input u_(-1) that is applied now, which moves start from; by default anywhere within `input_bounds`."""

    lower: Any = None
    upper: Any = None

    def within(self, bounds: Any) -> Self:
        """Return it with the input bounds where it has none of its own."""
        given = zip((self.lower, self.upper), bounds or (None, None), strict=True)
        lower, upper = (default if own is None else own for own, default in given)
        for own, side in ((self.lower, lower), (self.upper, upper)):
            if own is None and (side is None or not np.isfinite(side).all()):
                raise ProblemError(
                    "moves start from the previous input, whose range is unbounded: give finite `input_bounds`, or "
                    "`parameters=(PreviousInput(lower, upper),)`"
                )
        return replace(self, lower=lower, upper=upper)

    def block(self, model: LinearModel, horizon: int) -> Block:  # noqa: ARG002
        """Return the components of u_(-1)."""
        names = tuple(f"previous {name}" for name in model.input_names)
        return ranged_block((self.lower, self.upper), "PreviousInput", names, tuple(model.input_units), None)


def check_preview(parameter: Any) -> None:
    """Raise ProblemError unless `preview` is True or False."""
    what = f"{type(parameter).__name__} preview"
    instance_of(parameter.preview, bool, what, ProblemError, "pass True for one value a step, False for one")


def ranged_block(
    bounds: tuple[Any, Any], what: str, names: tuple[str, ...], units: tuple[str, ...], steps: range | None
) -> Block:
    """Return the components of one step, or with `steps` those of each, ranged by (lower, upper).

    Raises ProblemError naming `what` for a range that is unbounded, upside down or without width.
    """
    lower, upper = bounds_pair(bounds, what, names, ProblemError, infinite=False)
    check_largest({f"{what} lower": lower, f"{what} upper": upper})
    for name, low, high in zip(names, lower, upper, strict=True):
        if low == high:
            raise ProblemError(f"`{what}` gives {name} no width: both bounds are {low:g}; widen them")
    if steps is None:
        return Block(names, units, lower, upper, len(names))
    every = tuple(f"{name} at step {k}" for k in steps for name in names)
    count = len(steps)
    return Block(every, units * count, np.tile(lower, count), np.tile(upper, count), len(names))
