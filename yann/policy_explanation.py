"""PolicyExplanation: a trained actor at one point beside its law; as text, as plain data."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class PolicyExplanation:
    """One point of a trained actor. str() is a text, to_dict() goes into JSON.

    `nominal` is the law's input, `learned` the actor's, both within `input_bounds` (m,); `residual` is what training
    adds before the clip, less than `bound` in size where there is one; `held` is -1, 0 or 1 for each input that the
    lower bound, none or the upper one holds. `region` is the one used, `margin` how far inside in half widths of the
    parameter set (negative: outside, where the nearest region is used), `active` the names of its active rows.
    `gain` (m, t) is the law's slope, `slope` the learned one: 0 where an input is held.
    """

    theta: Array
    nominal: Array
    learned: Array
    residual: Array
    bound: Array | None
    held: tuple[int, ...]
    input_bounds: tuple[Array, Array]
    region: int
    margin: float
    inside: bool
    active: tuple[str, ...]
    gain: Array
    slope: Array
    parameter_names: tuple[str, ...]
    parameter_units: tuple[str, ...]
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        return {
            "theta": dict(zip(self.parameter_names, self.theta.tolist(), strict=True)),
            "units": dict(
                zip(self.parameter_names + self.input_names, self.parameter_units + self.input_units, strict=True)
            ),
            "region": self.region,
            "inside": self.inside,
            "margin": self.margin,
            "active": list(self.active),
            "inputs": {name: self._input(i) for i, name in enumerate(self.input_names)},
        }

    def __str__(self) -> str:
        """Return a few lines: point, region, active rows, then for every input both values and both slopes."""
        lines = [f"at {self.point}", self.place, f"active: {'; '.join(self.active) or 'no limit'}"]
        for i in range(len(self.input_names)):
            lines += [self.move(i), f"  {self.share(i)}", f"  slope: {self.slopes(i)}"]
        return "\n".join(lines)

    @property
    def point(self) -> str:
        """Return theta in words."""
        named = zip(self.parameter_names, self.theta, self.parameter_units, strict=True)
        return ", ".join(f"{name} = {quantity(value, unit)}" for name, value, unit in named)

    @property
    def place(self) -> str:
        """Return the region in words: which, and how far from its border."""
        if not self.inside:
            return f"outside the domain; nearest is region {self.region}, {-self.margin:.3g} half widths away"
        return f"region {self.region}, {max(0.0, self.margin):.3g} half widths from its border"

    def move(self, i: int) -> str:
        """Return the learned input beside the law's, in words."""
        unit = self.input_units[i]
        change = quantity(self.learned[i] - self.nominal[i], unit, "+.6g")
        return (
            f"{self.input_names[i]} = {quantity(self.learned[i], unit)}   "
            f"(law {quantity(self.nominal[i], unit)}, learned {change})"
        )

    def share(self, i: int) -> str:
        """Return the residual in words: its size, its bound, and whether a limit holds the input."""
        unit = self.input_units[i]
        words = f"residual {quantity(self.residual[i], unit, '+.6g')}"
        if self.bound is not None:
            part = abs(self.residual[i]) / self.bound[i]
            words += f" of at most {quantity(self.bound[i], unit)} ({part:.0%})"
        return words + (f"; held at its {self.limit(i)}" if self.held[i] else "")

    def limit(self, i: int) -> str:
        """Return the limit that holds an input, in words; empty where none does."""
        if not self.held[i]:
            return ""
        side = int(self.held[i] > 0)
        limit = quantity(self.input_bounds[side][i], self.input_units[i])
        return f"{('lower', 'upper')[side]} limit {limit}"

    def slopes(self, i: int) -> str:
        """Return both slopes of an input, in words."""
        named = zip(self.parameter_names, self.slope[i], self.gain[i], strict=True)
        return ", ".join(f"per {name} {learned:.5g} (law {law:.5g})" for name, learned, law in named)

    def _input(self, i: int) -> dict[str, object]:
        slopes = {"slope": self.slope[i], "law_slope": self.gain[i]}
        return {
            "nominal": float(self.nominal[i]),
            "learned": float(self.learned[i]),
            "residual": float(self.residual[i]),
            "bound": None if self.bound is None else float(self.bound[i]),
            "held": self.limit(i),
            **{
                name: dict(zip(self.parameter_names, np.asarray(row).tolist(), strict=True))
                for name, row in slopes.items()
            },
        }


def quantity(value: float, unit: str, form: str = ".6g") -> str:
    """Return a number with its unit; -0 is 0."""
    return f"{value + 0.0:{form}} {unit}".rstrip()


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural but for 1."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
