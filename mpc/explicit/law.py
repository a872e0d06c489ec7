"""PiecewiseAffineLaw: the exact solution of a multiparametric QP, region by region."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.certificate import Certificate, certify
from mpc.explicit.domain import TOLERANCE, half_widths, outside_domain
from mpc.explicit.errors import FileFormatError, ProblemError
from mpc.explicit.explanation import Explanation, explain
from mpc.explicit.labels import Labels, check_labels
from mpc.explicit.merge import merged
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.rebuilt import Rebuilt
from mpc.explicit.region import ARRAYS, CriticalRegion, Regions
from mpc.explicit.scan import scan
from mpc.explicit.storage import read_archive, write_archive
from mpc.explicit.tree import SearchTree, build_tree
from plants.arrays import Array, bounds_pair, real_array

KIND = "law"
PROBLEM = ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta")


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
    `certificate` is the proof that `certify` or a file has brought; one of another law is dropped.
    """

    regions: Sequence[CriticalRegion]
    parameter_set: Polyhedron
    parameter_bounds: tuple[Array, Array]
    labels: Labels
    input_bounds: tuple[Array, Array] | None = None
    problem: MultiparametricQP | None = field(default=None, repr=False)
    partial: str = ""
    certificate: Certificate | None = field(default=None, repr=False)

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
        """Return why the law does what it does at one theta: region, gains, active rows; its str is a text."""
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
        data, arrays = self._record
        certificate = None if self.certificate is None else self.certificate.to_dict()
        write_archive(path, KIND, data | {"certificate": certificate}, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return the law saved at `path`; raises FileFormatError for a file that is damaged or of another kind."""
        data, arrays = read_archive(path, KIND)
        try:
            labels = Labels.from_dict(data["labels"])
            regions = Regions(**{name: arrays[name] for name in ARRAYS}, rows=labels.rows)
            parameter_set = Polyhedron(arrays["parameter_A"], arrays["parameter_b"])
            lower, upper = arrays["parameter_bounds"]
            bounds = tuple(arrays["input_bounds"]) if "input_bounds" in arrays else None
            problem = _problem(arrays, labels) if "H" in arrays else None
            certificate = _certificate(data)
            law = cls(regions, parameter_set, (lower, upper), labels, bounds, problem, data["partial"], certificate)
        except (LookupError, ArithmeticError, AttributeError, TypeError, ValueError) as cause:
            raise FileFormatError(f"{path} does not hold a whole law: {cause}; write it again") from cause
        if law.certificate is not certificate:
            raise FileFormatError(f"{path} holds the certificate of another law; certify this one anew")
        return law

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of everything that the law is made of, in hexadecimal."""
        data, arrays = self._record
        whole = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
        for name in sorted(arrays):
            whole.update(
                name.encode() + str(arrays[name].shape).encode() + np.ascontiguousarray(arrays[name]).tobytes()
            )
        return whole.hexdigest()

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
    def _record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = dict(self._flat.arrays)
        arrays |= {"parameter_A": self.parameter_set.A, "parameter_b": self.parameter_set.b}
        arrays["parameter_bounds"] = np.stack(self.parameter_bounds)
        if self.input_bounds is not None:
            arrays["input_bounds"] = np.stack(self.input_bounds)
        if self.problem is not None:
            arrays |= {name: getattr(self.problem, name) for name in PROBLEM}
            arrays["equality_rows"] = np.array(self.problem.equality_rows, dtype=np.int64)
        return {"labels": self.labels.to_dict(), "partial": self.partial}, arrays

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


def _problem(arrays: dict[str, np.ndarray], labels: Labels) -> MultiparametricQP:
    rows = tuple(int(row) for row in arrays["equality_rows"])
    return MultiparametricQP(**{name: arrays[name] for name in PROBLEM}, equality_rows=rows, labels=labels)


def _certificate(data: dict[str, Any]) -> Certificate | None:
    return None if data["certificate"] is None else Certificate.from_dict(data["certificate"])


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
