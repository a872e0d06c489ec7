"""Rows: what constraints emit, G z - columns e <= w + S theta, with a sentence for each row and slacks e."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.prediction import Affine, Prediction
from plants.arrays import Array, instance_of, real_array, whole_number


@dataclass(frozen=True, eq=False)
class Slack:
    """Slacks e (s,) that loosen rows by `columns` e (q, s) and cost sum of quadratic e^2 + linear e, by name."""

    columns: Array
    quadratic: Array
    linear: Array
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """G z <= w + S theta, with one label per row; `equal` numbers the rows that hold with equality.

    `units` are those of the limits, one per row, or none at all.
    """

    G: Array
    w: Array
    S: Array
    labels: tuple[str, ...]
    slack: Slack | None = None
    equal: tuple[int, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def all_units(self) -> tuple[str, ...]:
        """Return one unit per row, empty where none was given."""
        return self.units or ("",) * len(self.labels)


class Constraint(Protocol):
    """Anything that emits rows for a prediction."""

    def rows(self, prediction: Prediction) -> Rows:
        """Return the rows that this constraint asks of the prediction."""
        ...


def at_most(quantity: Affine, limit: Array, labels: Sequence[str]) -> Rows:
    """Return quantity <= limit, without the rows whose limit is infinite."""
    keep = np.flatnonzero(np.isfinite(limit))
    kept, units = (tuple(words[int(i)] for i in keep) for words in (labels, quantity.units))
    w, S = limit[keep] - quantity.offset[keep], -quantity.theta_map[keep]
    return Rows(quantity.z_map[keep], w, S, kept, units=units)


def no_rows(variables: int, parameters: int) -> Rows:
    """Return no rows, of the right width."""
    return Rows(np.zeros((0, variables)), np.zeros(0), np.zeros((0, parameters)), ())


def stack_rows(parts: Sequence[Rows]) -> Rows:
    """Return all rows under one another; slacks of different parts are different slacks."""
    starts = np.cumsum([0, *(len(p.w) for p in parts)])
    return Rows(
        np.vstack([p.G for p in parts]),
        np.concatenate([p.w for p in parts]),
        np.vstack([p.S for p in parts]),
        tuple(label for p in parts for label in p.labels),
        _beside(parts, starts),
        tuple(int(start) + i for p, start in zip(parts, starts, strict=False) for i in p.equal),
        tuple(unit for p in parts for unit in p.all_units),
    )


def _beside(parts: Sequence[Rows], starts: np.ndarray) -> Slack | None:
    slacks = [(p.slack, int(start)) for p, start in zip(parts, starts, strict=False) if p.slack is not None]
    if not slacks:
        return None
    columns, first = np.zeros((int(starts[-1]), sum(len(s.linear) for s, _ in slacks))), 0
    for slack, start in slacks:
        q, count = slack.columns.shape
        columns[start : start + q, first : first + count] = slack.columns
        first += count
    quadratic = np.concatenate([s.quadratic for s, _ in slacks])
    linear = np.concatenate([s.linear for s, _ in slacks])
    return Slack(columns, quadratic, linear, tuple(name for s, _ in slacks for name in s.names))


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
    _check_equal(given.equal, name, len(G))
    if given.units and len(given.units) != len(G):
        raise ProblemError(
            f"{name} emits {len(G)} rows with {len(given.units)} units; give each row one, or none at all"
        )
    return replace(given, G=G, w=w, S=S, labels=labels, slack=_checked_slack(given.slack, name, len(G)))


def _check_equal(equal: object, name: str, rows: int) -> None:
    """Raise ProblemError unless `equal` numbers rows of the constraint's own."""
    mend = "pass the numbers of the rows that are equalities"
    instance_of(equal, Sequence, f"{name} equal", ProblemError, mend)
    for i, row in enumerate(cast("Sequence[object]", equal)):
        if whole_number(row, f"{name} equal[{i}]", ProblemError) >= rows:
            raise ProblemError(f"`{name} equal[{i}]` is {row}, but there are {rows} rows, 0 to {rows - 1}; {mend}")


def _checked_slack(slack: object, name: str, rows: int) -> Slack | None:
    """Return the slacks of a user's constraint; raise ProblemError unless they fit its rows and cost something."""
    if slack is None:
        return None
    instance_of(slack, Slack, f"{name} slack", ProblemError, "pass Slack(columns, quadratic, linear, names)")
    given = cast("Slack", slack)
    columns = real_array(given.columns, f"{name} slack columns", (rows, None), ProblemError)
    count = columns.shape[1]
    quadratic = _checked_price(given.quadratic, f"{name} slack quadratic", count)
    linear = _checked_price(given.linear, f"{name} slack linear", count)
    names = tuple(given.names)
    if len(names) != count:
        raise ProblemError(f"`{name} slack` has {count} columns, but {len(names)} names; name each slack")
    return Slack(columns, quadratic, linear, names)


def _checked_price(price: Array, name: str, count: int) -> Array:
    given = real_array(price, name, (count,), ProblemError)
    if (given < 0).any():
        raise ProblemError(f"`{name}` is {given.min():g}, but it must be at least 0: passing a limit costs")
    return given
