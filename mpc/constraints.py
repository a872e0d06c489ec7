"""Constraints: small frozen objects that each emit rows G z <= w + S theta with a sentence for every row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, instance_of, real_array


@dataclass(frozen=True, eq=False)
class Affine:
    """offset + theta_map theta + z_map z: a predicted quantity in physical units, with names and units."""

    offset: Array
    theta_map: Array
    z_map: Array
    names: Sequence[str]
    units: Sequence[str]


@dataclass(frozen=True, eq=False)
class Prediction:
    """States at steps 0..N and inputs at steps 0..N-1 as affine functions of theta (x_0) and z (all inputs)."""

    states: tuple[Affine, ...]
    inputs: tuple[Affine, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """G z <= w + S theta, with one label per row."""

    G: Array
    w: Array
    S: Array
    labels: tuple[str, ...]


class Constraint(Protocol):
    """Anything that emits rows for a prediction."""

    def rows(self, prediction: Prediction) -> Rows:
        """Return the rows that this constraint asks of the prediction."""
        ...


@dataclass(frozen=True, eq=False)
class StateBounds:
    """lower <= state <= upper at steps 1..N (the state at step 0 is given); infinite: no limit."""

    lower: Array
    upper: Array

    def rows(self, prediction: Prediction) -> Rows:
        """Return two rows per finite bound and step."""
        return stack_rows([_between(q, self.lower, self.upper, k + 1) for k, q in enumerate(prediction.states[1:])])


@dataclass(frozen=True, eq=False)
class InputBounds:
    """lower <= input <= upper at steps 0..N-1."""

    lower: Array
    upper: Array

    def rows(self, prediction: Prediction) -> Rows:
        """Return two rows per finite bound and step."""
        return stack_rows([_between(q, self.lower, self.upper, k) for k, q in enumerate(prediction.inputs)])


def checked_rows(rows: object, name: str, variables: int, parameters: int) -> Rows:
    """Return what a user's constraint emitted; raise ProblemError naming the constraint unless it is rows that fit."""
    mend = "let its rows(prediction) return Rows(G, w, S, labels)"
    instance_of(rows, Rows, f"{name}.rows()", ProblemError, mend)
    given = cast("Rows", rows)
    G = real_array(given.G, f"{name} G", (None, variables), ProblemError)
    S = real_array(given.S, f"{name} S", (len(G), parameters), ProblemError)
    w = real_array(given.w, f"{name} w", (len(G),), ProblemError)
    labels = tuple(given.labels)
    if len(labels) != len(G) or not all(isinstance(label, str) for label in labels):
        raise ProblemError(f"{name} emits {len(G)} rows with labels {labels!r}; give each row one sentence (a str)")
    return Rows(G, w, S, labels)


def stack_rows(parts: Sequence[Rows]) -> Rows:
    """Return all rows under one another."""
    return Rows(
        np.vstack([p.G for p in parts]),
        np.concatenate([p.w for p in parts]),
        np.vstack([p.S for p in parts]),
        tuple(label for p in parts for label in p.labels),
    )


def _between(quantity: Affine, lower: Array, upper: Array, step: int) -> Rows:
    G = np.vstack([quantity.z_map, -quantity.z_map])
    S = np.vstack([-quantity.theta_map, quantity.theta_map])
    w = np.concatenate([upper - quantity.offset, quantity.offset - lower])
    labels = [
        f"{name} at its {side} limit {value:g}{' ' + unit if unit else ''} at step {step}"
        for side, limit in (("upper", upper), ("lower", lower))
        for name, unit, value in zip(quantity.names, quantity.units, limit, strict=True)
    ]
    keep = np.flatnonzero(np.isfinite(w))
    return Rows(G[keep], w[keep], S[keep], tuple(labels[i] for i in keep))
