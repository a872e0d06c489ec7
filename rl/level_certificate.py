"""LevelCertificate: whether a plant under its law stays in a level set of x'Px; searched, not proved."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array
from rl.closed_loop import ClosedLoop

_SHELLS = np.linspace(0.05, 1.0, 20)
_PER_SHELL = 2000
_WORST = 50
_ROUNDS = 30
_RUNS = 64
_STEPS = 20_000
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LevelCertificate:
    """What a search for a way out of {x'Px <= level} found.

    `worst` is the largest x+'Px+ / x'Px over `points` states on 20 shells of the set, the worst of which were climbed
    from by random steps: not above 1 means that no way out was found. `value_error` is the largest relative difference
    of x'Px from what the law costs until rest, over 64 states on the border and inside; infinite if a run does not come
    to rest, or there is a way out. Nothing of it is proved, except for linear plants, where the ratio is the same on
    every shell.
    """

    level: float
    points: int
    worst: float
    value_error: float

    @property
    def passed(self) -> bool:
        """Return whether no way out was found."""
        return self.worst <= 1 + _ROUNDING

    def __str__(self) -> str:
        """Return what was found, in words."""
        said = "no way out" if self.passed else "a way out"
        return (
            f"core of level {self.level:g}: {said} found from {self.points} states (value after a step at most "
            f"{self.worst:.6g} of that before; searched); its value differs from simulated costs by at most "
            f"{self.value_error:.2%}"
        )


def certify(loop: ClosedLoop, shape: Array, rest: Array, level: float, discount: float) -> LevelCertificate:
    """Return what is found of {(x - rest)'P(x - rest) <= level}, P (n, n) being `shape`."""
    generator = np.random.default_rng(0)
    outward = np.linalg.inv(np.linalg.cholesky(shape)).T * np.sqrt(level)  # the unit ball onto the set
    directions = _unit(generator.standard_normal((_PER_SHELL, len(rest))))
    ball = (_SHELLS[:, None, None] * directions).reshape(-1, len(rest))

    def ratio(points: Array) -> Array:
        after, _, bad = loop.step(rest + points @ outward.T)
        inner = np.linalg.solve(outward, (after - rest).T).T
        return np.where(bad, np.inf, (inner**2).sum(-1) / (points**2).sum(-1))

    found = ratio(ball)
    best = np.argsort(found)[-_WORST:]
    worst = _climbed(ratio, ball[best], found[best], generator)
    if worst > 1 + _ROUNDING:
        return LevelCertificate(level, len(ball) + _WORST * _ROUNDS, worst, np.inf)
    runs = ball[generator.integers(len(ball), size=_RUNS)]
    known = (runs**2).sum(-1) * level
    counted = loop.cost_to_rest(rest + runs @ outward.T, _STEPS, discount=discount)[1]
    error = float(np.where(np.isfinite(counted), np.abs(known / counted - 1), np.inf).max())
    return LevelCertificate(level, len(ball) + _WORST * _ROUNDS, worst, error)


def _climbed(ratio: object, points: Array, found: Array, generator: np.random.Generator) -> float:
    """Return the largest ratio on the way up from points (k, n), by steps that get smaller, never out of the ball."""
    size = 0.3
    for _ in range(_ROUNDS):
        radius = np.linalg.norm(points, axis=1, keepdims=True)
        moved = points + size * radius * generator.standard_normal(points.shape)
        moved /= np.maximum(1.0, np.linalg.norm(moved, axis=1, keepdims=True))
        tried = ratio(moved)  # type: ignore[operator]
        better = tried > found
        points, found = np.where(better[:, None], moved, points), np.maximum(tried, found)
        size *= 0.85
    return float(found.max())


def _unit(points: Array) -> Array:
    return points / np.linalg.norm(points, axis=1, keepdims=True)
