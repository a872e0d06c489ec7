"""What a nonlinear controller remembers of each row, and what it does where it finds no plan."""

from dataclasses import dataclass
from typing import Protocol

from mpc.explicit.errors import ProblemError
from mpc.nonlinear.solver import Solution
from plants.arrays import Array, whole_number


@dataclass(frozen=True)
class SolveStatus:
    """How one state was answered.

    `success`: the plan was checked to keep all limits and to be a local minimum; else an older plan was repeated, for
    the `repeated`-th time. `message` is IPOPT's return status, `iterations` and `seconds` count all its `guesses`,
    `warm` says that the previous plan sufficed, `cost` is that of the plan (NaN for a repeated one).
    """

    success: bool
    message: str
    iterations: int
    seconds: float
    cost: float
    guesses: int
    warm: bool
    repeated: int


@dataclass(frozen=True, eq=False)
class Remembered:
    """One row's memory: the last solution and how many of its inputs have been used; none at the beginning."""

    solution: Solution | None = None
    used: int = 0
    status: SolveStatus | None = None


class OnFailure(Protocol):
    """What to do where no plan was found."""

    def instead(self, memory: Remembered, error: Exception) -> Array:
        """Return the input (m,) to apply instead, or raise the error."""
        ...


@dataclass(frozen=True)
class Refuse:
    """Raise the error: the default."""

    def instead(self, memory: Remembered, error: Exception) -> Array:  # noqa: ARG002  the interface's
        """Raise it."""
        raise error


@dataclass(frozen=True)
class RepeatPlan:
    """Apply the next input of the last plan that was found, at most `most` times in a row; then raise the error."""

    most: int = 5

    def __post_init__(self) -> None:
        """Check the number."""
        whole_number(self.most, "most", ProblemError, least=1)

    def instead(self, memory: Remembered, error: Exception) -> Array:
        """Return the next input of the plan, if there is one that may be used."""
        plan = memory.solution
        if plan is None or memory.used > self.most or memory.used >= len(plan.inputs):
            raise error
        return plan.inputs[memory.used]
