"""The data sheet of exported C: what it takes, at worst, and how exact it is."""

from dataclasses import asdict, dataclass

import numpy as np

from yann.export_c_graph import GraphTables
from yann.export_c_net import Net
from yann.export_c_pairs import Pairs
from yann.export_c_steps import Fade
from yann.gathered import input_box
from yann.law_error import law_error, residual_error

INT = 4
"""Bytes of an int, assumed."""


@dataclass(frozen=True)
class DataSheet:
    """What the C takes and how exact it is.

    `comparisons` and `flops` are the most that a state inside takes which is not within `band` (half widths) of a
    hyperplane of the decision graph, nor outside the parameter bounds; `comparisons_anywhere` bounds them for every
    state, those on several hyperplanes and those outside included; a comparison is one half-space, 2t operations. Both
    count the rows of the region that a Continuous residual asks again.
    `flops` leaves out `tanh_calls`. `table_bytes` is read-only memory, `stack_bytes` that of all local arrays.
    `error_bound` is by how much each input of the law can be off (with a residual: `residual_error_bound` more, in the
    same region); `tolerance` is that of the self-test.
    """

    name: str
    precision: str
    outside: str
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    regions: int
    half_spaces: int
    moves: int
    residual: bool
    table_bytes: int
    bytes_of: dict[str, int]
    stack_bytes: int
    depth: int
    comparisons: int
    comparisons_anywhere: int
    flops: int
    tanh_calls: int
    band: float
    error_bound: tuple[float, ...]
    residual_error_bound: tuple[float, ...]
    relative_error_bound: float
    tolerance: tuple[float, ...]
    pairs: int
    digest: str
    checksum: int

    def to_dict(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return asdict(self)


def data_sheet(tables: GraphTables, pairs: Pairs, name: str, digest: str) -> DataSheet:
    """Return the data sheet of tables and their self-test."""
    design, law = tables.design, tables.design.law
    net = design.net
    reals = law.t + (0 if net is None else law.t + net.hidden)
    flops, tanh = _residual_work(net)
    faces = 0 if net is None else net.faces
    nominal = law_error(tables).total
    lower, upper = input_box(law)
    return DataSheet(
        name=name,
        precision=tables.precision.name,
        outside=tables.outside.text,
        states=tuple(f"{n} [{u}]" if u else n for n, u in zip(law.parameter_names, law.parameter_units, strict=True)),
        inputs=tuple(f"{n} [{u}]" if u else n for n, u in zip(law.input_names, law.input_units, strict=True)),
        regions=len(law.regions),
        half_spaces=len(law.halfspaces[1]),
        moves=len(design.moves),
        residual=net is not None,
        table_bytes=sum(table.footprint for table in tables.all),
        bytes_of={table.name: table.footprint for table in tables.all},
        stack_bytes=(tables.graph.depth + 1) * INT + reals * np.dtype(tables.precision.dtype).itemsize,
        depth=tables.graph.depth,
        comparisons=tables.comparisons + faces,
        comparisons_anywhere=tables.comparisons_anywhere + faces,
        flops=2 * law.t * (tables.comparisons + law.m) + flops,
        tanh_calls=tanh,
        band=float(np.sqrt(tables.limits[1])),
        error_bound=tuple(nominal.tolist()),
        residual_error_bound=tuple(residual_error(tables).tolist()),
        relative_error_bound=float((nominal / (upper - lower)).max()),
        tolerance=tuple(pairs.tolerance.tolist()),
        pairs=len(pairs.states),
        digest=digest,
        checksum=tables.checksum,
    )


def _residual_work(net: Net | None) -> tuple[int, int]:
    """Return the operations of a residual beside tanh, and the calls of tanh."""
    if net is None:
        return 0, 0
    t, m = len(net.centre), len(net.half_range)
    layers = 2 * t + 2 * net.width * (t + net.hidden)
    readout = m * (2 * net.hidden + 1) if net.head is not None else net.hidden + 2 * m
    bounded = 0 if net.bound is None else m
    steps = sum(2 * t * step.A.shape[1] + 5 + m if isinstance(step, Fade) else m * (2 * t + 2) for step in net.steps)
    return layers + readout + m + 2 * bounded + steps, net.width + net.hidden + bounded
