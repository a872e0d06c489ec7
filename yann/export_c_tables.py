"""Tables: a design's constants in one precision, as they stand in the C file, and their checksum."""

import textwrap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from string import digits
from typing import cast

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.region import Regions
from mpc.explicit.tree import SearchTree
from plants.arrays import Array, Indices
from yann.errors import NetworkError
from yann.export_c_design import Design
from yann.export_c_form import DOUBLE, Outside, Precision
from yann.export_c_net import Net
from yann.export_c_steps import Fade, named_arrays
from yann.gathered import input_box

LARGEST_SHORT = 2**16 - 1


@dataclass(frozen=True, eq=False)
class Table:
    """One constant array of C: its name, values, what they mean, and the type of real numbers."""

    name: str
    values: np.ndarray
    meaning: str
    precision: Precision

    @property
    def whole(self) -> bool:
        """Return whether the values are whole numbers."""
        return self.values.dtype.kind == "i"

    @property
    def type(self) -> str:
        """Return the type in C: the smallest one that holds the values."""
        if not self.whole:
            return self.precision.name
        return "unsigned short" if self.values.max(initial=0) <= LARGEST_SHORT else "unsigned int"

    @property
    def size(self) -> int:
        """Return the number of values."""
        return self.values.size

    @property
    def footprint(self) -> int:
        """Return the bytes in memory, where short has 2 bytes and int 4."""
        if self.whole:
            return self.size * (2 if self.type == "unsigned short" else 4)
        return self.size * np.dtype(self.precision.dtype).itemsize

    @cached_property
    def text(self) -> str:
        """Return the values as C constants, in lines."""
        write = str if self.whole else self.precision.text
        return textwrap.fill(", ".join(map(write, self.values.ravel().tolist())), 112, initial_indent="    ",
                             subsequent_indent="    ", break_on_hyphens=False)  # fmt: skip

    @property
    def content(self) -> bytes:
        """Return the values as the checksum reads them: little-endian, whole numbers in 4 bytes."""
        kind = "<u4" if self.whole else np.dtype(self.precision.dtype).newbyteorder("<")
        return np.ascontiguousarray(self.values.astype(kind)).tobytes()


@dataclass(frozen=True, eq=False)
class Tables:
    """A design in one precision with its behaviour outside.

    Half-spaces are A d <= b for d = theta - shift: the shift is 0 in double, so that every product has the bits that
    Python has, and the centre of the parameter set in float, so that few digits are lost.
    """

    design: Design
    precision: Precision
    outside: Outside

    @property
    def centred(self) -> bool:
        """Return whether everything is written around the centre of the parameter set."""
        return self.precision is not DOUBLE

    @cached_property
    def shift(self) -> Array:
        """Return what is subtracted from the state, (t,)."""
        if not self.centred:
            return np.zeros(self.design.law.t)
        return self.design.law.centre.astype(self.precision.dtype).astype(np.float64)

    @cached_property
    def rows(self) -> Array:
        """Return [A, b] of all half-spaces around the shift, (q, t + 1)."""
        A, b, _ = self.design.law.halfspaces
        return np.c_[A, b - A @ self.shift if self.shift.any() else b]

    @cached_property
    def moves(self) -> Array:
        """Return [gain, offset] of the distinct moves around the shift, (k, m, t + 1)."""
        moves = self.design.moves.copy()
        if self.shift.any():
            moves[:, :, -1] += moves[:, :, :-1] @ self.shift
        return moves

    @cached_property
    def reach(self) -> Array:
        """Return the largest |theta - shift| on the parameter set, (t,)."""
        lower, upper = self.design.law.parameter_bounds
        return np.maximum(np.abs(lower - self.shift), np.abs(upper - self.shift))

    @cached_property
    def doubt(self) -> float:
        """Return how far, in half widths, rounding can move a point of the parameter set against a half-space."""
        size = np.abs(self.rows[:, :-1]) @ self.reach + np.abs(self.rows[:, -1])
        return float((self.design.law.t + 4) * self.precision.unit * size.max())

    @property
    def band(self) -> float:
        """Return how close, in half widths, a state is to a hyperplane if both of its sides are searched."""
        return 0.0 if self.design.tree is None else self.design.tree.band

    @cached_property
    def limits(self) -> Array:
        """Return (tolerance of the domain, square of the band around a node's hyperplane), in half widths."""
        if not self.centred:
            return np.array([TOLERANCE, self.band**2])
        return np.array([1.01 * (TOLERANCE + self.doubt), 1.01 * (self.band + 4 * self.doubt) ** 2])

    @cached_property
    def backup(self) -> Array:
        """Return the input (m,) where no region gives one."""
        return self.outside.backup(self.design.law)

    @cached_property
    def all(self) -> tuple[Table, ...]:
        """Return the tables in the order of the file; raises NetworkError for a number that the type cannot hold."""
        tables = tuple(Table(*named, self.precision) for named in self._named())
        largest = np.finfo(self.precision.dtype).max
        for table in tables:
            if not table.whole and not (np.abs(table.values) <= largest).all():
                worst = np.abs(table.values).max()
                raise NetworkError(
                    f"table `{table.name}` has {worst:g}, but {self.precision.name} ends at {largest:g}; use DOUBLE"
                )
            if table.name.rstrip(digits) in DIVISORS and not table.values.astype(self.precision.dtype).all():
                raise NetworkError(
                    f"table `{table.name}` has {table.values.min():g}, which {self.precision.name} rounds to 0, but it "
                    "divides; use DOUBLE"
                )
        return tables

    @property
    def checksum(self) -> int:
        """Return the CRC-32 of all tables."""
        return zlib.crc32(b"".join(table.content for table in self.all))

    def _named(self) -> Iterator[tuple[str, np.ndarray, str]]:
        for part in (self._rows, self._search, self._moves, self._residual):
            yield from part()

    def _rows(self) -> Iterator[tuple[str, np.ndarray, str]]:
        yield "limit", self.limits, "Half widths of the parameter set: tolerance of the domain, square of the band."
        yield "first_row", self.design.starts, "Where the half-spaces of each region start; last: where they end."
        yield "plane", self.rows, "Half-spaces a d <= b of all regions: a, then b."

    def _search(self) -> Iterator[tuple[str, np.ndarray, str]]:
        tree = self.design.tree
        if tree is not None:
            nodes = len(tree.children)
            child = np.where(tree.children >= 0, tree.children, nodes - 1 - tree.children)
            yield "node_row", self.design.node_rows, "The half-space that each node of the search tree asks about."
            yield "child", _whole(child), "Its children below and above; from NODES on: leaves."
            yield "leaf_start", _whole(tree.leaf_starts), "Where the regions of each leaf start."
            yield "leaf_region", self._leaves(tree), "The regions of the leaves, those with most room first."

    def _leaves(self, tree: SearchTree) -> Indices:
        """Return the regions of each leaf by the radius of their largest ball: the likeliest is asked first."""
        leaf = np.repeat(np.arange(len(tree.leaf_starts) - 1), np.diff(tree.leaf_starts))
        radius = cast(Regions, self.design.law.regions).radius[tree.regions]
        return _whole(tree.regions[np.lexsort((-radius, leaf))])

    def _moves(self) -> Iterator[tuple[str, np.ndarray, str]]:
        law, moves = self.design.law, self.moves
        names = ", ".join(map(_named, law.input_names, law.input_units))
        if len(moves) < len(law.regions):
            yield "move", _whole(self.design.move), "The number of each region's move."
        yield "gain", moves, f"Each move once: for each of {names} the gain of every state, then the offset."
        for name, bound in zip(("lower", "upper"), input_box(law), strict=True):
            yield name, self.precision.inward(bound, name == "lower"), f"The {name} bounds of {names}."
        if not self.outside.holds:
            yield "backup", self.backup, "The input where no region gives one."
        if self.centred or self.design.net is not None:
            exact = self.shift if self.centred or self.design.net is None else self.design.net.centre
            yield "centre", exact, "The centre of the parameter set."

    def _residual(self) -> Iterator[tuple[str, np.ndarray, str]]:
        if self.design.net is None:
            return
        arrays = self.design.net.arrays
        inner = self._around(self.design.net.inner, self.design.net)
        for name, meaning in RESIDUAL.items():
            if name in arrays:
                yield name, inner if name == "inner" else _written(arrays[name]), meaning
        yield from self._steps(self.design.net)

    def _steps(self, net: Net) -> Iterator[tuple[str, np.ndarray, str]]:
        fades = [step for step in net.steps if isinstance(step, Fade)]
        if fades:
            yield "faced", fades[0].faced, "1 for half-spaces with something of the domain's box behind them, else 0."
        for name, values in named_arrays(net.steps).items():
            yield name, self._around(values, net) if name.startswith("change") else values, STEPS[name.rstrip(digits)]

    def _around(self, pieces: Array, net: Net) -> Array:
        """Return [gain, offset] of scaled states, with an offset for states scaled around the shift."""
        moved = pieces.copy()
        if self.centred:
            moved[..., -1] += moved[..., :-1] @ ((self.shift - net.centre) / net.half_width)
        return moved


DIVISORS = ("half_width", "bound", "fade")
"""Tables whose values divide."""

STEPS = {
    "change": "What is added to the law of each region, by input: for scaled states, then the offset.",
    "fade": "The depth in each region, in half widths, from which on its residual counts in full.",
}

RESIDUAL = {
    "half_width": "Half the widths of the parameter set.",
    "half_range": "Half the widths of the input bounds.",
    "network": "The number of each region's layers.",
    "inner": "First layer of the residual: for each neuron the weights of the scaled states, then the bias.",
    "outer": "Second layer: for each neuron of the first what it adds to the neurons of the second.",
    "head": "Head of each region: for each input the weights of the neurons, then the bias.",
    "trunk_bias": "Bias of the second layer.",
    "bound": "The residual stays below this.",
}


def _written(values: np.ndarray) -> np.ndarray:
    return _whole(values) if values.dtype.kind == "i" else values


def _whole(values: np.ndarray) -> Indices:
    return values.astype(np.int64)


def _named(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name
