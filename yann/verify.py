"""verify: is a network its law? At random points, on every facet and vertex, a hair beside them, and outside."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, instance_of, whole_number
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.gathered import check_law, input_box
from yann.network import FiveLayerNetwork
from yann.probes import probe

LIMIT = 1e-9
"""The difference, relative to the input range, up to which a network is its law."""

ROUNDING = 1e-12
"""A margin down to minus this is that of a point on the border."""

CHUNK = 4_000_000
"""Entries of the (points, half-spaces) matrix that a network builds at once."""


@dataclass(frozen=True, eq=False)
class Verification:
    """How far a network is from its law, and where; `str` gives a compact table.

    `max_error` is the largest |network - law| over the input range (upper - lower), at `point`, of kind `kind`, where
    the network uses region `region`. `counts` has the number of points of each kind, `facets` how many of the law's
    `half_spaces` they lie on. `refused` points are inside the domain but were flagged invalid, `missed` ones outside
    but flagged valid, `unbounded` ones got an input out of bounds.
    """

    max_error: float
    point: Array
    region: int
    kind: str
    counts: dict[str, int]
    facets: int
    half_spaces: int
    refused: int
    missed: int
    unbounded: int

    @property
    def passed(self) -> bool:
        """Return whether every facet was reached, no difference is above LIMIT, and every flag and input is right."""
        return self.facets == self.half_spaces and not self._wrong

    @property
    def _wrong(self) -> bool:
        return not self.max_error <= LIMIT or bool(self.refused or self.missed or self.unbounded)

    def __str__(self) -> str:
        """Return four lines: the verdict, the place of the largest difference, the points, the flags.

        A fifth tells of facets that are too small to be reached, about which nothing is known.
        """
        place = ", ".join(f"{value:.6g}" for value in self.point)
        points = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        verdict = "exact" if self.passed else "NOT EXACT" if self._wrong else "NOT TESTED EVERYWHERE"
        unreached = self.half_spaces - self.facets
        missing = f"\n  facets  {unreached:,} too small to be reached: nothing is known of them" if unreached else ""
        return (
            f"{verdict}: largest difference {self.max_error:.1e} of the input range (limit {LIMIT:g})\n"
            f"  where   {self.kind} point ({place}) of region {self.region}\n"
            f"  points  {points}; on {self.facets:,} of {self.half_spaces:,} facets\n"
            f"  flags   {self.refused:,} inside refused, {self.missed:,} outside accepted, "
            f"{self.unbounded:,} inputs out of bounds{missing}"
        )


def verify(
    network: YannActor | FiveLayerNetwork, law: PiecewiseAffineLaw, points: int = 10_000, seed: int = 0
) -> Verification:
    """Return how far `network` (every member of its stack) is from `law`, and whether it knows where the law ends.

    Compared at `points` random points of the law's domain, and in every region inside, on each facet, a hair to both
    sides of it and on each vertex; as many points outside must be flagged invalid and still get an admissible input.
    Raises NetworkError if network and law do not fit each other.
    """
    check_law(law)
    mend = "pass a YannActor or what compile_law returns"
    instance_of(network, (YannActor, FiveLayerNetwork), "network", NetworkError, mend)
    whole_number(seed, "seed", NetworkError)
    count = whole_number(points, "points", NetworkError, least=1)
    width = network.arguments[0][1]
    if width != law.t:
        raise NetworkError(
            f"`network` takes {width} numbers, but `law` has {law.t} parameters; pass the law it is made of"
        )
    probes = probe(law, count, np.random.default_rng(seed))
    findings = {kind: _compare(network, law, given) for kind, given in probes.points.items() if len(given)}
    kinds = list(findings)
    kind = kinds[int(np.argmax([findings[k].error for k in kinds]))]
    worst = findings[kind]
    return Verification(
        max_error=worst.error,
        point=worst.point,
        region=worst.region,
        kind=kind,
        counts={k: len(probes.points[k]) for k in kinds},
        facets=probes.facets,
        half_spaces=len(law.halfspaces[1]),
        refused=sum(f.refused for f in findings.values()),
        missed=sum(f.missed for f in findings.values()),
        unbounded=sum(f.unbounded for f in findings.values()),
    )


@dataclass(frozen=True, eq=False)
class _Finding:
    """What comparing points of one kind gave: the worst one, and how many flags and inputs were wrong."""

    error: float
    point: Array
    region: int
    refused: int
    missed: int
    unbounded: int


def _compare(network: YannActor | FiveLayerNetwork, law: PiecewiseAffineLaw, points: Array) -> _Finding:
    lower, upper = input_box(law)
    wanted = law.nearest(points)[0]
    margin = np.asarray(law.locate(points).margin)
    # Beyond its border the law leaves the bounds by its slope times the distance; a network clips that.
    wanted = np.where((margin < -ROUNDING)[:, None], np.clip(wanted, lower, upper), wanted)
    got, region, valid = _evaluate(network, points, len(law.halfspaces[1]))
    compared = valid & (margin >= -2 * TOLERANCE)
    error = np.where(compared, (np.abs(got - wanted) / (upper - lower)).max(axis=-1), 0.0)
    member, worst = np.unravel_index(error.argmax(), error.shape)
    return _Finding(
        error=float(error[member, worst]),
        point=points[worst],
        region=int(region[member, worst]),
        refused=int((~valid & (margin >= -network.tolerance / 2)).sum()),
        missed=int((valid & (margin < -2 * TOLERANCE)).sum()),
        unbounded=int(((got < lower) | (got > upper)).any(axis=-1).sum()),
    )


def _evaluate(
    network: YannActor | FiveLayerNetwork, points: Array, half_spaces: int
) -> tuple[Array, np.ndarray, np.ndarray]:
    """Return inputs (S, k, m), regions (S, k) and flags (S, k) of every member, a block of points at a time."""
    step = max(1, CHUNK // (half_spaces * network.members))
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    answers = [network.evaluate(np.broadcast_to(block, (network.members, *block.shape))) for block in blocks]
    inputs, regions, flags = (np.concatenate(part, axis=1) for part in zip(*answers, strict=True))
    return inputs, regions, flags
