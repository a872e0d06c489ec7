"""Certificate: a law proved against its problem, region by region and facet by facet, and what keeps it from being so.

The proof takes a path of its own: nothing of the solver's code, only HiGHS and plain numpy. What is shown, and why it
is enough, stands in docs/certificate.md.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.proof.border import Border
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.covering import covering
from mpc.explicit.proof.digest import problem_digest
from mpc.explicit.proof.emptiness import flatness
from mpc.explicit.proof.facets import Facets
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.implied import with_implied
from mpc.explicit.proof.measure import Measure
from mpc.explicit.proof.optimality import optimality
from mpc.explicit.proof.overlaps import overlaps
from plants.arrays import real_scalar

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

TOLERANCE = 1e-9  # half widths of the parameter set for places, shares of the size of z for values
SLIVER = 1e-9  # half widths: facets and pieces of facets in which no larger ball fits are counted, not checked
CARRIED = 8.0  # roundings of theta at its centre that a law's facets and offsets may carry
PRINTED = 6  # failures that str() lists
COMPARED = (
    "law_digest", "problem_digest", "tolerance", "sliver_tolerance", "ok", "partial",
    "regions", "facets", "border", "uncovered", "overlaps", "slivers",
)  # fmt: skip


class CertificateMismatch(ValueError):
    """A law whose stored certificate is not what a fresh proof says; `certificate` is the fresh one."""

    def __init__(self, message: str, certificate: "Certificate") -> None:
        self.certificate = certificate
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return what a copy in another process is made of."""
        return type(self), (str(self), self.certificate)


@dataclass(frozen=True)
class Certificate:
    """What was proved of a law, in half widths of the parameter set and shares of the size of z.

    `residual` bounds the error of z that the KKT residual means, `multiplier` and `slack` are the least ones (as the
    distance by which a region passes the place where they are 0), `gap` is the widest gap between facets that answer
    for each other, `uncovered` counts places on facets beyond which nothing follows, `widest` how far at most.
    `partial` says why coverage was not claimed (empty: it was).
    """

    regions: int
    facets: int
    border: int
    residual: float
    multiplier: float
    slack: float
    gap: float
    uncovered: int
    widest: float
    overlaps: int
    jump: float
    slivers: int
    tolerance: float
    sliver_tolerance: float
    partial: str
    seconds: float
    law_digest: str
    problem_digest: str
    failures: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Return whether everything was shown: no failure, and coverage claimed."""
        return not self.failures and not self.partial

    def __str__(self) -> str:
        """Return five lines, and one for each of the first failures."""
        verdict = "ok" if self.ok else "NOT OK" if self.failures else "ok but for coverage"
        lines = [
            f"certificate: {verdict}; {self.regions} regions, {self.facets} facets, {self.seconds:.2g} s, "
            f"law {self.law_digest[:12]}, problem {self.problem_digest[:12]}",
            f"optimal: KKT residual {self.residual:.2g} of the size of z, least multiplier {self.multiplier:.2g}, "
            f"least slack {self.slack:.2g} half widths",
            self._covered,
            f"disjoint: {self.overlaps} overlaps; continuous: largest jump {self.jump:.2g} of the size of z",
            f"tolerance {self.tolerance:g}; {self.slivers} facets or pieces of facets are thinner than "
            f"{self.sliver_tolerance:g} half widths and were not checked",
        ]
        lines += [f"  {failure}" for failure in self.failures[:PRINTED]]
        more = len(self.failures) - PRINTED
        return "\n".join(lines + ([f"  and {more} more"] if more > 0 else []))

    @property
    def _covered(self) -> str:
        if self.partial:
            return f"covered: not claimed, the law is partial ({self.partial})"
        return (
            f"covered: {self.border} facets on the border, the others by neighbours but for {self.uncovered} places "
            f"(widest {self.widest:.2g}); gaps up to {self.gap:.2g} half widths"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and texts, for JSON."""
        return asdict(self) | {"failures": [failure.to_dict() for failure in self.failures]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the certificate behind `to_dict`; raises LookupError, TypeError or ValueError for other data."""
        failures = tuple(Finding.from_dict(failure) for failure in data["failures"])
        kinds = {int: int, float: float, str: str}
        fields = {name: kinds[kind](data[name]) for name, kind in _plain_fields().items()}
        return cls(**fields, failures=failures)

    @classmethod
    def check(
        cls,
        law: "PiecewiseAffineLaw",
        problem: MultiparametricQP,
        tolerance: float = TOLERANCE,
        sliver: float = SLIVER,
    ) -> "Certificate":
        """Return a fresh proof of `law`, for example one loaded from its file, against `problem`.

        Raises CertificateMismatch if the law carries a certificate that says otherwise, one of another law or problem,
        or one that was made with other tolerances than these; the message names what differs and the failures.
        """
        fresh, stored = certify(law, problem, tolerance, sliver), law.certificate
        apart = [
            f"{name} is {getattr(fresh, name)!r}, the stored certificate says {getattr(stored, name)!r}"
            for name in COMPARED
            if stored is not None and getattr(fresh, name) != getattr(stored, name)
        ]
        if apart:
            raise CertificateMismatch(
                f"the stored certificate does not hold: {'; '.join(apart)}. A fresh proof says:\n{fresh}\n"
                "Solve again, or restore the file",
                fresh,
            )
        return fresh


def certify(
    law: "PiecewiseAffineLaw",
    problem: MultiparametricQP | None,
    tolerance: float = TOLERANCE,
    sliver: float = SLIVER,
) -> Certificate:
    """Return the certificate of `law` as the solution of `problem`, with what fails named by region, facet and theta.

    Far from 0 beside its width, a parameter set carries rounding into every figure: where that is more than the
    tolerances they are raised to it, and the certificate says so.

    Raises ProblemError if there is no problem, or one of another size, or the law holds only a part of z.
    """
    start = time.perf_counter()
    tolerance = real_scalar(tolerance, "tolerance", ProblemError, positive=True)
    sliver = real_scalar(sliver, "sliver", ProblemError, positive=True)
    problem = _fitting(law, problem)
    rounding = _rounding(law)
    tolerance, sliver = max(tolerance, rounding), max(sliver, rounding)
    cells = Cells.of(law).confined(problem.A_theta, problem.b_theta, sliver)
    measure = with_implied(Measure.of(problem, cells.largest, cells.hull), cells, tolerance)
    optimal = optimality(cells, measure, [region.active_rows for region in law.regions], tolerance)
    shared = overlaps(cells, optimal.tight, optimal.unsure, measure.strict, tolerance)
    facets = Facets.of(cells)
    covered = covering(facets, Border(measure), measure, tolerance, sliver)
    if law.partial:
        covered = covered.without(Kind.UNCOVERED)
    failures = (
        *flatness(problem, cells, tolerance),
        *_own_gains(law, cells, measure, tolerance),
        *optimal.findings,
        *shared,
        *covered.findings,
    )
    open_ = [finding for finding in covered.findings if finding.kind is Kind.UNCOVERED]
    return Certificate(
        regions=len(cells),
        facets=len(facets),
        border=covered.border,
        residual=optimal.residual,
        multiplier=optimal.multiplier,
        slack=optimal.slack,
        gap=covered.gap,
        uncovered=len(open_),
        widest=max((finding.amount for finding in open_), default=0.0),
        overlaps=len({finding.regions for finding in failures if finding.kind is Kind.OVERLAP}),
        jump=covered.jump,
        slivers=covered.slivers,
        tolerance=tolerance,
        sliver_tolerance=sliver,
        partial=law.partial,
        seconds=time.perf_counter() - start,
        law_digest=law.digest,
        problem_digest=problem_digest(problem),
        failures=failures,
    )


def _rounding(law: "PiecewiseAffineLaw") -> float:
    """Return what rounding of facets b = A theta and offsets z - K theta means, in half widths and shares of z."""
    return float(CARRIED * np.finfo(float).eps * (np.abs(law.centre) / law.half_width).sum())


def _own_gains(law: "PiecewiseAffineLaw", cells: Cells, measure: Measure, tolerance: float) -> list[Finding]:
    """Return the regions whose gain and offset are not the first rows of the solution's."""
    first = slice(0, law.m)
    gains = law.gains @ cells.hull.spread - cells.gains[:, first]
    offsets = law.offsets + law.gains @ cells.hull.place - cells.offsets[:, first]
    apart = ((np.abs(gains).sum(axis=2) + np.abs(offsets)) / measure.size[first]).max(axis=1)
    theta = cells.physical(cells.balls[1])
    return [Finding.at(Kind.GAIN, (int(i),), theta[i], apart[i]) for i in np.flatnonzero(apart > tolerance)]


def _fitting(law: "PiecewiseAffineLaw", problem: MultiparametricQP | None) -> MultiparametricQP:
    """Return the problem; raise ProblemError if it is not one that the law can be certified against."""
    if problem is None:
        raise ProblemError(
            "this law carries no problem (it was built or loaded without one), and a certificate needs it; pass the "
            "MultiparametricQP that the law solves: certify(law, problem)"
        )
    if not isinstance(problem, MultiparametricQP):
        raise ProblemError(
            f"`problem` is a {type(problem).__name__}; pass the MultiparametricQP that the law solves, which "
            "is condense(problem) where that is an MPCProblem"
        )
    rows = len(law.regions[0].solution_offset)
    if rows < problem.n:
        raise ProblemError(
            f"the law holds the first {rows} of {problem.n} variables only, as after merging by first move; certify "
            "the full law that it was merged from"
        )
    if (rows, law.t) != (problem.n, problem.t):
        raise ProblemError(
            f"the law has {rows} variables and {law.t} parameters, the problem {problem.n} and {problem.t}; pass the "
            "problem that the law solves"
        )
    return problem


def _plain_fields() -> dict[str, type]:
    """Return the type of every field but the failures."""
    return {name: kind for name, kind in Certificate.__annotations__.items() if kind in (int, float, str)}
