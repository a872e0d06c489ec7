"""Reference pairs for a filter's self-test: states in the safe set, on its facets and corners, beside them, outside."""

from dataclasses import dataclass

import numpy as np

from mpc.explicit.linear import linear_program
from plants.arrays import Array
from yann.errors import NetworkError
from yann.export_c_filter_tables import FilterTables
from yann.export_c_pairs import EXACT
from yann.export_c_tables import Table

FACETS = 64
"""Half-spaces on which states are chosen: all of a small set, every few of a large one."""

CORNERS, BESIDE, AWAY = 32, 1e-6, 3.0
"""Corners that are looked for, how far beside a limit states and inputs lie (share of the way), how far outside."""

EITHER = 2
"""Stands for inside or outside, where rounding decides."""


@dataclass(frozen=True, eq=False)
class FilterPairs:
    """States (k, n), wanted inputs (k, m), what passes (k, m), and what passes where nothing finite is wanted (k, m).

    `inside` (k,) is 0, 1 or EITHER; `passes` (k,) says where the wanted input must pass to the last bit. `tolerance`
    (m,) is by how much an input may differ, `refused` (m,) the input for a state that is not finite.
    """

    states: Array
    wanted: Array
    inputs: Array
    backups: Array
    inside: np.ndarray
    passes: np.ndarray
    tolerance: Array
    refused: Array

    def tables(self, tables: FilterTables) -> tuple[Table, ...]:
        """Return them as constants of the self-test."""
        return tuple(
            Table(name, values, meaning, tables.precision)
            for name, values, meaning in (
                ("state", self.states, "States, one after another."),
                ("wanted", self.wanted, "The input that is wanted at each."),
                ("input", self.inputs, "What passes."),
                ("backup_input", self.backups, "What passes where nothing finite is wanted."),
                ("inside", self.inside.astype(np.int64), "Whether each state is in the safe set; 2: rounding decides."),
                ("passes", self.passes.astype(np.int64), "Whether the wanted input passes to the last bit."),
                ("tolerance", self.tolerance, "By how much each input may differ."),
                ("refused_input", self.refused, "The input for a state that is not finite."),
            )
        )


def filter_pairs(tables: FilterTables, close: Array) -> FilterPairs:
    """Return pairs on which C and Python must agree to `close` (m,), more for states that are larger than in the set.

    States where rounding decides more than the flag are left out.
    """
    safe, filtering = tables.safe, tables.filtering
    generator = np.random.default_rng(0)
    states = _states(tables, generator)
    wanted = _wanted(tables, generator, len(states))
    hardly = filtering.filtered(states, wanted)
    hardly = hardly + BESIDE * (wanted - hardly)
    states, wanted = _rounded(tables, np.vstack([states, states])), _rounded(tables, np.vstack([wanted, hardly]))
    inputs, nothing = filtering.filtered(states, wanted), np.full_like(wanted, np.nan)
    tolerance = _tolerance(tables, states, close)
    steady = _steady(tables, states, wanted, tolerance) & _steady(tables, states, nothing, tolerance)
    doubt = tables.rounding(tables.half_spaces, np.abs(states - tables.shift).max(axis=0))
    room = safe.b - states @ safe.A.T
    inside = np.where((room > 2 * doubt).all(axis=1), 1, np.where((room < -doubt).any(axis=1), 0, EITHER))
    passes = (inputs == wanted).all(axis=1) & _with_room(tables, states, wanted, tolerance)
    backups = filtering.filtered(states, nothing)
    chosen = (part[steady] for part in (states, wanted, inputs, backups, inside, passes))
    return FilterPairs(*chosen, tolerance=tolerance, refused=np.clip(safe.backup, *safe.input_bounds))


def _states(tables: FilterTables, generator: np.random.Generator) -> Array:
    """Return corners, points within, on facets, a hair to either side of them, and outside, (k, n)."""
    safe, (lower, upper) = tables.safe, tables.box
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    A = safe.A * half
    b = safe.b - safe.A @ middle
    chosen = A[np.unique(np.linspace(0, len(A) - 1, min(FACETS, len(A))).astype(int))]
    corners = _corners(A, b, np.vstack([chosen, generator.normal(size=(CORNERS, safe.n))]))
    ways = np.vstack([chosen, generator.normal(size=(FACETS, safe.n))])
    within = generator.dirichlet(np.full(len(corners), 0.3), len(ways)) @ corners
    speed = np.maximum(ways @ A.T, 0)
    times = (b - within @ A.T) / np.where(speed > 0, speed, np.nan)
    reach = np.nanmin(np.where(speed > 0, times, np.inf), axis=1, keepdims=True)
    shares = (1.0, 1 - BESIDE, 1 + BESIDE, AWAY)
    parts = [corners, within, *(within + share * reach * ways for share in shares)]
    return middle + half * np.concatenate(parts)


def _corners(A: Array, b: Array, ways: Array) -> Array:
    """Return the corners of {A z <= b} that lie farthest along each way."""
    found = [linear_program(-way, A, b) for way in ways]
    corners = np.array([result.x for result in found if result.success])
    if not len(corners):
        raise NetworkError("`policy` has a filter of which no corner of the safe set was found; check the set")
    return np.unique(corners, axis=0)


def _wanted(tables: FilterTables, generator: np.random.Generator, count: int) -> Array:
    """Return wanted inputs (count, m): within the bounds, at them, and as far beyond."""
    lower, upper = tables.safe.input_bounds
    share = generator.uniform(-0.5, 1.5, (count, tables.safe.m))
    ends = generator.integers(0, 2, (count, 1)) * np.ones((count, tables.safe.m))
    return lower + np.where(generator.random((count, 1)) < 0.5, share, ends) * (upper - lower)


def _rounded(tables: FilterTables, values: Array) -> Array:
    return values.astype(tables.precision.dtype).astype(np.float64)


def _tolerance(tables: FilterTables, states: Array, close: Array) -> Array:
    """Return by how much (m,) the inputs at these states may differ: rounding, but no less than EXACT in double."""
    lower, upper = tables.safe.input_bounds
    bound = close + 2 * tables.error(np.abs(states - tables.shift).max(axis=0))
    least = EXACT if not tables.centred else 4 * tables.precision.unit
    return np.maximum(bound, least * (upper - lower))


def _steady(tables: FilterTables, states: Array, wanted: Array, tolerance: Array) -> np.ndarray:
    """Return where (k,) a state that is a hair beside has nearly the same input: outside, a projection can jump."""
    given = tables.filtering.filtered(states, wanted)
    half = np.subtract(*tables.box[::-1]) / 2
    generator = np.random.default_rng(1)
    hair, size = 1e-10, np.subtract(*tables.safe.input_bounds[::-1])
    moved = (states + hair * generator.uniform(-1, 1, states.shape) * half for _ in range(4))
    apart = [np.abs(tables.filtering.filtered(beside, wanted) - given) for beside in moved]
    return (np.max(apart, axis=0) <= tolerance + 1e-4 * size).all(axis=1)


def _with_room(tables: FilterTables, states: Array, wanted: Array, tolerance: Array) -> np.ndarray:
    """Return where (k,) wanted inputs keep the rows, and the bounds, by more than rounding can take."""
    rows, (lower, upper) = tables.safe.rows, tables.safe.input_bounds
    room = rows.slack(states, wanted) - 2 * np.abs(rows.U) @ tolerance
    return np.all(room > 0, axis=1) & np.all((wanted > lower) & (wanted < upper), axis=1)
