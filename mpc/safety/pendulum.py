"""The pendulum's safe set: a polygon of angle and rate that some torque keeps, with the sine as it is.

In v = gravity sin(angle) + gain torque the semi-implicit step is linear. The polygon is the largest one that is
invariant for every slope of the sine within the limits, contracted a little. A torque keeps it if v lies between a
maximum and a minimum of affine functions of the state; that these leave a torque within its limits is shown at the
corners, and by intervals over cells of the angle.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.safety.certificate import SafetyCertificate
from mpc.safety.errors import NoSafeSet
from mpc.safety.row_labels import led_rows, row_labels, set_claims
from mpc.safety.safe_set import InputRows, SafeSet
from mpc.safety.swing import Swing
from mpc.sets.invariant import EmptySet, maximal_control_invariant
from mpc.sets.invariant_set import InvariantSet
from mpc.sets.shares import share_of
from plants.arrays import Array, read_only, real_scalar, whole_number
from plants.plant import Plant

KIND = "pendulum"
NEEDED = 1e-5  # of torque that must be left everywhere, ten times what the checker asks for
SPARE = 0.0025  # of the torque's range, that must be left without a facet that is taken away
INWARD = 1e-9  # of the set: what rounding of its rows may take
RESERVE = 1e-6  # of each level: what rounding of a filter may take
HALVINGS = 12
MOST_CELLS = 100_000  # the checker's limit


@dataclass(frozen=True, kw_only=True)
class Sector:
    """How a pendulum's safe set is designed, and what it shall withstand.

    `disturbance` [rad/s] is what may come to the rate in every step, before the angle moves or after it. The set is
    drawn so that from each state some torque leads into `contraction` times it; the room that this leaves
    is spent on taking away facets. `cells` divide the angle for the proof. Raises ProblemError for anything else.
    """

    disturbance: float = 0.02
    contraction: float = 0.995
    cells: int = 4_000

    def __post_init__(self) -> None:
        disturbance = real_scalar(self.disturbance, "disturbance", ProblemError)
        if disturbance < 0:
            raise ProblemError(f"`disturbance` is {disturbance:g}, but it must be at least 0: it is a bound")
        contraction = real_scalar(self.contraction, "contraction", ProblemError)
        if not 0.5 <= contraction <= 0.99999:
            raise ProblemError(f"`contraction` is {contraction:g}, but a number from 0.5 to 0.99999 is needed")
        if whole_number(self.cells, "cells", ProblemError, least=1) > MOST_CELLS:
            raise ProblemError(f"`cells` is {self.cells}, above the limit of {MOST_CELLS}; take fewer")
        object.__setattr__(self, "disturbance", disturbance)
        object.__setattr__(self, "contraction", contraction)


@dataclass(frozen=True, eq=False)
class Polygon:
    """{A x <= b} with the rows X x + U (u + gravity / gain sin(angle)) <= h that keep it; `slack` of the torque."""

    A: Array
    b: Array
    X: Array
    U: Array
    h: Array
    slack: float


def design(plant: Plant, limits: tuple[Array, Array], settings: Sector | None = None) -> SafeSet:
    """Return a set that the pendulum never leaves under any torques that its rows let through, with the certificate.

    `limits` (lower, upper), each (2,), infinite where the plant's own caps are enough. Raises NoSafeSet where no such
    set is found, ProblemError for a plant that is no pendulum and limits that make no sense.
    """
    chosen = Sector() if settings is None else settings
    swing = Swing.of(plant, limits)
    lower, upper = swing.limits
    found = _largest(swing, chosen).polyhedron
    facets = led_rows(found.A, found.b * (1 - INWARD), upper - lower)
    polygon = _simplest(swing, chosen, _kept(swing, chosen, *facets))
    if polygon.slack > -NEEDED:
        raise NoSafeSet(
            f"in some state of the polygon the torque left is {-polygon.slack:.3g}, but {NEEDED:g} is needed; take "
            f"more `cells` than {chosen.cells}, a `contraction` below {chosen.contraction:g}, or withstand less",
            -polygon.slack, NEEDED, plant.input_units[0],
        )  # fmt: skip
    return _safe_set(plant, _content(swing, chosen, polygon))


def _kept(swing: Swing, chosen: Sector, A: Array, b: Array) -> Polygon:
    """Return the polygon with its rows, and how much torque these leave: none if it is unbounded or a row is blind."""
    X, U = A @ swing.drift, A @ swing.push * swing.gain
    h = b * (1 - RESERVE) - np.abs(A) @ _gust(swing, chosen.disturbance)
    try:
        corners = Polyhedron(A, b).vertices()
    except ProblemError:
        return Polygon(A, b, X, U, h, np.inf)
    if not U.all():
        return Polygon(A, b, X, U, h, np.inf)
    slacks = swing.gap_slack(corners, X, U, h), swing.torque_slack(A, b, corners, (X, U, h), chosen.cells)
    return Polygon(A, b, X, U, h, max(slacks))


def _simplest(swing: Swing, chosen: Sector, polygon: Polygon) -> Polygon:
    """Return the polygon without the facets that are not needed for enough torque to be left; it is larger then.

    Facets that are limits stay.
    """
    enough = -SPARE * (swing.torque[1] - swing.torque[0])
    for i in reversed(np.flatnonzero(polygon.A.all(axis=1)).tolist()):
        fewer = _kept(swing, chosen, np.delete(polygon.A, i, axis=0), np.delete(polygon.b, i))
        if fewer.slack <= enough:
            polygon = fewer
    return polygon


def _content(swing: Swing, chosen: Sector, polygon: Polygon) -> dict[str, Any]:
    lower, upper = swing.limits
    rows = {name: getattr(polygon, name).tolist() for name in "XUh"}
    return {
        "constants": {"gravity": swing.gravity, "gain": swing.gain},
        "sample_time": swing.d,
        "input": list(swing.torque),
        "limits": [lower.tolist(), upper.tolist()],
        "disturbance": _gust(swing, chosen.disturbance).tolist(),
        "share": share_of(Polyhedron(polygon.A, polygon.b), (lower, upper)).value,
        "set": {"A": polygon.A.tolist(), "b": polygon.b.tolist()},
        "rows": rows | {"sine": swing.gravity / swing.gain},
        "cells": chosen.cells,
        "worst": {"slack": polygon.slack},
        "design": asdict(chosen),
    }


def _gust(swing: Swing, disturbance: float) -> Array:
    """Return what may come to angle and rate in a step (2,)."""
    return disturbance * np.array([swing.d, 1.0])


def _largest(swing: Swing, chosen: Sector) -> InvariantSet:
    """Return the largest polygon; raise NoSafeSet where there is none, with a disturbance that can be withstood."""
    try:
        found = _tried(swing, chosen)
    except EmptySet as cause:
        low, high = 0.0, chosen.disturbance
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            try:
                _tried(swing, replace(chosen, disturbance=middle))
            except EmptySet:
                high = middle
            else:
                low = middle
        raise NoSafeSet(
            f"no polygon withstands {chosen.disturbance:g} rad/s in every step with these limits and torques, but one "
            f"does withstand {low:.3g}; lower `disturbance`, or widen the limits",
            low, chosen.disturbance, "rad/s",
        ) from cause  # fmt: skip
    if not found.converged:
        raise NoSafeSet(
            f"after {found.steps} steps the polygon still shrinks by {found.gap:.2g} of its limits, above 1e-10; lower "
            f"`contraction` below {chosen.contraction:g}",
            found.gap, 1e-10, "",
        )  # fmt: skip
    return found


def _tried(swing: Swing, chosen: Sector) -> InvariantSet:
    gust = _gust(swing, chosen.disturbance)
    bounds = (-gust, gust) if gust.any() else None
    return maximal_control_invariant(
        swing.sector(), swing.limits, swing.torque, disturbance=bounds, contraction=chosen.contraction
    )


def _safe_set(plant: Plant, content: dict[str, Any]) -> SafeSet:
    part, rows, (lower, upper) = content["set"], content["rows"], content["limits"]
    A, width = read_only(part["A"]), np.array(upper) - np.array(lower)
    labels, units = row_labels(A, width, plant.state_names, plant.state_units)
    sines = read_only([[rows["sine"], 0.0]])
    U = read_only(np.array(rows["U"])[:, None])
    content["claims"] = set_claims(content["limits"], plant.state_names, (labels, units, part["b"]), content["share"])
    return SafeSet(
        state_names=tuple(plant.state_names),
        input_names=tuple(plant.input_names),
        input_units=tuple(plant.input_units),
        A=A,
        b=read_only(part["b"]),
        labels=tuple(labels),
        units=tuple(units),
        rows=InputRows(read_only(rows["X"]), U, read_only(rows["h"]), sines, np.arange(len(A), dtype=np.intp)),
        input_bounds=plant.input_bounds,
        backup=read_only(np.clip([0.0], *plant.input_bounds)),
        certificate=SafetyCertificate(KIND, content, _assumptions(content)),
    )


def _assumptions(content: dict[str, Any]) -> tuple[str, ...]:
    constants, d = content["constants"], content["sample_time"]
    return (
        f"in a step of {d:g} s the rate grows by {d:g} times {constants['gravity']:g} sin(angle) plus "
        f"{constants['gain']:g} torque, then the angle by {d:g} times the new rate",
        f"in every step up to {content['disturbance'][1]:g} rad/s come to the rate, before the angle moves or after, "
        "by any rule",
        "limits are kept at the samples; nothing is said of the time between them",
        "angle and rate are measured exactly, and the torque is applied at once",
        "the start is in the set",
    )
