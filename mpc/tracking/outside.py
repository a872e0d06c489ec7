"""What a controller does where its law has no answer: refuse, take the nearest region, or clip what it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mpc.explicit.domain import TOLERANCE, half_widths
from mpc.explicit.errors import OutsideDomain, ProblemError
from mpc.problem import MPCProblem
from plants.arrays import Array

Law = Callable[[Array], Any]
"""Anything that maps theta (..., t) to inputs (..., m)."""


class Outside(Protocol):
    """A policy for theta outside the law's domain."""

    def check(self, law: Law) -> None:
        """Raise ProblemError if the law lacks what the policy needs."""
        ...

    def inputs(self, law: Law, theta: Array, problem: MPCProblem) -> Array:
        """Return the inputs (..., m) at theta (..., t), inside or outside."""
        ...


@dataclass(frozen=True)
class InsideOnly:
    """OutsideDomain is raised, also for a network that would answer anywhere."""

    def check(self, law: Law) -> None:
        """Any law will do."""

    def inputs(self, law: Law, theta: Array, problem: MPCProblem) -> Array:
        """Return the law's inputs; raises OutsideDomain."""
        inputs = law(theta)
        lower, upper = problem.layout.bounds
        rows = theta.reshape(-1, len(lower))
        excess = np.maximum(lower - rows, rows - upper) / half_widths(lower, upper)
        if excess.max(initial=0.0) > TOLERANCE:
            row, i = np.unravel_index(int(excess.argmax()), excess.shape)
            low = rows[row, i] < lower[i]
            side, limit = ("below", lower[i]) if low else ("above", upper[i])
            name = problem.layout.names[i]
            raise OutsideDomain(
                rows[row],
                f"{name} {side} {limit:g}",
                float(excess.max()),
                f"{name} is {rows[row, i]:g} (row {row}), {side} {limit:g}, where the problem's range of theta ends",
            )
        return inputs


@dataclass(frozen=True)
class NearestRegion:
    """The affine function of the region of least violation, clipped to the input bounds.

    For laws with `nearest`. No limit on states or outputs is promised there.
    """

    def check(self, law: Law) -> None:
        """Raise ProblemError for a law without regions."""
        if not callable(getattr(law, "nearest", None)):
            raise ProblemError(
                f"`outside` is NearestRegion(), but a {type(law).__name__} has no regions; pass ClippedTheta() or an "
                "explicit law (solve_explicit)"
            )

    def inputs(self, law: Law, theta: Array, problem: MPCProblem) -> Array:
        """Return the nearest region's inputs within the bounds."""
        inputs = law.nearest(theta)[0]  # type: ignore[attr-defined]
        return inputs if problem.input_bounds is None else np.clip(inputs, *problem.input_bounds)


@dataclass(frozen=True)
class ClippedTheta:
    """The law at the nearest theta of the box that the problem gives; OutsideDomain where that has no solution."""

    def check(self, law: Law) -> None:
        """Any law will do."""

    def inputs(self, law: Law, theta: Array, problem: MPCProblem) -> Array:
        """Return the law's inputs at the clipped theta."""
        return law(np.clip(theta, *problem.layout.bounds))
