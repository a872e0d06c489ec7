"""Terminal constraints: where the last predicted state must be."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from mpc.constraints import below
from mpc.explicit.errors import ProblemError
from mpc.explicit.polyhedron import Polyhedron
from mpc.model import LinearModel
from mpc.prediction import Prediction
from mpc.rows import Rows
from plants.arrays import instance_of

EMPTY = 1e-9  # rows that miss one another by this share of their size may do so by rounding


@dataclass(frozen=True, eq=False)
class TerminalSet:
    """x_N in a polyhedron of physical states, such as an invariant set (mpc.maximal_admissible)."""

    polyhedron: Polyhedron

    def fitted(self, model: LinearModel) -> Self:
        """Return it, checked."""
        mend = "pass a Polyhedron(A, b), or the `polyhedron` of an invariant set"
        instance_of(self.polyhedron, Polyhedron, "TerminalSet polyhedron", ProblemError, mend)
        if self.polyhedron.dimension != model.n:
            size = self.polyhedron.dimension
            raise ProblemError(f"`TerminalSet polyhedron` has {size} dimensions, but the model has {model.n} states")
        self._check_filled()
        return self

    def _check_filled(self) -> None:
        """Raise ProblemError if no state is in the set."""
        A, b = self.polyhedron.A, self.polyhedron.b
        radius = self.polyhedron.chebyshev()[0]
        if radius < -EMPTY * np.abs(b).max(initial=0.0) / np.linalg.norm(A, axis=1).max(initial=1.0):
            raise ProblemError(
                f"`TerminalSet polyhedron` is empty: no state keeps all of its {len(b)} rows, which are "
                f"{-2 * radius:.3g} too narrow; widen one of them"
            )

    def rows(self, prediction: Prediction) -> Rows:
        """Return one row per half-space."""
        rows = below(prediction.states[-1], self.polyhedron.A, self.polyhedron.b, prediction.horizon)
        return replace(rows, labels=tuple(f"{label}, in the terminal set" for label in rows.labels))


@dataclass(frozen=True, eq=False)
class TerminalOrigin:
    """x_N is the target: the operating point, or the steady state of the setpoint."""

    def rows(self, prediction: Prediction) -> Rows:
        """Return one equality per state."""
        error = prediction.state_error(prediction.horizon)
        labels = tuple(f"{name} at its target at step {prediction.horizon}" for name in error.names)
        return Rows(
            error.z_map,
            -error.offset,
            -error.theta_map,
            labels,
            equal=tuple(range(len(labels))),
            units=tuple(error.units),
        )
