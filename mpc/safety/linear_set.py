"""The safe set of any plant with limits: its linear model, with a proved bound of that model's error within the limits.

The set is the largest one from whose states some inputs lead into it again, contracted a little, whatever the error
and the disturbance are. What is proved for the corners holds in between: one stored input for each of them.
"""

from dataclasses import asdict
from math import comb
from typing import Any

import numpy as np

from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.safety.certificate import SafetyCertificate
from mpc.safety.errors import NoSafeSet
from mpc.safety.kept_set import Bounds, KeptSet, kept_by_inputs, largest_against
from mpc.safety.linearised import Linearised
from mpc.safety.model_error import model_error, model_offset
from mpc.safety.region import operating_region
from mpc.safety.row_labels import led_rows, row_labels, set_claims
from mpc.safety.safe_set import InputRows, SafeSet
from mpc.sampling import linearise, sampled_map
from mpc.sets.shares import share_of
from plants.arrays import Array, read_only
from plants.plant import Plant

KIND = "linear"
FIRST = 4  # steps of the iteration before the first look
ENOUGH = 0.25  # of what the contraction takes, that the inputs must leave for the iteration to end before its end
INWARD = 1e-9  # of the set: what rounding of its rows may take
NEEDED = 1e-6  # of each half-space's width, that some input must leave at every corner
MOST_ROWS, MOST_CHOICES = 1000, 3_000_000  # half-spaces with those of a box, choices of n of them: the checker's limits


def design(plant: Plant, limits: tuple[Array, Array], settings: Linearised | None = None) -> SafeSet:
    """Return a set that the plant never leaves under any inputs that its rows let through, with the certificate.

    `limits` (lower, upper), each (n,), infinite where the plant's own `state_bounds` are enough. Raises NoSafeSet where
    the model's error leaves none, or one of more half-spaces than a checker compares, NotEnclosed for a plant of which
    no bounds are computed, ProblemError for limits that make no sense.
    """
    chosen = Linearised() if settings is None else settings
    _refuse_many(plant.n + 1, plant.n, 0)  # as many as bound any set
    region = operating_region(plant, limits)
    model, inputs = linearise(plant, rule=sampled_map), plant.input_bounds
    box = np.r_[region[0], inputs[0]], np.r_[region[1], inputs[1]]
    error, gusts = model_error(plant, model, box, chosen.cells), chosen.gusts(plant.state_names)
    pushed = error.lower - gusts, error.upper + gusts
    kept = _kept(model, region, inputs, pushed, chosen)
    content = {
        "model": {"A": model.A.tolist(), "B": model.B.tolist(), "offset": model_offset(model).tolist()},
        "sample_time": plant.sample_time,
        "input": [side.tolist() for side in inputs],
        "limits": [side.tolist() for side in region],
        "model_error": [error.lower.tolist(), error.upper.tolist()],
        "disturbance": gusts.tolist(),
        "share": share_of(Polyhedron(kept.A, kept.b), region).value,
        **kept.content(),
        "design": asdict(chosen) | {"disturbance": list(chosen.disturbance), "error_cells": error.cells},
    }
    return _safe_set(plant, content)


def _kept(model: LinearModel, region: Bounds, inputs: Bounds, pushed: Bounds, chosen: Linearised) -> KeptSet:
    """Return the first set on the way to the largest one that some input keeps with room; it is the simplest.

    Raises NoSafeSet where none is reached.
    """
    steps, kept = 0, None
    while steps < chosen.max_steps:
        steps = min(max(FIRST, 2 * steps), chosen.max_steps)
        found = largest_against(model, region, inputs, pushed, chosen, steps)
        _refuse_many(len(found.polyhedron.b), model.n, steps)
        A, b = found.polyhedron.A, found.polyhedron.b
        inner = b - INWARD * (b - A @ model.state)
        kept = kept_by_inputs(model, *led_rows(A, inner, region[1] - region[0]), pushed, inputs)
        if found.converged or kept.slack <= -ENOUGH * (1 - chosen.contraction):
            break
    if kept is None or kept.slack > -NEEDED:
        left = np.nan if kept is None else -kept.slack
        raise NoSafeSet(
            f"after {steps} steps the best input at a corner leaves {left:.3g} of the set's width, but {NEEDED:g} is "
            f"needed; raise `max_steps`, take a `contraction` below {chosen.contraction:g}, or withstand less",
            left, NEEDED, "",
        )  # fmt: skip
    return kept


def most_half_spaces(n: int) -> int:
    """Return how many half-spaces a set in n dimensions may have for the checker to find its corners."""
    fit = (q for q in range(MOST_ROWS) if q + 2 * n <= MOST_ROWS and comb(q + 2 * n, n) <= MOST_CHOICES)
    return max(fit, default=0)


def _refuse_many(count: int, n: int, steps: int) -> None:
    """Raise NoSafeSet for a set that the checker would refuse; on the way to the largest one there will be more."""
    most = most_half_spaces(n)
    if count > most:
        raise NoSafeSet(
            f"after {steps} steps the set has {count} half-spaces or more, but a checker finds the corners of {most} "
            f"in {n} dimensions at most; model fewer states, or take a smaller `max_steps` or `contraction`",
            float(count), float(most), "",
        )  # fmt: skip


def _safe_set(plant: Plant, content: dict[str, Any]) -> SafeSet:
    part, rows, (lower, upper) = content["set"], content["rows"], content["limits"]
    A, guards = read_only(part["A"]), np.array(rows["guards"], dtype=np.intp)
    labels, units = row_labels(A, np.array(upper) - np.array(lower), plant.state_names, plant.state_units)
    X, U, h = (read_only(np.array(rows[name])[guards]) for name in "XUh")
    content["claims"] = set_claims(content["limits"], plant.state_names, (labels, units, part["b"]), content["share"])
    return SafeSet(
        state_names=tuple(plant.state_names),
        input_names=tuple(plant.input_names),
        input_units=tuple(plant.input_units),
        A=A,
        b=read_only(part["b"]),
        labels=tuple(labels),
        units=tuple(units),
        rows=InputRows(X, U, h, read_only(np.zeros((plant.m, plant.n))), guards),
        input_bounds=plant.input_bounds,
        backup=plant.equilibrium[1],
        certificate=SafetyCertificate(KIND, content, _assumptions(plant, content)),
    )


def _assumptions(plant: Plant, content: dict[str, Any]) -> tuple[str, ...]:
    lower, upper = content["model_error"]
    errors = [
        f"{name} from {low:.3g} to {high:.3g} {unit}"
        for name, low, high, unit in zip(plant.state_names, lower, upper, plant.state_units, strict=True)
    ]
    gusts = [
        f"{size:g} {unit} to {name}"
        for name, size, unit in zip(plant.state_names, content["disturbance"], plant.state_units, strict=True)
        if size
    ]
    return (
        f"a step of {content['sample_time']:g} {plant.time_unit} is the plant's own, of the equations and the "
        "integrator that it was given with",
        f"it differs from the linear model by {', '.join(errors)} at most, within the limits and the inputs' bounds; "
        "this was bounded by interval arithmetic, and is not bounded again by a checker that has the file alone",
        f"in every step up to {', '.join(gusts)} may be added, by any rule" if gusts else "nothing is added to it",
        "limits are kept at the samples; nothing is said of the time between them",
        "all states are measured exactly, and the inputs are applied at once",
        "the start is in the set",
    )
