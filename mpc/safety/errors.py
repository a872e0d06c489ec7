"""What constructions of safe sets refuse or cannot find; each error carries its data."""

from typing import Any

from mpc.explicit.errors import ProblemError


class NoSafeSet(ProblemError):
    """A plant, its limits and disturbances for which a construction finds no set that some input keeps.

    `found` and `needed` are the two numbers, in `unit`, that do not meet; `proved` says whether no set of any shape
    can exist, or only this construction found none.
    """

    def __init__(self, words: str, found: float, needed: float, unit: str, proved: bool = False) -> None:
        self.words = words
        self.found = found
        self.needed = needed
        self.unit = unit
        self.proved = proved
        kind = "no safe set can exist" if proved else "no safe set was found"
        super().__init__(f"{kind}: {words}")

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return what a copy in another process is made of."""
        return type(self), (self.words, self.found, self.needed, self.unit, self.proved)


class Unverified(ProblemError):
    """A certificate that its checker refuses; the message says why."""
