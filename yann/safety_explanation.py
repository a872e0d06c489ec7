"""SafetyExplanation: what a safety filter asks of the input at one state, and which limit asks for it."""

from dataclasses import dataclass

import numpy as np

from mpc.safety.max_min import MaxMin
from mpc.safety.nearest_input import NearestInput
from mpc.safety.safe_set import SafeSet
from plants.arrays import Array
from yann.policy_explanation import quantity


@dataclass(frozen=True, eq=False)
class Guard:
    """A half-space of the safe set: what it limits, how far the state is from it, and what it asks of the input."""

    label: str
    unit: str
    distance: float
    asks: str

    def __str__(self) -> str:
        """Return it in a sentence."""
        place = "from its limit" if self.distance >= 0 else "beyond its limit"
        return f"{self.asks}: {self.label} is {quantity(abs(self.distance), self.unit, '.3g')} {place}"


@dataclass(frozen=True, eq=False)
class SafetyExplanation:
    """One state and, where one was given, a wanted input. str() is a text, `to_dict()` goes into JSON.

    `inside` says whether the state is in the safe set, and `margin` (q,) how far it is from each half-space, in that
    one's unit, negative outside. `guards` are those that limit the input more than its own bounds do, the tightest
    first for each side. `wanted` and `given` (m,) are None without an input.
    """

    inside: bool
    margin: Array
    labels: tuple[str, ...]
    units: tuple[str, ...]
    guards: tuple[Guard, ...]
    wanted: Array | None
    given: Array | None
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]

    def __str__(self) -> str:
        """Return a few lines: what is asked, why, and what becomes of the wanted input."""
        lines = [str(guard) for guard in self.guards] or [
            "any input within its bounds: no limit of the safe set is near"
        ]
        if not self.inside:
            worst = int(np.argmin(self.margin))
            beyond = quantity(-self.margin[worst], self.units[worst], ".3g")
            lines.insert(0, f"outside the safe set, so nothing is guaranteed: {self.labels[worst]} is {beyond} beyond")
        lines += [self._change(i) for i in range(len(self.input_names)) if self.wanted is not None]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        return {
            "inside": self.inside,
            "margin": dict(zip(self.labels, self.margin.tolist(), strict=True)),
            "guards": [str(guard) for guard in self.guards],
            "wanted": None if self.wanted is None else [_plain(value) for value in self.wanted],
            "given": None if self.given is None else self.given.tolist(),
        }

    def _change(self, i: int) -> str:
        assert self.wanted is not None and self.given is not None  # noqa: S101, PT018 - both or neither
        name, unit, wanted, given = self.input_names[i], self.input_units[i], self.wanted[i], self.given[i]
        if wanted == given:
            return f"{name} {quantity(given, unit)} passes as it is"
        return f"{name} {quantity(wanted, unit)} becomes {quantity(given, unit)}"


def explained(safe: SafeSet, filtering: MaxMin | NearestInput, state: Array, wanted: Array | None) -> SafetyExplanation:
    """Return the explanation of a state (n,) and, unless None, a wanted input (m,)."""
    margin = safe.b - safe.A @ state
    given = None if wanted is None else filtering.filtered(state[None], wanted[None])[0]
    if isinstance(filtering, MaxMin):
        guards = _of_bounds(safe, filtering, state)
    else:
        guards = () if given is None else _of_rows(safe, state, given)
    return SafetyExplanation(
        inside=bool((margin >= 0).all()),
        margin=margin,
        labels=safe.labels,
        units=safe.units,
        guards=guards,
        wanted=wanted,
        given=given,
        input_names=safe.input_names,
        input_units=safe.input_units,
    )


def _of_bounds(safe: SafeSet, filtering: MaxMin, state: Array) -> tuple[Guard, ...]:
    """Return the tightest lower and the tightest upper limit of one input, where the input's bounds are wider."""
    known = float(np.sin(state) @ filtering.sines)
    lower, upper = filtering.input_bounds
    name, unit = safe.input_names[0], safe.input_units[0]
    found = []
    for pieces, word, sign, bound in ((filtering.below, "least", 1, lower), (filtering.above, "most", -1, upper)):
        if not len(pieces.rows):
            continue
        values = pieces.values(state[None])[:, 0] - known
        tightest = int(np.argmax(sign * values))
        if sign * values[tightest] > sign * bound:
            asked = quantity(float(np.clip(values[tightest], lower, upper)), unit, ".4g")
            found.append(_guard(safe, int(pieces.rows[tightest]), state, f"{name} at {word} {asked}"))
    return tuple(found)


def _of_rows(safe: SafeSet, state: Array, given: Array) -> tuple[Guard, ...]:
    """Return the rows that hold the given inputs (m,): those without slack."""
    rows = safe.rows
    slack = rows.slack(state[None], given[None])[0]
    reach = np.abs(rows.U) @ (safe.input_bounds[1] - safe.input_bounds[0])
    names = " and ".join(safe.input_names)
    held = np.flatnonzero(slack <= 1e-9 * reach)
    return tuple(_guard(safe, int(row), state, f"{names} held") for row in held)


def _guard(safe: SafeSet, row: int, state: Array, asks: str) -> Guard:
    side = int(safe.rows.guards[row])
    return Guard(safe.labels[side], safe.units[side], float(safe.b[side] - safe.A[side] @ state), asks)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
