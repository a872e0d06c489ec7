"""The limits, gain and disturbance that a set is asked for, checked and put into the coordinates of a LimitedSystem."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.explicit.linear import row_lengths
from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.sets.limited_system import LimitedSystem
from mpc.sets.vertex_models import Models, vertex_models
from plants.arrays import Array, bounds_pair, real_array, real_scalar

Limits = Any
"""A pair (lower, upper) with None for no limit, or a Polyhedron; in physical units."""


@dataclass(frozen=True, eq=False)
class LimitRows:
    """X (x - state) + V (u - input) <= h, one sentence for each row."""

    X: Array
    V: Array
    h: Array
    labels: tuple[str, ...]


def limit_rows(models: Models, states: Limits, inputs: Limits, outputs: Limits = None) -> LimitRows:
    """Return the rows of all limits, counted from the operating point; raise ProblemError for those that do not fit."""
    model, *others = vertex_models(models)
    n, m = model.n, model.m
    parts = [
        (*_checked(states, "states", model.state_names), np.c_[np.eye(n), np.zeros((n, m))], model.state),
        (*_checked(inputs, "inputs", model.input_names), np.c_[np.zeros((m, n)), np.eye(m)], model.input),
    ]
    found = _checked(outputs, "outputs", model.output_names)
    parts += [(*found, np.c_[one.C, one.D], one.output) for one in (model, *others)]
    both = np.vstack([A @ matrix for A, _, _, matrix, _ in parts])
    h = np.concatenate([b - A @ point for A, b, _, _, point in parts])
    return LimitRows(both[:, :n], both[:, n:], h, tuple(label for part in parts for label in part[2]))


def free_system(models: Models, rows: LimitRows, disturbance: Limits, contraction: float) -> LimitedSystem:
    """Return the system whose inputs are still to be chosen."""
    model, *others = vertex_models(models)
    shrink = _checked_contraction(contraction)
    if shrink < 1:
        _check_operating_point(rows)
    pure = ~rows.V.any(axis=1)
    width = _half_widths(model, rows.X[pure], rows.h[pure])
    first, *further = ((one.A * width / width[:, None], one.B / width[:, None]) for one in (model, *others))
    unit = 1 / np.maximum(np.abs(first[1]).max(axis=0), 1e-300)
    X, V = rows.X * width, rows.V * unit
    length = row_lengths(np.c_[X, V])
    X, V, h = X / length[:, None], V / length[:, None], rows.h / length
    corners = disturbance_corners(disturbance, model) / width
    more = tuple((A, B * unit) for A, B in further)
    return LimitedSystem(model, width, first[0], first[1] * unit, X, V, h, corners, shrink, more)


def closed_system(
    models: Models, gain: ArrayLike, rows: LimitRows, disturbance: Limits, contraction: float
) -> LimitedSystem:
    """Return the system under u = input - gain (x - state), which leaves no input to choose."""
    model, *others = vertex_models(models)
    K = real_array(gain, "gain", (model.m, model.n), ProblemError)
    closed, *further = (_stabilised(one, K) for one in (model, *others))
    own = LimitRows(rows.X - rows.V @ K, np.zeros((len(rows.h), 0)), rows.h, rows.labels)
    _check_operating_point(own)
    shrink = _checked_contraction(contraction)
    seen = [np.linalg.matrix_power(closed, k) for k in range(model.n)]
    width = _half_widths(model, np.vstack([own.X @ power for power in seen]), np.tile(own.h, model.n))
    X = own.X * width
    length = row_lengths(X)
    first, *more = ((one * width / width[:, None], np.zeros((model.n, 0))) for one in (closed, *further))
    corners = disturbance_corners(disturbance, model) / width
    limits = X / length[:, None], own.V, own.h / length
    return LimitedSystem(model, width, *first, *limits, corners, shrink, tuple(more))


def _stabilised(model: LinearModel, K: Array) -> Array:
    """Return A - B K; raise ProblemError where it grows."""
    closed = model.A - model.B @ K
    radius = np.abs(np.linalg.eigvals(closed)).max()
    if radius >= 1:
        raise ProblemError(
            f"`gain` does not stabilise: A - B gain has the spectral radius {radius:.6g}, but it must be below 1; "
            "take the first answer of dlqr(A, B, Q, R), and mind the sign: u = -gain s"
        )
    return closed


def disturbance_corners(disturbance: Limits, model: LinearModel) -> Array:
    """Return the corners (c, n) of the disturbance's set in physical units; one at 0 where there is none."""
    if disturbance is None:
        return np.zeros((1, model.n))
    names = [f"the disturbance of {name}" for name in model.state_names]
    A, b, _ = _checked(disturbance, "disturbance", model.state_names)
    region = Polyhedron(A, b)
    if (np.count_nonzero(A, axis=1) <= 1).all():
        return np.array(list(product(*zip(*region.box(names), strict=True))))
    region.box(names)
    return region.vertices()


def _checked(limits: Limits, name: str, labels: Sequence[str]) -> tuple[Array, Array, list[str]]:
    """Return rows (A, b) and a sentence for each."""
    if limits is None:
        return np.zeros((0, len(labels))), np.zeros(0), []
    if isinstance(limits, Polyhedron):
        if limits.dimension != len(labels):
            raise ProblemError(
                f"`{name}` is a Polyhedron in {limits.dimension} dimensions, but the model has {len(labels)} "
                f"({', '.join(labels)}); give it one column for each of them"
            )
        return limits.A, limits.b, [f"row {i} of `{name}`" for i in range(len(limits.b))]
    lower, upper = bounds_pair(limits, name, labels, ProblemError)
    words = [f"the upper limit {value:g} of {label}" for label, value in zip(labels, upper, strict=True)]
    words += [f"the lower limit {value:g} of {label}" for label, value in zip(labels, lower, strict=True)]
    b = np.r_[upper, -lower]
    keep = np.flatnonzero(np.isfinite(b))
    return np.vstack([np.eye(len(labels)), -np.eye(len(labels))])[keep], b[keep], [words[i] for i in keep]


def _half_widths(model: LinearModel, A: Array, b: Array) -> Array:
    """Return half the extents of {A s <= b}; raise ProblemError where it is empty, unbounded or flat."""
    lower, upper = Polyhedron(A, b + A @ model.state).box(model.state_names)
    flat = np.flatnonzero(upper - lower <= 1e-12 * np.maximum(np.abs(lower), np.abs(upper)))
    if flat.size:
        i = int(flat[0])
        raise ProblemError(
            f"the limits leave {model.state_names[i]} no width: {lower[i]:g} to {upper[i]:g}; widen them, or leave "
            "the state out of the model"
        )
    return (upper - lower) / 2


def _check_operating_point(rows: LimitRows) -> None:
    """Raise ProblemError unless the operating point keeps every limit with room."""
    for room, label in zip(rows.h, rows.labels, strict=True):
        if room <= 0:
            raise ProblemError(
                f"the operating point must lie inside the limits, but its room to {label} is {room:g}, and must be "
                "above 0; widen the limit, or linearise at a point inside"
            )


def _checked_contraction(contraction: float) -> float:
    shrink = real_scalar(contraction, "contraction", ProblemError, positive=True)
    if shrink > 1:
        raise ProblemError(f"`contraction` is {shrink:g}, but it must be at most 1 (1: stay in the set)")
    return shrink
