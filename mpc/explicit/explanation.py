"""Explanation: why a law gives the input that it gives."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mpc.explicit.domain import TOLERANCE
from plants.arrays import Array

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw


@dataclass(frozen=True, eq=False)
class Explanation:
    """One point of a law: its region, gains and active rows. str() is a text, to_dict() goes into JSON."""

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

    @property
    def inside(self) -> bool:
        """Return whether theta lies in the domain; outside, the nearest region is explained."""
        return self.margin >= -TOLERANCE

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers, lists and texts."""
        return {
            "theta": dict(zip(self.parameter_names, self.theta.tolist(), strict=True)),
            "input": dict(zip(self.input_names, self.input.tolist(), strict=True)),
            "region": self.region,
            "inside": self.inside,
            "margin": self.margin,
            "gain": self.gain.tolist(),
            "offset": self.offset.tolist(),
            "active": list(self.active),
        }

    def __str__(self) -> str:
        """Return a few lines: point, region, the affine law in names, active rows, input."""
        point = ", ".join(
            _quantity(*p) for p in zip(self.parameter_names, self.theta, self.parameter_units, strict=True)
        )
        place = f"region {self.region}, {self.margin:.3g} half widths from its border"
        if not self.inside:
            place = f"outside the domain; nearest is region {self.region}, {-self.margin:.3g} half widths away"
        lines = [f"at {point}", place, f"active: {'; '.join(self.active) or 'no limit'}"]
        for i, name in enumerate(self.input_names):
            terms = "".join(f" {k:+.5g} {p}" for k, p in zip(self.gain[i], self.parameter_names, strict=True) if k)
            total = _quantity(name, self.input[i], self.input_units[i])
            lines.append(f"{total}   ({name} ={terms} {self.offset[i]:+.5g})")
        return "\n".join(lines)


def explain(law: "PiecewiseAffineLaw", theta: Array) -> Explanation:
    """Return the explanation of `law` at one point theta (t,)."""
    region, margin = law.locate(theta)
    piece = law.regions[int(region)]
    return Explanation(
        theta=theta,
        input=piece.gain @ theta + piece.offset,
        region=int(region),
        margin=float(np.asarray(margin)),
        gain=piece.gain,
        offset=piece.offset,
        active=piece.active,
        parameter_names=law.parameter_names,
        parameter_units=law.parameter_units,
        input_names=law.input_names,
        input_units=law.input_units,
    )


def _quantity(name: str, value: float, unit: str) -> str:
    return f"{name} = {value:.6g}" + (f" {unit}" if unit else "")
