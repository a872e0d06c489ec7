"""A stack: S networks of one form, trained at once, one member per seed.

Every parameter has a leading member axis (S, ...), every layer is one batched product, and constants
are buffers without that axis. A single network is a stack of one, so there is one code path.
"""

import copy
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from plants.arrays import real_array, whole_number
from yann.errors import NetworkError

Activation = Callable[[Tensor], Tensor]

LARGEST = 2**30
"""Bytes that the weights of one layer may take; training needs several times as much."""

_room = ContextVar("room", default=LARGEST)


@contextmanager
def weights_up_to(size: int) -> Iterator[None]:
    """Refuse layers above `size` bytes while a network is built of what a stranger's file says."""
    token = _room.set(min(size, LARGEST))
    try:
        yield
    finally:
        _room.reset(token)


def member_generator(seed: int, stream: str) -> torch.Generator:
    """Return the generator of one member: the same for a seed and stream, however many members there are."""
    state = np.random.SeedSequence([seed, zlib.crc32(stream.encode())]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> 1))


class StackedLinear(nn.Module):
    """S affine maps as one product: (S, batch, inputs) -> (S, batch, outputs).

    Weights and biases are uniform on +-1/sqrt(inputs), drawn per member, or all zero with `zero`.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True, zero: bool = False, members: int = 1) -> None:
        super().__init__()
        self.zero = zero
        self.weight = zero_weights(members, outputs, inputs)
        self.bias = zero_weights(members, outputs) if bias else None

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Draw every member's weights from that member's generator."""
        bound = 0.0 if self.zero else self.weight.shape[-1] ** -0.5
        for member, generator in enumerate(generators):
            draw_uniform(self.weight[member], bound, generator)
            if self.bias is not None:
                draw_uniform(self.bias[member], bound, generator)

    def forward(self, rows: Tensor) -> Tensor:
        """Return W x + b for every member's rows."""
        return self.columns(rows.mT).mT

    def columns(self, columns: Tensor) -> Tensor:
        """Return W x + b for columns (S, inputs, batch), as (S, outputs, batch).

        So the weights' gradients come out in the order in which weights are kept, and need no copy.
        """
        if self.bias is None:
            return torch.bmm(self.weight, columns)
        return torch.baddbmm(self.bias.unsqueeze(-1), self.weight, columns)

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        members, outputs, inputs = self.weight.shape
        return f"{inputs} -> {outputs}, members={members}, bias={self.bias is not None}, zero={self.zero}"


def zero_weights(*shape: int) -> nn.Parameter:
    """Return float64 zeros (S, ...) to train; above LARGEST bytes raises NetworkError before it allocates any."""
    needed, limit = 8 * math.prod(shape), _room.get()
    if needed > limit:
        raise NetworkError(
            f"`hidden` makes a layer {max(shape):,} wide whose weights {shape} need {needed:,} bytes, but the limit is "
            f"{limit:,}; pass a smaller one"
        )
    return nn.Parameter(torch.zeros(shape, dtype=torch.float64))


def draw_uniform(parameter: Tensor, bound: float, generator: torch.Generator) -> None:
    """Fill one member's slice of a parameter with numbers uniform on +-`bound`."""
    with torch.no_grad():
        fresh = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.copy_((2 * fresh - 1) * bound)


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds; raise NetworkError unless there is one and each is a whole number of at least 0."""
    if not isinstance(seeds, Sequence) or isinstance(seeds, str | bytes) or not len(seeds):
        raise NetworkError(f"`seeds` is {seeds!r}, but a sequence of at least 1 seed is needed; pass as in range(10)")
    return tuple(whole_number(seed, f"seeds[{i}]", NetworkError) for i, seed in enumerate(seeds))


def as_given(given: object, lead: Sequence[int], *results: Tensor) -> tuple[Tensor | np.ndarray, ...]:
    """Return results (S, batch, ...) with the leading shape of the points, as numpy unless `given` is a tensor."""
    shaped = tuple(result.reshape((*lead, *result.shape[2:])) for result in results)
    return shaped if isinstance(given, Tensor) else tuple(result.detach().numpy() for result in shaped)


class StackedMLP(nn.Module):
    """S perceptrons: affine maps with `activation` between them; `zero_last` makes them zero at the start."""

    def __init__(self, sizes: Sequence[int], activation: Activation, zero_last: bool = False) -> None:
        super().__init__()
        self.activation = activation
        pairs = list(pairwise(sizes))
        last = len(pairs) - 1
        self.layers = nn.ModuleList(StackedLinear(*pair, zero=zero_last and i == last) for i, pair in enumerate(pairs))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the last layer's output (S, batch, outputs) for every member's rows (S, batch, inputs)."""
        *inner, last = self.layers
        columns = rows.mT
        for layer in inner:
            columns = self.activation(layer.columns(columns))  # type: ignore[operator]
        return last.columns(columns).mT  # type: ignore[operator]


class StackedNetwork(nn.Module):
    """Base of every actor and critic: a stack of S networks called with numpy arrays or tensors.

    A stack of one takes points (..., n); a stack of S > 1 takes (S, ..., n), one block per member.
    A subclass gives `arguments` (name and width of each, in order) and `rows`, and calls `self.draw([0])`
    at the end of its constructor, so that it is born with the weights of seed 0.
    """

    dtype: ClassVar[torch.dtype] = torch.float64

    def __init__(self, arguments: Sequence[tuple[str, int]]) -> None:
        super().__init__()
        self.arguments = tuple(arguments)

    @property
    def members(self) -> int:
        """Return S, the number of networks in the stack."""
        return next((p.shape[0] for p in self.parameters()), 1)

    def rows(self, *points: Tensor) -> Tensor:
        """Return the output for float64 tensors (S, batch, n), unchecked: what training loops call."""
        raise NotImplementedError

    def forward(self, *points: object) -> object:
        """Return the output for points (..., n): a tensor if any of them is one, else numpy.

        Raises NetworkError for what is no real number, a wrong width, member axis, NaN or infinity.
        """
        rows, lead = self.checked_rows(points)
        given = next((point for point in points if isinstance(point, Tensor)), None)
        with torch.set_grad_enabled(torch.is_grad_enabled() and given is not None):
            result = self.rows(*rows)
        return as_given(given, lead, result)[0]

    def checked_rows(self, points: Sequence[object]) -> tuple[list[Tensor], tuple[int, ...]]:
        """Return each argument as (S, batch, n) and the leading shape that all of them share."""
        if len(points) != len(self.arguments):
            wanted = ", ".join(name for name, _ in self.arguments)
            raise NetworkError(f"{type(self).__name__} takes {wanted}; got {len(points)} arguments")
        self._check_type()
        tensors = [self._checked(p, *a) for p, a in zip(points, self.arguments, strict=True)]
        lead = tuple(tensors[0].shape[:-1])
        for tensor, (name, _) in zip(tensors, self.arguments, strict=True):
            if tuple(tensor.shape[:-1]) != lead:
                first = self.arguments[0][0]
                raise NetworkError(f"`{first}` has leading shape {lead} but `{name}` {tuple(tensor.shape[:-1])}")
        if self.members > 1 and (not lead or lead[0] != self.members):
            raise NetworkError(
                f"this stack has {self.members} members but the points have leading shape {lead}; "
                f"pass ({self.members}, ..., n), or call .member(i) for a single network"
            )
        return [t.reshape(self.members, -1, t.shape[-1]) for t in tensors], lead

    def draw(self, seeds: Sequence[int]) -> None:
        """Draw the trainable weights of member i anew from seed i, whatever the other members are."""
        generators = [member_generator(seed, type(self).__name__) for seed in seeds]
        for module in self.modules():
            if module is not self and callable(getattr(module, "draw", None)):
                module.draw(generators)  # type: ignore[operator]

    def replicate(self, seeds: Sequence[int]) -> Self:
        """Return a stack with one member per seed; this network stays as it is.

        Weights still those of its birth are drawn anew from each seed; changed ones (trained, loaded,
        set by hand) are copied to every member. Raises NetworkError unless this is a stack of one.
        """
        seeds = checked_seeds(seeds)
        if self.members != 1:
            raise NetworkError(f"a stack of {self.members} cannot be replicated; take one .member(i) first")
        stack = copy.deepcopy(self)
        for parameter in stack.parameters():
            parameter.data = parameter.data.repeat(len(seeds), *[1] * (parameter.ndim - 1))
        if self.as_born():
            stack.draw(seeds)
        return stack

    def member(self, index: int) -> Self:
        """Return network `index` of the stack as a stack of one with its own copy of the weights."""
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise NetworkError(f"`index` is {index!r}, but a whole number below {self.members} is needed")
        if not -self.members <= index < self.members:
            raise NetworkError(f"`index` is {index}, but the stack has {self.members} members")
        single = copy.deepcopy(self)
        start = index % self.members
        for parameter in single.parameters():
            parameter.data = parameter.data[start : start + 1].clone()
        return single

    def _check_type(self) -> None:
        for name, tensor in (*self.named_parameters(), *self.named_buffers()):
            if tensor.is_floating_point() and tensor.dtype != self.dtype:
                raise NetworkError(
                    f"`{name}` was cast to {tensor.dtype}, but a {type(self).__name__} computes in {self.dtype}; build "
                    "it anew, and for float32 call single_precision(actor), which says how far its copy can be off"
                )

    def as_born(self) -> bool:
        """Return whether the weights are still those of its birth."""
        fresh = copy.deepcopy(self)
        fresh.draw([0])
        pairs = zip(self.parameters(), fresh.parameters(), strict=True)
        return all(torch.equal(mine, born) for mine, born in pairs)

    def _checked(self, point: object, name: str, width: int) -> Tensor:
        if isinstance(point, Tensor):
            if point.is_complex() or point.dtype == torch.bool:
                raise NetworkError(f"`{name}` has dtype {point.dtype}; pass real numbers (a float tensor)")
            if point.is_meta or point.layout != torch.strided:
                raise NetworkError(f"`{name}` is a sparse or meta tensor; pass a dense one with numbers")
            tensor = point.to(torch.float64)
            real_array(tensor.detach().numpy(force=True), name, None, NetworkError)
        else:
            tensor = torch.tensor(real_array(point, name, None, NetworkError))  # type: ignore[arg-type]
        if tensor.ndim == 0 or tensor.shape[-1] != width:
            raise NetworkError(f"`{name}` has shape {tuple(tensor.shape)}, but its last axis must be {width} long")
        return tensor
