"""Models with a constant disturbance that nobody measures, which an estimator can tell from the outputs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.modes import unreached_mode
from plants.arrays import Array, instance_of
from plants.names import index_of

RANK = 1e-9  # a singular value this small beside the largest counts as 0
SCALINGS = 30  # rounds of dividing rows and columns by the roots of their largest entries


def with_input_disturbance(model: LinearModel, inputs: str | Sequence[str] | None = None) -> LinearModel:
    """Return the model with a constant added to the inputs named (default: to each), in the inputs' units.

    E gains their columns of B and F those of D: a leak, a load, a wrong gain or offset of an actuator. Columns that the
    model has already stay, ahead of the new ones. Raises ProblemError unless the outputs show the new disturbances:
    (A, C) detectable and rank [A - I, E; C, F] = n + k, so at most one disturbance per output.
    Source: Pannocchia & Rawlings 2003, AIChE Journal 49; Maeder, Borrelli & Morari 2009, Automatica 45.
    """
    instance_of(model, LinearModel, "model", ProblemError, "pass linearise(plant) or a LinearModel")
    chosen = _numbers(inputs, tuple(model.input_names), "inputs")
    names, units = _described(chosen, model.input_names, model.input_units)
    return _extended(model, model.B[:, chosen], model.D[:, chosen], names, units, "output")


def with_output_disturbance(model: LinearModel, outputs: str | Sequence[str] | None = None) -> LinearModel:
    """Return the model with a constant added to the outputs named (default: to each), in the outputs' units.

    E gains columns of zeros and F those of the identity: a sensor that reads too much, or whatever shifts an output of
    a stable plant. An integrating mode hides such a constant, and is refused. Conditions, order of columns, errors and
    source as in with_input_disturbance.
    """
    instance_of(model, LinearModel, "model", ProblemError, "pass linearise(plant) or a LinearModel")
    chosen = _numbers(outputs, tuple(model.output_names), "outputs")
    names, units = _described(chosen, model.output_names, model.output_units)
    return _extended(model, np.zeros((model.n, len(chosen))), np.eye(model.p)[:, chosen], names, units, "input")


def _numbers(given: str | Sequence[str] | None, known: tuple[str, ...], argument: str) -> list[int]:
    if given is None:
        return list(range(len(known)))
    instance_of(given, (str, list, tuple), argument, ProblemError, f"pass names such as {known[:1]}")
    chosen = [index_of(name, known, argument, ProblemError) for name in ([given] if isinstance(given, str) else given)]
    if not chosen or len(set(chosen)) < len(chosen):
        raise ProblemError(
            f"`{argument}` is {given!r}: {len(chosen)} names, {len(set(chosen))} of them different; name 1 or more, "
            "each of them once"
        )
    return chosen


def _described(
    chosen: list[int], names: Sequence[str], units: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(f"disturbance of {names[i]}" for i in chosen), tuple(units[i] for i in chosen)


def _extended(
    model: LinearModel, E: Array, F: Array, names: tuple[str, ...], units: tuple[str, ...], other: str
) -> LinearModel:
    twice = [name for name in names if name in model.disturbance_names]
    if twice:
        raise ProblemError(f"the model has a {twice[0]!r} already; add it once")
    _check_shown(model, E, F, other)
    return replace(
        model,
        E=np.hstack([model.E, E]),
        F=np.hstack([model.F, F]),
        disturbance=np.concatenate([model.disturbance, np.zeros(len(names))]),
        disturbance_names=(*model.disturbance_names, *names),
        disturbance_units=(*model.disturbance_units, *units),
    )


def _check_shown(model: LinearModel, E: Array, F: Array, other: str) -> None:
    """Raise ProblemError unless the outputs show the states and the constant disturbances of E and F."""
    n, k, p = model.n, E.shape[1], model.p
    mode = unreached_mode(model.A.T, model.C.T)
    if mode is not None:
        raise ProblemError(
            f"(A, C) is not detectable: the mode with eigenvalue {mode} ({mode.carriers(model.state_names)}) does not "
            "decay and no output shows it; measure a state that it moves"
        )
    if k > p:
        raise ProblemError(
            f"{k} disturbances cannot be told from {p} outputs: constants need one measured output each; name at most "
            f"{p} of them, or measure more"
        )
    rank = _scaled_rank(model, E, F)
    if rank < n + k:
        raise ProblemError(
            f"the outputs do not show {k} constant disturbances of this kind: rank [A - I, E; C, F] is {rank}, but "
            f"{n + k} = {n} states + {k} disturbances is needed; disturb fewer, or take with_{other}_disturbance"
        )


def _scaled_rank(model: LinearModel, E: Array, F: Array) -> int:
    """Return the rank of [A - I, E; C, F] after scaling rows and columns, so that units do not matter."""
    system = np.block([[model.A - np.eye(model.n), E], [model.C, F]])
    for _ in range(SCALINGS):
        for axis in (0, 1):
            size = np.sqrt(np.abs(system).max(axis=axis, keepdims=True))
            system = system / np.where(size > 0, size, 1.0)
    values = np.linalg.svd(system, compute_uv=False)
    return int((values > RANK * values[0]).sum())
