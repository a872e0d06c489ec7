"""StageCost: what a step costs as any CasADi expression of state and input, the same for every controller."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import casadi as ca
import numpy as np
from jaxtyping import Float64

from plants.arrays import check_size, whole_number
from plants.batched import BatchedFunction
from plants.cost import Cost, checked_penalty
from plants.errors import PlantError
from plants.event import Event, checked_event
from plants.scalar import scalar_function

if TYPE_CHECKING:
    from plants.plant import Plant

_MEND = "return one CasADi expression, built with casadi.sin, casadi.log and their like"
_MOST_ENTRIES = 10_000  # symbols of one formula
_TURNS = 8  # points at which a turn of each angle is tried
_SAME = 1e-6  # relative difference that counts as none


@dataclass(frozen=True, eq=False, repr=False)
class StageCost(Cost):
    """The stage cost `formula`(x, u), one CasADi expression of the columns x (n, 1) and u (m, 1).

    It is charged as it is in simulation and training, minimised as it is by NonlinearMPC, and made quadratic at the
    operating point by mpc.regulator_problem. `violation_penalty` is added once when a step ends an episode unsafely;
    `event` ends an episode at a cost of its own. `terminal`(x) is what NonlinearMPC adds for the state at the end of
    its horizon; nobody else charges it.

    Formulas at the top level of a module can be pickled, lambdas cannot. Where a state is one of a plant's angles,
    write it by casadi.cos and sin, or by `on_circle`. Raises PlantError for a formula that fails on symbols, returns
    more than one entry or uses symbols of its own; when charged, at points where it has no finite value.
    """

    formula: Callable[[Any, Any], Any]
    n: int
    m: int
    violation_penalty: float = 0.0
    event: Event | None = None
    terminal: Callable[[Any], Any] | None = None
    _function: Any = field(init=False)
    _end: Any = field(init=False)
    _rows: BatchedFunction = field(init=False)

    def __post_init__(self) -> None:
        sizes = {name: whole_number(getattr(self, name), name, PlantError, least=1) for name in ("n", "m")}
        for name, size in sizes.items():
            check_size(size, f"`{name}` = {size}", PlantError, "give the numbers of the plant", _MOST_ENTRIES)
        for name, value, least in (("formula", self.formula, "x and u"), ("terminal", self.terminal, "x")):
            if not callable(value) and (name == "formula" or value is not None):
                raise PlantError(f"`{name}` of a StageCost is {value!r}, but a function of {least} is needed; {_MEND}")
        checked_event(self.event, self.n)
        function = scalar_function(self.formula, "`formula`", {"x": sizes["n"], "u": sizes["m"]}, _MEND)
        end = self.terminal and scalar_function(self.terminal, "`terminal`", {"x": sizes["n"]}, _MEND)
        given = {"violation_penalty": checked_penalty(self.violation_penalty), "_function": function, "_end": end}
        for name, value in (given | {"_rows": BatchedFunction(function)}).items():
            object.__setattr__(self, name, value)

    def stage_rows(self, x: Float64[np.ndarray, "*rows n"], u: Float64[np.ndarray, "*rows m"]) -> Any:
        """Return the stage cost (*rows,) of float64 arrays; raise PlantError where it is not finite."""
        values = self.value_rows(x, u)
        if not np.isfinite(values).all():
            place = tuple(np.argwhere(~np.isfinite(values))[0])
            raise PlantError(
                f"the stage cost {self._name} is {values[place]:g} at x = {x[place]}, u = {u[place]}, but a finite "
                "number is needed wherever the plant may go; keep logarithms, roots and quotients off their borders, "
                "as in log(fmax(room, 1e-6)), or give the plant safe limits"
            )
        return values

    def value_rows(self, x: Float64[np.ndarray, "*rows n"], u: Float64[np.ndarray, "*rows m"]) -> Any:
        """Return the formula's values (*rows,), whatever they are."""
        return self._rows(x.reshape(-1, self.n), u.reshape(-1, self.m))[0].reshape(x.shape[:-1])

    def expression(self, x: Any, u: Any) -> Any:
        """Return the stage cost as a CasADi expression of columns x (n, 1) and u (m, 1)."""
        return self._function(x, u)

    def terminal_expression(self, x: Any) -> Any:
        """Return the terminal cost of a column x (n, 1); None where there is none."""
        return None if self._end is None else self._end(x)

    @property
    def _name(self) -> str:
        return getattr(self.formula, "__name__", type(self.formula).__name__)

    def __reduce__(self) -> Any:
        """Copy and pickle by building anew, so that the copy is checked and compiled as well."""
        return _rebuilt, ({f.name: getattr(self, f.name) for f in fields(self) if f.init},)

    def __repr__(self) -> str:
        """Return one line: the formula's name, the sizes, the penalty and what ends an episode."""
        end = "" if self.event is None else f", event={self.event.name!r}"
        return f"StageCost({self._name}, n={self.n}, m={self.m}, violation_penalty={self.violation_penalty:g}{end})"


def check_stage_cost(cost: StageCost, plant: "Plant") -> None:
    """Refuse a cost without a finite value at the plant's operating point, or that jumps where an angle is wrapped."""
    state, entry = plant.equilibrium
    at_home = float(cost.value_rows(state, entry))
    if not np.isfinite(at_home):
        raise PlantError(
            f"`cost` is {at_home:g} at the plant's operating point, state {state}, input {entry}; write a formula that "
            "has a finite value there"
        )
    if cost.terminal is not None and not np.isfinite(end := float(ca.DM(cost.terminal_expression(state)))):
        raise PlantError(f"`terminal` of the cost is {end:g} at the plant's equilibrium {state}; make it finite there")
    for i in plant.angle_indices:
        _check_turns(cost, plant, i)


def _check_turns(cost: StageCost, plant: "Plant", angle: int) -> None:
    generator = np.random.default_rng(0)
    lower, upper = plant.start_bounds
    points = np.concatenate([generator.uniform(lower, upper, (_TURNS, plant.n)), [plant.equilibrium[0]]])
    points[:-1, angle] = generator.uniform(-np.pi, np.pi, _TURNS)
    inputs = np.tile(plant.equilibrium[1], (len(points), 1))
    turned = points + 2 * np.pi * np.eye(plant.n)[angle]
    here, there = cost.value_rows(points, inputs), cost.value_rows(turned, inputs)
    gap = np.abs(here - there)
    worst = int(np.nanargmax(np.append(gap, 0.0))) % len(points)
    if gap[worst] > _SAME * max(1e-300, float(np.abs([here[worst], there[worst]]).max())):
        name = plant.state_names[angle]
        raise PlantError(
            f"`cost` is {here[worst]:g} where {name} is {points[worst, angle]:g} and {there[worst]:g} one turn on, but "
            f"{name} is one of the plant's `angles`, for which the two are one place; write it by casadi.cos and "
            f"sin, or as on_circle(x[{angle}] - target)"
        )


def _rebuilt(values: dict[str, Any]) -> StageCost:
    return StageCost(**values)
