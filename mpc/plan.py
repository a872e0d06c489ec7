"""Plans: which inputs over the horizon are free, and which follow from others or from the state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, instance_of, real_array, whole_number

if TYPE_CHECKING:
    from mpc.problem import MPCProblem


class Plan(Protocol):
    """How the inputs of N steps come from fewer free ones, and the gain that the rest of them follows."""

    def blocks(self, horizon: int) -> list[int]:
        """Return for each step the number of the free input that it uses: 0, 0, 1, 2, 2."""
        ...

    def feedback(self, problem: "MPCProblem") -> Array | None:
        """Return K (m, n) of the law v = -K s + c that the plan corrects, or None for none."""
        ...


@dataclass(frozen=True)
class EveryStep:
    """Every step has an input of its own."""

    def blocks(self, horizon: int) -> list[int]:
        """Return 0, 1, 2 to N - 1."""
        return list(range(horizon))

    def feedback(self, problem: "MPCProblem") -> Array | None:
        """Return None."""


@dataclass(frozen=True)
class MoveBlocking:
    """Inputs held over blocks of steps: MoveBlocking((1, 1, 3)) has three free inputs over five steps.

    The last block goes on to the end of a longer horizon.
    """

    lengths: Sequence[int]

    def __post_init__(self) -> None:
        """Check the lengths."""
        instance_of(
            self.lengths, Sequence, "MoveBlocking lengths", ProblemError, "pass block lengths such as (1, 1, 3)"
        )
        lengths = [whole_number(v, f"MoveBlocking lengths[{i}]", ProblemError, 1) for i, v in enumerate(self.lengths)]
        if not lengths:
            raise ProblemError("`MoveBlocking lengths` is empty; pass at least one block")
        object.__setattr__(self, "lengths", tuple(lengths))

    def blocks(self, horizon: int) -> list[int]:
        """Return the number of each step's block."""
        if sum(self.lengths) > horizon:
            raise ProblemError(
                f"`MoveBlocking` has {sum(self.lengths)} steps in its blocks {self.lengths}, but `horizon` is "
                f"{horizon}; shorten the blocks or lengthen the horizon"
            )
        numbers = [i for i, length in enumerate(self.lengths) for _ in range(length)]
        return numbers + [len(self.lengths) - 1] * (horizon - len(numbers))

    def feedback(self, problem: "MPCProblem") -> Array | None:
        """Return None."""


@dataclass(frozen=True)
class ControlHorizon:
    """The first `moves` inputs are free; the last of them is held to the end of the horizon."""

    moves: int

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "moves", whole_number(self.moves, "ControlHorizon moves", ProblemError, least=1))

    def blocks(self, horizon: int) -> list[int]:
        """Return 0, 1 to moves - 1, and that again."""
        if self.moves > horizon:
            raise ProblemError(
                f"`ControlHorizon` has {self.moves} moves, but `horizon` is {horizon}; make it at most {horizon}"
            )
        return [min(k, self.moves - 1) for k in range(horizon)]

    def feedback(self, problem: "MPCProblem") -> Array | None:
        """Return None."""


@dataclass(frozen=True, eq=False)
class Prestabilised:
    """Inputs v_k = -K s_k + c_k around the targets, with c_k free: predictions of unstable plants then stay small.

    `gain` K (m, n) is the regulator of the problem's weights by default; `plan` says which c_k are free. The law that
    comes out is the same wherever every step has a c_k of its own.
    """

    gain: Any = None
    plan: Plan = field(default_factory=EveryStep)

    def __post_init__(self) -> None:
        """Check the inner plan's kind."""
        if isinstance(self.plan, Prestabilised):
            raise ProblemError("`Prestabilised plan` is a Prestabilised itself; pass one gain, and its inner plan here")
        _check_kind(self.plan, "Prestabilised plan")

    def blocks(self, horizon: int) -> list[int]:
        """Return the inner plan's blocks."""
        return self.plan.blocks(horizon)

    def feedback(self, problem: "MPCProblem") -> Array | None:
        """Return K; raises ProblemError for a gain of another shape or one that does not stabilise."""
        model = problem.model
        if self.gain is None:
            return self._regulator(problem)
        K = real_array(self.gain, "Prestabilised gain", (model.m, model.n), ProblemError)
        radius = np.abs(np.linalg.eigvals(model.A - model.B @ K)).max()
        if not radius < 1:
            raise ProblemError(
                f"`Prestabilised gain` does not stabilise: A - B K has spectral radius {radius:.6g}, but it must be "
                "below 1; note the sign, v = -K s, or leave the gain out to use the regulator"
            )
        return K

    def _regulator(self, problem: "MPCProblem") -> Array:
        try:
            return problem.regulator
        except ProblemError as cause:
            raise ProblemError(f"`Prestabilised` has no regulator to take ({cause}); pass its `gain`") from cause


def checked_plan(plan: Any, horizon: int) -> list[int]:
    """Return the plan's blocks; raise ProblemError for what is no plan, or blocks that do not cover the horizon."""
    _check_kind(plan, "plan")
    blocks = plan.blocks(horizon)
    name = f"{type(plan).__name__}.blocks({horizon})"
    instance_of(blocks, Sequence, name, ProblemError, "return one number for each step, as in [0, 1, 1]")
    if len(blocks) != horizon:
        raise ProblemError(f"`{name}` has {len(blocks)} entries, but `horizon` is {horizon}; return one for each step")
    numbers = [whole_number(block, f"{name}[{k}]", ProblemError) for k, block in enumerate(blocks)]
    for k, (before, now) in enumerate(zip([-1, *numbers], numbers, strict=False)):
        if now not in (before, before + 1) or now < 0:
            raise ProblemError(f"`{name}[{k}]` is {now} after {before}; begin with 0 and go on by 0 or 1 a step")
    return numbers


def _check_kind(plan: object, name: str) -> None:
    kinds = "EveryStep(), MoveBlocking(...), ControlHorizon(...) or Prestabilised()"
    if isinstance(plan, type):
        raise ProblemError(f"`{name}` is the class {plan.__name__}; pass an object: {kinds}")
    if not all(callable(getattr(plan, method, None)) for method in ("blocks", "feedback")):
        raise ProblemError(f"`{name}` is {plan!r}; pass {kinds}, or one with methods blocks(N) and feedback(problem)")
