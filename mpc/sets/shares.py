"""Shares: how much of a set of states lies in another one; exact in up to three dimensions, else drawn at random."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.sets.corners import corners_of, hull_volume
from mpc.sets.elimination import unit_rows
from plants.arrays import Array, bounds_pair, instance_of

EXACT = 3  # dimensions up to which corners and volumes are listed
CONFIDENCE = 0.95
SAMPLES = 20_000
ROUNDS = 200  # draws of SAMPLES points after which a set is too small in its box


@dataclass(frozen=True)
class Share:
    """A number in [0, 1] between `lower` and `upper`: all the same where it is exact, to rounding.

    A share from `samples` draws has the limits of a confidence interval of 95 %; one that is only known not to be
    larger has `lower` 0. The interval is the one of Clopper & Pearson (Biometrika 26, 1934), which holds for any
    number of samples.
    """

    value: float
    lower: float
    upper: float
    samples: int = 0

    @classmethod
    def exact(cls, value: float) -> "Share":
        """Return a share that is known."""
        kept = float(np.clip(value, 0.0, 1.0))
        return cls(kept, kept, kept)

    @classmethod
    def drawn(cls, hits: int, samples: int) -> "Share":
        """Return a share that was estimated from independent draws."""
        tail = (1 - CONFIDENCE) / 2
        lower = float(betaincinv(hits, samples - hits + 1, tail)) if hits else 0.0
        upper = float(betaincinv(hits + 1, samples - hits, 1 - tail)) if hits < samples else 1.0
        return cls(hits / samples, lower, upper, samples)

    def __str__(self) -> str:
        """Return it in percent."""
        if not self.samples:
            known = self.lower == self.value
            return f"{'' if known else 'at most '}{100 * self.value:.3g} %"
        return (
            f"{100 * self.value:.3g} % ({100 * self.lower:.3g} to {100 * self.upper:.3g} % with a confidence of "
            f"{100 * CONFIDENCE:.0f} %, {self.samples:,} draws)"
        )


def share_of(part: Polyhedron, whole: object, seed: int = 0) -> Share:
    """Return which share of `whole` lies in `part`, both bounded sets of the same dimension.

    `whole` is a box (lower, upper), a Polyhedron, or an array (k, n) of points that were drawn from a start set. Above
    three dimensions points are drawn here.
    Raises ProblemError for dimensions that differ and a whole without volume.
    """
    instance_of(part, Polyhedron, "part", ProblemError, "pass a Polyhedron, such as InvariantSet.polyhedron")
    if isinstance(whole, np.ndarray) and whole.ndim == 2:
        inside = np.asarray(part.contains(whole))
        return Share.drawn(int(np.count_nonzero(inside)), len(inside))
    outer = as_polyhedron(whole, "whole", part.dimension)
    if part.dimension > EXACT:
        return drawn_share(lambda points: np.asarray(part.contains(points)), outer, seed)
    return Share.exact(common_volume(outer, part) / volume(outer))


def volume(polyhedron: Polyhedron) -> float:
    """Return the volume of a bounded set; raises ProblemError where it has none."""
    found = common_volume(polyhedron)
    if found <= 0:
        raise ProblemError(f"{polyhedron!r} has the volume {found:g}, but it must be above 0; widen it")
    return found


def common_volume(whole: Polyhedron, *parts: Polyhedron) -> float:
    """Return the volume of what a bounded set and others have in common."""
    lower, upper = whole.box()
    width, centre = (upper - lower) / 2, (upper + lower) / 2
    if not (width > 0).all():
        return 0.0
    A, b = (np.concatenate([getattr(p, name) for p in (whole, *parts)]) for name in "Ab")
    corners = corners_of(*unit_rows(A * width, b - A @ centre))
    return hull_volume(corners) * float(width.prod())


def drawn_share(inside: Callable[[Array], np.ndarray], whole: Polyhedron, seed: int, samples: int = SAMPLES) -> Share:
    """Return the share of points drawn evenly in `whole` for which `inside` ((k, n) -> (k,)) is true."""
    points = draw(whole, samples, seed)
    return Share.drawn(int(np.count_nonzero(inside(points))), len(points))


def draw(whole: Polyhedron, samples: int, seed: int) -> Array:
    """Return points (samples, n) drawn evenly in a bounded set; raises ProblemError if it is tiny in its box."""
    lower, upper = whole.box()
    generator, found = np.random.default_rng(seed), np.zeros((0, whole.dimension))
    for _ in range(ROUNDS):
        points = generator.uniform(lower, upper, (SAMPLES, whole.dimension))
        found = np.vstack([found, points[np.asarray(whole.contains(points))]])
        if len(found) >= samples:
            return found[:samples]
    raise ProblemError(
        f"only {len(found)} of {ROUNDS * SAMPLES} points drawn in the box around {whole!r} lie in it, but {samples} "
        "are needed; give a set that fills more of its box"
    )


def as_polyhedron(value: object, name: str, dimension: int) -> Polyhedron:
    """Return a box (lower, upper) or a Polyhedron as a Polyhedron of that dimension."""
    if not isinstance(value, Polyhedron):
        names = [f"component {i}" for i in range(dimension)]
        return Polyhedron.from_bounds(*bounds_pair(value, name, names, ProblemError, infinite=False))
    if value.dimension != dimension:
        raise ProblemError(
            f"`{name}` has {value.dimension} dimensions, but {dimension} are needed; use the same states"
        )
    return value
