"""Which limits the reactor's construction can keep: the temperature from above, others that hold by themselves."""

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.safety.errors import NoSafeSet
from mpc.safety.heat_ranges import HeatRanges
from plants.arrays import Array
from plants.plant import Plant


def temperature_limit(plant: Plant, limits: tuple[Array, Array]) -> float:
    """Return the highest temperature allowed; raises ProblemError where there is none, and for inputs that heat."""
    highest, least = float(limits[1][3]), float(plant.input_bounds[0][0])
    if not np.isfinite(highest):
        raise ProblemError(
            f"`limits` sets no upper limit of {plant.state_names[3]}, which is what this construction keeps; pass "
            "limits=([None] * 4, [None, None, None, 480])"
        )
    if least < 0:
        raise ProblemError(
            f"`input_bounds` of {plant.name!r} let {plant.input_names[0]} fall to {least:g}, but this construction "
            "needs 0 or more: a jacket that cools; raise the lower bound"
        )
    return highest


def keeps_other_limits(plant: Plant, limits: tuple[Array, Array], ranges: HeatRanges) -> None:
    """Raise ProblemError for a limit on another state that its range does not keep by itself."""
    least, most = ranges.difference
    lower = np.array([0.0, least, 0.0, ranges.coldest])
    upper = np.array([ranges.concentration, ranges.concentration + most, ranges.stock, limits[1][3]])
    if limits[1][3] <= ranges.coldest:
        raise NoSafeSet(
            f"the limit of {limits[1][3]:.5g} K is below {ranges.coldest:.5g} K, which is as cold as the reactor gets",
            float(limits[1][3]), ranges.coldest, "K", proved=True,
        )  # fmt: skip
    for i, name in enumerate(plant.state_names):
        unit = plant.state_units[i]
        if limits[0][i] > lower[i] or limits[1][i] < upper[i]:
            raise ProblemError(
                f"`limits` holds {name} within [{limits[0][i]:g}, {limits[1][i]:g}] {unit}, but it may be anywhere "
                f"within [{lower[i]:.5g}, {upper[i]:.5g}] {unit}: this construction keeps only "
                f"{plant.state_names[3]} from above; leave that limit out"
            )
