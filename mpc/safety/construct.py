"""safe_set: the front door to the constructions, each for its own kind of plant."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import casadi as ca

from mpc.explicit.errors import ProblemError
from mpc.safety import linear_set, pendulum, stored_heat
from mpc.safety.heat_settings import NOMINAL, StoredHeat
from mpc.safety.linearised import Linearised
from mpc.safety.pendulum import Sector
from mpc.safety.safe_set import SafeSet
from plants.arrays import Array, instance_of
from plants.dynamics import symbolic
from plants.pendulum import pendulum_motion
from plants.plant import Plant
from plants.reactor import reactor_motion
from plants.validation import wide_bounds

Limits = tuple[Array, Array]
REMEMBERED = 16  # sets


@dataclass(frozen=True)
class Construction:
    """How a set is made for plants of certain `equations`, or of any where that is None.

    `make` takes the plant, its limits (lower, upper), each (n,), and settings of the class `settings`, `usual` if the
    user gives none.
    """

    settings: type
    usual: Any
    make: Callable[[Plant, Limits, Any], SafeSet]
    equations: Callable[..., Any] | None

    def fits(self, plant: Plant) -> bool:
        """Return whether it is for this plant."""
        return self.equations in (None, plant.equations)


CONSTRUCTIONS = (
    Construction(StoredHeat, NOMINAL, stored_heat.known_or_design, reactor_motion),
    Construction(Sector, Sector(), pendulum.design, pendulum_motion),
    Construction(Linearised, Linearised(), linear_set.design, None),
)

_made: dict[Hashable, SafeSet] = {}


def safe_set(plant: Plant, limits: Any = None, design: Any = None) -> SafeSet:
    """Return states that some inputs keep within limits for ever, with those inputs and a certificate.

    `limits` (lower, upper), each (n,) with None for no limit, take the place of the plant's own `safe_limits`. `design`
    says how the set is made and what it withstands: StoredHeat for the reactor, Sector for the pendulum, Linearised,
    by its linear model with a proved bound of the error, for any plant. What was made once in this process is returned
    again, and sets that come with the package are not made at all.

    Raises NoSafeSet where none is found, and ProblemError for a plant without limits, limits or a design that do not
    fit it; PlantError for limits that are none.
    """
    instance_of(plant, Plant, "plant", ProblemError, "pass the Plant that is to be kept safe")
    bounds = _limits(plant, limits)
    construction = _construction(plant, design)
    settings = construction.usual if design is None else design
    key = _key(plant, bounds, settings)
    if key not in _made:
        _made[key] = construction.make(plant, bounds, settings)
        for old in list(_made)[:-REMEMBERED]:
            del _made[old]
    return _made[key]


def _limits(plant: Plant, limits: Any) -> Limits:
    if limits is None and plant.safe_limits is None:
        raise ProblemError(
            f"`limits` is missing and {plant.name!r} has no `safe_limits`; pass limits=(lower, upper) with one "
            f"entry for each of {', '.join(plant.state_names)}, None where there is no limit"
        )
    return wide_bounds(plant.safe_limits if limits is None else limits, "limits", plant.state_names)


def _construction(plant: Plant, design: Any) -> Construction:
    """Return the first construction for this plant, of those that the design is for."""
    for construction in CONSTRUCTIONS:
        if construction.fits(plant) and (design is None or isinstance(design, construction.settings)):
            return construction
    names = " or ".join(one.settings.__name__ for one in CONSTRUCTIONS if one.fits(plant))
    raise ProblemError(
        f"`design` is {type(design).__name__} {design!r}, but for {plant.name!r} {names} is needed; leave it out for "
        "the usual one"
    )


def _key(plant: Plant, limits: Limits, settings: Any) -> Hashable:
    """Return what tells two sets apart: what the plant's equations are now, its numbers and names, limits, settings."""
    arrays = (*limits, *plant.input_bounds, *plant.state_bounds, *plant.state_caps, *plant.equilibrium)
    names = plant.state_names, plant.state_units, plant.input_names, plant.input_units
    numbers = plant.constants, plant.sample_time, repr(plant.integrator), tuple(part.tobytes() for part in arrays)
    kinds = plant.is_continuous, plant.clips_input, tuple(plant.angles), type(settings)
    return plant.equations, _traced(plant), plant.name, names, numbers, kinds, settings


def _traced(plant: Plant) -> str:
    """Return the operations of the plant's equations, which a function may read from anywhere."""
    x, u = ca.SX.sym("x", plant.n), ca.SX.sym("u", plant.m)
    return ca.Function("motion", [x, u], [symbolic(plant)(x, u)]).serialize()
