"""changes: what training changed, region by region, at the states that a plant visits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from plants.arrays import Array, instance_of, real_array
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.explain import one_member
from yann.policy_explanation import counted, quantity

Cost = Callable[[Array, Array], object]
"""Costs (k,) for states (k, t) and inputs (k, m), such as a trained critic gives."""

SHOWN = 20
"""Regions that the text lists."""

MEND = "pass what YannActor.from_law or YannActor.load returns"


@dataclass(frozen=True, eq=False)
class RegionChange:
    """What changed in one region: its visits, those of them outside the domain, and the input's changes (m,).

    `mean` is the average of after - before over the visits, `largest` the one of largest size, input by input, with
    its sign; `cost` is the average change of the cost (None: none was given). `active` names its active rows.
    """

    region: int
    visits: int
    outside: int
    mean: Array
    largest: Array
    cost: float | None
    active: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed between two actors of one law. str() is a text, to_dict() goes into JSON.

    `regions` are the visited ones, the most visited first, out of `count`; `elsewhere` (m,) is the largest change, with
    its sign, at the centres of regions without a visit: 0 where training left them alone.
    """

    regions: tuple[RegionChange, ...]
    count: int
    elsewhere: Array
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]

    @property
    def visits(self) -> int:
        """Return the number of states."""
        return sum(one.visits for one in self.regions)

    @property
    def cost(self) -> float | None:
        """Return the average change of the cost over all states, or None where no cost was given."""
        costs = [one.cost for one in self.regions if one.cost is not None]
        weights = [one.visits for one in self.regions if one.cost is not None]
        return float(np.average(costs, weights=weights)) if costs else None

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        return {
            "units": dict(zip(self.input_names, self.input_units, strict=True)),
            "visits": self.visits,
            "cost": self.cost,
            "count": self.count,
            "elsewhere": self._named(self.elsewhere),
            "regions": [
                {
                    "region": one.region,
                    "visits": one.visits,
                    "outside": one.outside,
                    "mean": self._named(one.mean),
                    "largest": self._named(one.largest),
                    "cost": one.cost,
                    "active": list(one.active),
                }
                for one in self.regions
            ],
        }

    def __str__(self) -> str:
        """Return a line for every visited region (the first 20), and one for the others."""
        states, regions = counted(self.visits, "state"), counted(self.count, "region")
        head = f"{states} in {len(self.regions):,} of {regions}"
        lines = [head + ("" if self.cost is None else f"; cost {self.cost:+.4g} a state")]
        lines += [self.line(one) for one in self.regions[:SHOWN]]
        if len(self.regions) > SHOWN:
            others = counted(len(self.regions) - SHOWN, "region")
            lines.append(f"... and {others} more, none with more visits")
        if len(self.regions) < self.count:
            moves = self._moves(self.elsewhere)
            others = counted(self.count - len(self.regions), "region")
            lines.append(f"not visited: {others}, at their centres at most {moves}")
        return "\n".join(lines)

    def line(self, one: RegionChange) -> str:
        """Return what changed in one region, in words."""
        outside = f", {one.outside:,} outside the domain" if one.outside else ""
        cost = "" if one.cost is None else f"; cost {one.cost:+.4g}"
        active = "; ".join(one.active) or "no limit"
        return (
            f"region {one.region} ({active}): {counted(one.visits, 'visit')}{outside}; "
            f"{self._moves(one.mean)} on average, {self._moves(one.largest)} at most{cost}"
        )

    def _moves(self, change: Array) -> str:
        named = zip(self.input_names, change, self.input_units, strict=True)
        return ", ".join(f"{name} {quantity(value, unit, '+.4g')}" for name, value, unit in named)

    def _named(self, values: Array) -> dict[str, float]:
        return dict(zip(self.input_names, values.tolist(), strict=True))


def changes(
    before: YannActor, after: YannActor, states: ArrayLike, cost: Cost | None = None, member: int | None = None
) -> Changes:
    """Return how the input changed from `before` to `after` at `states` (..., t), region by region.

    Since training began: `before` is YannActor.from_law(law). `member` picks one of a stack, of both where both are
    stacks. `cost(x, u)` predicts costs, such as a trained critic or one of its members. Raises NetworkError for
    actors of two laws, states that do not fit, and costs that are not one finite number for each state.
    """
    old, new = _pair(before, after, member)
    law = new.birth.law
    points = real_array(states, "states", None, NetworkError)
    if points.ndim == 0 or points.shape[-1] != law.t or not points.size:
        raise NetworkError(f"`states` has shape {points.shape}, but (..., {law.t}) with at least 1 state is needed")
    points = points.reshape(-1, law.t)
    first, second = np.asarray(old(points)), [np.asarray(part) for part in new.evaluate(points)]
    inputs, region, valid = second
    moved = inputs - first
    dearer = None if cost is None else _priced(cost, points, inputs) - _priced(cost, points, first)
    visits = np.bincount(region, minlength=len(law.regions))
    order = [int(i) for i in np.argsort(-visits, kind="stable") if visits[i]]
    unvisited = np.array([r.centre for i, r in enumerate(law.regions) if not visits[i]]).reshape(-1, law.t)
    away = np.asarray(new(unvisited)) - np.asarray(old(unvisited)) if len(unvisited) else np.zeros((1, law.m))
    return Changes(
        regions=tuple(_region_change(i, region == i, moved, valid, dearer, law.regions[i].active) for i in order),
        count=len(law.regions),
        elsewhere=_largest(away),
        input_names=law.input_names,
        input_units=law.input_units,
    )


def _pair(before: YannActor, after: YannActor, member: int | None) -> tuple[YannActor, YannActor]:
    """Return a stack of one for both, of one law."""
    for name, actor in (("before", before), ("after", after)):
        instance_of(actor, YannActor, name, NetworkError, MEND)
    if before.law_digest != after.law_digest:
        raise NetworkError(
            f"`before` was born of the law {before.law_digest[:12]}, `after` of {after.law_digest[:12]}; pass two "
            "actors of one law"
        )
    old = one_member(before, member if before.members > 1 else None, "before")
    return old, one_member(after, member if after.members > 1 else None, "after")


def _priced(cost: Cost, points: Array, inputs: Array) -> Array:
    """Return the cost (k,) of inputs at points."""
    if not callable(cost):
        raise NetworkError(f"`cost` is a {type(cost).__name__}; pass a critic or a function of states and inputs")
    return real_array(np.asarray(cost(points, inputs)), "cost(states, inputs)", (len(points),), NetworkError)


def _region_change(
    region: int, here: np.ndarray, moved: Array, valid: np.ndarray, dearer: Array | None, active: tuple[str, ...]
) -> RegionChange:
    return RegionChange(
        region=region,
        visits=int(here.sum()),
        outside=int((here & ~valid).sum()),
        mean=moved[here].mean(axis=0),
        largest=_largest(moved[here]),
        cost=None if dearer is None else float(dearer[here].mean()),
        active=active,
    )


def _largest(moved: Array) -> Array:
    """Return for every input the change of largest size, with its sign."""
    return moved[np.abs(moved).argmax(axis=0), np.arange(moved.shape[1])]
