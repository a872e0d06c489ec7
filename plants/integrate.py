"""One sample period of a plant as a CasADi expression: small frozen objects, one per method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import casadi as ca
import numpy as np
from casadi import SX

from plants.arrays import Array, whole_number
from plants.errors import PlantError
from plants.names import index_of, some_names

MOST_SUBSTEPS = 1000
_ROLLED_UP = 50  # from so many substeps on, one expression of them all takes seconds to build


@dataclass(frozen=True, eq=False)
class Motion:
    """What an integrator knows of a plant.

    `equations` give dx/dt (n, 1) of the state (n, 1), the input (m, 1) and the `constants` (k, 1). `caps` are the
    lowest and highest values (n,) that the states may take, infinite for turning angles; `scales` (n,) are sizes of
    the states in their own units.
    """

    equations: Callable[[Any, Any, Any], Any]
    sample_time: float
    state_names: Sequence[str]
    caps: tuple[Array, Array]
    constants: Any
    scales: Array

    def derivative(self, x: Any, u: Any) -> Any:
        """Return dx/dt (n, 1) under these constants."""
        return self.equations(x, u, self.constants)


class Integrator(Protocol):
    """Advances a plant by one sample period, its input held constant."""

    def advance(self, motion: Motion, x: SX, u: SX) -> SX:
        """Return the state (n, 1) one sample period after `x` under the input `u` (m, 1)."""
        ...


@dataclass(frozen=True)
class RungeKutta4:
    """The classical fourth-order Runge-Kutta method with `substeps` equal steps per sample period."""

    substeps: int = 1

    def __post_init__(self) -> None:
        if whole_number(self.substeps, "substeps", PlantError, least=1) > MOST_SUBSTEPS:
            raise PlantError(
                f"`substeps` is {self.substeps}, above the limit of {MOST_SUBSTEPS}, since all are built into one "
                "expression; take fewer, or a shorter sample_time"
            )

    @property
    def symbols(self) -> Any:
        """Return the kind of symbols to build with: MX, which holds many substeps as calls of one, or SX, faster."""
        return ca.MX if self.substeps >= _ROLLED_UP else SX

    def advance(self, motion: Motion, x: Any, u: Any) -> Any:
        """Return the state one sample period later."""
        h, p = motion.sample_time / self.substeps, motion.constants
        step = _finished(motion, h, x, u) if isinstance(x, ca.MX) else partial(_runge_kutta, motion.equations, h)
        for _ in range(self.substeps):
            x = step(x, u, p)
        return x


def _runge_kutta(equations: Callable[[Any, Any, Any], Any], h: float, x: Any, u: Any, p: Any) -> Any:
    k1 = equations(x, u, p)
    k2 = equations(x + h / 2 * k1, u, p)
    k3 = equations(x + h / 2 * k2, u, p)
    k4 = equations(x + h * k3, u, p)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _finished(motion: Motion, h: float, state: Any, entry: Any) -> Callable[[Any, Any, Any], Any]:
    """Return one substep as a finished function, to be called with MX; constants that are numbers are built in."""
    x, u = SX.sym("x", state.numel()), SX.sym("u", entry.numel())
    if isinstance(motion.constants, ca.MX):
        p = SX.sym("p", motion.constants.numel())
        return ca.Function("substep", [x, u, p], [_runge_kutta(motion.equations, h, x, u, p)], {"cse": True})
    after = _runge_kutta(motion.equations, h, x, u, motion.constants)
    substep = ca.Function("substep", [x, u], [after], {"cse": True})
    return lambda now, held, _: substep(now, held)


@dataclass(frozen=True)
class SemiImplicitEuler:
    """Rates first, then positions with the new rates: one first-order step that keeps energy bounded.

    `positions` and `rates` name the states in pairs; together they are all states of the plant. A rate
    stays within its caps, and so acts on the position; a position that meets its cap stops there with rate 0.
    """

    positions: Sequence[str]
    rates: Sequence[str]

    def __post_init__(self) -> None:
        for name in ("positions", "rates"):
            object.__setattr__(self, name, some_names(getattr(self, name), name))
        if len(self.positions) != len(self.rates):
            raise PlantError(f"{len(self.positions)} `positions` but {len(self.rates)} `rates`; name them in pairs")

    def advance(self, motion: Motion, x: SX, u: SX) -> SX:
        """Return the state one sample period later."""
        h = motion.sample_time
        positions, rates = self._indices(motion.state_names)
        moved = SX(x)
        moved[rates] = _capped(x[rates] + h * motion.derivative(x, u)[rates], motion.caps, rates)
        meets = x[positions] + h * motion.derivative(moved, u)[positions]
        moved[positions] = _capped(meets, motion.caps, positions)
        for position, rate, wanted in zip(positions, rates, ca.vertsplit(meets), strict=True):
            if np.isfinite([bound[position] for bound in motion.caps]).any():
                moved[rate] = ca.if_else(moved[position] == wanted, moved[rate], 0)
        return moved

    def _indices(self, names: Sequence[str]) -> tuple[list[int], list[int]]:
        positions = [index_of(name, names, "positions") for name in self.positions]
        rates = [index_of(name, names, "rates") for name in self.rates]
        if sorted(positions + rates) != list(range(len(names))):
            raise PlantError(
                f"`positions` ({', '.join(self.positions)}) and `rates` ({', '.join(self.rates)}) must name "
                f"each state once; the states are {', '.join(names)}"
            )
        return positions, rates


def _capped(values: SX, caps: tuple[Array, Array], indices: list[int]) -> SX:
    entries = ca.vertsplit(values)
    for k, i in enumerate(indices):
        if caps[0][i] > -np.inf:
            entries[k] = ca.fmax(entries[k], caps[0][i])
        if caps[1][i] < np.inf:
            entries[k] = ca.fmin(entries[k], caps[1][i])
    return ca.vertcat(*entries)
