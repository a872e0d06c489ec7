"""The box of states and inputs within which a plant shall be kept, checked against what the plant does by itself."""

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array
from plants.plant import Plant


def operating_region(plant: Plant, limits: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the limits (lower, upper), each (n,), with the plant's `state_bounds` where they are infinite.

    Raises ProblemError where a state has neither, where the plant's own caps or the wrapping of an angle come first,
    and where the equilibrium does not lie inside.
    """
    lower, upper = (np.array(side, dtype=float) for side in limits)
    lower = np.where(np.isfinite(lower), lower, plant.state_bounds[0])
    upper = np.where(np.isfinite(upper), upper, plant.state_bounds[1])
    for i, name in enumerate(plant.state_names):
        span, unit = f"{lower[i]:g} to {upper[i]:g}", plant.state_units[i]
        if not np.isfinite([lower[i], upper[i]]).all():
            raise ProblemError(
                f"the limits of {name} are {span}, and `state_bounds` have none instead; the error of a model can only "
                f"be bounded over finite ranges: give a limit [{unit}], however wide"
            )
        least, most = plant.state_caps[0][i], plant.state_caps[1][i]
        if lower[i] < least or upper[i] > most:
            raise ProblemError(
                f"the limits of {name} are {span}, but the plant holds it within {least:g} to {most:g} by itself, "
                "which no linear model does; narrow the limits to that"
            )
        rest = plant.equilibrium[0][i]
        if not lower[i] < rest < upper[i]:
            raise ProblemError(
                f"the limits of {name} are {span}, but the equilibrium {rest:g} must lie inside; widen them, or give "
                "the plant an `equilibrium` between them"
            )
    return lower, upper
