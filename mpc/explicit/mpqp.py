"""MultiparametricQP: a quadratic program whose linear terms move with a parameter theta."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.definite import positive_semidefinite, strictly_positive
from mpc.explicit.errors import ProblemError
from mpc.explicit.labels import Labels, check_labels
from mpc.explicit.magnitudes import check_magnitudes
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.readout import Readout, checked_readouts
from mpc.explicit.rebuilt import Rebuilt
from mpc.explicit.value import Quadratic, checked_constant
from plants.arrays import Checked, real_array, whole_number


@dataclass(frozen=True, eq=False)
class MultiparametricQP(Rebuilt):
    """min over z of 1/2 z'Hz + (f + F theta)'z  subject to  G z <= w + S theta, theta in {A_theta theta <= b_theta}.

    Shapes: H (n, n), f (n,), F (n, t), G (q, n), w (q,), S (q, t), A_theta (k, t), b_theta (k,). Rows listed in
    `equality_rows` hold with equality. H must be positive semidefinite; 0 makes a linear program. Note the 1/2: an
    objective without it passes 2 H. `constant` is the part of the cost that z cannot change: it moves no solution, but
    counts in its value. `readouts` are quantities that explanations report. Raises ProblemError for everything that is
    not well posed, before any solving.
    """

    H: Checked
    f: Checked
    F: Checked
    G: Checked
    w: Checked
    S: Checked
    A_theta: Checked
    b_theta: Checked
    equality_rows: tuple[int, ...] = ()
    labels: Labels | None = field(default=None, repr=False)
    constant: Quadratic | None = field(default=None, repr=False)
    readouts: tuple[Readout, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Check every argument once, so that solvers may trust the data."""
        H = real_array(self.H, "H", (None, None), ProblemError)
        n = len(H)
        t = _columns(self.F, "F")
        if n == 0 or t == 0:
            raise ProblemError(f"`F` has shape ({n}, {t}), but at least 1 variable and at least 1 parameter are needed")
        shapes = {"H": (n, n), "f": (n,), "F": (n, t), "G": (None, n), "w": (None,), "S": (None, t)}
        for name, shape in (shapes | {"A_theta": (None, t), "b_theta": (None,)}).items():
            object.__setattr__(self, name, real_array(getattr(self, name), name, shape, ProblemError))
        self._check_lengths()
        object.__setattr__(self, "H", positive_semidefinite(self.H, "H"))
        object.__setattr__(self, "equality_rows", self._checked_rows(self.equality_rows))
        object.__setattr__(self, "labels", self._checked_labels(self.labels))
        object.__setattr__(self, "constant", checked_constant(self.constant, self.t))
        object.__setattr__(self, "readouts", checked_readouts(self.readouts, self.t, self.n))
        check_magnitudes({name: getattr(self, name) for name in ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta")})
        self._check_zero_rows()

    @property
    def n(self) -> int:
        """Return the number of variables z."""
        return len(self.f)

    @property
    def t(self) -> int:
        """Return the number of parameters theta."""
        return self.F.shape[1]

    @property
    def names(self) -> Labels:
        """Return the labels (plain ones if the problem was given none)."""
        return self.labels or Labels.plain(self.t, self.n, len(self.w))

    @cached_property
    def strictly_convex(self) -> bool:
        """Return whether H is positive definite, so that every feasible theta has one minimiser."""
        return strictly_positive(self.H)

    @cached_property
    def parameter_set(self) -> Polyhedron:
        """Return the parameter set {A_theta theta <= b_theta}."""
        return Polyhedron(self.A_theta, self.b_theta)

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        return f"MultiparametricQP({self.n} variables, {self.t} parameters, {len(self.w)} rows)"

    def _check_lengths(self) -> None:
        pairs = (("G", "w"), ("G", "S"), ("A_theta", "b_theta"))
        for left, right in pairs:
            a, b = len(getattr(self, left)), len(getattr(self, right))
            if a != b:
                raise ProblemError(f"`{left}` has {a} rows but `{right}` has {b}; give one for each row of `{left}`")

    def _checked_rows(self, rows: Sequence[int]) -> tuple[int, ...]:
        if not isinstance(rows, Sequence | np.ndarray) or isinstance(rows, str) or np.ndim(rows) != 1:
            raise ProblemError(f"`equality_rows` is {rows!r}, but it must be a sequence of row numbers, such as (0, 1)")
        indices = sorted({whole_number(row, "equality_rows", ProblemError) for row in rows})
        if indices and indices[-1] >= len(self.w):
            raise ProblemError(
                f"`equality_rows` names row {indices[-1]}, but `G` has {len(self.w)} rows (0 is the first)"
            )
        return tuple(indices)

    def _checked_labels(self, labels: Labels | None) -> Labels | None:
        if labels is not None:
            check_labels(labels, self.t, self.n, len(self.w))
        return labels

    def _check_zero_rows(self) -> None:
        zero = ~(self.G.any(axis=1) | self.S.any(axis=1))
        wrong = zero & (self.w < 0)
        wrong[list(self.equality_rows)] |= zero[list(self.equality_rows)] & (self.w[list(self.equality_rows)] != 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ProblemError(
                f"`G` row {row} ({self.names.rows[row]}) is zero and its right-hand side is {self.w[row]:g}: "
                "infeasible for every theta; remove the row or mend its sign"
            )


def _columns(value: ArrayLike, name: str) -> int:
    return real_array(value, name, (None, None), ProblemError).shape[1]
