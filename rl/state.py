"""State: what training changes, taken out as numbers and put back in place, bit for bit.

A part is a network, an optimiser, a random generator, a tensor, an array, a number, a mapping or sequence of parts, or
an object that names its own parts: `state()` returns them by name, and a number among them is the object's attribute
of that name. Nothing is replaced: what shares memory with something else shares it afterwards.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from plants.arrays import Array

Tree = Any
"""Mappings by name, whose leaves are arrays of float64 or int64, and what JSON holds."""

_ARRAYS = "@array"
_PLAIN = (bool, int, float, str, type(None))


@runtime_checkable
class Stateful(Protocol):
    """Anything that names what training changes in it."""

    def state(self) -> Mapping[str, Any]:
        """Return its parts by name."""
        ...


class Misfit(ValueError):
    """What was kept does not fit the part that it shall go into; its words name the part."""


def taken(part: Any) -> Tree:
    """Return copies of all numbers of a part; raise TypeError for what is none."""
    if isinstance(part, nn.Module):
        return {name: taken(tensor) for name, tensor in part.state_dict(keep_vars=True).items()}
    if isinstance(part, Optimizer):
        return {str(i): taken(part.state[weight]) for i, weight in enumerate(_weights(part)) if weight in part.state}
    if isinstance(part, np.random.Generator):
        return part.bit_generator.state
    if isinstance(part, torch.Generator):
        return part.get_state().numpy().astype(np.int64)
    if isinstance(part, Tensor):
        return taken(part.detach().numpy())
    if isinstance(part, np.ndarray):
        return part.astype(np.float64 if part.dtype.kind == "f" else np.int64)
    if isinstance(part, _PLAIN):
        return part
    return {name: taken(inner) for name, inner in _parts(part).items()}


def put_back(part: Any, kept: Tree, name: str = "training") -> None:
    """Give a part, in place, the numbers that `taken` took out of one of the same form; raise Misfit for another."""
    if isinstance(part, nn.Module):
        part = part.state_dict(keep_vars=True)
    if isinstance(part, Optimizer):
        _put_optimiser(part, kept, name)
    elif isinstance(part, np.random.Generator):
        _put_generator(part, kept, name)
    elif isinstance(part, torch.Generator):
        part.set_state(torch.from_numpy(_fitting(kept, part.get_state().shape, name).astype(np.uint8)))
    elif isinstance(part, Tensor):
        put_back(part.detach().numpy(), kept, name)
    elif isinstance(part, np.ndarray):
        np.copyto(part, _fitting(kept, part.shape, name), casting="unsafe")
    else:
        _put_parts(part, kept, name)


def flattened(tree: Tree) -> tuple[Tree, dict[str, Array]]:
    """Return a tree as JSON without its arrays, and the arrays by their paths in it."""
    arrays: dict[str, Array] = {}

    def without(branch: Tree, path: str) -> Tree:
        if isinstance(branch, np.ndarray):
            arrays[path] = branch
            return {_ARRAYS: path}
        if isinstance(branch, Mapping):
            return {name: without(inner, f"{path}/{name}" if path else str(name)) for name, inner in branch.items()}
        return branch

    return without(tree, ""), arrays


def unflattened(data: Tree, arrays: Mapping[str, Array]) -> Tree:
    """Return the tree that `flattened` took apart; raise Misfit where an array is missing."""
    if not isinstance(data, Mapping):
        return data
    if set(data) == {_ARRAYS}:
        if data[_ARRAYS] not in arrays:
            raise Misfit(f"{data[_ARRAYS]} is missing")
        return arrays[data[_ARRAYS]]
    return {name: unflattened(inner, arrays) for name, inner in data.items()}


def _parts(part: Any) -> Mapping[str, Any]:
    if isinstance(part, Mapping):
        return part
    if isinstance(part, Sequence):
        return {str(i): inner for i, inner in enumerate(part)}
    if isinstance(part, Stateful):
        return part.state()
    raise TypeError(f"a {type(part).__name__} has no state that could be kept; give it `state()`")


def _put_parts(part: Any, kept: Tree, name: str) -> None:
    parts = _parts(part)
    names = set(kept) if isinstance(kept, Mapping) else set()
    if set(parts) != names:
        odd = sorted(set(parts) ^ names)
        raise Misfit(f"{name}: {', '.join(odd) or 'all'} is on one side only")
    for key, inner in parts.items():
        if isinstance(inner, _PLAIN):
            setattr(part, key, kept[key])
        else:
            put_back(inner, kept[key], f"{name}/{key}")


def _put_optimiser(part: Optimizer, kept: Tree, name: str) -> None:
    """Put moments and step counts back by the optimiser's own door, which keeps the kind of each."""
    weights = _weights(part)
    if not isinstance(kept, Mapping) or not set(kept) <= set(map(str, range(len(weights)))):
        raise Misfit(f"{name} was of other weights")
    state = {}
    for i, numbers in kept.items():
        shapes = (weights[int(i)].shape, ())
        if any(np.shape(number) not in shapes for number in numbers.values()):
            raise Misfit(f"{name}/{i} was of a weight of another shape")
        state[int(i)] = {key: torch.tensor(number) for key, number in numbers.items()}
    part.load_state_dict({**part.state_dict(), "state": state})


def _put_generator(part: np.random.Generator, kept: Tree, name: str) -> None:
    try:
        part.bit_generator.state = kept
    except (TypeError, ValueError, KeyError) as cause:
        raise Misfit(f"{name} was of another kind of generator") from cause


def _weights(optimiser: Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _fitting(kept: Tree, shape: Sequence[int], name: str) -> Array:
    if np.shape(kept) != tuple(shape) or not isinstance(kept, np.ndarray):
        raise Misfit(f"{name} has shape {tuple(shape)}, but {np.shape(kept)} was kept")
    return kept
