"""export_structured_text: a law as a function block of IEC 61131-3 structured text, for programmable controllers."""

import textwrap
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.storage import write_whole
from plants.arrays import instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_c_design import Design
from yann.export_c_files import ENVIRONMENT
from yann.export_c_form import DOUBLE, FLOAT, NEAREST, Precision
from yann.export_c_steps import named_arrays
from yann.export_c_tables import Table, Tables
from yann.export_paths import file_path
from yann.structured_text_names import KEYWORDS, checked_name

LARGEST_TABLE = 32_767
"""Numbers that one table may have: a subscript of type INT reaches no further."""


@dataclass(frozen=True)
class Kind:
    """A type of structured text: its name, the largest state that is taken, and a number beyond all heights."""

    name: str
    state: str
    beyond: str


KINDS = {DOUBLE: Kind("LREAL", "1.0E+100", "1.0E+300"), FLOAT: Kind("REAL", "1.0E+15", "1.0E+37")}


@dataclass(frozen=True)
class ExportedStructuredText:
    """The file that was written, the bytes of its constants, its most comparisons of half-spaces, the design's hash.

    `comparisons` holds for states away from the search tree's hyperplanes, `comparisons_anywhere` for every state.
    """

    path: Path
    table_bytes: int
    comparisons: int
    comparisons_anywhere: int
    digest: str


def export_structured_text(
    policy: PiecewiseAffineLaw | YannActor, path: str | PathLike[str], name: str = "law", precision: Precision = DOUBLE
) -> ExportedStructuredText:
    """Write a law, or a TrainableLaw as trained, as FUNCTION_BLOCK `name`: X in, U, VALID and REGION out.

    U lies within the input bounds, outside it is the nearest region's. DOUBLE writes LREAL, FLOAT REAL. The file is
    replaced in one step. Raises NetworkError for what is no law with finite input bounds, for neurons and bounds on a
    residual (there is no tanh), a table of more than LARGEST_TABLE numbers, a name that structured text does not take,
    and a path that is no place for a file. See docs/exports.md.
    """
    if not isinstance(precision, Precision) or precision not in (DOUBLE, FLOAT):
        raise NetworkError(f"`precision` is {precision!r}; pass DOUBLE or FLOAT")
    instance_of(policy, (PiecewiseAffineLaw, YannActor), "policy", NetworkError, "pass a law or an actor of one")
    target = file_path(path, "law.st")
    tables = Tables(_checked_design(policy), FLOAT if precision == FLOAT else DOUBLE, NEAREST)
    constants = _constants(tables)
    name = checked_name(name, {table.name for table in constants})
    design, rows = tables.design, len(tables.rows)
    faces = 0 if design.net is None else design.net.faces
    listed = 0 if design.tree is None else int(np.diff(design.starts)[design.tree.regions].sum())
    done = ExportedStructuredText(
        path=target,
        table_bytes=sum(4 * table.size if table.whole else table.footprint for table in constants),
        comparisons=faces + (rows if design.tree is None else design.tree.worst_comparisons),
        comparisons_anywhere=faces + (2 * rows if design.tree is None else len(design.tree.children) + listed + rows),
        digest=design.digest,
    )
    write_whole(target, _text(tables, constants, name, done).encode("ascii"))
    return done


def _checked_design(policy: PiecewiseAffineLaw | YannActor) -> Design:
    design = Design.of(policy)
    net = design.net
    if net is not None and (net.width or net.bound is not None):
        what = f"{net.width + net.hidden} neurons" if net.width else "a bound"
        raise NetworkError(
            f"`policy` has a residual with {what}, but structured text has no tanh: TrainableLaw() and Continuous of "
            "it can be written, without a bound; build the actor with one of them, or use export_c"
        )
    return design


def _constants(tables: Tables) -> list[Table]:
    """Return the tables as structured text names them, with the band itself instead of its square."""
    named = {table.name: table for table in tables.all}
    tolerance, square = named["limit"].values
    named["limit"] = replace(
        named["limit"],
        values=np.array([tolerance, np.sqrt(square) * (1 + 4 * tables.precision.unit)]),
        meaning="Half widths of the parameter set: tolerance of the domain, band around a hyperplane of the tree.",
    )
    for table in named.values():
        if table.size > LARGEST_TABLE:
            raise NetworkError(
                f"`policy` has {len(tables.design.law.regions)} regions and needs {table.size} numbers in the table "
                f"{table.name}, but a table of structured text holds {LARGEST_TABLE} here; pass a smaller law, or use "
                "export_c"
            )
    return [replace(table, name=f"{name}_table" if name in KEYWORDS else name) for name, table in named.items()]


def _text(tables: Tables, constants: list[Table], name: str, done: ExportedStructuredText) -> str:
    design, law = tables.design, tables.design.law
    steps = [] if design.net is None else [(t, t.startswith("fade")) for t in named_arrays(design.net.steps)]
    return ENVIRONMENT.get_template("export_structured_text.st.j2").render(
        name=name,
        title=f"{len(law.regions)} regions, {law.t} states to {law.m} inputs{', trained' if steps else ''}",
        about=[_comment(line) for line in _about(law)],
        outside_text=tables.outside.text,
        done=done,
        kind=KINDS[tables.precision],
        t=law.t,
        m=law.m,
        p=len(law.regions),
        moves=len(design.moves),
        nodes=0 if design.tree is None else len(design.tree.children),
        depth=0 if design.tree is None else design.tree.depth,
        centred=tables.centred,
        steps=steps,
        height=f"{_sum('plane', f'row * {law.t + 1}', 'd', law.t)} - plane[row * {law.t + 1} + {law.t}]",
        input=f"{_sum('gain', 'k', 'd', law.t)} + gain[k + {law.t}]",
        changed={t: f"{_sum(t, 'k', 'z', law.t)} + {t}[k + {law.t}]" for t, fades in steps if not fades},
        tables=[_written(table) for table in constants],
    )


def _sum(table: str, start: str, vector: str, t: int) -> str:
    """Return the product of a row of a table with a vector of t components."""
    return " + ".join(f"{table}[{start} + {j}] * {vector}[{j}]" for j in range(t))


def _written(table: Table) -> dict[str, object]:
    write = str if table.whole else lambda value: real_text(table.precision.text(value))
    text = textwrap.fill(", ".join(map(write, table.values.ravel().tolist())), 112, initial_indent="        ",
                         subsequent_indent="        ", break_on_hyphens=False)  # fmt: skip
    kind = "DINT" if table.whole else KINDS[table.precision].name
    return {"name": table.name, "last": table.size - 1, "kind": kind, "meaning": _comment(table.meaning), "text": text}


def real_text(constant: str) -> str:
    """Return a real constant of C as one of structured text, which asks for digits on both sides of a point."""
    mantissa, _, exponent = constant.removesuffix("f").partition("e")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}E{exponent}" if exponent else mantissa


def _about(law: PiecewiseAffineLaw) -> list[str]:
    """Return what each component of X and U is."""
    states = zip(law.parameter_names, law.parameter_units, strict=True)
    inputs = zip(law.input_names, law.input_units, strict=True)
    named = {"X": states, "U": inputs}
    return [f"{v}[{i}]: {n}{f' [{u}]' if u else ''}" for v, pairs in named.items() for i, (n, u) in enumerate(pairs)]


def _comment(text: str) -> str:
    """Return a text that neither ends nor begins a comment, in ASCII."""
    plain = text.replace("*)", "* )").replace("(*", "( *")
    return " ".join(plain.encode("ascii", "backslashreplace").decode().split())
