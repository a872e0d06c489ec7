"""What running a plant costs: any cost, and one quadratic in the distance from a target."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import casadi as ca
import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from plants.arrays import Array, instance_of, paired_points, real_array, real_points, real_scalar, whole_number
from plants.errors import PlantError
from plants.event import Event, checked_event


class Cost(ABC):
    """What one step costs, for learners, simulations and controllers alike.

    `n` and `m` are the numbers of states and inputs. `violation_penalty` is added once by whoever steps the plant, when
    a step ends an episode unsafely; `event`, where there is one, ends an episode as well, at a cost of its own.
    """

    n: int
    m: int
    violation_penalty: float
    event: Event | None

    def __call__(self, x: ArrayLike, u: ArrayLike) -> Array:
        """Return the stage cost (...,) of states (..., n) and inputs (..., m), as `stage` does."""
        return self.stage(x, u)

    def stage(self, x: ArrayLike, u: ArrayLike) -> Array:
        """Return the stage cost (...,) of states (..., n) and inputs (..., m), without the penalty.

        Raises PlantError for a wrong width, NaN or infinity. Training loops may call `stage_rows`.
        """
        states = real_points(x, "x", [f"x{i}" for i in range(self.n)], PlantError)
        inputs = real_points(u, "u", [f"u{i}" for i in range(self.m)], PlantError)
        return self.stage_rows(*paired_points(states, inputs, PlantError))

    @abstractmethod
    def stage_rows(self, x: Float64[np.ndarray, "*rows n"], u: Float64[np.ndarray, "*rows m"]) -> Any:
        """Return the stage cost (*rows,) of float64 arrays whose shapes and numbers are known to be good."""

    @abstractmethod
    def expression(self, x: Any, u: Any) -> Any:
        """Return the stage cost as a CasADi expression of columns x (n, 1) and u (m, 1)."""


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticCost(Cost):
    """The stage cost (x - x_t)' Q (x - x_t) + (u - u_t)' R (u - u_t), without a half.

    `state_weight` Q (n, n) and `input_weight` R (m, m) are symmetric and positive semidefinite; one
    number will do where n or m is 1. `state_target` x_t (n,) and `input_target` u_t (m,) are in physical units.
    `violation_penalty` is added once by whoever steps the plant, when a step ends an episode unsafely.
    `angles` are the indices of the states whose distance is taken on the circle, in (-pi, pi].

    Raises PlantError for wrong shapes, NaN, weights that are not symmetric or not positive semidefinite.
    """

    state_weight: Any
    input_weight: Any
    state_target: Any
    input_target: Any
    violation_penalty: float = 0.0
    angles: Sequence[int] = ()
    event: Event | None = None
    n: int = field(init=False)
    m: int = field(init=False)

    def __post_init__(self) -> None:
        for side in ("state", "input"):
            target = real_array(getattr(self, f"{side}_target"), f"{side}_target", (None,), PlantError)
            if not len(target):
                raise PlantError(f"`{side}_target` is empty; give one entry for each {side} of the plant")
            weight = checked_weight(getattr(self, f"{side}_weight"), f"{side}_weight", len(target))
            object.__setattr__(self, f"{side}_target", target)
            object.__setattr__(self, f"{side}_weight", weight)
            object.__setattr__(self, {"state": "n", "input": "m"}[side], len(target))
        object.__setattr__(self, "violation_penalty", checked_penalty(self.violation_penalty))
        checked_event(self.event, self.n)
        given = self.angles.tolist() if isinstance(self.angles, np.ndarray) else self.angles
        instance_of(given, Sequence, "angles", PlantError, "pass the indices of the states that turn, as in (0,)")
        object.__setattr__(self, "angles", tuple(self._angle(i) for i in given))

    def stage_rows(self, x: Float64[np.ndarray, "*rows n"], u: Float64[np.ndarray, "*rows m"]) -> Any:
        """Return the stage cost (*rows,) of float64 arrays, unchecked."""
        dx, du = x - self.state_target, u - self.input_target
        for i in self.angles:
            dx[..., i] = wrapped(dx[..., i])
        return ((dx @ self.state_weight) * dx).sum(-1) + ((du @ self.input_weight) * du).sum(-1)

    def expression(self, x: Any, u: Any) -> Any:
        """Return the stage cost as a CasADi expression of columns x (n, 1) and u (m, 1)."""
        entries, du = ca.vertsplit(x - self.state_target), u - self.input_target
        for i in self.angles:
            entries[i] = on_circle(entries[i])
        dx = ca.vertcat(*entries)
        return ca.bilin(self.state_weight, dx, dx) + ca.bilin(self.input_weight, du, du)

    def __repr__(self) -> str:
        """Return one line: the diagonals of the weights and the penalty."""
        Q, R = np.diag(self.state_weight).tolist(), np.diag(self.input_weight).tolist()
        return f"QuadraticCost(diag Q={Q}, diag R={R}, violation_penalty={self.violation_penalty:g})"

    def _angle(self, index: int) -> int:
        index = whole_number(index, "angles", PlantError)
        if index >= len(self.state_target):
            raise PlantError(f"`angles` has index {index}, but there are {len(self.state_target)} states")
        return index


def checked_penalty(value: object) -> float:
    """Return a violation penalty as a float; raise PlantError for one below 0."""
    penalty = real_scalar(value, "violation_penalty", PlantError)
    if penalty < 0:
        raise PlantError(f"`violation_penalty` is {penalty:g}, but it must be at least 0; we minimise cost")
    return penalty


def wrapped(angle: Array) -> Array:
    """Return each angle [rad] turned into (-pi, pi]."""
    return np.clip(angle - 2 * np.pi * np.ceil((angle - np.pi) / (2 * np.pi)), -np.pi, np.pi)


def on_circle(angle: Any) -> Any:
    """Return an angle [rad], a CasADi expression, turned into (-pi, pi]: for costs of an angle that turns freely."""
    return angle - 2 * np.pi * ca.ceil((angle - np.pi) / (2 * np.pi))


def checked_weight(value: ArrayLike, name: str, size: int) -> Array:
    """Return a symmetric positive semidefinite (size, size) weight; raise PlantError naming it otherwise."""
    weight = real_array(value, name, None, PlantError)
    if weight.ndim == 0 and size == 1:
        weight = weight.reshape(1, 1)
    if weight.shape != (size, size):
        raise PlantError(
            f"`{name}` has shape {weight.shape}, but ({size}, {size}) is needed for a target of {size} entries; "
            "pass a matrix, as in np.diag([1.0, 0.1])"
        )
    scale = np.abs(weight).max()
    gap = np.abs(weight - weight.T).max()
    if gap > 1e-9 * scale:
        raise PlantError(f"`{name}` is not symmetric: it differs from its transpose by {gap:g}; pass (W + W.T) / 2")
    least = float(np.linalg.eigvalsh(weight).min())
    if least < -1e-9 * scale:
        raise PlantError(f"`{name}` has the eigenvalue {least:g}, below 0; make it positive semidefinite")
    return weight
