"""Record: what was measured while known inputs were applied, and the rows of a regression that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants import Plant, Trajectory
from plants.arrays import Array, Checked, instance_of, real_array


@dataclass(frozen=True, eq=False)
class Record:
    """One experiment: outputs y_0 .. y_T (T + 1, p), and inputs u_0 .. u_(T-1) (T, m), u_t held from y_t to y_(t+1).

    Outputs may be the whole state. `excitation` (T, q), if there is any, are signals that do not depend on what was
    measured, such as the part of the input that was added on purpose to the feedback: instruments for
    `InstrumentalVariables`. Names and units travel into the identified model.

    Raises ProblemError for wrong lengths, NaN and infinity: cut a record with gaps into several.
    """

    outputs: Checked
    inputs: Checked
    output_names: Sequence[str] = ()
    output_units: Sequence[str] = ()
    input_names: Sequence[str] = ()
    input_units: Sequence[str] = ()
    excitation: Checked = None

    def __post_init__(self) -> None:
        for name in ("outputs", "inputs"):
            self._put(name, _table(getattr(self, name), name))
        steps = len(self.inputs)
        if len(self.outputs) != steps + 1:
            raise ProblemError(
                f"`outputs` has {len(self.outputs)} rows and `inputs` {steps}, but outputs need one more, the one "
                f"after the last input; pass {steps + 1} outputs, or {max(len(self.outputs) - 1, 0)} inputs"
            )
        excitation = np.zeros((steps, 0)) if self.excitation is None else _table(self.excitation, "excitation")
        if len(excitation) != steps:
            raise ProblemError(
                f"`excitation` has {len(excitation)} rows, but `inputs` has {steps}: pass one row per input"
            )
        self._put("excitation", excitation)
        self._put_names()

    def _put_names(self) -> None:
        """Take over the checks and plain names of a model with as many outputs and inputs."""
        p, m = self.outputs.shape[1], self.inputs.shape[1]
        if not p or not m:
            raise ProblemError(f"`outputs` has {p} columns and `inputs` {m}, but at least 1 of each is needed")
        like = LinearModel(
            np.eye(p), np.ones((p, m)), 1.0, input_names=self.input_names, input_units=self.input_units, C=np.eye(p),
            output_names=self.output_names, output_units=self.output_units,
        )  # fmt: skip
        for name in ("output_names", "output_units", "input_names", "input_units"):
            self._put(name, getattr(like, name))

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows t of one record: stacks z_t (rows, n), inputs u_t, next outputs y_(t+1), and instruments.

    z_t = (y_t, .., y_(t-order+1), u_(t-1), .., u_(t-order+1)).
    """

    stacks: Array
    inputs: Array
    targets: Array
    instruments: Array


def rows_of(record: Record, order: int, lags: int) -> Rows:
    """Return the rows of `record`; those without `order` - 1 samples before, and as many as `lags` need, are left out.

    The instruments of row t, none for `lags` 0, are the excitation at t .. t - lags, and the stacks and inputs
    from t - order back to t - order - lags + 1: none of them shares a measurement with row t.
    """
    y, u, r = record.outputs, record.inputs, record.excitation
    steps, first = len(u), order - 1 + (order + lags - 1 if lags else 0)
    if steps <= first:
        raise ProblemError(
            f"a record has {steps} inputs, but `order` {order}{f' with {lags} lags' if lags else ''} uses "
            f"{first} steps of history: pass at least {first + 1}"
        )
    stacks = np.c_[_past(y[:-1], order, 0), _past(u, order - 1, 1)]
    delays = range(order, order + lags)
    instruments = [np.zeros((steps, 0)), *(_back(r, k) for k in range(lags + 1) if lags)]
    instruments += [_back(np.c_[stacks, u], k) for k in delays]
    return Rows(stacks[first:], u[first:], y[1 + first :], np.concatenate(instruments, axis=1)[first:])


def records_of(plant: Plant, trajectory: Trajectory) -> tuple[Record, ...]:
    """Return one record for every episode of a simulation, up to where it ended, with the plant's names and units.

    States and inputs are those of the simulation, so without measurement noise; angles that wrap jump by 2 pi.
    """
    instance_of(plant, Plant, "plant", ProblemError, "pass the plant that was simulated")
    instance_of(trajectory, Trajectory, "trajectory", ProblemError, "pass what simulate(plant, ...) returns")
    states, inputs = trajectory.states, trajectory.inputs
    if (states.shape[-1], inputs.shape[-1]) != (plant.n, plant.m):
        raise ProblemError(
            f"`trajectory` has {states.shape[-1]} states and {inputs.shape[-1]} inputs, but `plant` has {plant.n} and "
            f"{plant.m}; pass the plant that was simulated"
        )
    units = [["" if unit == "-" else unit for unit in kind] for kind in (plant.state_units, plant.input_units)]
    episodes = zip(
        states.reshape(-1, *states.shape[-2:]), inputs.reshape(-1, *inputs.shape[-2:]), np.ravel(trajectory.ended_at),
        strict=True,
    )  # fmt: skip
    return tuple(
        Record(x[: end + 1], u[:end], plant.state_names, units[0], plant.input_names, units[1])
        for x, u, end in episodes
    )


def checked_records(records: Record | Sequence[Record]) -> tuple[Record, ...]:
    """Return one record or several as a tuple; raise ProblemError unless all have the same signals."""
    given = (records,) if isinstance(records, Record) else records
    if not isinstance(given, Sequence) or not given:
        what = "empty" if isinstance(given, Sequence) else f"a {type(records).__name__}"
        raise ProblemError(f"`records` is {what}; pass a Record(outputs, inputs), or a sequence of them")
    for i, record in enumerate(given):
        instance_of(record, Record, f"records[{i}]", ProblemError, "wrap the arrays, as in Record(outputs, inputs)")
        for name in ("output_names", "input_names", "output_units", "input_units"):
            have, want = getattr(record, name), getattr(given[0], name)
            if have != want:
                raise ProblemError(f"`records` disagree: {name} is {want} in the first, but {have} at index {i}")
    return tuple(given)


def _table(value: ArrayLike, name: str) -> Array:
    table = real_array(value, name, None, ProblemError)
    return real_array(table.reshape(-1, 1) if table.ndim == 1 else table, name, (None, None), ProblemError)


def _past(signal: Array, count: int, newest: int) -> Array:
    """Return (steps, count * width): the signal `newest` steps ago, one before that, and so on."""
    return np.concatenate([np.zeros((len(signal), 0)), *(_back(signal, newest + k) for k in range(count))], axis=1)


def _back(signal: Array, steps: int) -> Array:
    """Return the signal delayed by so many steps, filled up with zeros, which no row that is used sees."""
    return np.concatenate([np.zeros((min(steps, len(signal)), signal.shape[1])), signal[: max(len(signal) - steps, 0)]])
