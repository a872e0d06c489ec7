"""A safety filter as the text of C files: source, header, self-test and data sheet."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from mpc.safety.max_min import MaxMin
from mpc.safety.nearest_input import NearestInput
from mpc.safety.safe_set import SafeSet
from yann.export_c_files import ENVIRONMENT, comment
from yann.export_c_filter_pairs import FilterPairs, filter_pairs
from yann.export_c_filter_tables import FilterTables
from yann.export_c_form import NEAREST, Precision
from yann.export_c_law import LawTexts, law_texts

NEIGHBOUR = 10
"""Times its rounding, a projection may be off where rounding chooses a neighbour, whose inputs agree on the facet."""


@dataclass(frozen=True)
class FilterSheet:
    """What a filter in C takes, how exact it is, and what its guarantee rests on.

    `flops` are the floating-point operations of any state, beside `sine_calls` and, for several inputs, the projection,
    which has a data sheet of its own. `error_bound` is by how much each input can be off in the safe set, `tolerance`
    that of the self-test. `certificate` is the kind of proof, `certificate_digest` the SHA-256 of its file.
    """

    name: str
    precision: str
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    half_spaces: int
    pieces: int
    table_bytes: int
    bytes_of: dict[str, int]
    flops: int
    sine_calls: int
    error_bound: tuple[float, ...]
    relative_error_bound: float
    tolerance: tuple[float, ...]
    pairs: int
    digest: str
    checksum: int
    certificate: str
    certificate_digest: str
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class FilterTexts:
    """The files of one filter, as texts in the order of ENDS, its figures, and the law of several inputs."""

    contents: tuple[str, ...]
    sheet: FilterSheet
    projection: LawTexts | None


def filter_texts(filtering: MaxMin | NearestInput, safe: SafeSet, name: str, precision: Precision) -> FilterTexts:
    """Return the files of a filter; raises NetworkError for one of several inputs in float, or an unbounded set."""
    tables = FilterTables(safe, filtering, precision)
    projection = None
    bound = close = np.array([tables.error_bound])
    if isinstance(filtering, NearestInput):
        projection = law_texts(filtering.law, f"{name}_qp", precision, NEAREST)
        bound, close = np.array(projection.sheet.error_bound), NEIGHBOUR * np.array(projection.sheet.tolerance)
    pairs = filter_pairs(tables, close)
    sheet = _sheet(tables, pairs, bound, name)
    return FilterTexts(_contents(tables, pairs, sheet, projection), sheet, projection)


def _sheet(tables: FilterTables, pairs: FilterPairs, bound: np.ndarray, name: str) -> FilterSheet:
    safe, certificate = tables.safe, tables.safe.certificate
    n, sines = safe.n, len(tables.sine_indices)
    count = len(safe.rows.h)
    of_rows = count * 2 * (n if tables.pieces is not None else n + safe.m)
    lower, upper = safe.input_bounds
    return FilterSheet(
        name=name,
        precision=tables.precision.name,
        states=safe.state_names,
        inputs=tuple(f"{n} [{u}]" if u else n for n, u in zip(safe.input_names, safe.input_units, strict=True)),
        half_spaces=len(safe.b),
        pieces=count,
        table_bytes=sum(table.footprint for table in tables.all),
        bytes_of={table.name: table.footprint for table in tables.all},
        flops=len(safe.b) * (2 * n - 1) + of_rows + 2 * sines + (n if tables.centred else 0),
        sine_calls=sines,
        error_bound=tuple(bound.tolist()),
        relative_error_bound=float((bound / (upper - lower)).max()),
        tolerance=tuple(pairs.tolerance.tolist()),
        pairs=len(pairs.states),
        digest=tables.digest,
        checksum=tables.checksum,
        certificate=certificate.kind,
        certificate_digest=certificate.document["sha256"],
        assumptions=certificate.assumptions,
    )


def _contents(
    tables: FilterTables, pairs: FilterPairs, sheet: FilterSheet, projection: LawTexts | None
) -> tuple[str, ...]:
    below, above = (len(side) for side in tables.sides)
    form = f"a maximum of {below} and a minimum of {above} affine pieces"
    if projection is not None:
        form = f"{sheet.pieces} rows and a projection of {projection.sheet.regions} regions"
    title = f"safety filter, {sheet.half_spaces} half-spaces, {form}"
    common = {
        "name": sheet.name,
        "macro": sheet.name.upper(),
        "title": title,
        "form": form,
        "about": [comment(line) for line in _about(sheet)],
        "real": tables.precision.name,
        "largest": tables.precision.largest,
        "n": tables.safe.n,
        "m": tables.safe.m,
        "digest": sheet.digest,
        "centred": tables.centred,
        "projection": projection.sheet.name if projection else "",
        "sheet": sheet,
    }
    source = {
        "tables": tables.all,
        "half_spaces": sheet.half_spaces,
        "rows": sheet.pieces,
        "below": below,
        "above": above,
        "sines": sheet.sine_calls,
        **_sums(tables),
    }
    test = {"tables": pairs.tables(tables), "pairs": sheet.pairs, "checksum": sheet.checksum}
    if projection is not None:
        test |= {"projection_digest": projection.sheet.digest, "projection_checksum": projection.sheet.checksum}
    words = {"error": sheet.error_bound, "tolerance": sheet.tolerance, "backup": tables.safe.backup}
    listed = {f"{key}_text": ", ".join(f"{value:.2g}" for value in values) for key, values in words.items()}
    parts = ((".h", source), (".c", source), ("_selftest.c", test), (".md", listed))
    texts = [ENVIRONMENT.get_template(f"export_c_filter{end}.j2").render(common | more) for end, more in parts]
    return (*texts, json.dumps(sheet.to_dict(), indent=1) + "\n")


def _sums(tables: FilterTables) -> dict[str, str]:
    """Return the sums of C, in order of components."""
    n, m = tables.safe.n, tables.safe.m
    states = [f"a[{j}] * d[{j}]" for j in range(n)]
    inputs = [f"a[{n + i}] * u[{i}]" for i in range(m)]
    sines = [f"sine[{k}] * sin(x[{j}])" for k, j in enumerate(tables.sine_indices)]
    return {
        "state_sum": " + ".join(states),
        "row_sum": " + ".join(states + inputs),
        "sine_sum": f"({tables.precision.name})({' + '.join(sines)})",
    }


def _about(sheet: FilterSheet) -> list[str]:
    """Return what the head of each file says: states, inputs, certificate, filter."""
    states = [f"x[{i}]: {text}" for i, text in enumerate(sheet.states)]
    inputs = [f"u[{i}]: {text}" for i, text in enumerate(sheet.inputs)]
    proof = f"certificate: {sheet.certificate} (SHA-256: {sheet.certificate_digest})"
    return [*states, *inputs, proof, f"filter (SHA-256): {sheet.digest}"]
