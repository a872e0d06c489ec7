"""LevelCore: the core of a law of any size, a level set of the regulator's cost where the law is the regulator."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float64

from mpc import MPCProblem, PiecewiseAffineLaw
from mpc.stage import regulator
from plants import Plant
from plants.arrays import Array, instance_of, real_scalar
from rl.closed_loop import ClosedLoop
from rl.errors import TrainingError
from rl.learnable import Learnable, learnable
from rl.level_certificate import LevelCertificate, certify

_SAME_GAIN = 1e-6
_SMALLER = 0.7
_TRIES = 25


@dataclass(frozen=True, eq=False)
class LevelCore:
    """{x: (x - rest)' P (x - rest) <= level}, where the law is the unconstrained regulator, P being its cost.

    `shape` is P (n, n), `rest` (n,). The weight rises from 0 at the level to 1 at (1 + `ramp`) times the level. What is
    known of it says `certificate`: that the plant's own motion stays in it is searched, not proved.
    """

    loop: ClosedLoop
    shape: Array
    rest: Array
    level: float
    discount: float
    ramp: float
    certificate: LevelCertificate

    @classmethod
    def of_law(
        cls,
        law: PiecewiseAffineLaw,
        problem: MPCProblem,
        plant: Plant,
        level: float | None = None,
        ramp: float = 0.5,
        value_error: float = 0.1,
    ) -> Self:
        """Return the largest such core that lies in the law's unsaturated region, within the plant's caps and limits.

        It is made smaller until no state is found that the plant moves out of it, and until its value differs by at
        most the share `value_error` from what the law costs on the plant; a `level` that is given is not. Raises
        TrainingError for a law, problem or plant of different sizes, a law that is at a limit at rest, a level beyond
        that region, and where no level holds.
        """
        instance_of(law, PiecewiseAffineLaw, "law", TrainingError, "pass the law that solve_explicit returns")
        instance_of(problem, MPCProblem, "problem", TrainingError, "pass the problem that the law solves")
        loop = ClosedLoop.of(law, plant)
        K, P = regulator_of(problem, plant)
        rest = plant.equilibrium[0]
        most = unsaturated_level(law, plant, K, P)
        share = real_scalar(ramp, "ramp", TrainingError, positive=True)
        if level is None:
            given = [most * _SMALLER**k for k in range(_TRIES)]
        else:
            given = [_checked_level(level, most)]
        limit = real_scalar(value_error, "value_error", TrainingError, positive=True)
        certificate = None
        for found in given:
            certificate = certify(loop, P, rest, found, problem.discount)
            if certificate.passed and certificate.value_error <= limit:
                return cls(loop, P, rest, found, problem.discount, share, certificate)
        raise TrainingError(
            f"{certificate} (at most {limit:.2%} is asked for); take a lower `level`, a problem of the plant's own "
            f"cost, or a law that holds {plant.name!r}"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the core itself: nothing in it changes."""
        return self

    def contains(self, x: Float64[np.ndarray, "rows n"]) -> Bool[np.ndarray, " rows"]:
        """Return which states (rows, n) are in the core."""
        return self.value(x) <= self.level

    def value(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return the regulator's cost from states (rows, n), discounted as in the problem."""
        s = x - self.rest
        return ((s @ self.shape) * s).sum(-1)

    def weight(self, x: Float64[np.ndarray, "rows n"]) -> Float64[np.ndarray, " rows"]:
        """Return how far learning counts at states (rows, n): 0 in the core, then rising with the value to 1."""
        return np.clip((self.value(x) / self.level - 1) / self.ramp, 0.0, 1.0)

    def learns(self, law: PiecewiseAffineLaw) -> Learnable:
        """Return which regions of `law` may learn: never, partly, or everywhere."""
        return learnable(self, law)


def regulator_of(problem: MPCProblem, plant: Plant) -> tuple[Array, Array]:
    """Return gain K (m, n) and cost P (n, n); raises TrainingError unless they are of the plant's sizes."""
    K, P = regulator(problem.model, problem.stage, problem.discount)
    if K.shape != (plant.m, plant.n):
        raise TrainingError(
            f"`problem` has a regulator of {K.shape[1]} states and {K.shape[0]} inputs, but {plant.name!r} has "
            f"{plant.n} and {plant.m}; pass the problem of this plant, without a weight on moves"
        )
    return K, P


def unsaturated_level(law: PiecewiseAffineLaw, plant: Plant, K: Array, P: Array) -> float:
    """Return the largest level whose set lies in the region around the equilibrium, within caps and safe limits.

    The set {s'Ps <= c} meets a'(rest + s) <= b as long as c a'P^-1 a <= (b - a'rest)^2.
    """
    rest, held = plant.equilibrium
    region = law.regions[law.locate(rest).region]  # type: ignore[index]
    apart = np.abs(region.gain + K).max()
    if apart > _SAME_GAIN * max(np.abs(K).max(), 1e-300) or not np.allclose(region.gain @ rest + region.offset, held):
        raise TrainingError(
            f"`law` is not the unconstrained regulator at the equilibrium: its gain there differs by {apart:.3g} from "
            f"one of {np.abs(K).max():.3g} (active: {', '.join(region.active) or 'none'}), so it is at a limit, or of "
            "another problem; move the limits away from the equilibrium, or pass the problem that the law solves"
        )
    A, b = [region.A], [region.b]
    for pair in (plant.state_caps, plant.safe_limits or (np.empty(0), np.empty(0))):
        for sign, side in zip((-1, 1), pair, strict=True):
            known = np.flatnonzero(np.isfinite(side))
            A.append(sign * np.eye(plant.n)[known])
            b.append(sign * side[known])
    rows, room = np.concatenate(A), np.concatenate(b)
    gap = room - rows @ rest
    if not (gap > 0).all():
        raise TrainingError(
            f"the equilibrium {rest} lies {-gap.min():.3g} beyond a limit of the law's region or of the plant, or on "
            "it, so no core is around it; move the limits away from it"
        )
    return float((gap**2 / np.einsum("in,ni->i", rows, np.linalg.solve(P, rows.T))).min())


def _checked_level(level: object, most: float) -> float:
    number = real_scalar(level, "level", TrainingError, positive=True)
    if number > most:
        raise TrainingError(
            f"`level` is {number:g}, but beyond {most:g} the law is at a limit; pass a lower one, or None for "
            "the largest"
        )
    return number
