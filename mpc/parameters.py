"""Parameters: what the law reads besides the state, each a small object that says its place in theta and its range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.model import LinearModel
from plants.arrays import Array, bounds_pair, instance_of, real_array, real_points
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
        _check_preview(self)
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
        return _block((self.lower, self.upper), "Setpoint", names, units, steps)


@dataclass(frozen=True, eq=False)
class Disturbance:
    """The model's disturbance d, measured or estimated, within lower..upper; with `preview` d at steps 0..N-1."""

    lower: Any
    upper: Any
    preview: bool = False

    def __post_init__(self) -> None:
        """Check what needs no model."""
        _check_preview(self)

    def block(self, model: LinearModel, horizon: int) -> Block:
        """Return the components of d."""
        if not model.k:
            raise ProblemError("`Disturbance` was given, but the model has none; pass LinearModel(..., E=...) or F=...")
        steps = range(horizon) if self.preview else None
        names, units = tuple(model.disturbance_names), tuple(model.disturbance_units)
        return _block((self.lower, self.upper), "Disturbance", names, units, steps)


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
        return _block((self.lower, self.upper), "PreviousInput", names, tuple(model.input_units), None)


@dataclass(frozen=True, eq=False)
class Layout:
    """theta's components in order: the state, then previous input, setpoint and disturbance where there are any."""

    state: Block
    previous: Block | None = None
    setpoint: Block | None = None
    disturbance: Block | None = None

    @property
    def blocks(self) -> dict[str, Block]:
        """Return the blocks that there are, by the names that `vector` takes."""
        found = {"state": self.state, "previous_input": self.previous, "setpoint": self.setpoint}
        return {name: b for name, b in (found | {"disturbance": self.disturbance}).items() if b is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of every component."""
        return tuple(name for b in self.blocks.values() for name in b.names)

    @property
    def units(self) -> tuple[str, ...]:
        """Return the unit of every component."""
        return tuple(unit for b in self.blocks.values() for unit in b.units)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Return the range of every component."""
        blocks = self.blocks.values()
        return np.concatenate([b.lower for b in blocks]), np.concatenate([b.upper for b in blocks])

    def place(self, block: str, step: int = 0) -> Array:
        """Return the map (size, t) from theta to a block's components; with a preview to those of one step."""
        found, first = self.blocks, 0
        for name, b in found.items():
            if name == block:
                first += step * b.size if len(b.names) > b.size else 0
                break
            first += len(b.names)
        return np.eye(len(self.names))[first : first + found[block].size]

    def vector(self, **given: ArrayLike | None) -> Array:
        """Return theta (..., t) from its parts; raises ProblemError naming a part that is missing or too many."""
        blocks = self.blocks
        for name, value in given.items():
            if (value is None) == (name in blocks):
                trouble = "is missing, but theta holds it" if value is None else "was given, but theta does not hold it"
                raise ProblemError(f"`{name}` {trouble}: theta is ({', '.join(self.names)})")
        parts = [real_points(given[name], name, b.names, ProblemError) for name, b in blocks.items()]  # type: ignore[arg-type]
        try:
            lead = np.broadcast_shapes(*[part.shape[:-1] for part in parts])
        except ValueError:
            shapes = ", ".join(f"`{name}` {part.shape}" for name, part in zip(blocks, parts, strict=True))
            raise ProblemError(
                f"the parts of theta do not fit one another: {shapes}; give equal numbers of rows"
            ) from None
        return np.concatenate([np.broadcast_to(part, (*lead, part.shape[-1])) for part in parts], axis=-1)


def layout(
    model: LinearModel,
    box: tuple[Array, Array],
    horizon: int,
    parameters: Sequence[Parameter],
    input_bounds: Any = None,
    moves: bool = False,
) -> Layout:
    """Return theta's layout, with the previous input where there are `moves`.

    Raises ProblemError for a kind of parameter given twice or unknown, and a previous input of unknown range.
    """
    mend = "pass a tuple of parameters, such as (Setpoint(lower, upper),)"
    instance_of(parameters, Sequence, "parameters", ProblemError, mend)
    given: dict[str, Parameter] = {}
    for i, parameter in enumerate(parameters):
        name = _kind(parameter, i)
        if name in given:
            raise ProblemError(f"`parameters` holds two {type(parameter).__name__}; give it once")
        given[name] = parameter
    if moves or "previous" in given:
        given["previous"] = given.get("previous", PreviousInput()).within(input_bounds)  # type: ignore[attr-defined]
    fixed = [name for name, p in given.items() if isinstance(p, Setpoint) and p.fixed(model) is not None]
    found = {name: p.block(model, horizon) for name, p in given.items() if name not in fixed}
    states = Block(tuple(model.state_names), tuple(model.state_units), *box, model.n)
    return Layout(states, **found)


def _kind(parameter: object, index: int) -> str:
    """Return the name of a parameter's block."""
    kinds = {"setpoint": Setpoint, "disturbance": Disturbance, "previous": PreviousInput}
    if isinstance(parameter, type):
        raise ProblemError(f"`parameters` entry {index} is the class {parameter.__name__}; make an object of it")
    for name, kind in kinds.items():
        if isinstance(parameter, kind):
            return name
    raise ProblemError(
        f"`parameters` entry {index} is a {type(parameter).__name__}; "
        "pass Setpoint, Disturbance or PreviousInput objects"
    )


def _check_preview(parameter: Setpoint | Disturbance) -> None:
    what = f"{type(parameter).__name__} preview"
    instance_of(parameter.preview, bool, what, ProblemError, "pass True for one value a step, False for one")


def _block(
    bounds: tuple[Any, Any], what: str, names: tuple[str, ...], units: tuple[str, ...], steps: range | None
) -> Block:
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
