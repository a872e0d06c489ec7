"""Prediction: states, inputs, outputs, moves and their targets over the horizon, affine in theta and z."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants.arrays import Array
from plants.names import index_of


@dataclass(frozen=True, eq=False)
class Affine:
    """offset + theta_map theta + z_map z: a predicted quantity (k,) in physical units, with names and units."""

    offset: Array
    theta_map: Array
    z_map: Array
    names: Sequence[str]
    units: Sequence[str]

    @classmethod
    def constant(cls, values: Array, like: "Affine") -> Self:
        """Return a quantity that depends on nothing, over the same theta and z and with the same names as another."""
        k = len(values)
        maps = np.zeros((k, like.theta_map.shape[1])), np.zeros((k, like.z_map.shape[1]))
        return cls(values, *maps, like.names, like.units)

    def mapped(self, matrix: Array, names: Sequence[str], units: Sequence[str]) -> Self:
        """Return matrix times the quantity."""
        parts = matrix @ self.offset, matrix @ self.theta_map, matrix @ self.z_map
        return type(self)(*parts, names, units)

    def __add__(self, other: "Affine") -> Self:
        """Return the sum, under this quantity's names."""
        offset, theta_map = self.offset + other.offset, self.theta_map + other.theta_map
        return replace(self, offset=offset, theta_map=theta_map, z_map=self.z_map + other.z_map)

    def __sub__(self, other: "Affine") -> Self:
        """Return the difference, under this quantity's names."""
        offset, theta_map = self.offset - other.offset, self.theta_map - other.theta_map
        return replace(self, offset=offset, theta_map=theta_map, z_map=self.z_map - other.z_map)

    def shifted(self, values: Array) -> Self:
        """Return the quantity with constant values added."""
        return replace(self, offset=self.offset + values)

    def widened(self, columns: Array) -> Self:
        """Return the quantity as a function of further variables too, which it meets by `columns`."""
        return replace(self, z_map=np.c_[self.z_map, columns])


def beside(first: Affine, second: Affine) -> Affine:
    """Return one quantity of all components of two."""
    offset, theta_map = np.r_[first.offset, second.offset], np.r_[first.theta_map, second.theta_map]
    names, units = (*first.names, *second.names), (*first.units, *second.units)
    return Affine(offset, theta_map, np.r_[first.z_map, second.z_map], names, units)


def combination(row: Array, names: Sequence[str]) -> str:
    """Return one component's name, or for several the sum in words, such as `1 angle - 0.5 rate`."""
    entries = [(float(row[j]), names[int(j)]) for j in np.flatnonzero(row)]
    if not entries:
        return "nothing"
    if len(entries) == 1 and entries[0][0] == 1.0:
        return entries[0][1]
    (factor, name), *rest = entries
    return f"{factor:g} {name}" + "".join(f" {'-' if c < 0 else '+'} {abs(c):g} {other}" for c, other in rest)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a problem predicts, step by step, as functions of theta and z (the inputs that are free), all physical.

    `states` at steps 0..N; `inputs` at 0..N-1; `outputs` at 0..N, or 0..N-1 where inputs act on them at once; `moves`
    u_k - u_(k-1) at 0..N-1 (none unless theta holds the previous input). The targets are what deviations are measured
    from: the operating point, or the steady state that belongs to the setpoint and the disturbance. `own` holds the
    parameters of one's own by name, each a number at steps 0..N that theta alone decides.
    """

    model: LinearModel
    states: tuple[Affine, ...]
    inputs: tuple[Affine, ...]
    outputs: tuple[Affine, ...] = ()
    moves: tuple[Affine, ...] = ()
    state_targets: tuple[Affine, ...] = ()
    input_targets: tuple[Affine, ...] = ()
    output_targets: tuple[Affine, ...] = ()
    own: Mapping[str, tuple[Affine, ...]] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """Return N."""
        return len(self.inputs)

    @property
    def sizes(self) -> tuple[int, int]:
        """Return how many components z and theta have."""
        return self.states[0].z_map.shape[1], self.states[0].theta_map.shape[1]

    @property
    def controlled_outputs(self) -> range:
        """Return the steps at which z moves the outputs: from 1, or from 0 where inputs act on them at once."""
        return range(0 if self.model.D.any() else 1, len(self.outputs))

    @property
    def known_moves(self) -> tuple[Affine, ...]:
        """Return the moves; raise ProblemError where theta does not hold the previous input that they start from."""
        if not self.moves:
            raise ProblemError(
                "moves start from the previous input, but theta does not hold it: give the class of your constraint or "
                "cost the attribute `uses_moves = True`, or pass `parameters=(PreviousInput(),)`"
            )
        return self.moves

    def parameter(self, name: str, k: int, whose: str) -> Affine:
        """Return the number `name` at step k; raises ProblemError, naming `whose` wish it is, where theta has none."""
        if not self.own:
            raise ProblemError(
                f"`{whose}` names {name!r}, but theta holds no parameter of one's own; pass "
                f"`parameters=(OwnParameter({name!r}, lower, upper),)`"
            )
        known = tuple(self.own)
        value = self.own[known[index_of(name, known, whose, ProblemError)]][k]
        return replace(value, z_map=np.zeros((1, self.sizes[0])))

    def state_error(self, k: int) -> Affine:
        """Return s_k, the state's deviation from its target."""
        return self.states[k] - self.state_targets[k]

    def input_error(self, k: int) -> Affine:
        """Return v_k, the input's deviation from its target."""
        return self.inputs[k] - self.input_targets[k]
