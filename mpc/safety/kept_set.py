"""The largest set that inputs of a linear model keep against bounded errors, with an input stored for each corner."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mpc.explicit.errors import NumericalError
from mpc.explicit.linear import linear_program
from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.safety.errors import NoSafeSet
from mpc.safety.linearised import Linearised
from mpc.safety.model_error import model_offset
from mpc.sets.invariant import EmptySet, maximal_control_invariant
from mpc.sets.invariant_set import InvariantSet
from plants.arrays import Array

RESERVE = 1e-6  # of each half-space's width: what rounding of a filter may take
BLIND = 1e-10  # of each half-space's width: a row that all inputs together move by less is no row of the inputs
HALVINGS = 6

Bounds = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class KeptSet:
    """{A x <= b} with the rows X x + U u <= h that keep it, and at each corner (c, n) an input `held` (c, m) for all.

    `slack` is by how much of a half-space's width an input is missed at the worst corner; negative where there is room.
    `guards` numbers the rows that inputs move; what the others say holds in all of the set, whatever the input is.
    """

    A: Array
    b: Array
    X: Array
    U: Array
    h: Array
    corners: Array
    held: Array
    guards: np.ndarray
    slack: float

    def content(self) -> dict[str, Any]:
        """Return it as plain data."""
        rows = {name: getattr(self, name).tolist() for name in "XUh"}
        return {
            "set": {"A": self.A.tolist(), "b": self.b.tolist()},
            "rows": rows | {"guards": self.guards.tolist()},
            "corners": {"states": self.corners.tolist(), "inputs": self.held.tolist()},
            "worst": {"slack": self.slack},
        }


def kept_by_inputs(model: LinearModel, A: Array, b: Array, pushed: Bounds, inputs: Bounds) -> KeptSet:
    """Return the set with its rows; each leaves room for every w from `pushed[0]` to `pushed[1]` (n,), and RESERVE."""
    corners = Polyhedron(A, b).vertices()
    width = b - (corners @ A.T).min(axis=0)
    X, U = A @ model.A, A @ model.B
    furthest = np.maximum(A * pushed[0], A * pushed[1]).sum(axis=1)
    h = b - A @ model_offset(model) - furthest - RESERVE * width
    moved = np.abs(U) @ (inputs[1] - inputs[0])
    found = [_best_input((h - X @ corner) / width, U / width[:, None], inputs) for corner in corners]
    held = np.array([u for u, _ in found])
    slack = -min(room for _, room in found)
    return KeptSet(A, b, X, U, h, corners, held, np.flatnonzero(moved > BLIND * width), slack)


def _best_input(levels: Array, U: Array, inputs: Bounds) -> tuple[Array, float]:
    """Return the input within its bounds that leaves the most room in all rows U u <= levels, and that room."""
    m = U.shape[1]
    middle, half = (inputs[0] + inputs[1]) / 2, (inputs[1] - inputs[0]) / 2
    box = np.c_[np.vstack([np.eye(m), -np.eye(m)]), np.zeros(2 * m)]
    rows = np.vstack([np.c_[U * half, np.ones(len(U))], box])
    found = linear_program(np.r_[np.zeros(m), -1.0], rows, np.r_[levels - U @ middle, np.ones(2 * m)], last=(None, 1e9))
    if not found.success:
        raise NumericalError(f"the best input at a corner was not found: {found.message}")
    u = np.clip(middle + half * found.x[:m], *inputs)
    return u, float((levels - U @ u).min())


def largest_against(
    model: LinearModel, region: Bounds, inputs: Bounds, pushed: Bounds, chosen: Linearised, steps: int
) -> InvariantSet:
    """Return the set after some steps towards the largest one against all w from `pushed[0]` to `pushed[1]`.

    Raises NoSafeSet where nothing is left of it.
    """
    try:
        return _tried(model, region, inputs, pushed, chosen.contraction, steps)
    except EmptySet as cause:
        raise _too_large(model, region, inputs, pushed, chosen) from cause


def _tried(
    model: LinearModel, region: Bounds, inputs: Bounds, pushed: Bounds, contraction: float, steps: int
) -> InvariantSet:
    gusts = pushed if np.any(pushed) else None
    return maximal_control_invariant(model, region, inputs, disturbance=gusts, contraction=contraction, max_steps=steps)


def _too_large(model: LinearModel, region: Bounds, inputs: Bounds, pushed: Bounds, chosen: Linearised) -> NoSafeSet:
    """Return the error of what cannot be withstood, with the share of it that can, and the state that it hits most."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        try:
            _tried(model, region, inputs, (share * pushed[0], share * pushed[1]), chosen.contraction, chosen.max_steps)
        except EmptySet:
            high = share
        else:
            low = share
    width, size = region[1] - region[0], np.maximum(np.abs(pushed[0]), np.abs(pushed[1]))
    worst = int((size / width).argmax())
    name, unit = model.state_names[worst], model.state_units[worst]
    return NoSafeSet(
        f"the model's error and the disturbance may push {name} by {size[worst]:.3g} {unit} in a step, of limits that "
        f"are {width[worst]:.3g} {unit} apart, and {low * size[worst]:.3g} {unit} is what inputs could make good; "
        "narrow the limits (the error shrinks with their square), shorten the sample time, or lower `disturbance`",
        float(low * size[worst]), float(size[worst]), unit,
    )  # fmt: skip
