"""The plant: equations, names, units, limits, cost, and its motion by one sample period."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from plants import validation as check
from plants.agreement import check_agreement
from plants.arrays import (
    Array,
    bounds_pair,
    instance_of,
    paired_points,
    read_only,
    real_points,
    real_scalar,
    whole_number,
)
from plants.constants import Constant, checked_constants, namespace
from plants.cost import Cost, wrapped
from plants.dynamics import Dynamics, Equations, compiled
from plants.equilibrium import check_steady
from plants.errors import PlantError
from plants.integrate import Integrator, RungeKutta4
from plants.names import checked_names, checked_text, checked_units, index_of, known_arguments, some_names
from plants.starts import StartFilter, sample_starts

_ONE_STEP = RungeKutta4()

Pair = Any
"""A pair of anything array-like going in; of read-only float64 arrays coming out."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Plant:
    """A physical system with n states and m inputs, sampled with its input held constant.

    `name` and `source` say what it is and where the equations come from.
    `derivative` gives dx/dt, or `update` the next state, from CasADi columns x (n, 1), u (m, 1): any
    sequence of one expression per state. Exactly one of the two.
    `constants` are numbers of the equations that may be changed: these then take a third argument p, and read p.name.
    `state_names`, `state_units`, `input_names`, `input_units` describe each component ('-': no unit).
    `state_bounds` (lower, upper), each (n,), is where the plant is meant to be run; None for no bound.
    `input_bounds` (lower, upper), each (m,), finite: what the actuator can do. With `clips_input` a step
    clips an input beyond them, else it refuses.
    `equilibrium` (state, input): the operating point, at which no state moves by more than 1e-6 of its scale (half
    the width of its bounds) in one sample period.
    `sample_time` in `time_unit`; `integrator` carries the state over one of them.
    `angles` names the states in rad that a step wraps to (-pi, pi].
    `state_caps` (lower, upper): no step leaves them, however wild. Where there is none a state is held at +-1e9 and
    counts as a runaway, so a state that may be larger needs a cap.
    `safe_limits` (lower, upper): beyond them a state is unsafe; None for no limit.
    `cost` is the stage cost; episodes are `episode_steps` long and start uniformly within `start_bounds`, at those
    points which `start_filter` keeps: it takes rows (rows, n) and returns bool (rows,); None keeps all.

    Arrays are read-only float64 afterwards. Raises PlantError for whatever does not fit.
    """

    name: str
    state_names: Sequence[str]
    state_units: Sequence[str]
    input_names: Sequence[str]
    input_units: Sequence[str]
    state_bounds: Pair
    input_bounds: Pair
    equilibrium: Pair
    sample_time: float
    cost: Cost
    start_bounds: Pair
    constants: Sequence[Constant] = ()
    derivative: Equations | None = None
    update: Equations | None = None
    time_unit: str = "s"
    integrator: Integrator = _ONE_STEP
    angles: Sequence[str] = ()
    state_caps: Pair = None
    safe_limits: Pair = None
    start_filter: StartFilter | None = None
    episode_steps: int = 200
    clips_input: bool = True
    source: str = ""
    _dynamics: Dynamics = field(init=False)

    def __new__(cls, **arguments: Any) -> Self:
        """Return a plant to be filled; TypeError names a misspelt argument and the closest known one."""
        known_arguments(arguments, [f.name for f in fields(cls) if f.init], cls.__name__)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        self._put_names()
        self._put_limits()
        check.equations(self.derivative, self.update)
        check.integrator(self.integrator)
        check.consistent(self)
        check.cost_fits(self.cost, self)
        self._put("_dynamics", compiled(self))
        check_steady(self, *self.equilibrium)
        check_agreement(self)

    def _put_names(self) -> None:
        for argument in ("name", "time_unit"):
            checked_text(getattr(self, argument), argument)
        for kind in ("state", "input"):
            names = checked_names(getattr(self, f"{kind}_names"), f"{kind}_names")
            self._put(f"{kind}_names", names)
            self._put(f"{kind}_units", checked_units(getattr(self, f"{kind}_units"), f"{kind}_units", names))
        check.no_common_name(self.state_names, self.input_names)
        self._put("constants", checked_constants(self.constants, (*self.state_names, *self.input_names)))
        self._put("angles", some_names(self.angles, "angles"))
        instance_of(self.source, str, "source", PlantError, "say where the equations come from, or pass ''")

    def _put_limits(self) -> None:
        states, inputs = self.state_names, self.input_names
        self._put("sample_time", real_scalar(self.sample_time, "sample_time", PlantError, positive=True))
        instance_of(self.clips_input, bool, "clips_input", PlantError, "pass True to clip inputs, False to refuse")
        self._put("episode_steps", whole_number(self.episode_steps, "episode_steps", PlantError, least=1))
        self._put("state_bounds", check.wide_bounds(self.state_bounds, "state_bounds", states))
        self._put("input_bounds", check.wide_bounds(self.input_bounds, "input_bounds", inputs, infinite=False))
        self._put("start_bounds", bounds_pair(self.start_bounds, "start_bounds", states, PlantError, infinite=False))
        self._put("equilibrium", check.operating_point(self.equilibrium, states, inputs))
        if self.safe_limits is not None:
            self._put("safe_limits", check.wide_bounds(self.safe_limits, "safe_limits", states))
        check.start_filter(self.start_filter)
        self._put("state_caps", check.caps(self.state_caps, states, self.angle_indices))

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.state_names)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return len(self.input_names)

    @property
    def is_continuous(self) -> bool:
        """Return whether the equations are dx/dt (`derivative`) and not the next state (`update`)."""
        return self.derivative is not None

    @property
    def equations(self) -> Equations:
        """Return the user's equations, `derivative` or `update`."""
        return self.update if self.derivative is None else self.derivative  # type: ignore[return-value]

    @property
    def equations_name(self) -> str:
        """Return which of the two arguments the equations came in by."""
        return "derivative" if self.is_continuous else "update"

    @cached_property
    def angle_indices(self) -> tuple[int, ...]:
        """Return the indices of the states that are wrapped."""
        return tuple(index_of(name, self.state_names, "angles") for name in self.angles)

    @cached_property
    def constant_values(self) -> Array:
        """Return the values of the constants (k,)."""
        return read_only([constant.value for constant in self.constants])

    def named_constants(self, values: Any) -> Any:
        """Return `values` (k,), numbers or expressions, as an object with one attribute for each constant."""
        return namespace(self.constants, values)

    def step(self, x: ArrayLike, u: ArrayLike) -> Array:
        """Return the states (..., n) one sample period after states (..., n) under inputs (..., m).

        Either may be a single point that goes with all of the other. Inputs are clipped to their bounds,
        angles wrapped, runaways capped: valid arguments never raise for a runaway and never give NaN. Checking
        about doubles the time of a call with few rows; loops whose arrays are known to be good call `step_rows`.

        Raises PlantError for a wrong width, NaN, infinity, or, unless `clips_input`, an input beyond its bounds; and
        where an adaptive integrator gives up, which none of fixed steps does.
        """
        states, inputs, lead = self._rows(x, u)
        if not self.clips_input:
            check.within_bounds(inputs, self)
        after = self.step_rows(states, inputs)
        check.integrated(after, states, inputs, self)
        return after.reshape(*lead, self.n)

    def step_rows(
        self,
        x: Float64[np.ndarray, "rows n"],
        u: Float64[np.ndarray, "rows m"],
        constants: Float64[np.ndarray, "rows k"] | None = None,
    ) -> Float64[np.ndarray, "rows n"]:
        """Return `step` of float64 rows x (rows, n), u (rows, m), unchecked: inputs are always clipped.

        `constants` (rows, k) take the place of the plant's own. A NaN input acts as one at a bound, so the caller must
        know that there is none. A row in which the integrator gave up is NaN.
        """
        if constants is None or not self.constants:
            return self._dynamics.step(x, u)[0]
        return self._dynamics.any_step(x, u, constants)[0]

    def flow_rows(self, x: Array, u: Array, constants: Array) -> Array:
        """Return `derivatives` (rows, n) of float64 rows under `constants` (rows, k), unchecked."""
        return self._dynamics.any_flow(x, u, constants)[0] if self.constants else self._dynamics.flow(x, u)[0]

    def slope_rows(self, x: Array, u: Array, constants: Array) -> tuple[Array, Array]:
        """Return `jacobians` of float64 rows under `constants` (rows, k), unchecked."""
        of = self._dynamics
        by_state, by_input = of.any_jacobians(x, u, constants) if self.constants else of.jacobians(x, u)
        return by_state.reshape(-1, self.n, self.n), by_input.reshape(-1, self.n, self.m)

    def derivatives(self, x: ArrayLike, u: ArrayLike) -> Array:
        """Return dx/dt (..., n), in state units per time unit, at states (..., n) and inputs (..., m), not clipped.

        For a plant given by `update` it is the next state. Raises PlantError for a wrong width, NaN or infinity.
        """
        states, inputs, lead = self._rows(x, u)
        return self._dynamics.flow(states, inputs)[0].reshape(*lead, self.n)

    def jacobians(self, x: ArrayLike, u: ArrayLike) -> tuple[Array, Array]:
        """Return the exact Jacobians of `derivatives`: df/dx (..., n, n) and df/du (..., n, m).

        Raises PlantError for a wrong width, NaN or infinity.
        """
        states, inputs, lead = self._rows(x, u)
        by_state, by_input = self._dynamics.jacobians(states, inputs)
        return by_state.reshape(*lead, self.n, self.n), by_input.reshape(*lead, self.n, self.m)

    def clip_input(self, u: ArrayLike) -> Array:
        """Return inputs (..., m) moved to the nearest bound where they are beyond it."""
        return np.clip(real_points(u, "u", self.input_names, PlantError), *self.input_bounds)

    def wrap(self, x: ArrayLike) -> Array:
        """Return states (..., n) with the declared angles turned into (-pi, pi]."""
        return self._wrapped(real_points(x, "x", self.state_names, PlantError))

    def _wrapped(self, x: Array) -> Array:
        states = np.array(x, order="C")
        for i in self.angle_indices:
            states[..., i] = wrapped(states[..., i])
        return states

    def confined(self, x: Array) -> Array:
        """Return states (..., n) with angles wrapped and every entry within its caps; NaN stays."""
        return np.clip(self._wrapped(x), *self.state_caps)

    def unsafe(self, x: ArrayLike) -> Any:
        """Return, as bool (...,), which states (..., n) are beyond a safe limit; none is where there are no limits."""
        states = real_points(x, "x", self.state_names, PlantError)
        if self.safe_limits is None:
            return np.zeros(states.shape[:-1], dtype=bool)
        lower, upper = self.safe_limits
        return ((states < lower) | (states > upper)).any(-1)

    def runaway(self, x: ArrayLike) -> Any:
        """Return, as bool (...,), which states (..., n) ran away: an entry without a cap of its own is at +-1e9."""
        states = real_points(x, "x", self.state_names, PlantError)
        lower, upper = self._runaway_limits
        return ((states <= lower) | (states >= upper)).any(-1)

    @cached_property
    def _runaway_limits(self) -> tuple[Array, Array]:
        lower, upper = self.state_caps
        return np.where(lower == -check.RUNAWAY, lower, -np.inf), np.where(upper == check.RUNAWAY, upper, np.inf)

    def sample_starts(self, generator: np.random.Generator, count: int) -> Array:
        """Return `count` initial states (count, n) within `start_bounds`; PlantError for a wrong argument."""
        return sample_starts(self, generator, count)

    def _rows(self, x: ArrayLike, u: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
        states = real_points(x, "x", self.state_names, PlantError)
        states, inputs = paired_points(states, real_points(u, "u", self.input_names, PlantError), PlantError)
        rows = np.ascontiguousarray(states).reshape(-1, self.n)
        return rows, np.ascontiguousarray(inputs).reshape(-1, self.m), states.shape[:-1]

    def __reduce__(self) -> Any:
        """Copy and pickle by building anew, so that the copy is checked, compiled and read-only as well."""
        return _rebuilt, ({f.name: getattr(self, f.name) for f in fields(self) if f.init},)

    def __repr__(self) -> str:
        """Return one line: name, states and inputs with units, sample time."""
        states = ", ".join(f"{n} [{u}]" for n, u in zip(self.state_names, self.state_units, strict=True))
        inputs = ", ".join(f"{n} [{u}]" for n, u in zip(self.input_names, self.input_units, strict=True))
        return f"Plant({self.name!r}: states {states}; inputs {inputs}; every {self.sample_time:g} {self.time_unit})"


def _rebuilt(values: dict[str, Any]) -> Plant:
    return Plant(**values)
