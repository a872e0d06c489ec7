"""QuietPolicy: a policy where it is its law up to a bounded residual, and neither law nor filter are at a limit."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mpc import PiecewiseAffineLaw
from mpc.safety.safe_set import SafeSet
from plants import Plant
from plants.arrays import Array
from rl.core import Core, NoCore, core_of
from rl.errors import TrainingError
from rl.filtered import wanted_by
from rl.grid_core import GridCore
from rl.level_core import LevelCore
from yann.stacked import StackedNetwork


@dataclass(frozen=True, eq=False)
class QuietPolicy:
    """A `law` around rest, to which at most `residual` (m,) is added, with its `core` and safe set if any."""

    plant: Plant
    law: PiecewiseAffineLaw
    residual: Array
    core: Core
    safe: SafeSet | None

    @classmethod
    def of(cls, policy: Any, plant: Plant) -> Self:
        """Return what is known of a law or an actor; TrainingError for one that may do anything around its rest."""
        safe = getattr(getattr(policy, "filter", None), "set", None)
        wanted = policy if isinstance(policy, PiecewiseAffineLaw) else wanted_by(policy)
        core = NoCore() if isinstance(wanted, PiecewiseAffineLaw) else core_of(wanted)
        known: Any = wanted if isinstance(core, NoCore) else getattr(wanted, "law", None)
        law = known if isinstance(known, PiecewiseAffineLaw) else getattr(getattr(known, "birth", None), "law", None)
        if law is None:
            raise TrainingError(
                f"`policy` is a {type(known).__name__}, of which no law is known; pass a law, or an actor born of one"
            )
        none = np.zeros(plant.m)
        kept = not isinstance(core, NoCore) and isinstance(known, StackedNetwork) and known.as_born()
        if known is law or kept:
            return cls(plant, law, none, core, safe)
        bound = getattr(known, "bound", None)
        if bound is None:
            raise TrainingError(
                "`policy` may add anything to its law, also at rest: it has neither a `bound` of its residual nor a "
                "core in which the law is as it was born; build it as YannActor.from_law(law, bound=...), or keep the "
                "law in a core: CoredActor(actor, core, law)"
            )
        return cls(plant, law, np.broadcast_to(bound.numpy(force=True), plant.m) + none, core, safe)

    def fits(self, level: float, K: Array, P: Array) -> bool:
        """Return whether {s'Ps <= level} lies in the core and the safe set, and its inputs pass the filter there."""
        inverse: Any = np.linalg.inv(P)
        reach = np.sqrt(level * np.diag(inverse))
        return self._in_core(level, P, reach) and (self.safe is None or self._passes(level, K, inverse, reach))

    def _in_core(self, level: float, P: Array, reach: Array) -> bool:
        core, rest = self.core, self.plant.equilibrium[0]
        if isinstance(core, NoCore):
            return True
        if isinstance(core, LevelCore) and np.allclose(core.shape, P, rtol=1e-9, atol=0):
            return level <= core.level
        if isinstance(core, GridCore):
            (first, last), _, beyond = core.grid.places(np.stack([rest - reach, rest + reach]))
            return not beyond.any() and bool(core.zones.inside[first[0] : last[0] + 1, first[1] : last[1] + 1].all())
        raise TrainingError(
            f"`policy` has a {type(core).__name__}, but only the cores of a grid, and those of the same problem, are "
            "known to hold level sets; pass the problem that its core was made for"
        )

    def _passes(self, level: float, K: Array, inverse: Array, reach: Array) -> bool:
        """Return whether no row of the safe set or of its inputs is met: the largest of each over the level set."""
        safe, (rest, held) = self.safe, self.plant.equilibrium
        assert safe is not None  # noqa: S101 - asked by the caller
        rows, sines = safe.rows, np.abs(safe.rows.U @ safe.rows.sines)
        slopes = np.vstack([safe.A, rows.X + rows.U @ (rows.sines * np.cos(rest) - K)])
        most = np.r_[safe.b - safe.A @ rest, rows.slack(rest[None], held[None])[0]]
        most[len(safe.b) :] -= sines @ (reach**2 / 2) + np.abs(rows.U) @ self.residual
        return bool((np.sqrt(level * np.einsum("qi,ij,qj->q", slopes, inverse, slopes)) < most).all())
