"""CVODES of SUNDIALS: variable steps and order, implicit, for stiff plants and as the measure of the others."""

from dataclasses import dataclass
from typing import Any

import casadi as ca
from casadi import SX

from plants.arrays import real_scalar, whole_number
from plants.errors import PlantError
from plants.integrate import Motion

_TIGHTEST, _LOOSEST = 1e-13, 1e-2
_SHORTEST = 1e-12


@dataclass(frozen=True)
class CVODES:
    """Backward differentiation formulas of orders 1 to 5 whose steps follow the error: stiff plants included.

    `relative` and `absolute` bound the error of each internal step: `relative` times the size of a state plus
    `absolute` times its scale (half the width of its bounds), so that no unit matters. Those of a sample period add up
    to ten to a few hundred times as much, in derivatives as well. A period that takes more than `most_steps` internal
    steps, or one shorter than 1e-12 of it, as in a runaway, is given up: that row is NaN.

    Raises PlantError for tolerances beyond 1e-13 to 0.01 and for a number of steps that is none.
    Source: Hindmarsh et al., ACM Transactions on Mathematical Software 31 (2005), 363-396; called through CasADi.
    """

    relative: float = 1e-8
    absolute: float = 1e-8
    most_steps: int = 10_000

    symbols = ca.MX
    may_give_up = True

    def __post_init__(self) -> None:
        for name in ("relative", "absolute"):
            value = real_scalar(getattr(self, name), name, PlantError, positive=True)
            if not _TIGHTEST <= value <= _LOOSEST:
                raise PlantError(
                    f"`{name}` of CVODES is {value:g}, but it must be within {_TIGHTEST:g} to {_LOOSEST:g}; "
                    "1e-8 is right for most plants"
                )
            object.__setattr__(self, name, value)
        whole_number(self.most_steps, "most_steps", PlantError, least=1)

    def advance(self, motion: Motion, x: Any, u: Any) -> Any:
        """Return the state one sample period later, an expression in MX."""
        constants = ca.MX(motion.constants)
        solver = self._solver(motion, u.numel(), constants.numel())
        after = solver(x0=x / motion.scales, u=u, p=constants)["xf"]
        return after * motion.scales

    def _solver(self, motion: Motion, inputs: int, constants: int) -> ca.Function:
        """Return CasADi's integrator of the states in units of their scales."""
        n = len(motion.state_names)
        z, u, p = SX.sym("z", n), SX.sym("u", inputs), SX.sym("p", constants)
        ode = motion.equations(z * motion.scales, u, p) / motion.scales
        options = {
            "reltol": self.relative,
            "abstol": self.absolute,
            "max_num_steps": int(self.most_steps),
            "min_step_size": _SHORTEST * motion.sample_time,
            "disable_internal_warnings": True,
        }
        return ca.integrator("cvodes", "cvodes", {"x": z, "u": u, "p": p, "ode": ode}, 0.0, motion.sample_time, options)
