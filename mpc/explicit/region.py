"""CriticalRegion: a polyhedron on which the solution is one affine function, with its active rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array

COUNTING = ("half_spaces", "active_rows", "active_count")  # arrays of whole numbers


@dataclass(frozen=True, eq=False)
class CriticalRegion:
    """{A theta <= b} on which z = solution_gain theta + solution_offset; gain and offset are its first m rows.

    Rows of A are scaled so that A theta - b is a distance of 1 per half width of the parameter set. `active` names
    the rows that hold with equality, `active_rows` numbers them; `centre` and `radius` are a largest ball
    (radius in half widths).
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


def pack_regions(regions: Sequence[CriticalRegion]) -> dict[str, np.ndarray]:
    """Return the regions as a few flat arrays, for a file."""
    return {
        "A": np.vstack([r.A for r in regions]),
        "b": np.concatenate([r.b for r in regions]),
        "half_spaces": np.array([len(r.b) for r in regions], dtype=np.int64),
        "active_rows": np.array([i for r in regions for i in r.active_rows], dtype=np.int64),
        "active_count": np.array([len(r.active_rows) for r in regions], dtype=np.int64),
        "centre": np.stack([r.centre for r in regions]),
        "radius": np.array([r.radius for r in regions]),
        "solution_gain": np.stack([r.solution_gain for r in regions]),
        "solution_offset": np.stack([r.solution_offset for r in regions]),
    }


def unpack_regions(arrays: Mapping[str, np.ndarray], inputs: int, rows: Sequence[str]) -> tuple[CriticalRegion, ...]:
    """Return the regions behind `pack_regions`; raises ProblemError if the arrays do not fit one another."""
    _check_fit(arrays, inputs, len(rows))
    faces = np.cumsum([0, *arrays["half_spaces"]])
    marks = np.cumsum([0, *arrays["active_count"]])
    regions = []
    for i, radius in enumerate(arrays["radius"]):
        active = tuple(int(k) for k in arrays["active_rows"][marks[i] : marks[i + 1]])
        gain, offset = arrays["solution_gain"][i], arrays["solution_offset"][i]
        region = CriticalRegion(
            A=arrays["A"][faces[i] : faces[i + 1]],
            b=arrays["b"][faces[i] : faces[i + 1]],
            gain=gain[:inputs],
            offset=offset[:inputs],
            active=tuple(rows[k] for k in active),
            active_rows=active,
            centre=arrays["centre"][i],
            radius=float(radius),
            solution_gain=gain,
            solution_offset=offset,
        )
        regions.append(region)
    return tuple(regions)


def _check_fit(arrays: Mapping[str, np.ndarray], inputs: int, rows: int) -> None:
    """Check everything that indexing relies on, so that a wrong file is named and never indexed out of range."""
    _check_arrays(arrays)
    p, n, t = arrays["solution_gain"].shape
    sizes = {"half_spaces": (p,), "active_count": (p,), "centre": (p, t), "radius": (p,), "solution_offset": (p, n)}
    sizes |= {"A": (len(arrays["b"]), t)}
    for name, shape in sizes.items():
        if arrays[name].shape != shape:
            have = arrays[name].shape
            raise ProblemError(f"array `{name}` has shape {have}, but `solution_gain` and `b` ask for {shape}")
    _check_counts(arrays, "half_spaces", "b", least=1)
    _check_counts(arrays, "active_count", "active_rows", least=0)
    if not 1 <= inputs <= n:
        raise ProblemError(f"`inputs` is {inputs}, but the solution has {n} variables")
    active = arrays["active_rows"]
    if len(active) and not (active.min() >= 0 and active.max() < rows):
        raise ProblemError(f"`active_rows` names row {active.max()}, but the problem has {rows} rows")


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    wanted = {"A": 2, "b": 1, "half_spaces": 1, "active_rows": 1, "active_count": 1, "centre": 2, "radius": 1}
    for name, axes in (wanted | {"solution_gain": 3, "solution_offset": 2}).items():
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
