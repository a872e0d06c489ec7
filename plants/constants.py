"""Constants: the named numbers in a plant's equations, which a disturbance may change and a user may replace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from casadi import SX

from plants.arrays import real_scalar
from plants.equilibrium import rest_under
from plants.errors import PlantError
from plants.names import checked_names, checked_text, index_of

if TYPE_CHECKING:
    from plants.plant import Plant


@dataclass(frozen=True)
class Constant:
    """A named number of a plant's equations: they get it as `p.name`, p being their third argument.

    `unit` is '-' where there is none. Raises PlantError for a name that is no Python identifier, a value that is
    not finite, a missing unit.
    """

    name: str
    value: float
    unit: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier() or iskeyword(self.name):
            raise PlantError(
                f"`name` of a Constant is {self.name!r}, but the equations read it as p.name, so an identifier is "
                "needed, as in 'feed_temperature'"
            )
        if self.name.startswith("__"):
            raise PlantError(f"`name` of a Constant is {self.name!r}, and Python keeps such for itself; rename it")
        object.__setattr__(self, "value", real_scalar(self.value, f"constant {self.name}", PlantError))
        checked_text(self.unit, f"unit of the constant {self.name}, '-' for none,")


def checked_constants(given: Any, others: Sequence[str]) -> tuple[Constant, ...]:
    """Return the constants as a tuple; raise PlantError for anything else, or a name that is there already."""
    if isinstance(given, Constant):
        given = (given,)
    if not isinstance(given, Sequence) or not all(isinstance(constant, Constant) for constant in given):
        raise PlantError(f"`constants` is {given!r}, but a sequence of Constant is needed, as in (Constant(...),)")
    if given:
        checked_names([constant.name for constant in given], "constants")
    for constant in given:
        if constant.name in others:
            raise PlantError(f"`constants` has {constant.name!r}, which names a state or an input too; rename one")
    return tuple(given)


def namespace(constants: Sequence[Constant], values: Any) -> SimpleNamespace:
    """Return `values`, one for each constant, under the names of the constants, as Python reads them in p.name."""
    return SimpleNamespace(**{normalize("NFKC", constant.name): values[i] for i, constant in enumerate(constants)})


def symbols(constants: Sequence[Constant]) -> SX:
    """Return a column (k, 1) of one symbol for each constant."""
    return SX.sym("p", len(constants))


def with_constants(plant: "Plant", **values: float) -> "Plant":
    """Return `plant` with other values of its constants, at rest next to its own equilibrium.

    Bounds, cost and its targets stay. Raises PlantError for an unknown constant, a value that is not finite, and where
    no point of rest is found within the caps and input bounds.
    """
    if not hasattr(plant, "constants"):
        raise PlantError(f"`plant` is a {type(plant).__name__}, but a Plant is needed; pass the one to be changed")
    names = [constant.name for constant in plant.constants]
    if not names:
        raise PlantError(f"{plant.name!r} declares no `constants`, so there is nothing to replace; declare them")
    changed = list(plant.constants)
    for name, value in values.items():
        i = index_of(name, names, "values")
        changed[i] = replace(changed[i], value=value)
    return replace(plant, constants=tuple(changed), equilibrium=rest_under(plant, [c.value for c in changed]))
