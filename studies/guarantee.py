"""Guarantee: what was proved of a study's safety filter before anything was trained."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from mpc.safety.errors import Unverified
from plants.arrays import Array
from studies.case import Guarded
from studies.errors import StudyError


@dataclass(frozen=True)
class Guarantee:
    """A certificate as it is printed, and the set that it is about.

    The set is {A x <= b}, with `A` (q, n) and `b` (q,) as lists. Of `draws` points of the `domain`, `inside` are in it;
    `wanted_share` of them was to be.
    """

    certificate: str
    A: list[list[float]]
    b: list[float]
    domain: str
    inside: int
    draws: int
    wanted_share: float

    @property
    def share(self) -> float:
        """Return the share of the domain that is in the set."""
        return self.inside / self.draws

    @property
    def half_spaces(self) -> tuple[Array, Array]:
        """Return A (q, n) and b (q,)."""
        return np.array(self.A), np.array(self.b)

    def facts(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, facts: dict[str, Any] | None) -> Self | None:
        """Return the guarantee behind `facts`, None for none; TypeError for what is no guarantee."""
        return None if facts is None else cls(**facts)


def guaranteed(guarded: Guarded) -> Guarantee:
    """Return what is proved of a set, once its certificate was verified by the checker that shares no code with it.

    Raises StudyError, with the checker's words, for a certificate that does not hold.
    """
    safe = guarded.safe
    try:
        safe.certificate.verify()
    except Unverified as cause:
        raise StudyError(f"the safe set is not what its certificate says, so nothing was trained: {cause}") from cause
    inside = safe.contains(guarded.points())
    return Guarantee(
        certificate=str(safe.certificate),
        A=safe.A.tolist(),
        b=safe.b.tolist(),
        domain=guarded.domain,
        inside=int(inside.sum()),
        draws=len(inside),
        wanted_share=guarded.wanted_share,
    )
