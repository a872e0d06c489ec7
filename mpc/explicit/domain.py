"""The border of a law's domain: its tolerance, and what is said outside."""

from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.errors import OutsideDomain
from plants.arrays import Array

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

TOLERANCE = 1e-11  # a parameter this far outside its region (1 = half the parameter set's width) is on its border


def is_fixed(lower: Array, upper: Array) -> np.ndarray:
    """Return which parameters have no width, beside the size of their bounds."""
    return upper - lower <= 2e-12 * np.maximum(np.abs(lower), np.abs(upper))


def half_widths(lower: Array, upper: Array) -> Array:
    """Return half the widths of a box; for a component without width the size of its value, or 1 at 0."""
    size = np.maximum(np.abs(lower), np.abs(upper))
    return np.where(is_fixed(lower, upper), np.where(size > 0, size, 1.0), (upper - lower) / 2)


def outside_domain(law: "PiecewiseAffineLaw", points: Array, region: np.ndarray, margin: np.ndarray) -> OutsideDomain:
    """Return the error for the first point that lies outside: where, the worst limit and by how much, the mend."""
    index = int(np.flatnonzero(margin < -TOLERANCE)[0])
    theta = points[index]
    row, by = _worst_limit(law, theta, int(region[index]), float(-margin[index]))
    where = f" (row {index} of {len(points)})" if len(points) > 1 else ""
    named = zip(law.parameter_names, theta, law.parameter_units, strict=True)
    point = ", ".join(f"{name} = {value + 0.0:g} {unit}".rstrip() for name, value, unit in named)
    return OutsideDomain(
        theta, row, float(-margin[index]),
        f"theta ({point}){where} is outside the law's domain: {row} by {by}. Start inside it, widen the parameter set, "
        "or choose what happens there: law.nearest(theta) gives the nearest region's input",
    )  # fmt: skip


def _worst_limit(law: "PiecewiseAffineLaw", theta: Array, region: int, distance: float) -> tuple[str, str]:
    lower, upper = law.parameter_bounds
    excess = np.maximum(lower - theta, theta - upper)
    worst = int((excess / law.half_width).argmax())
    if excess[worst] <= TOLERANCE * law.half_width[worst] and law.partial:
        return (
            f"no region is known beyond region {region} (the law is partial: {law.partial})",
            f"{distance:.3g} half widths",
        )
    if excess[worst] <= TOLERANCE * law.half_width[worst]:
        return f"no feasible solution beyond region {region}", f"{distance:.3g} half widths"
    side, limit = ("below", lower[worst]) if theta[worst] < lower[worst] else ("above", upper[worst])
    return f"{law.parameter_names[worst]} is {side} {limit:g}", f"{excess[worst]:g}"
