"""Layout: the components of theta in order, and where each block of them stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.own_parameters import OwnParameter
from mpc.parameters import Block, Disturbance, Parameter, PreviousInput, Setpoint
from plants.arrays import Array, instance_of, real_array, real_points


@dataclass(frozen=True, eq=False)
class Layout:
    """theta's components in order: the state, then previous input, setpoint, disturbance and own parameters, if any."""

    state: Block
    previous: Block | None = None
    setpoint: Block | None = None
    disturbance: Block | None = None
    own: Mapping[str, Block] = field(default_factory=dict)

    @property
    def blocks(self) -> dict[str, Block]:
        """Return the blocks that there are, by the names that `vector` takes."""
        found = {"state": self.state, "previous_input": self.previous, "setpoint": self.setpoint}
        found["disturbance"] = self.disturbance
        return {name: b for name, b in (found | dict(self.own)).items() if b is not None}

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

    def vector(self, /, **given: ArrayLike | None) -> Array:
        """Return theta (..., t) from its parts; raises ProblemError naming a part that is missing or too many."""
        blocks = self.blocks
        given |= {name: None for name in blocks if name not in given}
        for name, value in given.items():
            if (value is None) == (name in blocks):
                trouble = "is missing, but theta holds it" if value is None else "was given, but theta does not hold it"
                raise ProblemError(f"`{name}` {trouble}: theta is ({', '.join(self.names)})")
        parts = [_points(given[name], name, b, name in self.own) for name, b in blocks.items()]
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

    Raises ProblemError for a kind of parameter given twice or unknown, a name that theta holds twice, and a previous
    input of unknown range.
    """
    mend = "pass a tuple of parameters, such as (Setpoint(lower, upper),)"
    instance_of(parameters, Sequence, "parameters", ProblemError, mend)
    given: dict[str, Parameter] = {}
    own = [parameter for parameter in parameters if isinstance(parameter, OwnParameter)]
    for i, parameter in enumerate(parameters):
        if isinstance(parameter, OwnParameter):
            continue
        name = _kind(parameter, i)
        if name in given:
            raise ProblemError(f"`parameters` holds two {type(parameter).__name__}; give it once")
        given[name] = parameter
    if moves or "previous" in given:
        given["previous"] = given.get("previous", PreviousInput()).within(input_bounds)  # type: ignore[attr-defined]
    fixed = [name for name, p in given.items() if isinstance(p, Setpoint) and p.fixed(model) is not None]
    found = {name: p.block(model, horizon) for name, p in given.items() if name not in fixed}
    states = Block(tuple(model.state_names), tuple(model.state_units), *box, model.n)
    others = Layout(states, found.get("previous"), found.get("setpoint"), found.get("disturbance"))
    return _with_own(others, own, model, horizon)


def _with_own(others: Layout, own: Sequence[OwnParameter], model: LinearModel, horizon: int) -> Layout:
    """Return the layout with parameters of one's own behind the others."""
    blocks: dict[str, Block] = {}
    for parameter in own:
        block = parameter.block(model, horizon)
        taken = (*replace(others, own=blocks).names, *blocks)
        for name in (parameter.name, *block.names):
            if name in taken:
                raise ProblemError(
                    f"`OwnParameter name` is {parameter.name!r}, but theta holds {name!r} already; take another"
                )
        blocks[parameter.name] = block
    return replace(others, own=blocks)


def _points(value: Any, name: str, block: Block, own: bool) -> Array:
    """Return a part of theta (..., size); of a parameter of one's own a plain number will do."""
    plain = isinstance(value, int | float | np.number) or (isinstance(value, np.ndarray) and not value.ndim)
    if own and plain and len(block.names) == 1:
        return real_array(value, name, (), ProblemError).reshape(1)
    return real_points(value, name, block.names, ProblemError)


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
        "pass Setpoint, Disturbance, PreviousInput or OwnParameter objects"
    )
