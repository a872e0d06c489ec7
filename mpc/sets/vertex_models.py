"""Vertex models: linear models of which any one, or any mixture, may rule at each step, as the nonlinear plant does."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants.arrays import instance_of

Models = Any
"""A LinearModel, or a sequence of them."""

SHARED = ("state_names", "input_names", "output_names", "state", "input", "output", "sample_time")


def vertex_models(model: Models) -> tuple[LinearModel, ...]:
    """Return the models (one or several); raises ProblemError unless they share names, sample time, operating point."""
    several = isinstance(model, Sequence) and not isinstance(model, str)
    models: tuple[Any, ...] = tuple(model) if several else (model,)
    if not models:
        raise ProblemError("`model` is an empty sequence, but at least 1 LinearModel is needed; pass linearise(plant)")
    for i, one in enumerate(models):
        name = "model" if len(models) == 1 else f"model[{i}]"
        instance_of(one, LinearModel, name, ProblemError, "pass linearise(plant) or a LinearModel")
        for shared in SHARED:
            first, other = getattr(models[0], shared), getattr(one, shared)
            if not np.array_equal(first, other):
                raise ProblemError(
                    f"`model[{i}]` has the {shared} {_words(other)}, but `model[0]` has {_words(first)}; vertex models "
                    "must share names, sample time and operating point: put what differs into `disturbance`"
                )
    return models


def _words(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"({', '.join(f'{entry:g}' for entry in value)})"
    return f"{value:g}" if isinstance(value, float) else f"({', '.join(value)})"
