"""OwnParameter: a number of one's own that theta holds, such as a price or a limit that changes."""

from dataclasses import dataclass
from typing import Any

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.parameters import Block, check_preview, ranged_block

TAKEN = ("state", "previous_input", "setpoint", "disturbance")
"""The names of theta's other parts."""


@dataclass(frozen=True, eq=False)
class OwnParameter:
    """A number `name` within lower..upper, in `unit`: theta holds it, and costs and limits may ask for it by name.

    With `preview` theta holds its values at steps 0..N, one after another, instead of one for the whole horizon.
    LinearCost and ParametricPolytope read it; problem.theta takes it by its name, as in problem.theta(x, price=2.0).
    """

    name: str
    lower: Any
    upper: Any
    unit: str = ""
    preview: bool = False

    def __post_init__(self) -> None:
        """Check what needs no model."""
        check_name(self.name, "OwnParameter name")
        if not isinstance(self.unit, str):
            raise ProblemError(f"`OwnParameter unit` is {self.unit!r}, but it must be a text, as in 'K'")
        if self.name in TAKEN:
            raise ProblemError(
                f"`OwnParameter name` is {self.name!r}, which is a part of theta already ({', '.join(TAKEN)}); "
                "take another"
            )
        check_preview(self)

    def block(self, model: LinearModel, horizon: int) -> Block:  # noqa: ARG002
        """Return its one component, or one a step."""
        steps = range(horizon + 1) if self.preview else None
        return ranged_block((self.lower, self.upper), f"OwnParameter {self.name}", (self.name,), (self.unit,), steps)


def check_name(name: object, whose: str) -> None:
    """Raise ProblemError unless it is a text that says something."""
    if not isinstance(name, str) or not name.strip():
        raise ProblemError(f"`{whose}` is {name!r}, but it must be the name of a parameter, as in 'price'")
