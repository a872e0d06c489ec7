"""verify: is a network its law? At random points, on every facet and vertex, a hair beside them, and outside."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, check_size, instance_of, whole_number
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.gathered import check_law, input_box
from yann.lattice import LatticeNetwork
from yann.network import FiveLayerNetwork
from yann.probes import probe

LIMIT = 1e-9
"""The difference, relative to the input range, up to which a network is its law."""

CHUNK = 4_000_000
"""Entries of the (points, half-spaces) matrix that a dense network builds at once."""

BLOCK = 8192
"""Points that an actor, which builds no such matrix, is asked at once, over all members."""


@dataclass(frozen=True, eq=False)
class Verification:
    """How far a network is from its law, and where; `str` gives a compact table.

    `max_error` is the largest |network - law| over the input range (upper - lower). `counts` has the number of points
    of each kind, `facets` how many of the law's `half_spaces` they lie on. `refused` points are inside the domain but
    were flagged invalid, `missed` ones outside but flagged valid, `unbounded` ones got an input out of bounds,
    `misplaced` ones the piece of another region. `point`, of kind `kind`, is that of the largest difference, or where
    all differences are small, one of these. There the network uses region `region` and the law `law_region`.
    """

    max_error: float
    point: Array
    region: int
    law_region: int
    kind: str
    counts: dict[str, int]
    facets: int
    half_spaces: int
    refused: int
    missed: int
    unbounded: int
    misplaced: int

    @property
    def passed(self) -> bool:
        """Return whether every facet was reached, no difference is above LIMIT, and every flag and input is right."""
        return self.facets == self.half_spaces and not self._wrong

    @property
    def _wrong(self) -> bool:
        return not self.max_error <= LIMIT or bool(self.refused or self.missed or self.unbounded or self.misplaced)

    def __str__(self) -> str:
        """Return four lines: the verdict, the place of the largest difference, the points, the flags.

        A fifth tells of facets that are too small to be reached, about which nothing is known.
        """
        place = ", ".join(f"{value:.6g}" for value in self.point)
        points = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        verdict = "exact" if self.passed else "NOT EXACT" if self._wrong else "NOT TESTED EVERYWHERE"
        unreached = self.half_spaces - self.facets
        other = f" (the law: region {self.law_region})" * (self.region != self.law_region)
        missing = f"\n  facets  {unreached:,} too small to be reached: nothing is known of them" if unreached else ""
        return (
            f"{verdict}: largest difference {self.max_error:.1e} of the input range (limit {LIMIT:g})\n"
            f"  where   {self.kind} point ({place}) of region {self.region}{other}\n"
            f"  points  {points}; on {self.facets:,} of {self.half_spaces:,} facets\n"
            f"  flags   {self.refused:,} inside refused, {self.missed:,} outside accepted, "
            f"{self.unbounded:,} inputs out of bounds, {self.misplaced:,} in another region{missing}"
        )


def verify(
    network: YannActor | FiveLayerNetwork | LatticeNetwork, law: PiecewiseAffineLaw, points: int = 10_000, seed: int = 0
) -> Verification:
    """Return how far `network` (every member of its stack) is from `law`, and whether it knows where the law ends.

    Compared at `points` random points of the law's domain, and in every region inside, on each facet, a hair to both
    sides of it and on each vertex; as many points outside must be flagged invalid and still get an admissible input,
    from an actor the nearest region's. (A lattice has its flags from the law's own tree.) An actor must take the law's
    region everywhere: so a facet that has moved by more than rounding is found even where the input hardly changes.
    Raises NetworkError if network and law do not fit each other.
    """
    check_law(law)
    mend = "pass a YannActor or what compile_law or compile_lattice returns"
    instance_of(network, (YannActor, FiveLayerNetwork, LatticeNetwork), "network", NetworkError, mend)
    whole_number(seed, "seed", NetworkError)
    count = whole_number(points, "points", NetworkError, least=1)
    check_size(count * law.t, f"`points` = {count:,}", NetworkError, "pass fewer")
    width = network.arguments[0][1]
    if width != law.t:
        raise NetworkError(
            f"`network` takes {width} numbers, but `law` has {law.t} parameters; pass the law it is made of"
        )
    probes = probe(law, count, np.random.default_rng(seed))
    findings = {kind: _compare(network, law, given) for kind, given in probes.points.items() if len(given)}
    kinds = list(findings)
    kind = kinds[int(np.argmax([findings[k].rank for k in kinds]))]
    worst = findings[kind]
    return Verification(
        max_error=float(np.max([f.error for f in findings.values()])),
        point=worst.point,
        region=worst.region,
        law_region=worst.law_region,
        kind=kind,
        counts={k: len(probes.points[k]) for k in kinds},
        facets=probes.facets,
        half_spaces=len(law.halfspaces[1]),
        refused=sum(f.refused for f in findings.values()),
        missed=sum(f.missed for f in findings.values()),
        unbounded=sum(f.unbounded for f in findings.values()),
        misplaced=sum(f.misplaced for f in findings.values()),
    )


@dataclass(frozen=True, eq=False)
class _Finding:
    """What comparing points of one kind gave: the worst one by `rank`, and how many flags and inputs were wrong."""

    error: float
    rank: float
    point: Array
    region: int
    law_region: int
    refused: int
    missed: int
    unbounded: int
    misplaced: int


def _compare(
    network: YannActor | FiveLayerNetwork | LatticeNetwork, law: PiecewiseAffineLaw, points: Array
) -> _Finding:
    lower, upper = input_box(law)
    wanted, home, _ = law.nearest(points)
    margin = np.asarray(law.locate(points).margin)
    # Beyond its border the law leaves the bounds by its slope times the distance; a network clips that.
    wanted = np.where((margin < 0)[:, None], np.clip(wanted, lower, upper), wanted)
    got, region, valid = _evaluate(network, points, len(law.halfspaces[1]))
    actor = isinstance(network, YannActor)
    compared = actor | (valid & (margin >= -2 * TOLERANCE))
    difference = (np.abs(got - wanted) / (upper - lower)).max(axis=-1)
    error = np.where(compared, difference, 0.0)
    misplaced = actor & (region != home)
    refused, missed = ~valid & (margin >= -network.tolerance / 2), valid & (margin < -2 * TOLERANCE)
    unbounded = ((got < lower) | (got > upper)).any(axis=-1)
    rank = np.maximum(error, 2 * LIMIT * (misplaced | refused | missed | unbounded))
    member, worst = np.unravel_index(rank.argmax(), rank.shape)
    return _Finding(
        error=float(error.max()),
        rank=float(rank[member, worst]),
        point=points[worst],
        region=int(region[member, worst]),
        law_region=int(home[worst]),
        refused=int(refused.sum()),
        missed=int(missed.sum()),
        unbounded=int(unbounded.sum()),
        misplaced=int(misplaced.sum()),
    )


def _evaluate(
    network: YannActor | FiveLayerNetwork | LatticeNetwork, points: Array, half_spaces: int
) -> tuple[Array, np.ndarray, np.ndarray]:
    """Return inputs (S, k, m), regions (S, k) and flags (S, k) of every member, a block of points at a time."""
    most = BLOCK if isinstance(network, YannActor) else CHUNK // half_spaces
    step = max(1, most // network.members)
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    answers = [network.evaluate(np.broadcast_to(block, (network.members, *block.shape))) for block in blocks]
    inputs, regions, flags = (np.concatenate(part, axis=1) for part in zip(*answers, strict=True))
    return inputs, regions, flags
