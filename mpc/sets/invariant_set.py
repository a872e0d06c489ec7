"""InvariantSet: states from which all limits can be kept for ever, and how far that is certain."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc.explicit.polyhedron import Polyhedron
from mpc.sets.invariance import Invariance, invariance
from mpc.sets.limited_system import LimitedSystem
from mpc.sets.shares import Share, share_of
from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class InvariantSet:
    """A set of physical states with the system that it was computed for.

    Where `converged`, `polyhedron` is invariant, and no larger set is: one more step would cut off at most `gap`, which
    is rounding. Where not, the iteration was stopped after `steps` steps: `polyhedron` holds the largest
    invariant set but is larger, and `gap` is how much the last step still cut off. Both are in half widths of
    the limits.
    """

    system: LimitedSystem
    polyhedron: Polyhedron
    steps: int
    converged: bool
    gap: float

    def contains(self, x: ArrayLike, tolerance: float = 0.0) -> np.bool_ | NDArray[np.bool_]:
        """Return for states (..., n) whether they lie in the set, as booleans (...)."""
        return self.polyhedron.contains(x, tolerance)

    def share(self, starts: object) -> Share:
        """Return which share of `starts` lies in the set: the starts from which limits can be kept for ever.

        `starts` is a box (lower, upper), a Polyhedron, or an array (k, n) of points drawn from a start set. Where the
        iteration was stopped it is only known not to be larger.
        """
        found = share_of(self.polyhedron, starts)
        return found if self.converged else replace(found, lower=0.0)

    def check(self) -> Invariance:
        """Return whether the set is invariant, asked anew by one linear program for each corner."""
        return self._invariance

    @property
    def corners(self) -> Array:
        """Return the corners (c, n) of the set, physical."""
        return self.polyhedron.vertices()

    def __str__(self) -> str:
        """Return what is known about the set in a sentence."""
        size = f"{len(self.polyhedron.b)} half-spaces in {self.polyhedron.dimension} dimensions"
        what = "under a gain" if self.system.input_free else "under the best inputs"
        if self.system.further:
            what += f", whichever of {len(self.system.motions)} models or mixture of them rules,"
        if self.system.contraction < 1:
            what += f" that contracts by {self.system.contraction:g} a step"
        if self.system.disturbed:
            what += " against every disturbance"
        if self.converged:
            return f"the largest invariant set {what}: {size}, found in {self.steps} steps"
        return (
            f"an outer set, not invariant: {size}; the largest invariant set {what} lies inside it. Stopped after "
            f"{self.steps} steps, the last of which still cut off {self.gap:.2g} half widths; raise `max_steps`, or "
            "lower `contraction`"
        )

    @cached_property
    def _invariance(self) -> Invariance:
        return invariance(self.system, *self.system.scaled(self.polyhedron))
