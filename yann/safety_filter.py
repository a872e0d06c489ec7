"""SafetyFilter: the nearest input that keeps a plant in its safe set, as a function and as layers."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from mpc.safety.construct import safe_set
from mpc.safety.max_min import MaxMin
from mpc.safety.nearest_input import NearestInput
from mpc.safety.safe_set import SafeSet
from plants import Plant
from plants.arrays import Array, instance_of, paired_points, real_array, real_points
from yann.clip import Clip, hard_clip
from yann.errors import NetworkError
from yann.filter_layers import layers_of
from yann.safety_explanation import SafetyExplanation, explained


class SafetyFilter(nn.Module):
    """`safe(x, u)` is the input nearest to `u` that keeps the state within the plant's limits for ever.

    It is least restrictive: where `u` keeps all rows of the safe set it passes, to the last bit. Where u is not finite
    it gives what it makes of the set's `backup`. It has nothing to train. From states outside the set, which
    `contains` tells, nothing is guaranteed: there it does what it can. As a layer it gives the true
    derivative: by u 1 where u passes, 0 where it does not.
    """

    def __init__(self, safe: SafeSet) -> None:
        super().__init__()
        instance_of(safe, SafeSet, "safe", NetworkError, "pass safe_set(plant), or call SafetyFilter.for_plant(plant)")
        self.set = safe
        self.filtering = MaxMin.of(safe) if safe.m == 1 else NearestInput.of(safe)
        self.layers = layers_of(self.filtering)

    @classmethod
    def for_plant(cls, plant: Plant, limits: Any = None, design: Any = None) -> Self:
        """Return the filter of a plant's `safe_limits`, or of other `limits` (lower, upper), None for no limit.

        `design` chooses a construction with its settings, as StoredHeat() for the reactor; None takes the one that
        knows the plant's equations, or else its linear model with a proved bound of the error. Raises NoSafeSet where
        no set is found, ProblemError for a plant without limits or what does not fit.
        """
        return cls(safe_set(plant, limits, design))

    def forward(self, x: Any, u: Any) -> Any:
        """Return the inputs (..., m) for states (..., n) and wanted ones (..., m): a tensor if one is, else numpy.

        Raises NetworkError for a wrong width, leading axes that do not go together, or states that are not finite.
        """
        if isinstance(x, Tensor) or isinstance(u, Tensor):
            return self._tensors(x, u)
        states = real_points(x, "x", self.set.state_names, NetworkError)
        states, inputs = paired_points(states, self._wanted(u), NetworkError)
        rows = self.filtering.filtered(states.reshape(-1, self.set.n), inputs.reshape(-1, self.set.m))
        return rows.reshape(inputs.shape)

    def rows(self, x: Tensor, wanted: Tensor, clip: Clip = hard_clip) -> Tensor:
        """Return the inputs (S, B, m) for float64 states (S, B, n), wanted ones (S, B, m), unchecked.

        `clip` chooses the gradient: `hard_clip` the true one, `inward_clip` the one that training needs.
        """
        return self.layers(x, wanted, clip)

    def filtered(self, x: Array, wanted: Array) -> Array:
        """Return the inputs (rows, m) for float64 arrays (rows, n) and (rows, m), unchecked."""
        return self.filtering.filtered(x, wanted)

    def contains(self, x: Any) -> Any:
        """Return which states (..., n) are in the safe set: booleans (...) of the kind given.

        Raises NetworkError for a wrong width, NaN or infinity.
        """
        points = x.detach().numpy(force=True) if isinstance(x, Tensor) else x
        states = real_points(points, "x", self.set.state_names, NetworkError)
        inside = self.set.contains(states.reshape(-1, self.set.n)).reshape(states.shape[:-1])
        return torch.from_numpy(inside) if isinstance(x, Tensor) else inside[()]

    def explain(self, x: ArrayLike, u: ArrayLike | None = None) -> SafetyExplanation:
        """Return what the filter asks of the input at one state (n,), and why; with `u` (m,), what it makes of that.

        Raises NetworkError for a wrong size, and a state that is not finite.
        """
        state = real_array(x, "x", (self.set.n,), NetworkError)
        wanted = None if u is None else self._wanted(u)
        if wanted is not None and wanted.ndim != 1:
            raise NetworkError(f"`u` has shape {wanted.shape}, but ({self.set.m},) is needed: the inputs wanted at x")
        return explained(self.set, self.filtering, state, wanted)

    def _tensors(self, x: Any, u: Any) -> Tensor:
        states, inputs = _tensor(x, "x"), _tensor(u, "u")
        real_points(states.detach().numpy(force=True), "x", self.set.state_names, NetworkError)
        self._wanted(inputs.detach().numpy(force=True))
        lead = self._lead(states, inputs)
        states = states.expand(*lead, self.set.n).reshape(1, -1, self.set.n)
        inputs = inputs.expand(*lead, self.set.m).reshape(1, -1, self.set.m)
        return self.rows(states, inputs).reshape(*lead, self.set.m)

    def _lead(self, states: Tensor, inputs: Tensor) -> torch.Size:
        try:
            return torch.broadcast_shapes(states.shape[:-1], inputs.shape[:-1])
        except RuntimeError as cause:
            raise NetworkError(
                f"`x` has shape {tuple(states.shape)} and `u` {tuple(inputs.shape)}: their leading axes do not go "
                "together; give one input per state"
            ) from cause

    def _wanted(self, u: Any) -> Array:
        """Return wanted inputs (..., m) that need not be finite; raise NetworkError for other shapes and kinds."""
        try:
            inputs = np.asarray(u, dtype=np.float64)
        except (TypeError, ValueError) as cause:
            raise NetworkError(f"`u` is {u!r}; pass inputs (..., {self.set.m}) as real numbers") from cause
        if inputs.ndim == 0 or inputs.shape[-1] != self.set.m:
            names = ", ".join(self.set.input_names)
            raise NetworkError(f"`u` has shape {inputs.shape}, but its last axis must be {self.set.m} long ({names})")
        return inputs

    def extra_repr(self) -> str:
        """Return the sizes that printing a filter shows."""
        return f"{self.set.n} states, {self.set.m} inputs, {len(self.set.b)} half-spaces"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the filter itself: nothing of it ever changes."""
        return self


def _tensor(values: Any, name: str) -> Tensor:
    """Return numbers as a float64 tensor; NetworkError for what are none."""
    if isinstance(values, Tensor) and values.is_complex():
        raise NetworkError(f"`{name}` has dtype {values.dtype}; pass real numbers")
    try:
        return torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as cause:
        raise NetworkError(f"`{name}` is {values!r}; pass real numbers, as a tensor or an array") from cause
