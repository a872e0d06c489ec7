"""Explanation: why a law gives the input that it gives, what its limits cost, and what would change it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.facet import Facet, facets_of
from mpc.explicit.magnitudes import check_largest
from mpc.explicit.worth import Worth, worth_at
from plants.arrays import Array

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

HAIR = 1e-8  # half widths beyond a facet at which the region behind it is looked up
SHOWN = 8  # merged regions that the text numbers


@dataclass(frozen=True, eq=False)
class Explanation:
    """One point of a law: region, gains, limits, prices, cost, neighbours. str() is a text, to_dict() goes into JSON.

    `active` are the rows that hold with equality on the whole region, `worth` has prices at theta itself. `facets` are
    the region's sides, the nearest first, `beyond` the region behind the nearest (None: none is known); outside the
    domain there are none. `members` are the regions that a merged region holds; `partial` says why a law misses some.
    """

    theta: Array
    input: Array
    region: int
    margin: float
    gain: Array
    offset: Array
    active: tuple[str, ...]
    parameter_names: tuple[str, ...]
    parameter_units: tuple[str, ...]
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]
    worth: Worth
    facets: tuple[Facet, ...]
    beyond: int | None
    members: tuple[int, ...]
    partial: str

    @property
    def inside(self) -> bool:
        """Return whether theta lies in the domain; outside, the nearest region is explained."""
        return self.margin >= -TOLERANCE

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        worth = self.worth
        return {
            "theta": dict(zip(self.parameter_names, self.theta.tolist(), strict=True)),
            "input": dict(zip(self.input_names, self.input.tolist(), strict=True)),
            "units": dict(
                zip(self.parameter_names + self.input_names, self.parameter_units + self.input_units, strict=True)
            ),
            "region": self.region,
            "members": list(self.members),
            "inside": self.inside,
            "margin": self.margin,
            "partial": self.partial,
            "gain": self.gain.tolist(),
            "offset": self.offset.tolist(),
            "active": list(self.active),
            "value": worth.value,
            "value_is_whole": worth.whole,
            "prices": [price.to_dict() for price in worth.prices],
            "unpriced": worth.unpriced,
            "readouts": {one.name: {"value": one.value, "unit": one.unit} for one in worth.readings},
            "facets": [self._facet(facet) for facet in self.facets],
            "beyond": self.beyond,
        }

    def __str__(self) -> str:
        """Return a few lines: point, region, active rows, input, then cost, prices, readouts and the nearest change."""
        lines = [f"at {self.point}", self.place, f"active: {'; '.join(self.active) or 'no limit'}"]
        lines += self.moves
        lines += [f"cost: {self.cost}"]
        if self.worth.prices:
            lines += [self.price_heading + ":", *(f"  {price}" for price in self.worth.prices)]
        elif self.worth.unpriced and self.worth.value is not None:
            lines.append(f"prices: not known ({self.worth.unpriced})")
        if self.worth.readings:
            lines.append("then: " + ", ".join(map(str, self.worth.readings)))
        return "\n".join(lines + ([f"nearest change: {self.nearest_change}"] if self.facets else []))

    @property
    def point(self) -> str:
        """Return theta in words."""
        named = zip(self.parameter_names, self.theta, self.parameter_units, strict=True)
        return ", ".join(_quantity(*quantity) for quantity in named)

    @property
    def place(self) -> str:
        """Return the region in words: which, how far from its border, what it was merged from, what is missing."""
        away = f"{self.margin:.3g} half widths from" if self.margin > TOLERANCE else "on"
        place = f"region {self.region}, {away} its border"
        if not self.inside:
            place = f"outside the domain; nearest is region {self.region}, {-self.margin:.3g} half widths away"
        if self.members:
            place += f" (merged from {_counted(self.members)} of the law as it was solved)"
        return place + (f"; the law is partial: {self.partial}" if self.partial else "")

    @property
    def moves(self) -> list[str]:
        """Return a line for every input: its value, and its affine law."""
        lines = []
        for i, name in enumerate(self.input_names):
            terms = "".join(f" {k:+.5g} {p}" for k, p in zip(self.gain[i], self.parameter_names, strict=True) if k)
            total = _quantity(name, self.input[i], self.input_units[i])
            lines.append(f"{total}   ({name} ={terms} {self.offset[i]:+.5g})")
        return lines

    @property
    def cost(self) -> str:
        """Return the optimal cost in words, or why there is none."""
        if self.worth.value is None:
            return f"not known ({self.worth.unpriced})"
        part = "" if self.worth.whole else ", without the part that no input changes (the problem gives none)"
        return f"{self.worth.value:.6g}{part}"

    @property
    def price_heading(self) -> str:
        """Return what the prices are, and whether they are unique."""
        if all(price.unique for price in self.worth.prices):
            return "prices, at this rate at first"
        return "prices are not unique here; more room and less room differ, at these rates at first"

    @property
    def nearest_change(self) -> str:
        """Return the nearest facet in words: the way to it, what changes there, and which region is behind it."""
        facet = self.facets[0]
        way = f"{self.way(facet)} ({facet.distance:.3g} half widths)" if facet.distance > TOLERANCE else "at once"
        return f"{way}: {facet}; behind it: {self.behind}"

    @property
    def behind(self) -> str:
        """Return what lies behind the nearest facet."""
        if self.beyond is None:
            return "no region that is known" if self.partial else "the end of the domain"
        return f"region {self.beyond}"

    def way(self, facet: Facet) -> str:
        """Return the move to a facet in words, in the parameters' own units."""
        named = zip(self.parameter_names, facet.move, self.parameter_units, strict=True)
        return ", ".join(f"{name} {move:+.4g} {unit}".rstrip() for name, move, unit in named if move) or "no move"

    def _facet(self, facet: Facet) -> dict[str, object]:
        move = dict(zip(self.parameter_names, facet.move.tolist(), strict=True))
        return {"distance": facet.distance, "move": move, "change": facet.change.value, "row": facet.row}


def explain(law: "PiecewiseAffineLaw", theta: Array) -> Explanation:
    """Return the explanation of `law` at one point theta (t,); raises ProblemError where it is beyond all numbers."""
    check_largest({"theta": theta})
    location = law.locate(theta)
    region, margin = int(location.region), float(np.asarray(location.margin))
    piece, inside = law.regions[region], margin >= -TOLERANCE
    facets = facets_of(law, region, theta) if inside else ()
    return Explanation(
        theta=theta,
        input=piece.gain @ theta + piece.offset,
        region=region,
        margin=margin,
        gain=piece.gain,
        offset=piece.offset,
        active=piece.active,
        parameter_names=law.parameter_names,
        parameter_units=law.parameter_units,
        input_names=law.input_names,
        input_units=law.input_units,
        worth=worth_at(law.problem, theta, piece.solution_gain @ theta + piece.solution_offset, inside),
        facets=facets,
        beyond=_beyond(law, theta, region, facets[0]) if facets else None,
        members=law.members[region] if law.members else (),
        partial=law.partial,
    )


def _beyond(law: "PiecewiseAffineLaw", theta: Array, region: int, facet: Facet) -> int | None:
    """Return the region a hair behind the nearest facet; None where the domain ends."""
    behind, margin = law.locate(theta + (facet.distance + HAIR) * facet.direction)
    return int(behind) if margin >= -TOLERANCE and behind != region else None


def _quantity(name: str, value: float, unit: str) -> str:
    return f"{name} = {value + 0.0:.6g}" + (f" {unit}" if unit else "")


def _counted(members: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, members[:SHOWN])) + (", ..." if len(members) > SHOWN else "")
    return f"region{'s' * (len(members) > 1)} {shown}"
