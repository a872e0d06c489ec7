"""Reference pairs for the self-test: states inside, on facets and outside, with what Python gives there."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.region import Regions
from mpc.explicit.scan import scan
from plants.arrays import Array
from yann.export_c_error import residual_rounding, rounding
from yann.export_c_tables import Table, Tables
from yann.gathered import input_box

REGIONS = 256
"""Regions whose centre, and a point on whose facet, become pairs: all of a small law, every few of a large one."""

OUTSIDE = 64
EXACT = 1e-12
"""In double the inputs agree to this share of the input range, where the sums themselves are that exact."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """States (n, t), the inputs (n, 2, m) that either neighbour gives there, whether they are inside (n,).

    `tolerance` (m,) is by how much an input may differ, `refused` (m,) the input for a state that is not finite.
    """

    states: Array
    inputs: Array
    inside: np.ndarray
    tolerance: Array
    refused: Array

    def tables(self, tables: Tables) -> tuple[Table, ...]:
        """Return them as constants of the self-test."""
        return tuple(
            Table(name, values, meaning, tables.precision)
            for name, values, meaning in (
                ("state", self.states, "States, one after another."),
                ("input", self.inputs, "For each state the inputs that are right: two, the same away from facets."),
                ("inside", self.inside.astype(np.int64), "Whether each state is in the domain."),
                ("tolerance", self.tolerance, "By how much each input may differ."),
                ("refused_input", self.refused, "The input for a state that is not finite."),
            )
        )


def reference_pairs(tables: Tables) -> Pairs:
    """Return pairs on which C and Python must agree; states where rounding decides among three inputs are left out."""
    design, law = tables.design, tables.design.law
    states = _states(tables)
    region = _candidates(tables, states)
    inputs = np.stack([design.evaluate(states, region[:, i]) for i in range(region.shape[1])], axis=1)
    violation = -scan(*law.halfspaces[:2], design.starts, states)[1]
    inside = violation <= TOLERANCE
    if not tables.outside.scans:
        inputs[~inside] = np.clip(tables.backup, *input_box(law))
    tolerance = _tolerance(tables, states[inside], region[inside, 0])
    second = np.abs(inputs - inputs[:, :1]).max(axis=2).argmax(axis=1)
    two = np.stack([inputs[:, 0], inputs[np.arange(len(inputs)), second]], axis=1)
    near = (np.abs(inputs[:, :, None] - two[:, None]) <= tolerance).all(axis=-1).any(axis=-1).all(axis=-1)
    clear = (violation <= TOLERANCE - 1e-13) | (violation > TOLERANCE + 3 * tables.doubt)
    chosen = near & clear
    return Pairs(states[chosen], two[chosen], inside[chosen], tolerance, np.clip(tables.backup, *input_box(law)))


def _states(tables: Tables) -> Array:
    """Return centres of regions, points where their largest balls touch facets, and points around the domain."""
    law = tables.design.law
    regions = cast(Regions, law.regions)
    generator = np.random.default_rng(0)
    chosen = np.unique(np.linspace(0, len(regions) - 1, min(REGIONS, len(regions))).astype(int))
    centres = regions.centre[chosen]
    touching = []
    for i, centre in zip(chosen, centres, strict=True):
        rows = slice(*tables.design.starts[i : i + 2])
        room = regions.b[rows] - regions.A[rows] @ centre
        normal = regions.A[rows][room.argmin()] * law.half_width**2
        touching.append(centre + room.min() * normal / (regions.A[rows][room.argmin()] @ normal))
    around = law.centre + generator.uniform(-2, 2, (OUTSIDE, law.t)) * law.half_width
    states = np.concatenate([centres, np.reshape(touching, (-1, law.t)), around])
    return states.astype(tables.precision.dtype).astype(np.float64)


def _candidates(tables: Tables, states: Array) -> np.ndarray:
    """Return the regions (n, 4) that rounding may choose, the one of least violation first; the last may repeat it."""
    A, b, _ = tables.design.law.halfspaces
    starts, count = tables.design.starts, min(4, len(tables.design.law.regions))
    found = np.zeros((len(states), count), np.intp)
    for row, state in enumerate(states):
        size = np.abs(A) @ np.abs(state - tables.shift) + np.abs(tables.rows[:, -1])
        doubt = max(tables.doubt, (len(state) + 4) * tables.precision.unit * size.max())
        violation = np.maximum.reduceat(A @ state - b, starts[:-1])
        order, chosen = np.argsort(violation, kind="stable"), scan(A, b, starts, state[None])[0][0]
        order = np.r_[chosen, order[order != chosen]][:count]
        found[row] = np.where(violation[order] <= violation.min() + 2 * doubt, order, order[0])
    return found


def _tolerance(tables: Tables, states: Array, region: np.ndarray) -> Array:
    """Return by how much (m,) the inputs at these pairs may differ: rounding, but no less than EXACT in double."""
    design = tables.design
    lower, upper = input_box(design.law)
    bound = rounding(tables, np.abs(states - tables.shift), design.move[region])
    if design.net is not None:
        z = (states - design.net.centre) / design.net.half_width
        bound = bound + residual_rounding(design.net, tables.precision.unit, tables.doubt, z, region)
    least = EXACT if not tables.centred else 4 * tables.precision.unit
    return np.maximum(bound.max(axis=0, initial=0.0), least * (upper - lower))
