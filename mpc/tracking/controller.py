"""MPCController: a law of theta in closed loop, with setpoints, disturbances, moves and an estimator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import OutsideDomain, ProblemError
from mpc.parameters import Block
from mpc.problem import MPCProblem
from mpc.tracking.estimate import Estimate, KalmanFilter
from mpc.tracking.outside import InsideOnly, Law, Outside
from mpc.tracking.parts import check_estimator, check_law, fitted_schedule, own_schedules
from mpc.tracking.schedule import entries
from mpc.tracking.sensor import Sensor
from plants.arrays import Array, Checked, instance_of, real_array, real_points, whole_number


@dataclass(frozen=True, eq=False)
class Memory:
    """What a controller keeps: the number of the step, the inputs applied now (batch, m), what it expects to read.

    The inputs are kept as a copy that is read-only. Raises ProblemError for anything else.
    """

    step: int
    previous_input: Checked
    expected: Estimate | None = None

    def __post_init__(self) -> None:
        """Check every part."""
        whole_number(self.step, "Memory step", ProblemError)
        kept = real_array(self.previous_input, "Memory previous_input", None, ProblemError)
        object.__setattr__(self, "previous_input", kept)
        instance_of(self.expected, (Estimate, NoneType), "Memory expected", ProblemError, "start it with start(batch)")


@dataclass(frozen=True, eq=False)
class MPCController:
    """u = law(theta), theta put together at every step; a controller for plants.simulate or a loop of one's own.

    `law` is anything that maps theta (..., t) to inputs (..., m): an explicit law, ImplicitMPC, a YANN actor.
    `setpoint` and `disturbance` (measured) are each a constant, a table with a row per step whose last row stays, or a
    function of the step; `own` holds such values of parameters of one's own by name, as in {"price": 2.0}. With a
    preview the law is given the rows ahead: r at steps k+1..k+N, d at k..k+N-1, one's own at k..k+N.
    With `estimator` the law gets estimates of the state and of unmeasured disturbances: step(x, memory) first reads
    the outputs by `measure` (default Sensor(estimator.model), without noise), respond(y, memory) takes them as given.
    `disturbance` then holds the estimator's `measured` ones only, in that order. `outside` says what happens where
    the law has no answer: InsideOnly(), NearestRegion(), ClippedTheta(). `previous_input` (m,) acts before the first
    step and `first_state` (n,) is the estimator's first guess (both: the operating point).
    Where nothing is to be kept from step to step it can be called: controller(x). Raises ProblemError for parts that
    do not fit, OutsideDomain naming step and state.
    """

    law: Law
    problem: MPCProblem
    setpoint: Any = None
    disturbance: Any = None
    estimator: KalmanFilter | None = None
    measure: Callable[[Array], Array] | None = None
    outside: Outside = field(default_factory=InsideOnly)
    previous_input: Any = None
    first_state: Any = None
    own: Any = None

    def __post_init__(self) -> None:
        """Check that all parts fit one another."""
        instance_of(self.problem, MPCProblem, "problem", ProblemError, "pass the one that the law solves")
        check_law(self.law, self.problem, self.outside)
        check_estimator(self.estimator, self.measure, self.problem)
        model = self.problem.model
        for name, default, size in (("previous_input", model.input, model.m), ("first_state", model.state, model.n)):
            given = default if getattr(self, name) is None else getattr(self, name)
            values = entries(real_array(given, name, None, ProblemError), size)
            object.__setattr__(self, name, real_array(values, name, (size,), ProblemError))
        told = None if self.estimator is None else self.estimator.told
        for name in ("setpoint", "disturbance"):
            chosen = told if name == "disturbance" else None
            object.__setattr__(self, name, fitted_schedule(self.problem, name, getattr(self, name), chosen))
        object.__setattr__(self, "own", own_schedules(self.problem, self.own))

    @property
    def needs_memory(self) -> bool:
        """Return whether it keeps anything: an estimate, the previous input, or the place in a schedule."""
        schedules = self.setpoint, self.disturbance, *self.own.values()
        moving = [s for s in schedules if s is not None and not s.is_constant]
        return bool(self.estimator is not None or self.problem.layout.previous is not None or moving)

    def __call__(self, x: ArrayLike) -> Array:
        """Return the inputs (..., m) at states (..., n); raises ProblemError if it needs memory."""
        if self.needs_memory:
            raise ProblemError(
                "this controller keeps something from step to step (estimate, previous input or schedule); call "
                "memory = start(batch), then u, memory = step(x, memory)"
            )
        return self._inputs(self._known(x), Memory(0, self.previous_input))

    def start(self, batch: int) -> Memory:
        """Return the memory of `batch` rows before the first step."""
        rows = whole_number(batch, "batch", ProblemError, least=1)
        expected = None if self.estimator is None else self.estimator.start(rows, self.first_state)
        return Memory(0, np.broadcast_to(self.previous_input, (rows, self.problem.model.m)), expected)

    def step(self, x: ArrayLike, memory: Memory) -> tuple[Array, Memory]:
        """Return the inputs (batch, m) at states (batch, n), and the memory for the next call."""
        _check_memory(memory)
        if self.estimator is not None:
            measure = Sensor(self.estimator.model) if self.measure is None else self.measure
            return self.respond(measure(np.asarray(x)), memory)
        inputs = self._inputs(self._known(x), memory)
        return inputs, Memory(memory.step + 1, inputs)

    def respond(self, y: ArrayLike, memory: Memory) -> tuple[Array, Memory]:
        """Return the inputs (batch, m) after the outputs y (batch, p) were read, and the memory for the next call."""
        _check_memory(memory)
        if self.estimator is None or memory.expected is None:
            raise ProblemError("outputs were given, but there is no estimator to read them; pass `estimator`")
        estimate = self.estimator.correct(self._informed(memory.expected, memory.step), y)
        inputs = self._inputs(estimate, memory)
        return inputs, Memory(memory.step + 1, inputs, self.estimator.predict(estimate, inputs))

    def _inputs(self, estimate: Estimate, memory: Memory) -> Array:
        """Return the checked inputs at an estimate; raises OutsideDomain naming step and state."""
        theta, step = self._theta(estimate, memory), memory.step
        try:
            given = self.outside.inputs(self.law, theta, self.problem)
        except OutsideDomain as cause:
            believed = "state" if self.estimator is None else "estimated state"
            values = np.array2string(cause.theta[: self.problem.model.n], precision=6)
            raise OutsideDomain(
                cause.theta, cause.row, cause.distance,
                f"at step {step}, {believed} {values} ({', '.join(self.problem.model.state_names)}): {cause}. "
                "To go on there, give the controller outside=NearestRegion() or ClippedTheta()",
            ) from cause  # fmt: skip
        inputs = real_points(given, f"law's input at step {step}", self.problem.model.input_names, ProblemError)
        if inputs.shape[:-1] != theta.shape[:-1]:
            raise ProblemError(
                f"`law` returns inputs of shape {inputs.shape} for theta of shape {theta.shape}; one row each is needed"
            )
        return inputs

    def _theta(self, estimate: Estimate, memory: Memory) -> Array:
        blocks, step = self.problem.layout.blocks, memory.step
        parts: dict[str, Array] = {}
        if "previous_input" in blocks:
            parts["previous_input"] = memory.previous_input
        if "setpoint" in blocks:
            first = step + self.problem.setpoint.preview  # type: ignore[union-attr]
            parts["setpoint"] = np.concatenate([self.setpoint.at(first + i) for i in _ahead(blocks["setpoint"])])
        if "disturbance" in blocks:
            rows = [self._informed(estimate, step + i).disturbance for i in _ahead(blocks["disturbance"])]
            parts["disturbance"] = np.concatenate(rows, axis=-1)
        for name, values in self.own.items():
            parts[name] = np.concatenate([values.at(step + i) for i in _ahead(blocks[name])])
        return self.problem.theta(estimate.state, **parts)

    def _known(self, x: ArrayLike) -> Estimate:
        """Return states that are known; their disturbances are all measured."""
        states = real_points(x, "x", self.problem.model.state_names, ProblemError)
        return Estimate(states, self.problem.model.disturbance)

    def _informed(self, estimate: Estimate, step: int) -> Estimate:
        """Return the estimate with the disturbances that are measured at a step."""
        if self.disturbance is None:
            return estimate
        if self.estimator is None:
            return Estimate(estimate.state, self.disturbance.at(step))
        return self.estimator.informed(estimate, self.disturbance.at(step))


def _check_memory(memory: object) -> None:
    mend = "pass what start(batch) or the call before returned"
    instance_of(memory, Memory, "memory", ProblemError, mend)


def _ahead(block: Block) -> range:
    """Return the steps that a block of theta holds, counted from its first."""
    return range(len(block.names) // block.size)
