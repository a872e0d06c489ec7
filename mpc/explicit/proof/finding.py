"""Finding: one thing that keeps a law from being certified, with its place and its amount."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Self

import numpy as np

from plants.arrays import Array


class Kind(Enum):
    """What is wrong; the value is the text in which the amount stands."""

    ACTIVE = "a row that holds with equality by the law's word misses it by {amount:.3g} of the size of z"
    LISTED = "without rows that the law does not list as active the solution would be {amount:.3g} of its size off"
    STATIONARY = "the gradient leaves the span of the tight rows by {amount:.3g} of the size of z"
    MULTIPLIER = "a multiplier is negative up to {amount:.3g} half widths inside"
    SLACK = "a row is violated up to {amount:.3g} half widths inside"
    GAIN = "gain and offset are not the first rows of the solution's, by {amount:.3g} of the size of z"
    FLAT = "the law lies in a plane that feasible parameters leave by {amount:.3g} half widths"
    LOOSE = "the region leaves the plane that holds the other regions by up to {amount:.3g} half widths"
    EMPTY = "the region holds no point (radius {amount:.3g} half widths)"
    UNCOVERED = "beyond a facet nothing follows for {amount:.3g} half widths"
    OVERLAP = "interiors overlap by {amount:.3g} half widths"
    JUMP = "the law jumps by {amount:.3g} of the size of z"
    CHOICE = (
        "the law jumps by {amount:.3g} of the size of z, from one minimiser to another: the problem has several there"
    )
    UNDECIDED = "not decided: {amount:g} pieces are left"


@dataclass(frozen=True)
class Finding:
    """A failure: its kind, the regions it lies between, a parameter theta, an amount.

    `facet` is the row of the first region's A (-1: none), `row` names the problem's row where there is one.
    """

    kind: Kind
    regions: tuple[int, ...]
    theta: tuple[float, ...]
    amount: float
    facet: int = -1
    row: str = ""

    @classmethod
    def at(
        cls, kind: Kind, regions: tuple[int, ...], theta: Array, amount: float, facet: int = -1, row: str = ""
    ) -> Self:
        """Return the finding with plain numbers."""
        place = tuple(float(x) for x in np.atleast_1d(theta))
        return cls(kind, tuple(int(i) for i in regions), place, float(amount), int(facet), row)

    def __str__(self) -> str:
        """Return one line: regions, facet, what and how much, where."""
        regions = ("region " if len(self.regions) == 1 else "regions ") + " and ".join(map(str, self.regions))
        facet = f", facet {self.facet}" if self.facet >= 0 else ""
        row = f" ({self.row})" if self.row else ""
        point = ", ".join(f"{x:.9g}" for x in self.theta)
        return f"{regions}{facet}: {self.kind.value.format(amount=self.amount)}{row}, at theta = ({point})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and texts."""
        return asdict(self) | {"kind": self.kind.name, "regions": list(self.regions), "theta": list(self.theta)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the finding behind `to_dict`."""
        return cls.at(
            Kind[data["kind"]],
            tuple(data["regions"]),
            np.array(data["theta"]),
            data["amount"],
            data["facet"],
            str(data["row"]),
        )
