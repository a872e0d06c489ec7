"""Norm costs: |W y|_1 or |W y|_inf of predicted quantities y, as linear terms in further variables (their epigraphs).

max_i |W_i y| is the least e with W_i y <= e and -W_i y <= e for all i; the 1-norm has an e for each row of W.
Source: Bemporad, Borrelli & Morari 2002, Model predictive control based on linear programming - the explicit solution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.prediction import combination
from mpc.rows import Rows, stack_rows
from mpc.terms import Term
from plants.arrays import Array, instance_of, real_array


@dataclass(frozen=True, eq=False)
class Epigraph:
    """The cost is cost'e over further variables e, named `names`; `rows` bind them, with G over (z, e)."""

    cost: Array
    rows: Rows
    names: tuple[str, ...]


def checked_norm(norm: float) -> float:
    """Return 1.0, 2.0 or inf; raise ProblemError for anything else."""
    instance_of(norm, (int, float, np.integer, np.floating), "norm", ProblemError, "pass 1, 2 or numpy.inf")
    if isinstance(norm, bool) or norm not in (1, 2, np.inf):
        raise ProblemError(
            f"`norm` is {norm}, but it must be 1 (sums of amounts), 2 (quadratic) or numpy.inf (largest amounts)"
        )
    return float(norm)


def norm_weight(value: ArrayLike, name: str, columns: int) -> Array:
    """Return a weight (k, columns) for |weight y|, with any number of rows; a plain number is taken for one column."""
    array = real_array(value, name, None, ProblemError)
    if array.ndim < 2 and array.size == 1 and columns == 1:
        return array.reshape(1, 1)
    return real_array(array, name, (None, columns), ProblemError)


def epigraph(terms: Sequence[Term], norm: float) -> Epigraph:
    """Return the linear program's part that stands for the sum of `terms` in the 1-norm or the infinity-norm.

    Rows of zeros in a weight cost nothing and get no variable.
    """
    groups = [(term, rows) for term in terms for rows in _groups(term.weight, norm)]
    emitted = [_rows(term, rows, i, len(groups)) for i, (term, rows) in enumerate(groups)]
    names = tuple(_name(term, rows, norm) for term, rows in groups)
    return Epigraph(np.array([term.factor for term, _ in groups]), stack_rows(emitted), names)


def _groups(weight: Array, norm: float) -> list[list[int]]:
    """Return the rows of a weight that share one variable."""
    rows = [int(i) for i in np.flatnonzero(weight.any(axis=1))]
    if norm == np.inf:
        return [rows] if rows else []
    return [[i] for i in rows]


def _rows(term: Term, group: list[int], index: int, count: int) -> Rows:
    """Return weight deviation <= e and the same from below, e being variable `index` of `count`."""
    weight, deviation = term.weight[group], term.deviation
    level, slope = weight @ deviation.offset, weight @ deviation.theta_map
    along = np.zeros((2 * len(group), count))
    along[:, index] = -1.0
    what = [_combination(term, i) for i in group]
    return Rows(
        G=np.c_[np.vstack([weight @ deviation.z_map, -weight @ deviation.z_map]), along],
        w=np.concatenate([-level, level]),
        S=np.vstack([-slope, slope]),
        labels=tuple(
            f"{one} {side} its {term.reference} sets the cost at step {term.step}"
            for side in ("above", "below")
            for one in what
        ),
    )


def _name(term: Term, group: list[int], norm: float) -> str:
    what = term.kind if norm == np.inf else _combination(term, group[0])
    return f"cost of {what} at step {term.step}"


def _combination(term: Term, row: int) -> str:
    """Return one component's name, or for a row with several the sum in words."""
    entries = np.flatnonzero(term.weight[row])
    names = term.deviation.names
    return names[int(entries[0])] if len(entries) == 1 else combination(term.weight[row], names)
