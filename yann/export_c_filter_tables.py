"""FilterTables: the constants of a safety filter in one precision, as they stand in C, and how exact they are."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.safety.max_min import MaxMin
from mpc.safety.nearest_input import NearestInput
from mpc.safety.safe_set import SafeSet
from plants.arrays import Array
from yann.errors import NetworkError
from yann.export_c_form import DOUBLE, Precision
from yann.export_c_tables import Table

SPARE = 1.01
"""Bounds of rounding are this much larger, so that their own rounding is no matter."""


@dataclass(frozen=True, eq=False)
class FilterTables:
    """A filter in one precision.

    Sums are of d = x - shift: the shift is 0 in double, and in float the centre of the safe set, so that few digits are
    lost. In float each half-space and each limit on the input is tightened by what rounding can do to it.
    """

    safe: SafeSet
    filtering: MaxMin | NearestInput
    precision: Precision

    def __post_init__(self) -> None:
        """Raise NetworkError for several inputs in float, and for a safe set without bounds."""
        if self.centred and self.pieces is None:
            raise NetworkError(
                f"`policy` has a filter of {self.safe.m} inputs, whose projection is written in double alone: float "
                "could break the rows that are proved; pass DOUBLE"
            )
        _ = self.box

    @property
    def pieces(self) -> MaxMin | None:
        """Return the maximum and minimum of one input, None for several inputs."""
        return self.filtering if isinstance(self.filtering, MaxMin) else None

    @property
    def centred(self) -> bool:
        """Return whether everything is written around the centre of the safe set, and tightened."""
        return self.precision is not DOUBLE

    @cached_property
    def box(self) -> tuple[Array, Array]:
        """Return the smallest box (lower, upper) around the safe set."""
        try:
            return self.safe.polyhedron.box(self.safe.state_names)
        except ProblemError as cause:
            raise NetworkError(f"`policy` has a filter whose safe set cannot be written in C: {cause}") from cause

    @cached_property
    def shift(self) -> Array:
        """Return what is subtracted from the state, (n,)."""
        if not self.centred:
            return np.zeros(self.safe.n)
        return np.mean(self.box, axis=0).astype(self.precision.dtype).astype(np.float64)

    @cached_property
    def reach(self) -> Array:
        """Return the largest |x - shift| in the safe set, (n,)."""
        lower, upper = self.box
        return np.maximum(np.abs(lower - self.shift), np.abs(upper - self.shift))

    def rounding(self, rows: Array, reach: Array) -> Array:
        """Return how far (k,) sums a d + c of rows [a, c] (k, n + 1) can be off where |d| <= reach (n,)."""
        size = np.abs(rows[:, :-1]) @ reach + np.abs(rows[:, -1])
        lost = np.finfo(self.precision.dtype).tiny * (self.safe.n + reach.sum())
        return SPARE * ((self.safe.n + 5) * self.precision.unit * size + lost)

    def error(self, reach: Array) -> float:
        """Return how far the limits of one input can be from exact ones where |x - shift| <= reach (n,), else 0."""
        rows = np.vstack(self._exact_sides)
        if not len(rows):
            return 0.0
        added = np.abs(self.safe.rows.sines).sum() if len(self.sine_indices) else 0.0
        size = added and (np.abs(rows[:, :-1]) @ reach + np.abs(rows[:, -1])).max()
        known = SPARE * self.precision.unit * ((self.safe.n + 8) * added + size)
        return float(self.rounding(rows, reach).max() + known)

    @cached_property
    def error_bound(self) -> float:
        """Return how far the input of a filter of one input can be from exact arithmetic, in the safe set."""
        return 2 * self.error(self.reach) + 2 * self.precision.unit * float(np.abs(self.safe.input_bounds).max())

    @cached_property
    def half_spaces(self) -> Array:
        """Return [A, b] of the safe set around the shift, (q, n + 1)."""
        if not self.centred:
            return np.c_[self.safe.A, self.safe.b]
        rows = np.c_[self.safe.A, self.safe.b - self.safe.A @ self.shift]
        return rows - np.c_[np.zeros_like(self.safe.A), self.rounding(rows, self.reach)]

    @cached_property
    def sides(self) -> tuple[Array, Array]:
        """Return [gain, offset] around the shift of the pieces below and above the input, (k, n + 1)."""
        below, above = (side.copy() for side in self._exact_sides)
        if self.centred:
            below[:, -1] += self.error(self.reach)
            above[:, -1] -= self.error(self.reach)
        return below, above

    @cached_property
    def sine_indices(self) -> np.ndarray:
        """Return the states whose sines the plant adds to its input."""
        return np.flatnonzero(self.safe.rows.sines.any(axis=0))

    @cached_property
    def all(self) -> tuple[Table, ...]:
        """Return the tables in the order of the file; raises NetworkError for a number that the type cannot hold."""
        tables = tuple(Table(name, values, meaning, self.precision) for name, values, meaning in self._named())
        largest = np.finfo(self.precision.dtype).max
        for table in tables:
            if not (np.abs(table.values) <= largest).all():
                raise NetworkError(
                    f"table `{table.name}` has {np.abs(table.values).max():g}, but {self.precision.name} ends at "
                    f"{largest:g}; use DOUBLE"
                )
        return tables

    @property
    def checksum(self) -> int:
        """Return the CRC-32 of all tables."""
        return zlib.crc32(b"".join(table.content for table in self.all))

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the safe set, its certificate and the precision, in hexadecimal."""
        safe = self.safe
        words = [safe.state_names, safe.input_names, self.precision.name, safe.certificate.document["sha256"]]
        whole = hashlib.sha256(json.dumps(words).encode())
        arrays = (safe.A, safe.b, safe.rows.X, safe.rows.U, safe.rows.h, safe.rows.sines, *safe.input_bounds)
        for values in (*arrays, safe.backup):
            whole.update(str(values.shape).encode() + np.ascontiguousarray(values, np.float64).tobytes())
        return whole.hexdigest()

    @cached_property
    def _exact_sides(self) -> tuple[Array, Array]:
        """Return the pieces around the shift, not tightened; none for several inputs."""
        if self.pieces is None:
            return np.zeros((0, self.safe.n + 1)), np.zeros((0, self.safe.n + 1))
        pieces = self.pieces.below, self.pieces.above
        below, above = (np.c_[side.gain, side.offset + side.gain @ self.shift] for side in pieces)
        return below, above

    def _named(self) -> Iterator[tuple[str, Array, str]]:
        safe = self.safe
        yield "half_space", self.half_spaces, "Half-spaces a d <= b of the safe set: a, then b."
        if self.pieces is None:
            rows = np.c_[safe.rows.X, safe.rows.U, safe.rows.h]
            yield "row", rows, "Rows that an input keeps: for the states, for the inputs, then the right-hand side."
        else:
            texts = ("The input is at least each of these: gain of every state, then offset.", "At most each of these.")
            for name, side, text in zip(("at_least", "at_most"), self.sides, texts, strict=True):
                if len(side):
                    yield name, side, text
            if len(self.sine_indices):
                yield "sine", safe.rows.sines[0, self.sine_indices], "What the plant adds to its input for each sine."
        for name, bound in zip(("lowest", "highest"), safe.input_bounds, strict=True):
            yield name, self.precision.inward(bound, name == "lowest"), f"The {name} inputs."
        yield "backup", safe.backup, "The input that is wanted where nothing is."
        if self.centred:
            yield "centre", self.shift, "The centre of the safe set."
