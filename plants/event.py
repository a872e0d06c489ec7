"""Event: what ends an episode besides time and safe limits: a goal that is reached, a batch that is done."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float64

from plants.arrays import real_scalar
from plants.batched import BatchedFunction
from plants.errors import PlantError
from plants.names import checked_text
from plants.scalar import scalar_function


@dataclass(frozen=True)
class Event:
    """An episode ends when `when`, a CasADi expression of the column x (n, 1), is above 0, and that costs `cost`.

    `name` says what has happened, as in 'docked'. It is looked for after every step, and an unsafe end comes first. A
    `cost` below 0 is a reward. Raises PlantError for a blank name, a
    `when` that cannot be called, a cost that is not finite.
    """

    name: str
    when: Callable[[Any], Any]
    cost: float = 0.0

    def __post_init__(self) -> None:
        checked_text(self.name, "name of an Event")
        if not callable(self.when):
            raise PlantError(
                f"`when` of the event {self.name!r} is {self.when!r}, but a function of the state is needed"
            )
        object.__setattr__(self, "cost", real_scalar(self.cost, f"cost of the event {self.name!r}", PlantError))

    def rows(self, x: Float64[np.ndarray, "rows n"]) -> Any:
        """Return, as bool (rows,), at which states (rows, n) it has happened."""
        return _compiled(self, x.shape[-1])(x)[0][:, 0] > 0


def checked_event(event: object, n: int) -> None:
    """Refuse what is no event, and one whose expression does not fit n states."""
    if event is None:
        return
    if not isinstance(event, Event):
        raise PlantError(f"`event` is {event!r}, but an Event(name, when) or None is needed")
    if not isinstance(event.when, Hashable):
        raise PlantError(
            f"`when` of the event {event.name!r} is a {type(event.when).__name__} that cannot be hashed; give its "
            "class a __hash__, or pass a function"
        )
    _compiled(event, n)


@lru_cache(maxsize=64)
def _compiled(event: Event, n: int) -> BatchedFunction:
    label = f"`when` of the event {event.name!r}"
    mend = "return one expression of the state that is above 0 where it has happened"
    return BatchedFunction(scalar_function(event.when, label, {"x": n}, mend))
