"""export_c: a law, or the policy trained from it, as C89 that needs nothing else, with a self-test and a data sheet."""

import hashlib
import json
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.storage import write_whole
from plants.arrays import instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_c_design import Design
from yann.export_c_form import DOUBLE, FLOAT, NEAREST, Backup, Hold, Nearest, Outside, Precision
from yann.export_c_graph import WAYS, GraphTables
from yann.export_c_pairs import Pairs, reference_pairs
from yann.export_c_sheet import DataSheet, data_sheet
from yann.export_c_steps import Fade, named_arrays

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """auto break case char const continue default do double else enum extern float for goto if int long register
        return short signed sizeof static struct switch typedef union unsigned void volatile while inline restrict asm
        bool catch class delete explicit export false friend mutable namespace new operator private protected public
        template this throw true try typename using virtual main""",
    )
)
HEADERS = frozenset(
    re.findall(
        r"\w+",
        """assert complex ctype errno features fenv float inttypes iso646 limits locale math setjmp signal stdarg
        stdbool stddef stdint stdio stdlib string tgmath time wchar wctype""",
    )
)
TAKEN = frozenset({"leaf"})
"""Names whose functions would be called as a table is."""

LONGEST = 20
"""Letters of a name, so that the longest identifier made of it is one of C89 (31)."""

ENVIRONMENT = Environment(
    loader=PackageLoader("yann", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class ExportedC:
    """The files that were written, and their figures."""

    header: Path
    source: Path
    selftest: Path
    data_sheet: Path
    figures: Path
    sheet: DataSheet


def export_c(
    policy: PiecewiseAffineLaw | YannActor,
    directory: str | PathLike[str],
    name: str = "law",
    precision: Precision = DOUBLE,
    outside: Outside = NEAREST,
) -> ExportedC:
    """Write NAME.h, NAME.c, NAME_selftest.c, NAME.md and NAME.json to `directory`; return their paths and figures.

    `int NAME_eval(const double *x, double *u)` gives the input of a law, or of an actor as trained, within the input
    bounds, and 1 inside the domain, 0 outside, where `outside` says what u is. Files of these names are replaced, each
    in one step. Raises NetworkError for a stack of actors, a law without finite input bounds, a name that C does
    not take, a directory that is not there or takes no files, and in place of replacing a link or a folder.
    """
    instance_of(outside, (Nearest, Hold, Backup), "outside", NetworkError, "pass NEAREST, HOLD or Backup(input)")
    if not isinstance(precision, Precision) or precision not in (DOUBLE, FLOAT):
        raise NetworkError(f"`precision` is {precision!r}; pass DOUBLE or FLOAT")
    tables = GraphTables(Design.of(policy), FLOAT if precision == FLOAT else DOUBLE, outside)
    paths = _paths(directory, _checked_name(name))
    pairs = reference_pairs(tables)
    sheet = data_sheet(tables, pairs, name, _digest(tables))
    for path, content in zip(paths, _contents(tables, pairs, sheet), strict=True):
        write_whole(path, content.encode())
    header, source, selftest, markdown, figures = paths
    return ExportedC(header, source, selftest, markdown, figures, sheet)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise NetworkError(f"`name` is {name!r}, but names in C are letters, digits and _ after a letter, as in 'law'")
    if len(name) > LONGEST:
        raise NetworkError(f"`name` is {len(name)} letters long, but C89 tells only {LONGEST} apart here; shorten it")
    if name in KEYWORDS | TAKEN or name.lower() in HEADERS:
        kind = "a table" if name in TAKEN else "a word" if name in KEYWORDS else "a header"
        raise NetworkError(f"`name` is {name!r}, which is {kind} of C; pass another one, as in 'law'")
    return name


def _paths(directory: object, name: str) -> list[Path]:
    instance_of(directory, (str, PathLike), "directory", NetworkError, "pass the path of a folder")
    folder = Path(directory)  # type: ignore[arg-type]
    if not folder.is_dir():
        kind = "is no folder" if folder.exists() else "does not exist"
        raise NetworkError(f"`directory` {folder} {kind}; make it first, or pass another")
    _check_writable(folder)
    paths = [folder / f"{name}{end}" for end in (".h", ".c", "_selftest.c", ".md", ".json")]
    for path in paths:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            kind = "a link" if path.is_symlink() else "no file"
            raise NetworkError(f"{path} is {kind}, which export_c does not replace; remove it or pass another `name`")
    return paths


def _check_writable(folder: Path) -> None:
    """Raise NetworkError for a folder that takes no files, before the first of them is written."""
    try:
        with TemporaryFile(dir=folder):
            return
    except OSError as error:
        reason = error.strerror or str(error)
        raise NetworkError(
            f"`directory` {folder} takes no files ({reason}); pass one that may be written to"
        ) from error


def _digest(tables: GraphTables) -> str:
    """Return the SHA-256 of the design, its precision and what happens outside."""
    choices = json.dumps([tables.precision.name, tables.outside.text, tables.backup.tolist()])
    return hashlib.sha256((tables.design.digest + choices).encode()).hexdigest()


def _contents(tables: GraphTables, pairs: Pairs, sheet: DataSheet) -> tuple[str, ...]:
    design, constants = tables.design, tables.all
    title = f"{len(design.law.regions)} regions, {design.law.t} states to {design.law.m} inputs"
    title += ", with a trained residual" if design.net else ""
    common = {
        "name": sheet.name,
        "macro": sheet.name.upper(),
        "title": title,
        "about": [_comment(line) for line in _about(sheet)],
        "real": tables.precision.name,
        "largest": tables.precision.largest,
        "t": design.law.t,
        "m": design.law.m,
        "p": len(design.law.regions),
        "digest": sheet.digest,
    }
    source = {
        "net": design.net and _net_sizes(tables),
        "nodes": len(tables.graph.rows),
        "depth": sheet.depth,
        "ways": WAYS,
        "moves": sheet.moves,
        "height": " + ".join(f"a[{j}] * d[{j}]" for j in range(design.law.t)) + f" - a[{design.law.t}]",
        "level": _balanced([*(f"a[{j}] * d[{j}]" for j in range(design.law.t)), f"-a[{design.law.t}]"]),
        "tables": constants,
        "index_types": sorted({table.type for table in constants if table.whole}),
        "largest_index": max(int(table.values.max()) for table in constants if table.whole),
        "centred": tables.centred,
        "scans_outside": tables.outside.scans,
        "holds": tables.outside.holds,
        "outside_text": tables.outside.text,
    }
    test = {"tables": pairs.tables(tables), "pairs": sheet.pairs, "checksum": sheet.checksum}
    words = {"error": sheet.error_bound, "residual": sheet.residual_error_bound, "tolerance": sheet.tolerance}
    listed = {f"{key}_text": ", ".join(f"{value:.2g}" for value in values) for key, values in words.items()}
    return (
        ENVIRONMENT.get_template("export_c.h.j2").render(common | source),
        ENVIRONMENT.get_template("export_c.c.j2").render(common | source),
        ENVIRONMENT.get_template("export_c_selftest.c.j2").render(common | test),
        ENVIRONMENT.get_template("export_c.md.j2").render(
            common | listed | {"sheet": sheet, "continuous": design.continuous}
        ),
        json.dumps(sheet.to_dict(), indent=1) + "\n",
    )


def _net_sizes(tables: GraphTables) -> dict[str, object]:
    net = tables.design.net
    if net is None:
        return {}
    return {
        "width": net.width,
        "steps": [{"table": table, "fades": table.startswith("fade")} for table in named_arrays(net.steps)],
        "fades": any(isinstance(step, Fade) for step in net.steps),
        "by_region": len(net.outer) > 1 or net.head is not None or bool(net.steps),
        "tanh": bool(net.width) or net.bound is not None,
        "hidden": net.hidden,
        "pairs": net.pairs,
        "heads": net.head is not None,
        "bounded": net.bound is not None,
        "network": net.network is not None,
        "own_first": len(net.inner) > 1,
        "own_second": len(net.outer) > 1,
    }


def _balanced(terms: list[str]) -> str:
    """Return a sum in pairs, whose terms a processor adds side by side: the band forgives their order."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_balanced(terms[:half])} + {_balanced(terms[half:])})"


def _about(sheet: DataSheet) -> list[str]:
    """Return what the head of each file says: states, inputs, design."""
    states = [f"x[{i}]: {text}" for i, text in enumerate(sheet.states)]
    inputs = [f"u[{i}]: {text}" for i, text in enumerate(sheet.inputs)]
    return [*states, *inputs, f"design (SHA-256): {sheet.digest}"]


def _comment(text: str) -> str:
    """Return a text that cannot end a comment of C, in ASCII."""
    plain = text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
    return " ".join(plain.encode("ascii", "backslashreplace").decode().split())
