"""Readout: a named quantity that is affine in (theta, z), such as the angle at step 1, reported by explanations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from mpc.explicit.rebuilt import Rebuilt
from plants.arrays import Array, Checked, real_array, real_scalar


@dataclass(frozen=True, eq=False)
class Readout(Rebuilt):
    """offset + theta_map'theta + z_map'z in `unit`; theta_map is (t,), z_map (n,).

    Raises ProblemError for an empty name, NaN, and numbers that are not finite.
    """

    name: str
    unit: str
    offset: float
    theta_map: Checked
    z_map: Checked

    def __post_init__(self) -> None:
        """Check every argument once."""
        if not isinstance(self.name, str) or not self.name:
            raise ProblemError(f"`name` of a readout is {self.name!r}; pass a text, such as 'angle at step 1'")
        if not isinstance(self.unit, str):
            raise ProblemError(f"`unit` of the readout {self.name} is {self.unit!r}; pass a text, empty for none")
        object.__setattr__(self, "offset", real_scalar(self.offset, f"offset of {self.name}", ProblemError))
        for part in ("theta_map", "z_map"):
            checked = real_array(getattr(self, part), f"{part} of {self.name}", (None,), ProblemError)
            object.__setattr__(self, part, checked)
        check_largest({f"{part} of {self.name}": getattr(self, part) for part in ("theta_map", "z_map")})
        check_largest({f"offset of {self.name}": np.array([self.offset])})

    def __call__(self, theta: Array, z: Array) -> Array:
        """Return the quantity (...) at theta (..., t) and z (..., n)."""
        return self.offset + theta @ self.theta_map + z @ self.z_map


def checked_readouts(readouts: object, t: int, n: int) -> tuple[Readout, ...]:
    """Return the readouts as a tuple; raise ProblemError unless each fits t parameters and n variables, named once."""
    if not isinstance(readouts, Sequence) or not all(isinstance(one, Readout) for one in readouts):
        raise ProblemError(f"`readouts` is {readouts!r}; pass a sequence of Readout(name, unit, offset, ...), or ()")
    names = [one.name for one in readouts]
    for one in readouts:
        have, want = (len(one.theta_map), len(one.z_map)), (t, n)
        if have != want:
            raise ProblemError(
                f"readout {one.name} maps {have[0]} parameters and {have[1]} variables, but the problem has {want[0]} "
                f"and {want[1]}; give one number for each"
            )
        if names.count(one.name) > 1:
            raise ProblemError(f"`readouts` names {one.name} {names.count(one.name)} times; name each of them once")
    return tuple(readouts)
