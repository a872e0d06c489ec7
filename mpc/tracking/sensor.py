"""Sensor: what a simulation lets a controller see of the state."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants.arrays import Array, instance_of, real_array


@dataclass(frozen=True, eq=False)
class Sensor:
    """States (..., n) -> measured outputs (..., p) = output + C (x - state) + bias + noise.

    `bias` (p,) is a constant error that nobody knows of; `deviation` (p,) is the standard deviation of white noise
    that is drawn from `generator` at every reading, each in the output's unit. Raises ProblemError for noise without
    generator, negative deviations, and outputs that depend on the input.
    """

    model: LinearModel
    bias: Any = None
    deviation: Any = None
    generator: np.random.Generator | None = None

    def __post_init__(self) -> None:
        """Check every argument."""
        instance_of(self.model, LinearModel, "model", ProblemError, "pass linearise(plant) or a LinearModel")
        if self.model.D.any():
            raise ProblemError("`D` is not 0: these outputs depend on the input too; leave them out of C")
        for name in ("bias", "deviation"):
            given = getattr(self, name)
            values = np.zeros(self.model.p) if given is None else given
            object.__setattr__(self, name, real_array(values, f"Sensor {name}", (self.model.p,), ProblemError))
        if self.deviation.min() < 0:
            i = int(self.deviation.argmin())
            name = self.model.output_names[i]
            raise ProblemError(f"`Sensor deviation` of {name} is {self.deviation[i]:g}, but it must be at least 0")
        if self.deviation.any():
            mend = "pass numpy.random.default_rng(seed), or no deviation"
            instance_of(self.generator, np.random.Generator, "Sensor generator", ProblemError, mend)

    def __call__(self, x: ArrayLike) -> Array:
        """Return one reading of the outputs (..., p) at states (..., n)."""
        exact = self.model.outputs(x) + self.bias
        return exact if self.generator is None else exact + self.deviation * self.generator.normal(size=exact.shape)
