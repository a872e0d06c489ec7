"""Terms: the summands of a cost, and the quadratic program's matrices that they add up to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.prediction import Affine, Prediction
from plants.arrays import Array, instance_of, real_array


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of the cost: factor e'W e for a deviation e, or factor |W e| in a problem with another norm."""

    deviation: Affine
    weight: Array
    factor: float
    kind: str
    step: int
    reference: str = "operating point"


class Objective(NamedTuple):
    """1/2 z'Hz + (f + F theta)'z + level + slope'theta + 1/2 theta'curvature theta."""

    H: Array
    f: Array
    F: Array
    level: float
    slope: Array
    curvature: Array


def objective(terms: Iterable[Term], variables: int, parameters: int) -> Objective:
    """Return the sum of quadratic terms, with the part that z does not change."""
    H, f, F = np.zeros((variables, variables)), np.zeros(variables), np.zeros((variables, parameters))
    level, slope, curvature = 0.0, np.zeros(parameters), np.zeros((parameters, parameters))
    for term in terms:
        e, weighted = term.deviation, 2 * term.factor * term.weight
        H += e.z_map.T @ weighted @ e.z_map
        f += e.z_map.T @ weighted @ e.offset
        F += e.z_map.T @ weighted @ e.theta_map
        level += float(e.offset @ weighted @ e.offset) / 2
        slope += e.theta_map.T @ weighted @ e.offset
        curvature += e.theta_map.T @ weighted @ e.theta_map
    return Objective(H, f, F, level, slope, curvature)


def checked_terms(cost: Any, prediction: Prediction, discount: float, norm: float) -> Iterator[Term]:
    """Yield what a cost emits; raise ProblemError naming the cost unless it is terms that fit."""
    name = f"{type(cost).__name__}.terms()"
    emitted = cost.terms(prediction, discount)
    instance_of(emitted, Iterable, name, ProblemError, "let it yield Term objects")
    for term in emitted:
        instance_of(term, Term, name, ProblemError, "let it yield Term objects")
        size = len(term.deviation.offset)
        real_array(term.weight, f"{name} weight", (size if norm == 2 else None, size), ProblemError)
        yield term
