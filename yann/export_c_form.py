"""What a user chooses for C: the numbers' type, and what happens outside the law's domain."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Checked, real_array
from yann.errors import NetworkError
from yann.gathered import input_box


@dataclass(frozen=True)
class Precision:
    """A type of C for all numbers: `name`, relative rounding `unit`, numpy's `dtype`, the `largest` number in C.

    `digits` tell any two numbers apart, `suffix` ends a constant.
    """

    name: str
    unit: float
    dtype: type[np.floating]
    largest: str
    digits: int
    suffix: str

    def text(self, value: float) -> str:
        """Return the number as a C constant of this type that reads back as the same bits.

        All digits, not the shortest ones: compilers for 80-bit registers round a constant twice, which moves a decimal
        close to the middle between two numbers.
        """
        digits = f"{self.dtype(value):.{self.digits}g}"
        digits += "" if set(digits) & set(".e") else ".0"
        return digits + self.suffix

    def inward(self, bound: Array, lower: bool) -> Array:
        """Return lower or upper bounds (m,) as numbers of this type that do not lie beyond them."""
        rounded = bound.astype(self.dtype)
        beyond = rounded < bound if lower else rounded > bound
        moved = np.nextafter(rounded, self.dtype(np.inf if lower else -np.inf))
        return np.where(beyond, moved, rounded).astype(np.float64)


DOUBLE = Precision("double", 2.0**-53, np.float64, "DBL_MAX", 17, "")
FLOAT = Precision("float", 2.0**-24, np.float32, "FLT_MAX", 9, "f")


@dataclass(frozen=True)
class Nearest:
    """Outside: the law and residual of the region of least violation, within the input bounds, as the networks do.

    All half-spaces are scanned for it. A state that is not finite gets 0, moved into the input bounds.
    """

    scans = True
    holds = False
    text = "Outside it is the nearest region's law within the bounds; not finite: 0, moved into the bounds."

    def backup(self, law: PiecewiseAffineLaw) -> Array:
        """Return the input (m,) for a state that is not finite."""
        return np.clip(np.zeros(law.m), *input_box(law))


@dataclass(frozen=True)
class Hold:
    """Outside, and for a state that is not finite: u stays as the caller passed it, within the input bounds."""

    scans = False
    holds = True
    text = "Outside it, and for an x that is not finite, u stays as it was passed, within the bounds."

    def backup(self, law: PiecewiseAffineLaw) -> Array:
        """Return an input (m,) that the self-test passes, to find it again."""
        return np.mean(input_box(law), axis=0)


@dataclass(frozen=True, eq=False)
class Backup:
    """Outside, and for a state that is not finite: the input `value`, a number or one per input, in their units."""

    value: Checked

    scans = False
    holds = False
    text = "Outside it, and for an x that is not finite, u is the backup input."

    def __post_init__(self) -> None:
        """Check that the value is finite."""
        object.__setattr__(self, "value", real_array(self.value, "value", None, NetworkError))

    def backup(self, law: PiecewiseAffineLaw) -> Array:
        """Return the input (m,); raises NetworkError if it does not fit the law or leaves the input bounds."""
        lower, upper = input_box(law)
        if self.value.shape not in ((), (law.m,)):
            raise NetworkError(
                f"`value` of Backup has shape {self.value.shape}, but the law has {law.m} inputs; "
                f"pass a number or ({law.m},)"
            )
        inputs = np.broadcast_to(self.value, (law.m,)).astype(np.float64)
        for name, value, low, high in zip(law.input_names, inputs, lower, upper, strict=True):
            if not low <= value <= high:
                raise NetworkError(
                    f"`value` of Backup is {value:g} for the input {name}, but its bounds are {low:g} and {high:g}; "
                    "pass an input within them"
                )
        return inputs


Outside = Nearest | Hold | Backup
NEAREST, HOLD = Nearest(), Hold()
