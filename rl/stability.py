"""Stability: from where the cost of a law provably falls at every step of a tuned policy, and what is not shown.

In the norm |s| = sqrt(s'Ps) of the regulator's cost, a step of the plant under its law is proved to shrink every
distance from rest: by interval arithmetic the norm of the Jacobian is bounded over all cells of the set, and by the
mean value theorem a step moves s by the mean of the Jacobians on the way to rest, whose norm is none larger.
"""

from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np

from mpc import MPCProblem
from mpc.safety.enclosure import enclosure, jumps, plain_instructions
from mpc.safety.interval import Interval, IntervalError
from mpc.sampling import sampled_step
from plants import Plant
from plants.arrays import Array, instance_of, real_points
from rl.errors import TrainingError
from rl.fitting import check_plant
from rl.level_core import regulator_of, unsaturated_level
from rl.quiet_set import QuietPolicy

CELLS = 4096
HALVINGS = 14
FINE = 1.3
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Stability:
    """{(x - rest)'P(x - rest) <= level}: from there the policy never leaves it, and comes to rest or below `floor`.

    `factor` < 1 is what a step leaves of the distance sqrt((x - rest)'P(x - rest)) at most, but for `push`, by which
    residual and drift of the equilibrium may move it. `half_widths` (n,) say how far the set reaches in each state,
    `guarded` whether the policy ends in a safety filter. Convergence from elsewhere is not shown.
    """

    shape: Array
    rest: Array
    level: float
    factor: float
    push: float
    cells: int
    guarded: bool
    names: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def floor(self) -> float:
        """Return the level into which every run from the set comes in the end."""
        return (self.push / (1 - self.factor)) ** 2

    @property
    def half_widths(self) -> Array:
        """Return how far the set reaches from rest in each state (n,)."""
        return np.sqrt(self.level * np.diag(np.linalg.inv(self.shape)))

    def contains(self, x: Array) -> np.ndarray:
        """Return which states (..., n) are in the set, as booleans (...); TrainingError for a wrong width or NaN."""
        s = real_points(x, "x", self.names, TrainingError) - self.rest
        return ((s @ self.shape) * s).sum(-1) <= self.level

    def __str__(self) -> str:
        """Return what is shown, and what is not, in words."""
        named = zip(self.names, self.half_widths, self.units, strict=True)
        reach = ", ".join(f"{name} within {width:.3g} {unit}".rstrip(" -") for name, width, unit in named)
        rests = self.floor <= ROUNDING * self.level
        end = "comes to rest" if rests else f"comes below {self.floor:.3g} and stays there"
        beyond = (
            "it is safe, but that it comes to rest is not shown" if self.guarded else "nothing of the kind is shown"
        )
        return (
            f"stable: wherever the law's cost is at most {self.level:.4g} ({reach} of rest) a step takes "
            f"{100 * (1 - self.factor**2):.2g} % of it or more, so the policy {end}; proved over {self.cells:,} cells. "
            f"From elsewhere {beyond}."
        )


def stability(policy: Any, problem: MPCProblem, plant: Plant) -> Stability:
    """Return from where `policy` provably comes to rest: a law, or an actor born of it, in a core or filter or not.

    Around rest the policy must be the law, up to a bounded residual: an actor with a core that holds its rest, or with
    `bound`. The set lies where law and filter are at no limit: the largest such one, or the largest smaller one for
    which the proof is found (to a third). Raises TrainingError where nothing can be shown, saying why.
    """
    instance_of(problem, MPCProblem, "problem", TrainingError, "pass the problem that the law solves")
    check_plant(plant)
    quiet = QuietPolicy.of(policy, plant)
    K, P = regulator_of(problem, plant)
    outward: Any = np.linalg.cholesky(P)
    proof = _Proof(quiet, K, P, outward, _slopes(plant, K))
    low = high = unsaturated_level(quiet.law, plant, K, P)
    found = proof.at(low)
    for _ in range(HALVINGS):
        if found is not None:
            break
        low, high = low / 2, low
        found = proof.at(low)
    if found is None:
        raise TrainingError(
            f"`policy` is not shown to be stable at any level from {low * 2**HALVINGS:.3g} down to {low:.3g}: "
            f"the law's cost need not fall there in a step, or its residual of {quiet.residual.max():.3g} is too "
            "large; take a smaller `bound`, a core that holds the rest, or a problem of the plant's own cost"
        )
    while high > FINE * low:
        middle = float(np.sqrt(low * high))
        better = proof.at(middle)
        low, high, found = (middle, high, better) if better is not None else (low, middle, found)
    return found


@dataclass(frozen=True, eq=False)
class _Proof:
    """What is tried at one level after the other."""

    quiet: QuietPolicy
    gain: Array
    shape: Array
    outward: Array
    slopes: ca.Function

    def at(self, level: float) -> Stability | None:
        """Return what is shown at a level; None if nothing is."""
        plant, outward = self.quiet.plant, self.outward
        rest, held = plant.equilibrium
        if not self.quiet.fits(level, self.gain, self.shape):
            return None
        try:
            factor, cells, by_input = _factor(self.slopes, rest, outward, level, self.quiet.residual)
        except IntervalError:
            return None
        drift = plant.step_rows(rest[None], held[None])[0] - rest
        push = float(np.linalg.norm(outward.T @ drift)) + float(by_input @ self.quiet.residual)
        if factor >= 1 or push > (1 - factor) * np.sqrt(level):
            return None
        names, units = tuple(plant.state_names), tuple(plant.state_units)
        return Stability(self.shape, rest, level, factor, push, cells, self.quiet.safe is not None, names, units)


def _slopes(plant: Plant, K: Array) -> ca.Function:
    """Return (x, more) -> the Jacobians (n, n), (n, m) of a step by state and input; u = held - K (x - rest) + more."""
    rest, held = plant.equilibrium
    x, u, more = ca.SX.sym("x", plant.n), ca.SX.sym("u", plant.m), ca.SX.sym("more", plant.m)
    step = plain_instructions(sampled_step(plant))
    if jumps(step):
        raise TrainingError(
            f"`plant` {plant.name!r} has a step that jumps somewhere (if_else, sign, floor or the like), so slopes say "
            "nothing about it; stability is shown of plants without jumps alone"
        )
    after = step(x, u)
    inputs = held - ca.DM(K) @ (x - rest) + more
    by_state, by_input = (ca.substitute(ca.jacobian(after, part), u, inputs) for part in (x, u))
    whole = ca.cse([ca.densify(by_state - by_input @ ca.DM(K)), ca.densify(by_input)])
    return plain_instructions(ca.Function("slopes", [ca.vertcat(x, more)], whole))


def _factor(
    slopes: ca.Function, rest: Array, outward: Array, level: float, residual: Array
) -> tuple[float, int, Array]:
    """Return a bound of the Jacobian's norm over {s'Ps <= level}, the number of cells, and (m,) that by each input."""
    lower, upper = _cells(outward, level)
    by_state, by_input = enclosure(slopes, _beside(Interval(lower + rest, upper + rest), residual))
    inward = np.linalg.inv(outward).T
    middle, radius = _parts(by_state, len(rest))
    spread = np.abs(outward.T) @ radius @ np.abs(inward)
    norms = np.linalg.norm(outward.T @ middle @ inward, 2, axis=(1, 2)) + np.linalg.norm(spread, 2, axis=(1, 2))
    middle, radius = _parts(by_input, by_input.shape[1] // len(rest))
    moves = np.linalg.norm(outward.T @ middle, axis=1) + np.linalg.norm(np.abs(outward.T) @ radius, axis=1)
    return float(norms.max()) + ROUNDING, len(lower), moves.max(axis=0)


def _beside(x: Interval, residual: Array) -> Interval:
    """Return the cells (cells, n) with what may be added to the inputs beside each (cells, n + m)."""
    more = np.broadcast_to(residual, (len(x.lower), len(residual)))
    return Interval(np.hstack([x.lower, -more]), np.hstack([x.upper, more]))


def _cells(outward: Array, level: float) -> tuple[Array, Array]:
    """Return lower and upper corners (cells, n) of boxes of deviations that cover {s'Ps <= level}."""
    n = len(outward)
    reach = np.sqrt(level * (np.linalg.inv(outward) ** 2).sum(axis=0)) * (1 + ROUNDING)
    parts = max(1, int(CELLS ** (1 / n)))
    edges = np.linspace(-reach, reach, parts + 1)
    corner = np.stack(np.meshgrid(*[np.arange(parts)] * n, indexing="ij"), axis=-1).reshape(-1, n)
    lower, upper = np.take_along_axis(edges, corner, 0), np.take_along_axis(edges, corner + 1, 0)
    nearest = np.linalg.norm((lower + upper) / 2 @ outward, axis=1) - (upper - lower) / 2 @ np.abs(outward) @ np.ones(n)
    near = nearest <= np.sqrt(level) * (1 + ROUNDING)
    return lower[near], upper[near]


def _parts(values: Interval, columns: int) -> tuple[Array, Array]:
    """Return middle and radius (cells, n, columns) of matrices, rounded outwards."""
    middle = values.lower / 2 + values.upper / 2
    radius = np.maximum(values.upper - middle, middle - values.lower) * (1 + ROUNDING) + 1e-300
    return tuple(part.reshape(len(middle), columns, -1).swapaxes(1, 2) for part in (middle, radius))  # type: ignore[return-value]
