"""PiecewiseAffineLaw: the exact solution of a multiparametric QP, region by region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import NamedTuple, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.certificate import Certificate, certify
from mpc.explicit.domain import TOLERANCE, half_widths, outside_domain
from mpc.explicit.errors import ProblemError
from mpc.explicit.explanation import Explanation, explain
from mpc.explicit.labels import Labels, check_labels
from mpc.explicit.law_file import digest, read_law, write_law
from mpc.explicit.merge import merged
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multipliers import multipliers_at
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.rebuilt import Rebuilt
from mpc.explicit.region import CriticalRegion, Regions, check_members
from mpc.explicit.scan import scan
from mpc.explicit.tree import SearchTree, build_tree
from mpc.explicit.value import value_at
from plants.arrays import Array, bounds_pair, real_array


class Location(NamedTuple):
    """Region of least violation, and how far inside it (negative: outside) in half widths of the parameter set."""

    region: int | np.ndarray
    margin: float | np.ndarray


@dataclass(frozen=True, eq=False)
class PiecewiseAffineLaw(Rebuilt):
    """u = gain_i theta + offset_i on critical region i; exact for every theta of the feasible set.

    Called with parameters (..., t) it returns inputs (..., m), or raises OutsideDomain. `parameter_bounds`
    is the smallest box (lower, upper) around the parameter set; `input_bounds` is None where the problem has none.
    `problem` is what the law solves; `partial` says why regions are missing, and is empty where none is;
    `certificate` is the proof that `certify` or a file has brought; one of another law is dropped. `members` (merged
    laws only) lists for every region the numbers of the regions that it was joined from.
    """

    regions: Sequence[CriticalRegion]
    parameter_set: Polyhedron
    parameter_bounds: tuple[Array, Array]
    labels: Labels
    input_bounds: tuple[Array, Array] | None = None
    problem: MultiparametricQP | None = field(default=None, repr=False)
    partial: str = ""
    certificate: Certificate | None = field(default=None, repr=False)
    members: tuple[tuple[int, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Check that the regions exist and fit one another."""
        if not isinstance(self.parameter_set, Polyhedron):
            raise ProblemError("`parameter_set` must be a Polyhedron; use solve_explicit")
        if not isinstance(self.labels, Labels):
            raise ProblemError(f"`labels` is a {type(self.labels).__name__}; pass Labels(parameters, variables, rows)")
        if not isinstance(self.regions, Regions):
            object.__setattr__(self, "regions", _checked(self.regions, self.labels.rows))
        if not isinstance(self.partial, str):
            raise ProblemError(f"`partial` is {self.partial!r}; pass a text, or an empty one for a whole law")
        check_labels(self.labels, self.t, self._flat.solution_offset.shape[1])
        if self.parameter_set.dimension != self.t:
            raise ProblemError(f"`parameter_set` has {self.parameter_set.dimension} parameters, the regions {self.t}")
        pairs = [("parameter_bounds", self.parameter_bounds, self.t)]
        pairs += [] if self.input_bounds is None else [("input_bounds", self.input_bounds, self.m)]
        for name, pair, size in pairs:
            checked = bounds_pair(pair, name, [str(i) for i in range(size)], ProblemError, name == "input_bounds")
            object.__setattr__(self, name, checked)
        check_members(self.members, len(self.regions))
        if self.certificate is not None and self.certificate.law_digest != self.digest:
            object.__setattr__(self, "certificate", None)

    def __call__(self, theta: ArrayLike) -> Array:
        """Return the input(s) (..., m) at theta (..., t); raises OutsideDomain if one lies outside every region."""
        points, shape = self._points(theta)
        region, margin = self._locate(points)
        self._check_inside(points, region, margin)
        inputs = np.einsum("bmt,bt->bm", self.gains[region], points) + self.offsets[region]
        return inputs.reshape(*shape, self.m)

    def solution(self, theta: ArrayLike) -> Array:
        """Return the whole minimiser z (..., n) at theta (..., t); raises OutsideDomain as a call does."""
        points, shape = self._points(theta)
        region, margin = self._locate(points)
        self._check_inside(points, region, margin)
        gains, offsets = self._flat.solution_gain, self._flat.solution_offset
        return (np.einsum("bnt,bt->bn", gains[region], points) + offsets[region]).reshape(*shape, gains.shape[1])

    def multipliers(self, theta: ArrayLike) -> Array:
        """Return the multiplier of every row of the problem (..., q) at theta (..., t), in the rows' own units.

        Raises OutsideDomain as a call does, ProblemError for a law without its problem.
        """
        if self.problem is None:
            raise ProblemError(
                "the law holds no problem whose rows could have multipliers; use the law as it was solved"
            )
        points, shape = self._points(theta)
        solutions = self.solution(points)
        prices = [multipliers_at(self.problem, *pair) for pair in zip(points, solutions, strict=True)]
        return np.reshape(prices, (*shape, len(self.problem.w)))

    def value(self, theta: ArrayLike) -> Array:
        """Return the optimal cost (...) at theta (..., t): convex where theta moves limits only, quadratic on a region.

        It holds the problem's constant part, if that is given: without it, costs of one theta alone can be compared.
        Raises OutsideDomain as a call does, ProblemError for a law without its problem.
        """
        if self.problem is None:
            raise ProblemError("the law holds no problem that could have a cost; use the law as it was solved")
        points, shape = self._points(theta)
        return value_at(self.problem, points, self.solution(points)).reshape(shape)

    def nearest(self, theta: ArrayLike) -> tuple[Array, np.ndarray, np.ndarray]:
        """Return (input, region, inside) for the region of least violation, whether or not theta lies in it.

        Outside, the input is that region's affine function, not clipped to any bound.
        """
        points, shape = self._points(theta)
        region, margin = self._locate(points)
        inputs = np.einsum("bmt,bt->bm", self.gains[region], points) + self.offsets[region]
        return inputs.reshape(*shape, self.m), region.reshape(shape), (margin >= -TOLERANCE).reshape(shape)

    def locate(self, theta: ArrayLike) -> Location:
        """Return the region of least violation (lowest index on a tie) and the margin to its border."""
        points, shape = self._points(theta)
        region, margin = self._locate(points)
        if not shape:
            return Location(int(region[0]), float(margin[0]))
        return Location(region.reshape(shape), margin.reshape(shape))

    def explain(self, theta: ArrayLike) -> Explanation:
        """Return why the law does what it does at one theta, and what would change it; see docs/explain.md.

        str() of it is a text, `to_dict()` goes into JSON, `mpc.tables.explanation_table` draws it. Outside the domain
        it explains the nearest region, and says so.
        """
        point = real_array(theta, "theta", (self.t,), ProblemError)
        return explain(self, point)

    def certify(self) -> Certificate:
        """Return the proof that this law solves its problem, or what keeps it from being one; see docs/certificate.md.

        It is kept as `certificate` and saved with the law. Raises ProblemError for a law without its problem.
        """
        certificate = certify(self, self.problem)
        object.__setattr__(self, "certificate", certificate)
        return certificate

    def merged(self) -> Self:
        """Return the law of the first move alone, with regions of one and the same move joined where that is convex."""
        return cast(Self, merged(self))

    @cached_property
    def tree(self) -> SearchTree:
        """Return the search tree of the law, built at first use; from then on every call locates with it."""
        return build_tree(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the law to `path` (npz with a JSON header and checksums, no pickle), replacing it in one step."""
        write_law(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return the law saved at `path`; raises FileFormatError for a file that is damaged or of another kind."""
        return cast(Self, read_law(cls, path))

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of everything that the law is made of, in hexadecimal."""
        return digest(self)

    @property
    def t(self) -> int:
        """Return the number of parameters."""
        return self._flat.A.shape[1]

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return self._flat.gain.shape[1]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Return the parameters' names."""
        return self.labels.parameters

    @property
    def parameter_units(self) -> tuple[str, ...]:
        """Return the parameters' units (empty texts where there is none)."""
        return self.labels.parameter_units or ("",) * self.t

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the inputs' names."""
        return self.labels.variables[: self.m]

    @property
    def input_units(self) -> tuple[str, ...]:
        """Return the inputs' units (empty texts where there is none)."""
        return (self.labels.variable_units or ("",) * self.m)[: self.m]

    @cached_property
    def gains(self) -> Array:
        """Return the gains of all regions, (p, m, t)."""
        return self._flat.gain

    @cached_property
    def offsets(self) -> Array:
        """Return the offsets of all regions, (p, m)."""
        return self._flat.offset

    @cached_property
    def halfspaces(self) -> tuple[Array, Array, np.ndarray]:
        """Return (A (q, t), b (q,), owner (q,)): the rows of all regions in order, and the region of each."""
        return self._flat.A, self._flat.b, _read_only(np.repeat(np.arange(len(self.regions)), self._flat.half_spaces))

    @property
    def centre(self) -> Array:
        """Return the centre (t,) of the box around the parameter set."""
        lower, upper = self.parameter_bounds
        return (lower + upper) / 2

    @property
    def half_width(self) -> Array:
        """Return half the widths (t,) of the box around the parameter set; for a width of 0 the size of the value."""
        return half_widths(*self.parameter_bounds)

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        rows = len(self.halfspaces[1])
        sizes = f"{len(self.regions)} regions, {rows} half-spaces, {self.t} parameters, {self.m} inputs"
        return f"PiecewiseAffineLaw({sizes}{', partial: ' * bool(self.partial)}{self.partial})"

    @property
    def _flat(self) -> Regions:
        return cast(Regions, self.regions)

    def _points(self, theta: ArrayLike) -> tuple[Array, tuple[int, ...]]:
        points = real_array(theta, "theta", None, ProblemError)
        if points.ndim == 0 or points.shape[-1] != self.t:
            names = ", ".join(self.parameter_names)
            raise ProblemError(f"`theta` has shape {points.shape}, but its last axis must be {self.t} long ({names})")
        return points.reshape(-1, self.t), points.shape[:-1]

    def _locate(self, points: Array) -> tuple[np.ndarray, np.ndarray]:
        """Return region and margin of each point; the tree, once it is there, gives the same numbers sooner."""
        if "tree" in self.__dict__:
            return self.tree.locate(points)
        return scan(self._flat.A, self._flat.b, self._flat.starts, points)

    def _check_inside(self, points: Array, region: np.ndarray, margin: np.ndarray) -> None:
        if (margin < -TOLERANCE).any():
            raise outside_domain(self, points, region, margin)


def _checked(regions: object, rows: tuple[str, ...]) -> Regions:
    """Return the regions in flat arrays; raises ProblemError if there are none or they do not fit one another."""
    if not isinstance(regions, tuple) or not all(isinstance(r, CriticalRegion) for r in regions):
        raise ProblemError("`regions` must be a tuple of CriticalRegion; use solve_explicit")
    if not regions:
        raise ProblemError("a law needs at least 1 region, but it was given 0; solve a feasible problem")
    shapes = {(r.gain.shape, r.solution_gain.shape, r.A.shape[1]) for r in regions}
    if len(shapes) > 1:
        raise ProblemError(f"the regions differ in size (gain, solution, parameters): {sorted(shapes)}")
    return Regions.of(regions, rows)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
