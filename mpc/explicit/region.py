"""CriticalRegion: a polyhedron on which the solution is one affine function, with its active rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, overload

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.rebuilt import Rebuilt
from plants.arrays import Array

COUNTING = ("half_spaces", "active_rows", "active_count")  # arrays of whole numbers
ARRAYS = ("A", "b", *COUNTING, "centre", "radius", "gain", "offset", "solution_gain", "solution_offset")


@dataclass(frozen=True, eq=False)
class CriticalRegion:
    """{A theta <= b} on which z = solution_gain theta + solution_offset; gain and offset are its first m rows.

    Rows of A are scaled so that A theta - b is a distance of 1 per half width of the parameter set; `centre` and
    `radius` are a largest ball (radius in half widths).

    `active` names the rows that hold with equality on this region, `active_rows` numbers them. Not among them: rows
    that hold with equality everywhere (given as equalities, or implied), and, where H is positive definite, rows that
    repeat an earlier one in other units. So prices are read off `law.multipliers(theta)`, which has every row, and
    never off this list.
    """

    A: Array
    b: Array
    gain: Array
    offset: Array
    active: tuple[str, ...]
    active_rows: tuple[int, ...]
    centre: Array
    radius: float
    solution_gain: Array
    solution_offset: Array

    def __repr__(self) -> str:
        """Return one line with the sizes and the active rows."""
        return f"CriticalRegion({len(self.b)} half-spaces, active: {', '.join(self.active) or 'none'})"


@dataclass(frozen=True, eq=False)
class Regions(Rebuilt, Sequence[CriticalRegion]):
    """All regions of a law, kept as a few flat arrays; an item is a view of them, made when it is asked for.

    `A`, `b` hold the half-spaces of all regions one after another, `half_spaces` (p,) how many each has; likewise
    `active_rows` and `active_count`. `solution_gain` is (p, n, t), `gain` its first m rows; offsets likewise.
    """

    A: Array
    b: Array
    half_spaces: np.ndarray
    active_rows: np.ndarray
    active_count: np.ndarray
    centre: Array
    radius: Array
    gain: Array
    offset: Array
    solution_gain: Array
    solution_offset: Array
    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check everything that indexing relies on."""
        _check_fit(self.arrays, len(self.rows))
        for array in self.arrays.values():
            array.setflags(write=False)

    @classmethod
    def of(cls, regions: Sequence[CriticalRegion], rows: Sequence[str]) -> Self:
        """Return the same regions in flat arrays; `rows` are the names that `active_rows` numbers."""
        return cls(
            A=np.vstack([r.A for r in regions]),
            b=np.concatenate([r.b for r in regions]),
            half_spaces=np.array([len(r.b) for r in regions], dtype=np.int64),
            active_rows=np.array([i for r in regions for i in r.active_rows], dtype=np.int64),
            active_count=np.array([len(r.active_rows) for r in regions], dtype=np.int64),
            centre=np.stack([r.centre for r in regions]),
            radius=np.array([r.radius for r in regions], dtype=np.float64),
            gain=np.stack([r.gain for r in regions]),
            offset=np.stack([r.offset for r in regions]),
            solution_gain=np.stack([r.solution_gain for r in regions]),
            solution_offset=np.stack([r.solution_offset for r in regions]),
            rows=tuple(rows),
        )

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, for a file."""
        return {name: getattr(self, name) for name in ARRAYS}

    @cached_property
    def starts(self) -> np.ndarray:
        """Return where each region's half-spaces begin, and the end of all (p + 1,)."""
        return np.concatenate([[0], np.cumsum(self.half_spaces)])

    @cached_property
    def _marks(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.active_count)])

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.radius)

    @overload
    def __getitem__(self, index: int) -> CriticalRegion: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[CriticalRegion, ...]: ...

    def __getitem__(self, index: int | slice) -> CriticalRegion | tuple[CriticalRegion, ...]:
        """Return one region, or a tuple of them."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        i = range(len(self))[index]
        faces = slice(self.starts[i], self.starts[i + 1])
        active = tuple(self.active_rows[self._marks[i] : self._marks[i + 1]].tolist())
        return CriticalRegion(
            A=self.A[faces],
            b=self.b[faces],
            gain=self.gain[i],
            offset=self.offset[i],
            active=tuple(self.rows[k] for k in active),
            active_rows=active,
            centre=self.centre[i],
            radius=float(self.radius[i]),
            solution_gain=self.solution_gain[i],
            solution_offset=self.solution_offset[i],
        )


def check_members(members: object, regions: int) -> None:
    """Raise ProblemError unless members are one tuple of region numbers for every region, or none at all."""
    groups = members if isinstance(members, tuple) else (None,)
    if not all(
        isinstance(group, tuple) and group and all(type(i) is int and i >= 0 for i in group) for group in groups
    ):
        raise ProblemError("`members` must be a tuple of tuples of region numbers, one for every region, or ()")
    if groups and len(groups) != regions:
        raise ProblemError(f"`members` has {len(groups)} groups but the law {regions} regions; give one for each")


def _check_fit(arrays: Mapping[str, np.ndarray], rows: int) -> None:
    """Check everything that indexing relies on, so that a wrong file is named and never indexed out of range."""
    _check_arrays(arrays)
    p, n, t = arrays["solution_gain"].shape
    m = arrays["gain"].shape[1]
    if not 1 <= m <= n:
        raise ProblemError(f"the regions have {m} inputs, but the solution has {n} variables")
    sizes = {"half_spaces": (p,), "active_count": (p,), "centre": (p, t), "radius": (p,), "solution_offset": (p, n)}
    sizes |= {"A": (len(arrays["b"]), t), "gain": (p, m, t), "offset": (p, m)}
    for name, shape in sizes.items():
        if arrays[name].shape != shape:
            have = arrays[name].shape
            raise ProblemError(f"array `{name}` has shape {have}, but `solution_gain` and `b` ask for {shape}")
    _check_counts(arrays, "half_spaces", "b", least=1)
    _check_counts(arrays, "active_count", "active_rows", least=0)
    active = arrays["active_rows"]
    if len(active) and not (active.min() >= 0 and active.max() < rows):
        raise ProblemError(f"`active_rows` names row {active.max()}, but the problem has {rows} rows")


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    wanted = {"A": 2, "b": 1, "half_spaces": 1, "active_rows": 1, "active_count": 1, "centre": 2, "radius": 1}
    for name, axes in (wanted | {"gain": 3, "offset": 2, "solution_gain": 3, "solution_offset": 2}).items():
        if name not in arrays or arrays[name].ndim != axes:
            raise ProblemError(f"array `{name}` is missing or has not {axes} axes")
        kind = "int64" if name in COUNTING else "float64"
        if arrays[name].dtype != kind:
            raise ProblemError(f"array `{name}` holds {arrays[name].dtype}, but {kind} is needed")
        if not np.isfinite(arrays[name]).all():
            raise ProblemError(f"array `{name}` holds NaN or infinite entries")


def _check_counts(arrays: Mapping[str, np.ndarray], count: str, values: str, least: int) -> None:
    total, have = int(arrays[count].sum()), len(arrays[values])
    if total != have:
        raise ProblemError(f"`{count}` adds up to {total}, but `{values}` has {have} entries")
    if len(arrays[count]) and not (arrays[count].min() >= least and arrays[count].max() <= have):
        raise ProblemError(f"`{count}` holds {arrays[count].min()}, but each region has at least {least}")
