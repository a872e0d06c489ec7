"""Steps: at which steps of the horizon a limit counts."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.prediction import Affine
from plants.arrays import TEXT, whole_number

MOST = 1_000_000  # no horizon is as long


def checked_steps(steps: Any, name: str, first: int) -> tuple[int, ...] | None:
    """Return the steps in order, each once; None stands for all. Raises ProblemError for what are no steps."""
    if steps is None:
        return None
    single = isinstance(steps, int | np.integer)
    listed = (isinstance(steps, np.ndarray) and steps.ndim == 1) or isinstance(steps, Sequence)
    if not single and (not listed or isinstance(steps, TEXT)):
        raise ProblemError(f"`{name}` is {steps!r}; pass a step, a range or a tuple of steps, or None for all of them")
    listing = [steps] if single else steps
    if len(listing[MOST : MOST + 1]):
        raise ProblemError(f"`{name}` names more than {MOST} steps; name steps within the horizon")
    given = [whole_number(k, name, ProblemError) for k in listing]
    if not given:
        raise ProblemError(f"`{name}` names no step, so that nothing is limited; pass None for all, or drop the limit")
    if min(given) < first:
        raise ProblemError(_too_early(name, min(given), f"begins at step {first}"))
    return tuple(sorted(set(given)))


def at_steps(
    quantities: Iterable[tuple[int, Affine]], steps: tuple[int, ...] | None, name: str
) -> list[tuple[int, Affine]]:
    """Return the quantities of the steps that count; raise ProblemError for a step at which there is none."""
    every = dict(quantities)
    if steps is None:
        return list(every.items())
    first, last = min(every), max(every)
    if steps[0] < first:
        raise ProblemError(_too_early(name, steps[0], f"acts at steps {first} to {last}"))
    if steps[-1] > last:
        raise ProblemError(
            f"`{name}` names step {steps[-1]}, but within this `horizon` the limit acts at steps {first} to {last}; "
            "leave the step out, or lengthen `horizon`"
        )
    return [(k, every[k]) for k in steps]


def _too_early(name: str, step: int, range_of_limit: str) -> str:
    return f"`{name}` names step {step}, which no input reaches: the limit {range_of_limit}; leave the step out"
