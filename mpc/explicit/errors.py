"""What the solver and its laws refuse or cannot do; each error carries its data."""

from collections.abc import Sequence
from typing import Any

from plants.arrays import Array


class ProblemError(ValueError):
    """A model, cost, constraint or parameter set that is not well posed."""


class Infeasible(ProblemError):
    """No parameter of the parameter set admits a solution.

    `rows` are the labels of constraints that cannot hold together, `relaxation` the least amount by which
    all of them (scaled to unit norm) must be moved so that some parameter becomes feasible. `moves` says the same row
    by row in words, each in the unit of its own limit; empty where no units are known.
    """

    def __init__(self, rows: Sequence[str], relaxation: float, moves: Sequence[str] = ()) -> None:
        self.rows = tuple(rows)
        self.relaxation = relaxation
        self.moves = tuple(moves)
        moved = f"them by {' and '.join(self.moves)}" if self.moves else f"each of them by {relaxation:.3g} (unit rows)"
        super().__init__(
            f"infeasible: no parameter admits a solution; these rows conflict: {'; '.join(self.rows)}. "
            f"Moving {moved} would be enough: widen one, or make it soft"
        )

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return what a copy in another process is made of."""
        return type(self), (self.rows, self.relaxation, self.moves)


class Unbounded(ProblemError):
    """An objective that falls without limit at some parameter that has a solution.

    `direction` (n,) is a move of z that no row stops, `theta` a parameter at which the objective falls along it.
    """

    def __init__(self, direction: Array, theta: Array, way: str, point: str) -> None:
        self.direction = direction
        self.theta = theta
        self._words = way, point
        super().__init__(
            f"unbounded: at {point} the objective falls without limit when one moves {way}, again and again: it has "
            "no curvature that way and no row stops it. Bound one of these variables, or give it a weight in H"
        )

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return what a copy in another process is made of."""
        return type(self), (self.direction, self.theta, *self._words)


class OutsideDomain(LookupError):
    """A parameter for which the law has no region.

    `theta` is the parameter, `row` names the worst violated limit, `distance` says by how much.
    """

    def __init__(self, theta: Array, row: str, distance: float, message: str) -> None:
        self.theta = theta
        self.row = row
        self.distance = distance
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return what a copy in another process is made of."""
        return type(self), (self.theta, self.row, self.distance, str(self))


class NumericalError(ArithmeticError):
    """A solver gave no answer that stands its check; the message names the point and the residual."""


class FileFormatError(ValueError):
    """A file that is damaged, unsafe, of another kind, or inconsistent; the message names path and field."""
