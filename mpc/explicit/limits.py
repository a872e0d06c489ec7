"""Limits on a solve: it stops there and hands over what it has, as a law that says that it is partial."""

from dataclasses import dataclass

from mpc.explicit.errors import ProblemError
from plants.arrays import whole_number


@dataclass(frozen=True)
class Limits:
    """At most so many regions, and so many bytes for regions and explored active sets; None: no limit."""

    regions: int | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        """Check both limits."""
        for name in ("regions", "memory"):
            value = getattr(self, name)
            if value is not None:
                whole_number(value, name, ProblemError, least=1)

    def passed(self, regions: int, memory: int) -> str:
        """Return what has been passed, in words; empty if nothing has. A law of just as many regions is whole."""
        if self.regions is not None and regions > self.regions:
            return f"stopped at its limit of {self.regions} regions"
        if self.memory is not None and memory >= self.memory:
            return f"stopped at its limit of {self.memory} bytes, with {regions} regions"
        return ""
